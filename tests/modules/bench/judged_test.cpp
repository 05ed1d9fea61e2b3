// LLaVA-Bench and MM-Vet against the official scripts (tests/parity/benchmarks_judged.py), which ran with a judge that was made up.
#include <catch2/catch.hpp>

#include "modules/base/digest.h"
#include "modules/bench/judged/llava_bench.h"
#include "modules/bench/judged/replies.h"
#include "modules/bench/judging.h"
#include "tests/modules/bench/folder_of.h"

using namespace saucier;

namespace {

std::unique_ptr<bench::Benchmark> open(const std::string& kind) {
  options::BenchmarkOptions options;
  options.kind = kind;
  options.data = (bench_data() / kind).string();
  return bench::make_benchmark(options);
}

// Answers and reviews of a file, in the order of the questions.
struct Given {
  std::vector<std::string> answers, reviews;
};
Given given(const bench::Benchmark& benchmark, const fs::path& file) {
  const auto read = benchmark.read_answers(file);
  const auto matched = bench::match(benchmark.items(), read);
  REQUIRE(matched.problems.empty());
  Given out;
  for (const auto* one : matched.by_item) out.answers.push_back(one->text), out.reviews.push_back(one->review);
  return out;
}

void write_llava_bench(WrittenFolder& folder) {
  folder.write("questions.jsonl", R"({"question_id": 0, "image": "001.jpg", "text": "What?", "category": "conv"})");
  folder.write("context.jsonl", R"({"id": "001", "image": "001.jpg", "caption": "A cup."})");
  folder.write("answers_gpt4.jsonl", R"({"question_id": 0, "text": "A cup it is."})");
}

}  // namespace

TEST_CASE("LLaVA-Bench asks its judge what eval_gpt_review_bench.py asks") {
  const auto benchmark = open("llava-bench");
  const Json expected = bench_json("judged.json")["llava_bench"];
  const Given answers = given(*benchmark, bench_data() / "llava-bench/answers.jsonl");
  REQUIRE(benchmark->items().size() == 210);
  for (size_t i = 0; i < answers.answers.size(); ++i) {
    const auto review = benchmark->review(benchmark->items()[i], answers.answers[i]);
    REQUIRE(review);
    CHECK(review->system == expected["system"].get<std::string>());
    CHECK(sha256(review->prompt).substr(0, 16) == expected["prompts"][i].get<std::string>());
  }
  CHECK(benchmark->items()[0].group == benchmark->items()[2].group);
  CHECK(benchmark->setting()["rules"] == "rule.json");
}

TEST_CASE("LLaVA-Bench scores a file of reviews as summarize_gpt_review.py does") {
  const auto benchmark = open("llava-bench");
  const Json expected = bench_json("judged.json")["llava_bench"]["scores"];
  const Given reviews = given(*benchmark, bench_data() / "llava-bench/reviews.jsonl");
  const auto judged = bench::judge_all(*benchmark, reviews.answers, {}, reviews.reviews);
  const auto scores = benchmark->score(judged);
  CHECK(scores[0].metric == benchmark->main_metric());
  CHECK(scores[0].stderr_value > 0);
  auto values = values_of(scores);
  // The script rounds its means to three digits and the ratio to one of a hundred.
  CHECK(100 * values["score"] == Approx(expected["all"].get<double>()).margin(0.08));
  for (const char* category : {"conv", "detail", "complex"})
    CHECK(100 * values[std::string(category) + ".score"] == Approx(expected[std::string("llava_bench_") + category].get<double>()).margin(0.08));
  double reference = 0, model = 0;
  for (const auto& one : judged) reference += one.parts[0], model += one.parts[1];
  CHECK(values["score"] == Approx(model / reference).epsilon(1e-12));
}

TEST_CASE("the first line of a review is read as parse_score reads it") {
  const Json replies = bench_json("judged.json")["llava_bench"]["replies"];
  REQUIRE(replies.size() >= 200);
  size_t read = 0;
  for (const Json& row : replies) {
    const std::string reply = row["reply"].get<std::string>();
    INFO(reply);
    const double reference = row["scores"][0].get<double>(), model = row["scores"][1].get<double>();
    std::optional<bench::PairOfScores> found;
    try {
      found = bench::scores_of_review(reply);
    } catch (const Error&) {
    }
    if (reference != -1 || model != -1) {
      REQUIRE(found);
      CHECK(found->reference == reference);
      CHECK(found->model == model);
      ++read;
    } else if (found) {
      // The original splits at each single space, so it cannot read numbers with two spaces between them; here they are read.
      const std::string line = reply.substr(0, reply.find('\n'));
      CHECK((line.find_first_of(" ,\t") != line.find_last_of(" ,\t") || line.find('\t') != std::string::npos));
    }
  }
  CHECK(read >= 10);
}

