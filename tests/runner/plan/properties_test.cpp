// What must not change a recipe: the order of its keys and tables, comments, how numbers, strings and keys are spelled, and
// the order of overrides. Every shipped recipe and every right golden case is written again in many ways; the canonical text
// and the keys of all stages stay what they were.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "modules/base/file.h"
#include "runner/plan/key.h"
#include "runner/recipe/canonical.h"
#include "runner/recipe/schema.h"
#include "runner/recipe/tree.h"
#include "tests/temp_folder.h"

using namespace saucier;
using recipe::Kind;
using recipe::Node;
using recipe::Recipe;

namespace {

const fs::path kSource = SAUCIER_SOURCE_DIR;

// Writes a tree as TOML, each time otherwise.
class Rewriter {
 public:
  explicit Rewriter(std::uint32_t seed) : random_(seed) {}

  std::string file(const Node& root) {
    out_.clear();
    in_order_.clear();
    if (const Node* sweep = root.find("sweep"))
      for (const char* key : {"axes", "zip"})
        if (const Node* axes = sweep->find(key)) keep_order(*axes);
    noise();
    std::vector<const Node*> rest;
    for (const Node* entry : order(root)) {
      if (has_header(*entry, true)) rest.push_back(entry);
      else line(*entry);
    }
    for (const Node* entry : rest) {
      if (entry->is(Kind::kTable)) section(*entry, key(entry->key));
      else sections(*entry, key(entry->key));
    }
    return out_;
  }

 private:
  size_t below(size_t n) { return random_() % n; }
  bool maybe() { return below(2) == 0; }
  bool seldom() { return below(5) == 0; }

  // The order of axes is the order of trials; all else may be told in any order.
  void keep_order(const Node& node) {
    in_order_.insert(&node);
    for (const Node& item : node.items) keep_order(item);
  }

  std::vector<const Node*> order(const Node& table) {
    std::vector<const Node*> out;
    for (const Node& item : table.items) out.push_back(&item);
    if (!in_order_.count(&table)) std::shuffle(out.begin(), out.end(), random_);
    return out;
  }

  bool has_header(const Node& node, bool top) {
    const bool tables = node.is(Kind::kList) && !node.items.empty() && std::all_of(node.items.begin(), node.items.end(), [](const Node& item) { return item.is(Kind::kTable); });
    if (tables) return top && (node.key == "stage" || maybe());
    return node.is(Kind::kTable) && maybe();
  }

  void noise() {
    for (const char* piece : {"\n", "# a comment, with [brackets] and \"quotes\n", "   \t\n", "#\n"})
      if (seldom()) out_ += piece;
  }
  std::string end() { return seldom() ? "  # behind\n" : maybe() ? "\n" : " \r\n"; }
  std::string space() { return seldom() ? "\t " : maybe() ? " " : ""; }
  std::string line_break() { return seldom() ? "\n  # inside\n" : seldom() ? "\n" : " "; }

  void line(const Node& entry) {
    noise();
    if (entry.is(Kind::kTable) && !entry.items.empty() && maybe()) return dotted(entry, key(entry.key));
    out_ += space() + key(entry.key) + space() + "=" + space() + value(entry) + end();
  }

  void dotted(const Node& table, const std::string& before) {
    for (const Node* entry : order(table)) {
      const std::string full = before + (seldom() ? " . " : ".") + key(entry->key);
      if (entry->is(Kind::kTable) && !entry->items.empty() && maybe()) dotted(*entry, full);
      else out_ += full + " = " + value(*entry) + end();
    }
  }

  void section(const Node& table, const std::string& path) {
    noise();
    out_ += "[" + space() + path + space() + "]" + end();
    inside(table, path);
  }

  void sections(const Node& list, const std::string& path) {
    for (const Node& item : list.items) {
      noise();
      out_ += "[[" + path + "]]" + end();
      inside(item, path);
    }
  }

  void inside(const Node& table, const std::string& path) {
    std::vector<const Node*> rest;
    for (const Node* entry : order(table)) {
      if (!in_order_.count(&table) && has_header(*entry, false)) rest.push_back(entry);
      else line(*entry);
    }
    for (const Node* entry : rest) section(*entry, path + "." + key(entry->key));
  }

