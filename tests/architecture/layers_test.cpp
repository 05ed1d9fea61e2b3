// Reads the table of docs/architecture.md and refuses every include that it does not allow.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "modules/base/file.h"
#include "tests/modules/base/scratch.h"

using namespace saucier;

namespace {

using Layers = std::map<std::string, std::set<std::string>>;  // folder → folders it may include

const std::set<std::string> kTorchFolders = {"modules/model",    "modules/checkpoint", "modules/train",
                                             "modules/generate", "modules/stages",     "modules/requests", "runner/worker"};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> out;
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

// The rows "| folder | what lives there | may use |" below the table's rule.
Layers read_layers(const std::string& markdown) {
  Layers layers;
  bool in_table = false;
  for (const std::string& line : lines_of(markdown)) {
    if (line.starts_with("|---")) in_table = true;
    if (!in_table || !line.starts_with("| ")) continue;
    std::istringstream cells(line.substr(1));
    std::string folder, purpose, uses;
    std::getline(cells, folder, '|');
    std::getline(cells, purpose, '|');
    std::getline(cells, uses, '|');
    std::istringstream(folder) >> folder;
    std::istringstream words(uses);
    layers[folder];
    for (std::string word; words >> word;) layers[folder].insert(word);
  }
  return layers;
}

// The folder of the table that holds `path`: the longest that is a prefix; "" when none is.
std::string layer_of(const Layers& layers, const std::string& path) {
  std::string best;
  for (const auto& [folder, uses] : layers)
    if (path.starts_with(folder + "/") && folder.size() > best.size()) best = folder;
  return best;
}

// What stands between the delimiters of an #include, with the opening one; "" when the line is none.
std::string included(const std::string& line) {
  size_t i = line.find_first_not_of(" \t");
  if (i == std::string::npos || line[i] != '#') return {};
  i = line.find_first_not_of(" \t", i + 1);
  if (i == std::string::npos || line.compare(i, 7, "include") != 0) return {};
  i = line.find_first_of("\"<", i + 7);
  if (i == std::string::npos) return {};
  return line.substr(i, line.find_first_of("\">", i + 1) - i);
}

// "path:line: what is wrong", for each wrong include and each source outside the table.
std::vector<std::string> violations(const fs::path& root, const Layers& layers) {
  std::vector<std::string> out;
  for (const std::string top : {"modules", "store", "runner"}) {
    if (!fs::exists(root / top)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
      const std::string path = entry.path().lexically_relative(root).generic_string();
      const std::string layer = layer_of(layers, path);
      if (layer.empty()) {
        out.push_back(path + ": its folder is not in the table");
        continue;
      }
      int number = 0;
      for (const std::string& line : lines_of(read_file(entry.path()))) {
        ++number;
        const std::string what = included(line);
        if (what.empty()) continue;
        const std::string place = path + ":" + std::to_string(number) + ": ";
        const std::string name = what.substr(1);
        if (name.starts_with("torch/") || name.starts_with("ATen/") || name.starts_with("c10/")) {
          if (!kTorchFolders.contains(layer)) out.push_back(place + layer + " must not see libtorch");
        } else if (what[0] == '"') {
          const std::string target = layer_of(layers, name);
          if (target.empty())
            out.push_back(place + "'" + name + "' is not in a folder of the table");
          else if (target != layer && !layers.at(layer).contains(target))
            out.push_back(place + layer + " may not use " + target);
        }
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("every include goes where docs/architecture.md allows") {
  const fs::path root = SAUCIER_SOURCE_DIR;
  const Layers layers = read_layers(read_file(root / "docs/architecture.md"));
  REQUIRE(layers.size() >= 19);
  REQUIRE(layers.contains("modules/base"));
  REQUIRE(layers.at("modules/base").empty());
  for (const std::string& violation : violations(root, layers)) FAIL_CHECK(violation);
}

TEST_CASE("the table is in dependency order") {
  const std::string markdown = read_file(fs::path(SAUCIER_SOURCE_DIR) / "docs/architecture.md");
  const Layers layers = read_layers(markdown);
  for (const auto& [folder, uses] : layers)
    for (const std::string& use : uses) {
      INFO(folder << " uses " << use);
      REQUIRE(layers.contains(use));
      CHECK(markdown.find("\n| " + use + " |") < markdown.find("\n| " + folder + " |"));
    }
}

TEST_CASE("CMakeLists.txt links what the table allows, no more and no less") {
  const fs::path root = SAUCIER_SOURCE_DIR;
  const Layers layers = read_layers(read_file(root / "docs/architecture.md"));
  const auto target = [](std::string folder) {
    if (folder.starts_with("modules/")) folder.erase(0, 8);
    std::replace(folder.begin(), folder.end(), '/', '_');
    return folder;
  };
  int found = 0;
  for (const std::string& line : lines_of(read_file(root / "CMakeLists.txt"))) {
    if (!line.starts_with("saucier_folder(")) continue;
    std::istringstream words(line.substr(15));
    std::string folder, word;
    words >> folder;
    if (folder.ends_with(')')) folder.pop_back();
    std::set<std::string> links, allowed;
    for (bool uses = false; words >> word;) {
      if (word.ends_with(')')) word.pop_back();
      if (word == "USES" || word == "PACKAGES")
        uses = word == "USES";
      else if (uses)
        links.insert(word);
    }
    INFO(folder);
    REQUIRE(layers.contains(folder));
    for (const std::string& use : layers.at(folder)) allowed.insert(target(use));
    CHECK(links == allowed);
    ++found;
  }
  CHECK(found == static_cast<int>(layers.size()) - 1);  // runner/worker is main.cpp alone
}

TEST_CASE("the check finds what is planted") {
  const Scratch scratch;
  const Layers layers = read_layers(
      "| folder | what lives there | may use |\n|---|---|---|\n"
      "| modules/base | errors | |\n| modules/model | tensors | modules/base |\n| runner/cli | main | modules/base "
      "|\n");
  REQUIRE(layers.size() == 3);
  for (const std::string folder : {"modules/base", "modules/model/deep", "modules/lost", "runner/cli"})
    make_folders(scratch / folder);
  write_file_atomic(scratch / "modules/base/a.h", "#pragma once\n#include <string>\n// #include \"runner/cli/b.h\"\n");
  write_file_atomic(scratch / "modules/model/deep/c.cpp", "#include <ATen/ATen.h>\n#include \"modules/base/a.h\"\n");
  CHECK(violations(scratch.path(), layers).empty());

  write_file_atomic(scratch / "modules/base/b.cpp",
                    "#include \"modules/base/a.h\"\n  #  include \"modules/model/c.h\"\n");
  write_file_atomic(scratch / "modules/lost/d.cpp", "int x;\n");
  write_file_atomic(scratch / "runner/cli/main.cpp",
                    "#include \"modules/model/c.h\"\n#include <c10/util/Half.h>\n#include \"c.h\"\n");
  CHECK(violations(scratch.path(), layers) ==
        std::vector<std::string>{"modules/base/b.cpp:2: modules/base may not use modules/model",
                                 "modules/lost/d.cpp: its folder is not in the table",
                                 "runner/cli/main.cpp:1: runner/cli may not use modules/model",
                                 "runner/cli/main.cpp:2: runner/cli must not see libtorch",
                                 "runner/cli/main.cpp:3: 'c.h' is not in a folder of the table"});
}
