// Every message and hint that runner/recipe gives to a diagnostic stands in some tests/golden/recipe/*.txt.
#include "tests/runner/recipe/cpp_messages.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "modules/base/file.h"

namespace fs = std::filesystem;
using namespace saucier;
using testing::Messages;
using testing::Said;

namespace {

// Not in a golden case, each for a reason.
const std::set<std::string> kBeyond = {
    std::string("'") + testing::kAnything + "' takes UTF-8, and this is none",  // nor would its golden case be: recipe_test.cpp
    "could not be formatted",  // only a bug of `saucier fmt` says it
    std::string("'") + testing::kAnything + "' must be a list of integers (got " + testing::kAnything + ")",  // no option of today is one
    "it stays as it is; please report it as a bug of 'saucier fmt'",
};
// What the code of old names says is pinned by renamed_test.cpp: no option has one today.
const std::set<std::string> kElsewhere = {"renamed.cpp"};
// Other words: a file that cannot be read, and the syntax errors of tree.cpp, which syntax-*.txt pin.
const std::set<std::string> kForwarded = {"error.what()", "error.message"};

std::vector<std::string> behind(const std::string& word) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(SAUCIER_SOURCE_DIR "/tests/golden/recipe")) {
    if (entry.path().extension() != ".txt") continue;
    std::istringstream lines(read_file(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      const size_t at = line.find(word + ": ");
      if (at != std::string::npos && (at == 0 || line[at - 1] == ' ')) out.push_back(line.substr(at + word.size() + 2));
    }
  }
  return out;
}

std::vector<testing::CppText> sources() {
  std::vector<testing::CppText> out;
  for (const auto& entry : fs::directory_iterator(SAUCIER_SOURCE_DIR "/runner/recipe"))
    if (entry.path().extension() == ".cpp") out.push_back({entry.path().filename().string(), read_file(entry.path())});
  out.push_back({"suggest.cpp", read_file(SAUCIER_SOURCE_DIR "/modules/base/suggest.cpp")});
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

std::string missing(const std::vector<Said>& wanted, const std::vector<std::string>& lines) {
  std::set<std::string> out;
  for (const Said& one : wanted) {
    if (kBeyond.count(one.pattern) || kElsewhere.count(one.place.substr(0, one.place.find(':')))) continue;
    if (std::none_of(lines.begin(), lines.end(), [&](const std::string& line) { return testing::matches(one.pattern, line); }))
      out.insert(fmt::format("{}: {}\n", one.place, testing::shown(one.pattern)));
  }
  std::string all;
  for (const std::string& line : out) all += line;
  return all;
}

std::vector<std::string> patterns(const std::vector<Said>& said) {
  std::vector<std::string> out;
  for (const Said& one : said) out.push_back(testing::shown(one.pattern));
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("every message of a recipe check is pinned", "[golden]") {
  const Messages said = testing::messages_of(sources());
  CHECK(said.reports >= 75);  // a floor: a reader that goes blind must not look green
  CHECK(said.messages.size() >= 125);
  CHECK(said.hints.size() >= 60);
  for (const Said& one : said.unread) {
    INFO(one.place << ": a message that the test cannot read");
    CHECK(kForwarded.count(one.pattern) == 1);
  }
  std::vector<std::string> lines = behind("error");
  for (const std::string& warning : behind("warning")) lines.push_back(warning);
  CHECK(missing(said.messages, lines) == "");
  const std::vector<std::string> hints = behind("hint");
  CHECK(missing(said.hints, hints) == "");
  lines.insert(lines.end(), hints.begin(), hints.end());
  std::vector<Said> parts = said.parts;
  for (Said& part : parts) part.pattern = testing::kAnything + part.pattern + testing::kAnything;
  CHECK(parts.size() >= 20);
  CHECK(missing(parts, lines) == "");
}

TEST_CASE("messages are found in every form in which they are written") {
  const Messages said = testing::messages_of({{"x.cpp", R"cpp(
std::string range_text(int n) {
  if (n > 1) return fmt::format("at least {}", n);
  return "any";
}
class Reader {
  void error(std::string code, std::string_view key, std::string message, std::string hint = {}) {
    problems_.error(std::move(code), place(key), std::move(message), std::move(hint));  // problems_.error("c", at, "no")
  }
  void wrong_type(const Node& node, std::string_view wanted) {
    problems_.error("wrong-type", node.position, fmt::format("'{}' must be {} (got {})", node.key, wanted, kind_name(node.kind)));
  }
  void read(const Node& node) {
    error("a", "key", "two "
                      "halves", some ? "one" : other ? "two" : fmt::format("'{}' \"three\"", x::y));
    wrong_type(node, words ? "a list" : "a table");
    std::string hint;
    if (near) hint = fmt::format("write {}", node.key);
    problems_.add({.severity = Severity::kError, .code = "b", .message = fmt::format("a {} 'b', {{c}} {:.3g}", a, 100'000),
                   .position = at, .notes = {{"there", at}}, .hint = hint});
    problems_.warning("c", at, std::string("sum ") + name, {});
    problems_.error("d", at, range_text(3));
    problems_.error("g", at, fmt::format("sizes are {}, so be it", range_text(node.size)));
    problems_.error("e", at, error.what());
    const auto warn = [&](const char* key, std::string_view what) { problems_.warning("f", at, fmt::format("{} {} is odd", key, what)); };
    warn("rate", size > 2 ? "large" : "small");
  }
};
)cpp"}});
  CHECK(patterns(said.messages) == std::vector<std::string>{"'…' must be a list (got …)", "'…' must be a table (got …)", "a … 'b', {c} …", "any", "at least …",
                                                            "rate large is odd", "rate small is odd", "sizes are …, so be it", "sum …", "two halves"});
  CHECK(patterns(said.parts) == std::vector<std::string>{"any", "at least …"});
  CHECK(patterns(said.hints) == std::vector<std::string>{"'…' \"three\"", "one", "two", "write …"});
  REQUIRE(said.unread.size() == 1);
  CHECK(said.unread[0].pattern == "error.what()");
  CHECK(said.unread[0].place == "x.cpp:24");
  CHECK(said.reports == 8);
  CHECK(testing::matches(std::string("a ") + testing::kAnything + " c", "a b b c"));
  CHECK_FALSE(testing::matches(std::string("a ") + testing::kAnything + " c", "a b b d"));
  CHECK_FALSE(testing::matches("a", "ab"));
}
