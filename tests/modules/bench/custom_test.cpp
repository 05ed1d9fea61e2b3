// A benchmark of one's own: each scorer, and what is said about a line that is wrong.
#include <catch2/catch.hpp>

#include "modules/bench/custom/custom.h"
#include "modules/bench/judging.h"
#include "tests/modules/bench/folder_of.h"

using namespace saucier;

namespace {

// What answers to one line earn.
double credit(const std::string& line, const std::string& answer, const std::string& normaliser = {}) {
  WrittenFolder folder;
  folder.write("own.jsonl", line);
  auto options = folder.options("custom", {}, "own.jsonl");
  if (!normaliser.empty()) options.normaliser = normaliser;
  const auto benchmark = bench::make_benchmark(options);
  return benchmark->judge(benchmark->items()[0], answer).credit;
}

std::string refusal(const std::string& text) {
  WrittenFolder folder;
  folder.write("own.jsonl", text);
  return folder.refusal("custom", {}, "own.jsonl");
}

}  // namespace

TEST_CASE("custom: exact") {
  const std::string line = R"({"question": "What?", "answer": ["Red Fox", "vixen"], "scorer": "exact"})";
  for (const char* right : {"red fox", " Red fox.\n", "VIXEN"}) CHECK(credit(line, right) == 1);
  for (const char* wrong : {"", "fox", "a red fox", "red fox!"}) CHECK(credit(line, wrong) == 0);
  CHECK(credit(line, " Red Fox ", "exact") == 1);
  CHECK(credit(line, "red fox", "exact") == 0);
  CHECK(credit(line, "Red Fox", "none") == 1);
  CHECK(credit(line, "Red Fox ", "none") == 0);
}

TEST_CASE("custom: the normaliser of VQA is not offered") {
  CHECK(credit(R"({"question": "What?", "answer": "two dogs", "scorer": "exact"})", "The 2 dogs.", "vqa") == 1);
}

TEST_CASE("custom: choice") {
  const std::string line = R"({"question": "Which?", "answer": "B", "scorer": "choice", "choices": ["A", "B", "C", "D"]})";
  for (const char* right : {"B", "b", "(B)", "B. a fox", "The answer is B.", "I think it's B", "Option B: a key"}) CHECK(credit(line, right) == 1);
  for (const char* wrong : {"", "A", "a", "A. B", "Both", "It's C"}) CHECK(credit(line, wrong) == 0);
  CHECK(bench::letter_of("A fox") == "a");
  CHECK(bench::letter_of("what's 4x") == "");
}

TEST_CASE("custom: yes-no, contains, numeric") {
  const std::string yes = R"({"question": "Is it?", "answer": "Yes", "scorer": "yes-no"})";
  CHECK(credit(yes, "Yes, it is.") == 1);
  CHECK(credit(yes, "No") == 0);
  const std::string contains = R"({"question": "What?", "answer": ["Fox", "owl"], "scorer": "contains"})";
  CHECK(credit(contains, "There is a FOX.") == 1);
  CHECK(credit(contains, "") == 0);
  const std::string number = R"({"question": "How many?", "answer": 1200, "scorer": "numeric"})";
  CHECK(credit(number, "about 1,200 foxes") == 1);
  CHECK(credit(number, "1200.5") == 0);
  CHECK(credit(number, "many") == 0);
  CHECK(credit(R"({"question": "?", "answer": "10", "scorer": "numeric", "tolerance": 0.5})", "10.5") == 1);
  CHECK(credit(R"({"question": "?", "answer": "10", "scorer": "numeric", "tolerance": 0.5})", "10.6") == 0);
  CHECK(credit(R"({"question": "?", "answer": -200, "scorer": "numeric", "tolerance": "5%"})", "-190") == 1);
  CHECK(credit(R"({"question": "?", "answer": 200, "scorer": "numeric", "tolerance": "5%"})", "189") == 0);
  CHECK(bench::number_in("1,2") == 1);
  CHECK(bench::number_in("x-3") == 3);
  CHECK(bench::number_in("is -3.25.") == -3.25);
  CHECK(bench::number_in(".5") == .5);
  CHECK_FALSE(bench::number_in("none, -."));
}