  std::string key(const std::string& name) {
    const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
    if (bare && !seldom()) return name;
    return name.find('\'') == std::string::npos && maybe() ? "'" + name + "'" : basic(name);
  }

  std::string basic(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') out += {'\\', c};
      else if (byte < 0x20 || (byte < 0x7f && below(12) == 0)) out += (maybe() ? fmt::format("\\u{:04X}", byte) : fmt::format("\\U{:08x}", byte));
      else out += c;
    }
    return out + "\"";
  }

  std::string text(const std::string& text) {
    const bool plain = text.find_first_of("'\n\r\t") == std::string::npos;
    if (plain && maybe()) return maybe() ? "'" + text + "'" : "'''\n" + text + "'''";
    const std::string quoted = basic(text);
    return seldom() && !text.starts_with(' ') ? "\"\"\"\\\n   " + quoted.substr(1, quoted.size() - 2) + "\"\"\"" : quoted;
  }

  std::string grouped(std::string digits) {
    for (size_t at = 1; at < digits.size(); ++at)
      if (seldom() && digits[at - 1] != '_') digits.insert(at++, "_");
    return digits;
  }

  std::string number(std::int64_t value) {
    if (value < 0) return "-" + grouped(fmt::format("{}", -value));
    switch (below(6)) {
      case 0: return fmt::format("0x{:X}", value);
      case 1: return "0x" + grouped(fmt::format("{:x}", value));
      case 2: return fmt::format("0o{:o}", value);
      case 3: return fmt::format("0b{:b}", value);
      case 4: return "+" + fmt::format("{}", value);
      default: return grouped(fmt::format("{}", value));
    }
  }

  std::string number(double value) {
    const std::vector<std::string> ways = {fmt::format("{}", value), fmt::format("{:.17g}", value), fmt::format("{:.17e}", value), fmt::format("{:E}", value),
                                           fmt::format("{:+.12f}", value), fmt::format("{:.3f}", value), fmt::format("{:.0e}", value)};
    for (;;) {
      std::string way = ways[below(ways.size())];
      if (std::stod(way) != value) continue;
      if (way.find_first_of(".eE") == std::string::npos) way += ".0";
      if (const size_t point = way.find('.'); point != std::string::npos && maybe()) way = grouped_behind(std::move(way), point + 1);
      return way;
    }
  }

  std::string grouped_behind(std::string number, size_t point) {
    size_t end = number.find_first_of("eE", point);
    end = std::min(end, number.size());
    return number.substr(0, point) + grouped(number.substr(point, end - point)) + number.substr(end);
  }

  std::string value(const Node& node) {
    switch (node.kind) {
      case Kind::kBool: return std::get<bool>(node.scalar) ? "true" : "false";
      case Kind::kInteger: return number(std::get<std::int64_t>(node.scalar));
      case Kind::kNumber: return number(std::get<double>(node.scalar));
      case Kind::kString: return text(node.text());
      case Kind::kDate: return "1979-05-27";
      case Kind::kList: {
        std::string out = "[";
        for (size_t i = 0; i < node.items.size(); ++i) out += (i == 0 ? "" : ",") + line_break() + value(node.items[i]);
        return out + (!node.items.empty() && maybe() ? "," : "") + line_break() + "]";
      }
      case Kind::kTable: {
        std::string out;
        for (const Node* entry : order(node)) out += (out.empty() ? " " : ", ") + key(entry->key) + " = " + value(*entry);
        return "{" + out + " }";
      }
    }
    return "";
  }

  std::mt19937 random_;
  std::set<const Node*> in_order_;
  std::string out_;
};

std::string rewritten(const std::string& text, std::uint32_t seed) {
  Diagnostics problems;
  const recipe::Parsed parsed = recipe::parse_text(std::make_shared<const SourceText>(SourceText{"x", text}), nullptr, problems);
  REQUIRE(parsed.complete);
  return Rewriter(seed).file(parsed.root);
}

