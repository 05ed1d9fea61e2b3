#include "tests/fuzz/recipe_input.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "modules/base/file.h"
#include "runner/recipe/canonical.h"
#include "runner/recipe/format.h"
#include "runner/recipe/recipe.h"
#include "runner/recipe/schema.h"
#include "runner/recipe/tree.h"

namespace saucier::fuzz {
namespace {

constexpr std::string_view kFile = "#file: ", kSet = "#set: ", kSweep = "#sweep: ";
constexpr size_t kMostTrials = 40;  // in one input: more trials are the same again

void promise(bool kept, const std::string& what) {
  if (!kept) throw std::logic_error(what);
}

void check_problems(const Diagnostics& problems) {
  for (const Diagnostic& one : problems.list()) {
    promise(!one.message.empty() && !one.code.empty(), "a problem without words");
    promise(one.position.known(), "a problem without a place: " + one.message);
  }
  problems.render();
  (void)problems.to_json().dump(-1, ' ', false, Json::error_handler_t::replace);
}

void add_words(const Json& schema, std::set<std::string>& out) {
  if (schema.is_array())
    for (const Json& item : schema) add_words(item, out);
  if (!schema.is_object()) return;
  for (const auto& [key, value] : schema.items()) {
    if (key == "properties")
      for (const auto& [name, inner] : value.items()) out.insert(name);
    if (key == "enum")
      for (const Json& word : value) out.insert(word.get<std::string>());
    add_words(value, out);
  }
}

void add_file(const fs::path& repository, const fs::path& file, std::string& out, std::set<fs::path>& done) {
  std::error_code none;
  if (!done.insert(file).second || !fs::is_regular_file(repository / file, none)) return;
  const std::string text = read_file(repository / file);
  out += std::string(kFile) + file.string() + "\n" + text;
  Diagnostics ignored;
  const recipe::Parsed parsed = recipe::parse_text(std::make_shared<const SourceText>(SourceText{"", text}), nullptr, ignored);
  const recipe::Node* extends = parsed.root.find("extends");
  if (!extends) return;
  std::vector<const recipe::Node*> names = {extends};
  for (const recipe::Node& item : extends->items) names.push_back(&item);
  for (const recipe::Node* name : names)
    if (name->is(recipe::Kind::kString)) add_file(repository, (file.parent_path() / name->text()).lexically_normal(), out, done);
}

}  // namespace

Input read_input(std::string_view text) {
  Input out;
  out.main = "recipes/x.toml";
  std::string name = out.main;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size() - 1) + 1;
    const std::string_view line = text.substr(start, end - start);
    const std::string_view bare = line.substr(0, line.find_last_not_of("\r\n") + 1);
    start = end;
    if (bare.starts_with(kFile)) {
      name = fs::path(bare.substr(kFile.size())).lexically_normal().string();
      std::replace_if(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '_');  // a name on the disk, not a text
      if (out.files.empty()) out.main = name;
      out.files[name];
      continue;
    }
    if (bare.starts_with(kSet)) out.set.emplace_back(bare.substr(kSet.size()));
    if (bare.starts_with(kSweep)) out.sweep.emplace_back(bare.substr(kSweep.size()));
    out.files[name] += line;
  }
  out.files[out.main];
  return out;
}

bool run_input(std::string_view text) {
  const Input input = read_input(text);
  recipe::Reading reading;
  reading.most_trials = kMostTrials;
  reading.text_of = [&](const fs::path& file) {
    const auto it = input.files.find(file.string());
    return it == input.files.end() ? std::nullopt : std::optional(it->second);
  };
  const recipe::Recipe loaded = recipe::load(input.main, input.set, input.sweep, reading);
  check_problems(loaded.problems);
  promise(loaded.trials.empty() == loaded.problems.has_errors(), "trials beside errors, or neither");
  if (!loaded.trials.empty()) {
    const std::string canonical = recipe::to_toml(loaded.trials.back(), true);
    reading.text_of = [&](const fs::path&) { return std::optional(canonical); };
    const recipe::Recipe again = recipe::load("canonical.toml", {}, {}, reading);
    promise(again.trials.size() == 1, "the canonical text is no recipe:\n" + again.problems.render() + canonical);
    Json resolved = loaded.trials.back().resolved;
    resolved.erase("cycle");  // its rounds are written out in the text
    promise(again.trials[0].resolved == resolved, "the canonical text is another recipe:\n" + canonical);
  }
  Diagnostics problems;
  const auto source = std::make_shared<const SourceText>(SourceText{input.main, input.files.at(input.main)});
  recipe::format(source, problems);
  for (const Diagnostic& one : problems.list()) promise(one.code != "format", "not understood by the formatter");
  return !loaded.trials.empty();
}

std::string seed_of(const fs::path& repository, const fs::path& file) {
  std::string out;
  std::set<fs::path> done;
  add_file(repository, file, out, done);
  return out;
}

std::vector<std::string> seeds(const fs::path& repository) {
  std::vector<fs::path> files;
  for (const char* folder : {"recipes", "tests/golden/recipe", "tests/e2e"})
    for (const auto& entry : fs::recursive_directory_iterator(repository / folder))
      // A million values of axes are slow under sanitizers, and mutation finds the way there by itself.
      if (entry.path().extension() == ".toml" && !entry.path().stem().string().starts_with("sweep-too-many-")) files.push_back(entry.path().lexically_relative(repository));
  std::sort(files.begin(), files.end());
  std::vector<std::string> out;
  for (const fs::path& file : files) out.push_back(seed_of(repository, file));
  return out;
}

std::vector<std::string> words() {
  std::set<std::string> out = {"\"${", "}\"", "${env:HOME}", "[[stage]]", "[[sweep.zip]]", "[[sweep.exclude]]", "#set: ", "#sweep: ", "#file: ", "\"natural\"",
                               "\"\"\"", "'''", "0x10", "1_000", "-inf", "nan", "1979-05-27", "log(1e-5,1e-3,7)", "${variables.", "$${", "\\u0000", "\xC3\xA4"};
  add_words(recipe::recipe_schema(), out);
  return {out.begin(), out.end()};
}

}  // namespace saucier::fuzz
