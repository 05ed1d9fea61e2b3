// Every message of a recipe check, pinned as text: tests/golden/recipe/NAME.toml must say exactly NAME.txt.
//
// A case may begin with lines `#set: key=value` and `#sweep: key=a,b`. SAUCIER_ACCEPT=1 rewrites the .txt files and the
// test still fails, so that an accepted change is looked at and run again.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "runner/recipe/recipe.h"

namespace fs = std::filesystem;
using namespace saucier;

namespace {

struct Here {  // messages name files as they were given, so the cases are read from their own folder
  explicit Here(const fs::path& folder) : before(fs::current_path()) { fs::current_path(folder); }
  ~Here() { fs::current_path(before); }
  Here(const Here&) = delete;
  Here& operator=(const Here&) = delete;
  fs::path before;
};

std::vector<std::string> arguments(const std::string& text, const std::string& word) {
  std::vector<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(word)) out.push_back(line.substr(word.size()));
  return out;
}

std::vector<fs::path> cases() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(SAUCIER_SOURCE_DIR "/tests/golden/recipe"))
    if (entry.path().extension() == ".toml") out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("recipe problems read as pinned", "[golden]") {
  const Here here(SAUCIER_SOURCE_DIR "/tests/golden/recipe");
  const char* accept = std::getenv("SAUCIER_ACCEPT");
  const bool rewrite = accept && std::string(accept) == "1";
  const std::vector<fs::path> files = cases();
  REQUIRE(files.size() >= 40);
  for (const fs::path& file : files) {
    const std::string text = read_file(file);
    const recipe::Recipe loaded = recipe::load(file, arguments(text, "#set: "), arguments(text, "#sweep: "));
    const std::string said = loaded.problems.render();
    const fs::path pinned = fs::path(file).replace_extension(".txt");
    const std::string wanted = fs::exists(pinned) ? read_file(pinned) : "";
    if (rewrite && said != wanted) std::ofstream(pinned) << said;
    INFO(file.string());
    CHECK(!said.empty());
    CHECK(said == wanted);
    CHECK(loaded.trials.empty() == loaded.problems.has_errors());
  }
  if (rewrite) FAIL("SAUCIER_ACCEPT rewrote the golden files: read the difference, then run without it");
}

TEST_CASE("no golden text without its recipe", "[golden]") {
  for (const auto& entry : fs::directory_iterator(SAUCIER_SOURCE_DIR "/tests/golden/recipe"))
    if (entry.path().extension() == ".txt") CHECK(fs::exists(fs::path(entry.path()).replace_extension(".toml")));
}