// All that a recipe decides: trials, what each says, the jobs and keys of its stages.
std::string decided(const Recipe& recipe, bool names = true) {
  static plan::ContentDigests digests{fs::path()};
  std::string out = recipe.metric + " " + recipe.direction + "\n";
  for (const recipe::Trial& trial : recipe.trials) {
    if (names) out += trial.name + " " + Json(trial.parameters).dump() + "\n";
    Json resolved = trial.resolved;
    if (!names) resolved.erase("cycle");  // its rounds are written out in the text
    out += recipe::to_toml(trial, false) + canonical(resolved) + "\n";
    std::map<std::string, std::string> keys;
    for (const recipe::Stage& stage : trial.stages) {
      const std::string text = canonical(plan::key_text(stage, keys, digests));
      keys[stage.name] = fmt::format("{:x}", std::hash<std::string>()(text));
      out += fmt::format("{} {} {} {}\n{}\n", stage.name, stage.kind, stage.from, Json(stage.needs).dump(), text);
    }
  }
  return out;
}

struct Right {
  fs::path file;
  Recipe recipe;
};

// Every recipe of the repository that has no error, with all of its files on the disk.
std::vector<Right> right_recipes() {
  std::vector<Right> out;
  for (const char* folder : {"recipes", "tests/e2e", "tests/golden/recipe"})
    for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
      if (entry.path().extension() != ".toml") continue;
      Recipe recipe = recipe::load(entry.path(), {}, {});
      const auto& problems = recipe.problems.list();
      const bool whole = std::none_of(problems.begin(), problems.end(), [](const Diagnostic& one) { return one.code == "missing-file"; });
      if (whole && !recipe.problems.has_errors() && recipe.trials.size() <= 200) out.push_back({entry.path(), std::move(recipe)});
    }
  std::sort(out.begin(), out.end(), [](const Right& a, const Right& b) { return a.file < b.file; });
  return out;
}

const std::vector<Right>& all() {
  static const std::vector<Right> recipes = right_recipes();
  return recipes;
}

const Json* at_path(const Json& resolved, const std::string& path) {
  const Json* here = &resolved;
  std::string rest = path;
  if (path.starts_with("stage.")) {
    const size_t dot = path.find('.', 6);
    for (const Json& stage : resolved.at("stage"))
      if (stage.at("name") == path.substr(6, dot - 6)) here = &stage;
    rest = path.substr(dot + 1);
  }
  while (here->is_object()) {
    const size_t dot = rest.find('.');
    const auto it = here->find(rest.substr(0, dot));
    if (it == here->end()) return nullptr;
    here = &*it;
    if (dot == std::string::npos) break;
    rest = rest.substr(dot + 1);
  }
  return here;
}

}  // namespace

TEST_CASE("order of keys, comments and spelling change neither the canonical text nor a key") {
  CHECK(all().size() >= 15);
  std::set<std::string> texts;
  for (const Right& right : all()) {
    const std::string before = decided(right.recipe);
    const int rounds = right.recipe.trials.size() > 10 ? 3 : 12;
    for (std::uint32_t seed = 1; seed <= static_cast<std::uint32_t>(rounds); ++seed) {
      std::string last;
      recipe::Reading reading;
      reading.text_of = [&](const fs::path& file) -> std::optional<std::string> {
        if (!fs::is_regular_file(file)) return std::nullopt;
        texts.insert(last = rewritten(read_file(file), seed));
        return last;
      };
      const Recipe again = recipe::load(right.file, {}, {}, reading);
      INFO(right.file.string() << "\n" << last << again.problems.render());
      REQUIRE(!again.problems.has_errors());
      CHECK(again.problems.list().size() == right.recipe.problems.list().size());
      CHECK(decided(again) == before);
    }
  }
  CHECK(texts.size() >= 100);  // the rewriter does write otherwise
}

TEST_CASE("a canonical text read again is itself") {
  const TempFolder folder;
  int trials = 0;
  for (const Right& right : all())
    for (size_t t = 0; t < std::min<size_t>(right.recipe.trials.size(), 6); ++t, ++trials) {
      Recipe one;
      one.trials.push_back(right.recipe.trials[t]);
      for (const bool origins : {false, true}) {
        const std::string text = recipe::to_toml(one.trials[0], origins);
        recipe::Reading reading;
        reading.text_of = [&](const fs::path&) { return std::optional(text); };
        Recipe again = recipe::load(folder.path() / "again.toml", {}, {}, reading);  // the paths in it are absolute
        INFO(right.file.string() << "\n" << text << again.problems.render());
        REQUIRE(again.trials.size() == 1);
        again.metric = again.direction = one.metric = one.direction = "";
        CHECK(decided(again, false) == decided(one, false));
      }
    }
  CHECK(trials >= 40);
}

