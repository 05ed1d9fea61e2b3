// Strict and lenient, limits, duplicates, pictures that cannot be read, memory, and what the report says.
#include <sys/resource.h>

#include <cstdlib>
#include <ctime>
#include <thread>

#include "modules/data/conversation_samples.h"
#include "modules/data/readers/row_count.h"
#include "modules/data/readers/bad_row.h"
#include "tests/modules/data/reader_files.h"

using namespace saucier;
using namespace saucier::data;

namespace {

std::string row(const std::string& id, const std::string& question = "q", const std::string& image = "") {
  return R"({"id":")" + id + "\"," + (image.empty() ? "" : R"("image":")" + image + "\",") + R"("conversations":[{"from":"human","value":")" + (image.empty() ? "" : "<image>") + question + R"("},{"from":"gpt","value":"a"}]})" + "\n";
}

}  // namespace

TEST_CASE("lenient: bad rows are left out, counted and told") {
  const Folder folder;
  std::string rows;
  for (int i = 0; i < 10; ++i) rows += row("bad" + std::to_string(i), " ") + row("good" + std::to_string(i), std::to_string(i));
  rows += "broken\n";
  options::DataOptions options = options_of("llava", folder.write("f.jsonl", rows));
  options.mode = "lenient";
  options.tolerate = 0.5;
  const auto source = open(options);
  REQUIRE(source->size() == 10);
  CHECK(source->get(9).id == "good9");
  const ReadReport& report = source->report();
  CHECK(report.rows == 21);
  CHECK(report.kept == 10);
  REQUIRE(report.reasons.size() == 2);
  const ReadReport::Reason& empty = report.reasons.at("empty-turn");
  CHECK(empty.count == 10);
  REQUIRE(empty.examples.size() == ReadReport::kExamples);
  CHECK(empty.examples[7].line == 15);
  CHECK(empty.examples[7].id == "bad7");
  CHECK(empty.examples[7].detail == "turn 1 is empty");
  const ReadReport::Reason& broken = report.reasons.at("broken-row");
  CHECK(broken.examples.at(0).line == 21);
  CHECK(broken.examples.at(0).id.empty());
  const std::vector<std::string> lines = report_lines(report);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("1 of 21 rows are left out: broken-row (a line is not JSON), such as '" + options.path + "', line 21: the line is not valid JSON"));
  CHECK(lines[1] == "10 of 21 rows are left out: empty-turn (a turn has no text), such as '" + options.path + "', line 1: sample 'bad0': turn 1 is empty; '" + options.path + "', line 3: sample 'bad1': turn 1 is empty; '" + options.path + "', line 5: sample 'bad2': turn 1 is empty");
  CHECK(limit_turns(source, {.max_turns = 1})->report().rows == 21);
  CHECK(limit_turns(source, {.max_turns = 1, .split = false})->report().kept == 10);
}

TEST_CASE("a limit for each reason stops the stage with the table of reasons") {
  const Folder folder;
  std::string rows = row("x", " ") + row("y", " ") + "{}\n";
  for (int i = 0; i < 97; ++i) rows += row("good", std::to_string(i));
  options::DataOptions options = options_of("llava", folder.write("f.jsonl", rows));
  options.mode = "lenient";
  try {
    open(options);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "2 of 100 rows are left out for 'empty-turn', 1 % are tolerated");
    CHECK(error.hint() == "repair the rows, or raise data.mine.tolerate");
    REQUIRE(error.context().size() == 2);
    CHECK(error.context()[0].starts_with("1 of 100 rows are left out: missing-field"));
    CHECK(error.context()[1].starts_with("2 of 100 rows are left out: empty-turn"));
  }
  options.tolerate_reason["empty-turn"] = 0.02;
  CHECK(open(options)->size() == 97);
  options.tolerate_reason["missing-field"] = 0;
  try {
    open(options);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "1 of 100 rows are left out for 'missing-field', 0 % are tolerated");
    CHECK(error.hint() == "repair the rows, or raise data.mine.tolerate_reason.missing-field");
  }
  options.tolerate = 0.02;
  options.tolerate_reason.clear();
  CHECK(open(options)->size() == 97);
}

TEST_CASE("a broken array stops a lenient source: nobody knows where its next row begins") {
  const Folder folder;
  const auto says = [&](const std::string& second) {
    options::DataOptions options = options_of("llava", folder.write("f.json", "[" + row("a") + "," + second + "," + row("c") + "]"));
    options.mode = "lenient";
    options.tolerate = 1;
    return error_of(options);
  };
  CHECK(says("{\"id\" 7}").find("the sample from line 2 on is not valid JSON") != std::string::npos);
  CHECK(says(row("b", "a quote\"")).ends_with(", line 2: the sample that begins here is not closed"));
  CHECK(says("{}") == "no error");
}

TEST_CASE("duplicates are counted, and left out where the recipe says so") {
  const Folder folder;
  folder.picture("a.png");
  folder.picture("b.png");
  options::DataOptions options = options_of("llava", folder.write("f.jsonl", row("a", "q", "a.png") + row("b", "q", "b.png") + row("c", "q", "a.png") + row("d", "r", "a.png")), folder.path());
  const auto all = open(options);
  CHECK(all->size() == 4);
  const ReadReport::Reason& kept = all->report().reasons.at("duplicate");
  CHECK(kept.count == 1);
  CHECK(!kept.left_out);
  CHECK(kept.examples.at(0).id == "c");
  CHECK(report_lines(all->report()).at(0).starts_with("1 of 4 rows are kept all the same: duplicate"));
  options.duplicates = "drop";
  const auto some = open(options);  // strict: a duplicate is no bad row
  REQUIRE(some->size() == 3);
  CHECK(some->get(2).id == "d");
  CHECK(some->report().reasons.at("duplicate").left_out);
}