TEST_CASE("MM-Vet asks and scores as its evaluator does") {
  const auto benchmark = open("mm-vet");
  const Json expected = bench_json("judged.json")["mm_vet"];
  const Given answers = given(*benchmark, bench_data() / "mm-vet/results.json");
  REQUIRE(benchmark->items().size() == 210);
  REQUIRE(expected["prompts"].size() == 210);
  CHECK(benchmark->items()[2].id == "v1_2");
  for (size_t i = 0; i < answers.answers.size(); ++i)
    CHECK(sha256(benchmark->review(benchmark->items()[i], answers.answers[i])->prompt).substr(0, 16) == expected["prompts"][i].get<std::string>());
  const Given grades = given(*benchmark, bench_data() / "mm-vet/grades.json");
  auto values = values_of(benchmark->score(bench::judge_all(*benchmark, grades.answers, {}, grades.reviews)));
  for (const Json& row : expected["capabilities"]) {
    const std::string name = row[0] == "total" ? "score" : row[0].get<std::string>() + ".score";
    CHECK(100 * values.at(name) == Approx(row[1].get<double>()).epsilon(1e-12));
  }
  for (const Json& row : expected["combinations"]) {
    const std::set<std::string> names = [&] {
      std::set<std::string> out;
      std::string name = row[0].get<std::string>() + "_";
      for (size_t end; (end = name.find('_')) != std::string::npos; name.erase(0, end + 1)) out.insert(name.substr(0, end));
      return out;
    }();
    std::string ours;
    for (const char* capability : {"rec", "ocr", "know", "gen", "spat", "math"})
      if (names.contains(capability)) ours += (ours.empty() ? "" : "_") + std::string(capability);
    if (row[0] == "total") continue;
    if (names.size() == 1) ours = "only_" + ours;
    CHECK(100 * values.at(ours + ".score") == Approx(row[1].get<double>()).epsilon(1e-12));
  }
  CHECK(benchmark->setting()["prompt"] == "mm-vet_evaluator.py");
}

TEST_CASE("MM-Vet reads LLaVA's answers by number") {
  WrittenFolder folder;
  folder.write("mm-vet.json", R"({"v1_10": {"imagename": "a.png", "question": "B?", "answer": "x<OR>y", "capability": ["ocr", "rec", "ocr"]},
                                  "v1_2": {"imagename": "a.png", "question": "A?", "answer": "x<AND>y", "capability": ["ocr"]}})");
  const auto benchmark = folder.open("mm-vet");
  CHECK(benchmark->items()[0].id == "v1_2");
  CHECK(benchmark->items()[1].category == "rec_ocr");
  CHECK(benchmark->items()[1].truth == "x | y");
  CHECK(benchmark->setting()["prompt"] == "saucier");
  const std::string prompt = benchmark->review(benchmark->items()[0], "x")->prompt;
  CHECK(prompt.ends_with("\nA? | x <AND> y | x | "));
  folder.write("answers.jsonl", "{\"question_id\": 2, \"text\": \"one\"}\n{\"question_id\": \"v1_10\", \"text\": \"two\"}\n");
  const Given answers = given(*benchmark, folder.path() / "answers.jsonl");
  CHECK(answers.answers == std::vector<std::string>{"one", "two"});
  folder.write("grades.json", R"({"v1_2": {"score": [0.5, 1.0]}, "v1_10": {"score": [0]}})");
  CHECK(given(*benchmark, folder.path() / "grades.json").reviews[0] == "0.75");

  const auto asked = [&](std::span<const bench::Review> reviews) { return std::vector<std::string>(reviews.size(), "0.5 since"); };
  CHECK(benchmark->score(bench::judge_all(*benchmark, answers.answers, asked))[0].value == 0.5);
}

