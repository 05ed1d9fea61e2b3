#include <catch2/catch.hpp>

#include "modules/base/diagnostic.h"

using namespace saucier;

namespace {

std::shared_ptr<const SourceText> source(std::string name, std::string text) {
  return std::make_shared<const SourceText>(SourceText{std::move(name), std::move(text)});
}

Position at(const std::shared_ptr<const SourceText>& text, int line, int column, int end_column) {
  return {.source = text, .line = line, .column = column, .end_column = end_column};
}

}  // namespace

TEST_CASE("lines of a source text") {
  const SourceText text{"x", "one\r\ntwo\n\nfour"};
  CHECK(text.line(1) == "one");
  CHECK(text.line(2) == "two");
  CHECK(text.line(3).empty());
  CHECK(text.line(4) == "four");
  CHECK(text.line(5).empty());
  CHECK(text.line(0).empty());
}

TEST_CASE("a diagnostic shows place, line, caret and hint") {
  const auto text = source("recipes/x.toml", std::string(13, '\n') + "learning_rat = 1e-3\n");
  const Diagnostic diagnostic{.code = "unknown-key",
                              .message = "unknown key 'learning_rat' in a train stage",
                              .position = at(text, 14, 1, 13),
                              .notes = {},
                              .hint = "did you mean 'learning_rate'?"};
  CHECK(render(diagnostic) ==
        "recipes/x.toml:14:1: error: unknown key 'learning_rat' in a train stage\n"
        "   14 | learning_rat = 1e-3\n"
        "      | ^~~~~~~~~~~~\n"
        "hint: did you mean 'learning_rate'?\n");
}

TEST_CASE("a note shows its own place") {
  const auto text = source("x.toml", "a = 1\na = 2\n");
  const Diagnostic diagnostic{.severity = Severity::kWarning,
                              .code = "twice",
                              .message = "'a' is set twice",
                              .position = at(text, 2, 1, 2),
                              .notes = {{"first set here", at(text, 1, 1, 2)}, {"also by --set", {}}},
                              .hint = {}};
  CHECK(render(diagnostic) ==
        "x.toml:2:1: warning: 'a' is set twice\n"
        "    2 | a = 2\n"
        "      | ^\n"
        "x.toml:1:1: note: first set here\n"
        "    1 | a = 1\n"
        "      | ^\n"
        "note: also by --set\n");
}

TEST_CASE("carets under tabs, code points of several bytes, line ends and values of several lines") {
  const auto text = source("x", "\tk = \"äöü\" # z\nlist = [\n  1]\n");
  const auto snippet = [](const Position& position) {
    return render({.code = {}, .message = "m", .position = position, .notes = {}, .hint = {}});
  };
  CHECK(snippet(at(text, 1, 6, 11)) == "x:1:6: error: m\n    1 | \tk = \"äöü\" # z\n      | \t    ^~~~~\n");
  CHECK(snippet(at(text, 1, 12, 13)) == "x:1:12: error: m\n    1 | \tk = \"äöü\" # z\n      | \t          ^\n");
  CHECK(snippet(at(text, 2, 8, 5)) == "x:2:8: error: m\n    2 | list = [\n      |        ^\n");
  CHECK(snippet(at(text, 2, 8, 99)) == "x:2:8: error: m\n    2 | list = [\n      |        ^\n");
  CHECK(snippet(at(text, 4, 1, 1)) == "x:4:1: error: m\n    4 |\n      | ^\n");
}

TEST_CASE("an unknown place leaves only what is known") {
  CHECK(render({.code = {}, .message = "no recipe", .position = {}, .notes = {}, .hint = "name one"}) ==
        "error: no recipe\nhint: name one\n");
  CHECK(render({.code = {},
                .message = "is empty",
                .position = at(source("x.toml", ""), 0, 0, 0),
                .notes = {},
                .hint = {}}) == "x.toml: error: is empty\n");
  CHECK(Position{}.to_string().empty());
}

TEST_CASE("all diagnostics, sorted, with a summary") {
  const auto first = source("b.toml", "x\ny\n"), second = source("a.toml", "z\n");
  Diagnostics diagnostics;
  CHECK(diagnostics.render().empty());
  diagnostics.warning("w", at(first, 2, 1, 2), "on y");
  CHECK_FALSE(diagnostics.has_errors());
  CHECK(diagnostics.render() == "b.toml:2:1: warning: on y\n    2 | y\n      | ^\n1 warning\n");
  diagnostics.error("e", at(second, 1, 1, 2), "on z", "do");
  diagnostics.error("e", at(first, 1, 1, 2), "on x");
  CHECK(diagnostics.has_errors());
  diagnostics.sort_by_position();
  CHECK(diagnostics.render() ==
        "b.toml:1:1: error: on x\n    1 | x\n      | ^\n"
        "b.toml:2:1: warning: on y\n    2 | y\n      | ^\n"
        "a.toml:1:1: error: on z\n    1 | z\n      | ^\nhint: do\n"
        "2 errors, 1 warning\n");
  CHECK(
      diagnostics.to_json()[2].dump() ==
      R"({"code":"e","column":1,"end_column":2,"file":"a.toml","hint":"do","line":1,"message":"on z","severity":"error"})");
}