TEST_CASE("pictures are looked at as far as the recipe says") {
  const Folder folder;
  const std::string png = read_file(folder.picture("whole.png", 9));
  folder.write("torn.png", png.substr(0, 45));  // the header alone
  folder.write("text.png", "no picture");
  const auto with = [&](const std::string& image, const std::string& check) {
    options::DataOptions options = options_of("llava", folder.write("f.jsonl", row("x", "q", image)), folder.path());
    options.check_pictures = check;
    const std::string said = reason_of(options);
    return said.substr(0, said.find(':'));
  };
  for (const std::string check : {"none", "header", "decode"}) {
    INFO(check);
    CHECK(with("whole.png", check) == "kept");
    CHECK(with("absent.png", check) == "missing-picture");
    CHECK(with("text.png", check) == (check == "none" ? "kept" : "undecodable-picture"));
    CHECK(with("torn.png", check) == (check == "decode" ? "undecodable-picture" : "kept"));
  }
  const Folder outside;
  outside.picture("b.png");
  fs::create_symlink(outside.path() / "b.png", folder.path() / "link.png");
  fs::create_symlink(folder.path() / "whole.png", folder.path() / "inner.png");
  CHECK(with("link.png", "none") == "picture-outside");
  CHECK(with("inner.png", "header") == "kept");
  CHECK(with("/etc/passwd", "none") == "picture-outside");
  // The same bad picture a second time.
  options::DataOptions options = options_of("llava", folder.write("f.jsonl", row("x", "q", "text.png") + row("y", "r", "text.png")), folder.path());
  options.mode = "lenient";
  options.tolerate = 1;
  CHECK(open(options)->report().reasons.at("undecodable-picture").count == 2);
}

TEST_CASE("rows longer than what is read at a time, and get() from many threads") {
  const Folder folder;
  const std::string large(3'000'000, 'x');
  std::string text = "[";
  for (int i = 0; i < 200; ++i) text += (i > 0 ? "," : "") + row(std::to_string(i), i % 50 == 7 ? large + std::to_string(i) : "q" + std::to_string(i));
  const auto source = open(options_of("llava", folder.write("f.json", text + "]")));
  REQUIRE(source->size() == 200);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = t; i < 200; i += 3) {
        const Sample sample = source->get(i);
        wrong += sample.id != std::to_string(i) || sample.turns[0].text != (i % 50 == 7 ? large + std::to_string(i) : "q" + std::to_string(i));
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a file that changes while it is read is an error, one that is replaced is not") {
  const Folder folder;
  const fs::path file = folder.write("f.jsonl", row("a") + row("b", "r"));
  const auto source = open(options_of("llava", file));
  write_file_atomic(file, "");
  CHECK(source->get(1).id == "b");
  const fs::path other = folder.write("g.jsonl", row("a") + row("b", "r"));
  const auto cut = open(options_of("llava", other));
  fs::resize_file(other, 30);
  CHECK_THROWS_WITH(cut->get(1), Catch::Contains("line 2: this row was another one when the stage began"));
}

TEST_CASE("the reasons that a recipe may name and docs/data.md explains are those of the readers") {
  const std::string page = read_file(SAUCIER_SOURCE_DIR "/docs/data.md");
  std::vector<std::string> names;
  for (const ReasonText& reason : row_reasons()) {
    INFO(reason.name);
    CHECK(page.find(fmt::format("\n| `{}` | {} |\n", reason.name, reason.meaning)) != std::string::npos);
    if (!reason.name.starts_with("duplicate")) names.emplace_back(reason.name);  // no limit: see data.NAME.duplicates, and the mixture's
  }
  CHECK(options::table_of<options::DataOptions>().find("tolerate_reason")->rule.choices == names);
}

// SAUCIER_MIX665K: a folder that tests/tools/mix665k.py wrote.
TEST_CASE("speed of checking and reading rows", "[.][speed]") {
  const Folder folder;
  std::string rows;
  for (int i = 0; i < 20'000; ++i) rows += row(std::to_string(i), std::string(1000, 'q') + std::to_string(i));
  const char* mix = std::getenv("SAUCIER_MIX665K");
  options::DataOptions options = options_of("llava", mix ? fs::path(mix) / "llava_v1_5_mix665k.json" : folder.write("f.jsonl", rows), mix ? fs::path(mix) : fs::path());
  if (const char* check = std::getenv("SAUCIER_CHECK_PICTURES")) options.check_pictures = check;
  const std::clock_t start = std::clock();  // processor time, system calls among it
  const auto source = open(options);
  const std::clock_t opened = std::clock();
  size_t turns = 0;
  for (std::int64_t i = 0; i < source->size(); ++i) turns += source->get(i).turns.size();
  const std::clock_t read = std::clock();
  const auto seconds = [](std::clock_t from, std::clock_t to) { return static_cast<double>(to - from) / CLOCKS_PER_SEC; };
  const auto count = static_cast<double>(source->size());
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  WARN(fmt::format("{} rows, {} turns: checked in {:.1f} s ({:.0f} a second), read again in {:.1f} s ({:.0f} a second), at most {} MB", source->size(), turns,
                   seconds(start, opened), count / seconds(start, opened), seconds(opened, read), count / seconds(opened, read), usage.ru_maxrss / 1024));
  CHECK(turns > 0);
}
