#include <catch2/catch.hpp>

#include "runner/report/table.h"

using namespace saucier;
using report::Table;

namespace {

const Table kTable{{"trial", "größe", "f1", "note"},
                   {{"x-1", 12, 0.93421, "two\nlines"}, {"quickstart-12", nullptr, 0.5, "say \"a, b\""}, {"é", 7, nullptr, nullptr}}};

}  // namespace

TEST_CASE("a table as text is aligned by code points, numbers to the right") {
  CHECK(report::to_text(kTable) ==
        "trial          größe     f1  note\n"
        "-------------  -----  -----  ----------\n"
        "x-1               12  0.934  two\\nlines\n"
        "quickstart-12         0.500  say \"a, b\"\n"
        "é                  7\n");
  CHECK(report::to_text(Table{{"a", "b"}, {}}) == "a  b\n-  -\n");
  CHECK(report::to_text(Table{{"a"}, {{"\x1b[31m"}}}) == "a\n--------\n\\x1b[31m\n");  // no colour from an answer
}

TEST_CASE("a table as CSV quotes what RFC 4180 says and keeps every digit") {
  CHECK(report::to_csv(kTable) ==
        "trial,größe,f1,note\r\n"
        "x-1,12,0.93421,\"two\nlines\"\r\n"
        "quickstart-12,,0.5,\"say \"\"a, b\"\"\"\r\n"
        "é,7,,\r\n");
}

TEST_CASE("a table as Markdown holds nothing that Markdown acts on") {
  CHECK(report::to_markdown(kTable) ==
        "| trial | größe | f1 | note |\n|---|---:|---:|---|\n| x-1 | 12 | 0.934 | two<br>lines |\n"
        "| quickstart-12 |  | 0.500 | say \"a, b\" |\n| é | 7 |  |  |\n");
  CHECK(report::to_markdown(Table{{"a|b"}, {{"<i>*x*</i> `|` [y]\\"}}}) == "| a\\|b |\n|---|\n| &lt;i>\\*x\\*&lt;/i> \\`\\|\\` \\[y]\\\\ |\n");
}

TEST_CASE("a table as JSON is a list of objects") {
  CHECK(report::to_json(kTable).dump() ==
        R"([{"f1":0.93421,"größe":12,"note":"two\nlines","trial":"x-1"},)"
        R"({"f1":0.5,"größe":null,"note":"say \"a, b\"","trial":"quickstart-12"},{"f1":null,"größe":7,"note":null,"trial":"é"}])");
  CHECK(report::to_json(Table{{"a"}, {}}).dump() == "[]");
}

TEST_CASE("numbers as people read them") {
  const std::vector<std::pair<Json, std::string>> cases = {
      {0.9342, "0.934"}, {12, "12"}, {1.5e-05, "1.5e-05"}, {0.0, "0.000"}, {0.0025, "0.0025"}, {-0.25, "-0.250"},
      {37.25, "37.25"}, {1234.56, "1234.6"}, {2.5e7, "2.5e+07"}, {nullptr, ""}, {"text", "text"}, {true, "true"}};
  for (const auto& [value, text] : cases) CHECK(report::show(value) == text);
}