TEST_CASE("overrides one by one, in any order, or all at once give the same recipe") {
  std::mt19937 random(7);
  int compared = 0;
  for (const Right& right : all()) {
    if (right.recipe.trials.size() != 1) continue;  // `show` writes one trial
    const recipe::Trial& trial = right.recipe.trials[0];
    std::vector<std::string> sets;
    std::vector<std::string> keys = recipe::settable_keys(trial);
    std::shuffle(keys.begin(), keys.end(), random);
    for (const std::string& key : keys) {
      // A stage's conversation is written out from the recipe's, so what `show` writes no longer follows the recipe's.
      if (key.starts_with("conversation.") || sets.size() == 4) continue;
      const Json* value = at_path(trial.resolved, key);
      if (!value || !value->is_number()) continue;
      const std::string set = value->is_number_float() ? fmt::format("{}={}", key, value->get<double>() * 0.5 + 0.001) : fmt::format("{}={}", key, value->get<std::int64_t>() + 1);
      if (!recipe::load(right.file, {set}, {}).problems.has_errors()) sets.push_back(set);
    }
    if (sets.size() < 2) continue;
    std::sort(sets.begin(), sets.end());
    const Recipe at_once = recipe::load(right.file, sets, {});
    if (at_once.problems.has_errors()) continue;  // together out of some limit
    const std::string wanted = decided(at_once, false);
    CHECK(wanted != decided(right.recipe, false));
    do {
      CHECK(decided(recipe::load(right.file, sets, {}), false) == wanted);
      std::string text = recipe::to_toml(trial, false);
      for (const std::string& set : sets) {
        recipe::Reading reading;
        reading.text_of = [&](const fs::path&) { return std::optional(text); };
        const Recipe next = recipe::load(right.file, {set}, {}, reading);
        INFO(right.file.string() << " " << set << "\n" << next.problems.render() << text);
        REQUIRE(next.trials.size() == 1);
        text = recipe::to_toml(next.trials[0], false);
      }
      CHECK(text == recipe::to_toml(at_once.trials[0], false));
      ++compared;
    } while (std::next_permutation(sets.begin(), sets.end()));
    std::vector<std::string> twice = sets;
    for (std::string& set : twice) set = set.substr(0, set.find('=')) + "=1";  // the later word counts
    twice.insert(twice.end(), sets.begin(), sets.end());
    CHECK(decided(recipe::load(right.file, twice, {}), false) == wanted);
  }
  CHECK(compared >= 24);
}

namespace {

// As --set takes it; JSON's strings, numbers and lists are TOML's.
std::string spelled(const Json& value) {
  if (!value.is_object()) return value.dump();
  std::string out;
  for (const auto& [key, inner] : value.items()) out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", Json(key).dump(), spelled(inner));
  return "{" + out + "}";
}

}  // namespace

TEST_CASE("every key that 'saucier docs keys' prints is taken by --set, with the value it has") {
  int keys = 0;
  for (const char* name : {"recipes/quickstart.toml", "recipes/models/reader.toml", "recipes/models/tower.toml", "tests/golden/recipe/lib/base.toml"}) {
    const Recipe recipe = recipe::load(kSource / name, {}, {});
    REQUIRE(!recipe.trials.empty());
    const recipe::Trial& trial = recipe.trials[0];
    for (const std::string& key : recipe::settable_keys(trial)) {
      const Json* value = at_path(trial.resolved, key);
      INFO(name << ": " << key);
      REQUIRE(value);
      if (value->is_null()) continue;  // not set
      const Recipe again = recipe::load(kSource / name, {key + "=" + spelled(*value)}, {});
      INFO(again.problems.render());
      REQUIRE(!again.trials.empty());
      CHECK(canonical(again.trials[0].resolved) == canonical(trial.resolved));
      ++keys;
    }
  }
  CHECK(keys >= 150);
}