TEST_CASE("custom: a file of several scorers") {
  WrittenFolder folder;
  folder.write("own.jsonl", R"({"question": "One?", "answer": "x", "picture": "a.png", "category": "c"}
{"question": "Two?", "answer": "yes", "picture": "a.png", "category": "d", "scorer": "yes-no"}

{"question": "Three?", "answer": "good", "id": "third", "group": 7, "category": "c", "scorer": "judge"})");
  auto options = folder.options("custom", {}, "own.jsonl");
  options.scorer = "exact";
  options.suffix = "\nBriefly.";
  const auto benchmark = bench::make_benchmark(options);
  REQUIRE(benchmark->items().size() == 3);
  CHECK(benchmark->items()[0].id == "1");
  CHECK(benchmark->items()[1].group == "a.png");
  CHECK(benchmark->items()[2].id == "third");
  CHECK(benchmark->items()[2].group == "7");
  CHECK(benchmark->items()[0].question == "One?\nBriefly.");
  CHECK(benchmark->choices(benchmark->items()[1]) == std::vector<std::string>{"Yes", "No"});
  CHECK(benchmark->chance() == Approx(0.5 / 3));
  CHECK(benchmark->setting()["scorer"] == "exact judge yes-no");
  CHECK_FALSE(benchmark->review(benchmark->items()[0], "x"));
  const auto asked = [](std::span<const bench::Review> reviews) {
    REQUIRE(reviews.size() == 1);
    CHECK(reviews[0].prompt.find("[Answer to score]\nz\n") != std::string::npos);
    return std::vector<std::string>{"0.4"};
  };
  const std::vector<std::string> answers = {"x", "no", "z"};
  auto values = values_of(benchmark->score(bench::judge_all(*benchmark, answers, asked)));
  CHECK(values["accuracy"] == Approx(1.4 / 3));
  CHECK(values["c.accuracy"] == Approx(0.7));
  CHECK(values["d.accuracy"] == 0);
}

TEST_CASE("custom: captions") {
  WrittenFolder folder;
  folder.write("own.jsonl", R"({"question": "Caption?", "answer": ["a dog runs on grass", "a brown dog"], "scorer": "cider"}
{"question": "Caption?", "answer": "a red bus on a street", "scorer": "cider"})");
  const auto benchmark = folder.open("custom", {}, "own.jsonl");
  CHECK(benchmark->main_metric() == "cider");
  std::vector<bench::Judged> judged = {benchmark->judge(benchmark->items()[0], "A brown dog."), benchmark->judge(benchmark->items()[1], "A red bus on a street.")};
  const auto scores = benchmark->score(judged);
  CHECK(scores[0].metric == "cider");
  CHECK(scores[0].value > 5);
  CHECK(judged[1].credit == 1);
}

TEST_CASE("custom: what is wrong with a line") {
  CHECK(refusal("") == "no question in 'DIR/own.jsonl'");
  CHECK(refusal("[]") == "DIR/own.jsonl:1: not a JSON object");
  CHECK(refusal(R"({"question": "?", "answer": "x"})") == "DIR/own.jsonl:1: no scorer");
  CHECK(refusal(R"({"answer": "x", "scorer": "exact"})") == "DIR/own.jsonl:1: \"question\" is missing");
  CHECK(refusal(R"({"question": "?", "scorer": "exact"})") == "DIR/own.jsonl:1: \"answer\" is missing");
  CHECK(refusal(R"({"question": "?", "answer": [], "scorer": "exact"})") == "DIR/own.jsonl:1: \"answer\" is an empty list");
  CHECK(refusal(R"({"question": "?", "answer": [true], "scorer": "exact"})") == "DIR/own.jsonl:1: \"answer\" must be a string, a number or a list of them (got boolean)");
  CHECK(refusal(R"({"question": "?", "answer": "x", "scorer": "exactly"})") == "DIR/own.jsonl:1: unknown scorer 'exactly'");
  CHECK(refusal(R"({"question": "?", "answer": "x", "scorer": "exact", "image": "a.png"})") == "DIR/own.jsonl:1: unknown member \"image\"");
  CHECK(refusal("\n" R"({"question": "?", "answer": "12", "scorer": "choice"})") == "DIR/own.jsonl:2: the answer of a choice must be a letter (got '12')");
  CHECK(refusal(R"({"question": "?", "answer": "maybe", "scorer": "yes-no"})") == "DIR/own.jsonl:1: the answer must be yes or no (got 'maybe')");
  CHECK(refusal(R"({"question": "?", "answer": "many", "scorer": "numeric"})") == "DIR/own.jsonl:1: the answer must be a number (got 'many')");
  CHECK(refusal(R"({"question": "?", "answer": 1, "scorer": "numeric", "tolerance": "x"})") == "DIR/own.jsonl:1: \"tolerance\" must be a number or a share as \"5%\" (got \"x\")");
  CHECK(refusal(R"({"question": "?", "answer": 1, "scorer": "numeric", "tolerance": -1})") == "DIR/own.jsonl:1: \"tolerance\" must not be negative");
  CHECK(refusal(R"({"question": "?", "answer": "x", "scorer": "exact", "tolerance": 1})") == "DIR/own.jsonl:1: \"tolerance\" is of numeric answers, and the scorer is 'exact'");
  CHECK(refusal("{\"question\": \"?\", \"answer\": \"x\", \"scorer\": \"exact\", \"id\": 1}\n{\"question\": \"?\", \"answer\": \"x\", \"scorer\": \"exact\", \"id\": 1}") ==
        "DIR/own.jsonl:2: id 1 stands twice");
  CHECK(refusal("{\"question\": \"?\", \"answer\": \"x\", \"scorer\": \"exact\"}\n{\"question\": \"?\", \"answer\": \"x\", \"scorer\": \"cider\"}") ==
        "DIR/own.jsonl: 1 of 2 questions are scored by cider, which is a number of all or none");
}