TEST_CASE("a reply that cannot be read is an error that names the question") {
  const auto message = [](const bench::Benchmark& benchmark, const std::string& reply) {
    const auto asked = [&](std::span<const bench::Review> reviews) { return std::vector<std::string>(reviews.size(), reply); };
    try {
      bench::judge_all(benchmark, std::vector<std::string>(benchmark.items().size(), "x"), asked);
    } catch (const Error& error) {
      return error.render("");
    }
    return std::string();
  };
  WrittenFolder folder;
  write_llava_bench(folder);
  const auto llava = folder.open("llava-bench");
  CHECK(message(*llava, "8 9\nwell") == "");
  CHECK(message(*llava, "Both are fine.\n8 9") == "the first line of the judge's reply is not two scores (got 'Both are fine.')\nnote: in question 0 of 'llava-bench'\n");
  CHECK(message(*llava, "") == "the first line of the judge's reply is not two scores (got '')\nnote: in question 0 of 'llava-bench'\n");
  CHECK(message(*open("mm-vet"), "1.5") == "the judge's reply does not begin with a score from 0 to 1 (got '1.5')\nnote: in question v1_0 of 'mm-vet'\n");
  CHECK(message(*open("mm-vet"), "about right").starts_with("the judge's reply does not begin with a score from 0 to 1 (got 'about right')"));
  CHECK(bench::quoted_reply(std::string(70, 'x')) == "'" + std::string(60, 'x') + "…'");
}

TEST_CASE("LLaVA-Bench: what is wrong with the files") {
  WrittenFolder folder;
  write_llava_bench(folder);
  const auto benchmark = folder.open("llava-bench");
  CHECK(benchmark->setting()["rules"] == "saucier");
  CHECK(benchmark->review(benchmark->items()[0], "x")->prompt.starts_with("[Context]\nA cup.\n\n[Question]\nWhat?\n\n[Assistant 1]\nA cup it is.\n\n[End of Assistant 1]\n\n[Assistant 2]\nx\n\n"));
  folder.write("reviews.jsonl", "{\"question_id\": 0, \"content\": \"8 9\"}\n{\"question_id\": 0}\n");
  CHECK(folder.refusal_of([&] { benchmark->read_answers(folder.path() / "reviews.jsonl"); }) == "DIR/reviews.jsonl:2: \"content\" is missing");
  folder.write("rule.json", "{}");
  CHECK(folder.refusal("llava-bench") == "DIR/questions.jsonl:1: category 'conv' has no rule 'llava_bench_conv' in 'DIR/rule.json'");
  folder.write("answers_gpt4.jsonl", R"({"question_id": 1, "text": "A cup it is."})");
  CHECK(folder.refusal("llava-bench") == "DIR/questions.jsonl:1: question 0 has no answer in answers_gpt4.jsonl");
  folder.write("answers_gpt4.jsonl", R"({"question_id": 0, "text": "A cup it is."})").write("context.jsonl", "");
  CHECK(folder.refusal("llava-bench") == "DIR/questions.jsonl:1: picture '001.jpg' has no description in context.jsonl");
  folder.write("questions.jsonl", "");
  CHECK(folder.refusal("llava-bench") == "no question in 'DIR/questions.jsonl'");
  WrittenFolder empty;
  CHECK(empty.refusal("llava-bench") == "no descriptions of the pictures: 'context.jsonl' is not in 'DIR'");
}

TEST_CASE("MM-Vet: what is wrong with the files") {
  WrittenFolder folder;
  CHECK(folder.refusal("mm-vet") == "no questions of MM-Vet: 'mm-vet.json' is not in 'DIR'");
  folder.write("mm-vet.json", "[]");
  CHECK(folder.refusal("mm-vet") == "DIR/mm-vet.json: must be an object of questions");
  folder.write("mm-vet.json", R"({"v1_0": {"imagename": "a.png", "question": "A?", "answer": "x"}})");
  CHECK(folder.refusal("mm-vet") == "DIR/mm-vet.json: question v1_0: \"capability\" is missing");
  folder.write("mm-vet.json", R"({"v1_0": {"imagename": "a.png", "question": "A?", "answer": "x", "capability": ["rec"]}})").write("mm-vet_evaluator.py", "x = 1");
  CHECK(folder.refusal("mm-vet") == "no 'prompt = \"\"\"…\"\"\"' in 'DIR/mm-vet_evaluator.py'");
  folder.write("mm-vet_evaluator.py", "prompt = \"\"\"p\"\"\"");
  const auto benchmark = folder.open("mm-vet");
  folder.write("grades.json", R"({"v1_0": {"score": ["x"]}})");
  CHECK(folder.refusal_of([&] { benchmark->read_answers(folder.path() / "grades.json"); }) == "DIR/grades.json: answer v1_0: \"score\" must be a list of numbers");
  folder.write("grades.json", R"({"v1_0": {"score": []}})");
  CHECK(folder.refusal_of([&] { benchmark->read_answers(folder.path() / "grades.json"); }) == "DIR/grades.json: answer v1_0: \"score\" is empty");
  folder.write("grades.json", "{}");
  CHECK(folder.refusal_of([&] { benchmark->read_answers(folder.path() / "grades.json"); }) == "no answer in 'DIR/grades.json'");
}
