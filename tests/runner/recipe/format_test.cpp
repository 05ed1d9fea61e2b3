// tests/golden/format/NAME.toml formatted must be NAME.expected; SAUCIER_ACCEPT=1 rewrites as in golden_test.cpp.
#include "runner/recipe/format.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "runner/recipe/tree.h"

namespace fs = std::filesystem;
using namespace saucier;

namespace {

std::optional<std::string> formatted(const std::string& text) {
  Diagnostics problems;
  auto out = recipe::format(std::make_shared<SourceText>("x.toml", text), problems);
  INFO(problems.render());
  CHECK(out.has_value() == problems.list().empty());
  return out;
}

// What a text says; empty where it is no TOML.
std::string tree(const std::string& text) {
  Diagnostics problems;
  const recipe::Parsed parsed = recipe::parse_text(std::make_shared<SourceText>("x.toml", text), nullptr, problems);
  return parsed.complete ? recipe::to_json(parsed.root).dump() : "";
}

std::vector<fs::path> files(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".toml") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

const fs::path kSource = SAUCIER_SOURCE_DIR;

// Formats `text`, checks the promises, and returns the formatted text.
std::string keeps_its_promises(const std::string& text) {
  const auto out = formatted(text);
  REQUIRE(out);
  CHECK(tree(*out) == tree(text));
  CHECK(formatted(*out) == out);
  return *out;
}

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

}  // namespace

TEST_CASE("formatted texts read as pinned", "[golden]") {
  const char* accept = std::getenv("SAUCIER_ACCEPT");
  const bool rewrite = accept && std::string(accept) == "1";
  const std::vector<fs::path> cases = files(kSource / "tests/golden/format");
  REQUIRE(cases.size() >= 20);
  for (const fs::path& file : cases) {
    INFO(file.string());
    const std::string said = keeps_its_promises(read_file(file));
    const fs::path pinned = fs::path(file).replace_extension(".expected");
    const std::string wanted = fs::exists(pinned) ? read_file(pinned) : "not there";
    if (rewrite && said != wanted) std::ofstream(pinned) << said;
    CHECK(said == wanted);
  }
  for (const auto& entry : fs::directory_iterator(kSource / "tests/golden/format"))
    if (entry.path().extension() == ".expected") CHECK(fs::exists(fs::path(entry.path()).replace_extension(".toml")));
  if (rewrite) FAIL("SAUCIER_ACCEPT rewrote the golden files: read the difference, then run without it");
}

TEST_CASE("every recipe of the repository formats, and then stays as it is") {
  int read = 0;
  for (const char* folder : {"recipes", "tests"}) {
    for (const fs::path& file : files(kSource / folder)) {
      INFO(file.string());
      const std::string text = read_file(file);
      if (tree(text).empty()) {
        CHECK_FALSE(formatted(text));
        continue;
      }
      keeps_its_promises(text);
      ++read;
    }
  }
  CHECK(read > 100);
}

TEST_CASE("recipes that come with the program are formatted") {
  std::vector<fs::path> shipped = files(kSource / "recipes");
  for (const fs::path& file : files(kSource / "tests/e2e")) shipped.push_back(file);
  CHECK(shipped.size() >= 5);
  for (const fs::path& file : shipped) {
    INFO(file.string());
    const std::string text = read_file(file);
    CHECK(formatted(text) == text);
  }
}

// White space and comments anywhere, as far as the text still says the same: comments are all kept, and what was said
// before stays. Damage is taken back where it changes what toml++ reads, so it needs no reader of its own.
TEST_CASE("a recipe damaged at random is formatted as well as before") {
  const std::vector<std::string> kDamage = {" ", "   ", "\t", "\n", "\n\n\n", "\r\n", " \n", ",",
                                            "#c{};\n", " # c{};\n", "\n\n##c{};\n\n"};
  std::mt19937 random(20240607);
  const auto below = [&](size_t n) { return random() % n; };
  int rounds = 0, kept = 0;
  std::vector<fs::path> shipped = files(kSource / "recipes");
  shipped.push_back(kSource / "tests/golden/format/inline-tables-with-lists.toml");
  shipped.push_back(kSource / "tests/golden/format/lists-with-comments.toml");
  shipped.push_back(kSource / "tests/golden/format/strings.toml");
  for (const fs::path& file : shipped) {
    const std::string original = read_file(file);
    const std::string says = tree(original);
    for (int start = 0; start < 25; ++start) {
      std::string text = original;
      std::vector<std::string> comments;
      for (int step = 0; step < 24; ++step, ++rounds) {
        const std::string piece = fmt::format(fmt::runtime(kDamage[below(kDamage.size())]), comments.size());
        const size_t at = below(text.size() + 1);
        std::string damaged = text;
        const bool removes = below(4) == 0 && text.find_first_of(" \t\n", at) == at;
        removes ? damaged.erase(at, 1) : damaged.insert(at, piece);
        if (tree(damaged) != says) continue;
        if (!removes && piece.find('#') != std::string::npos) comments.push_back(fmt::format("c{};", comments.size()));
        text = std::move(damaged);
        ++kept;
      }
      INFO(text);
      const std::string out = keeps_its_promises(text);
      CHECK(tree(out) == says);
      for (const std::string& comment : comments)  // one may have torn another
        CHECK(count(out, comment) == count(text, comment));
      CHECK(out.find('\r') == std::string::npos);
    }
  }
  CHECK(rounds >= 3000);
  CHECK(kept >= rounds / 4);
}

TEST_CASE("what is no TOML is left alone, and said") {
  Diagnostics problems;
  CHECK_FALSE(recipe::format(std::make_shared<SourceText>("x.toml", "a = 1\nb = [1,\n"), problems));
  REQUIRE(problems.list().size() == 1);
  CHECK(problems.list()[0].code == "syntax");
  CHECK(problems.list()[0].position.to_string().starts_with("x.toml:"));
  CHECK_FALSE(formatted("[\nmodel]\n"));
  const std::string text = read_file(kSource / "recipes/quickstart.toml");
  for (size_t at = 0; at < text.size(); at += 3) {  // never a crash, and never another tree
    std::string torn = text;
    torn[at] = "\"[]{}=\n.\x01\xff#',"[at % 13];
    const auto out = formatted(torn);
    CHECK(out.has_value() == !tree(torn).empty());
    if (out) CHECK(tree(*out) == tree(torn));
  }
}
