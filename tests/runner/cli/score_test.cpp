// saucier score, word for word, on small benchmarks in their official layouts.
#include <catch2/catch.hpp>

#include "modules/base/json.h"
#include "tests/runner/cli/says.h"
#include "tests/runner/cli/working_folder.h"

using namespace saucier;

namespace {

// A folder with POPE: two pictures, six questions.
class Pope : WorkingFolder {
 public:
  Pope() {
    make_folders("pope");
    for (const char* category : {"random", "popular", "adversarial"})
      write_file_atomic(std::string("pope/coco_pope_") + category + ".json",
                        "{\"question_id\": 1, \"image\": \"a.jpg\", \"text\": \"Is there a dog in the image?\", \"label\": \"yes\"}\n"
                        "{\"question_id\": 2, \"image\": \"b.jpg\", \"text\": \"Is there a cat in the image?\", \"label\": \"no\"}\n");
    answer({"yes", "no", "Yes", "Yes", "No, there is not.", "no"});
  }
  static void answer(const std::vector<std::string>& texts) {
    std::string rows;
    const char* ids[] = {"random/1", "random/2", "popular/1", "popular/2", "adversarial/1", "adversarial/2"};
    for (size_t i = 0; i < texts.size(); ++i) rows += Json{{"question_id", ids[i]}, {"text", texts[i]}}.dump() + "\n";
    write_file_atomic("answers.jsonl", rows);
  }
};

const std::vector<std::string> kPope = {"score", "pope", "--data", "pope", "--answers", "answers.jsonl"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("score prints the metrics with their uncertainty") {
  const Pope pope;
  const Said said = saucier_says(kPope);
  CHECK(said.code == cli::kDone);
  CHECK(said.err == "");
  CHECK(said.out ==
        "metric          value  stderr  95 % from     to  n\n"
        "--------------  -----  ------  ---------  -----  -\n"
        "f1              0.556   0.333     -0.098  1.209  6\n"
        "random.f1       1.000   0.500      0.020  1.980  2\n"
        "popular.f1      0.667   0.500     -0.313  1.647  2\n"
        "adversarial.f1  0.000   0.000      0.000  0.000  2\n"
        "accuracy        0.667   0.000      0.667  0.667  6\n"
        "precision       0.667   0.500     -0.313  1.647  6\n"
        "recall          0.667   0.333      0.013  1.320  6\n"
        "yes_ratio       0.500   0.167      0.173  0.827  6\n");
  const Said programs = saucier_says(with(kPope, {"--json"}));
  const Json json = Json::parse(programs.out);
  CHECK(json["benchmark"] == "pope");
  CHECK(json["variant"] == "llava");
  CHECK(json["n"] == 6);
  CHECK(json["main"] == "f1");
  CHECK(json["problems"].empty());
  CHECK(json["metrics"]["accuracy"]["value"].get<double>() == Approx(4.0 / 6));
  CHECK(json["metrics"]["f1"]["ci95"].size() == 2);
  CHECK(json["setting"]["suffix"] == "\nAnswer the question using a single word or phrase.");
  CHECK(Json::parse(saucier_says(with(kPope, {"--json", "--variant", "lmms-eval"})).out)["metrics"]["yes_ratio"]["value"] == 0.5);
  CHECK(Json::parse(saucier_says(with(kPope, {"--json", "--limit", "3"})).out)["n"] == 3);
}

TEST_CASE("an answer that is missing, doubled or to nothing is an error, never a quiet zero") {
  const Pope pope;
  Pope::answer({"yes", "no", "yes", "no", "yes"});
  write_file_atomic("answers.jsonl", read_file("answers.jsonl") + "{\"question_id\": \"random/1\", \"text\": \"no\"}\n{\"question_id\": 9, \"text\": \"no\"}\n");
  const Said said = saucier_says(kPope);
  CHECK(said.code == cli::kUsage);
  CHECK(said.out == "");
  CHECK(said.err ==
        "answers.jsonl:6: error: question random/1 is answered again; its first answer stands in line 1\n"
        "answers.jsonl:7: error: no question 9 in the benchmark\n"
        "answers.jsonl: error: question adversarial/2 has no answer\n"
        "error: 'answers.jsonl' does not answer the questions of 'pope', so nothing is scored\n"
        "hint: correct the file; --missing wrong counts a question without an answer as wrong\n");
  const Json json = Json::parse(saucier_says(with(kPope, {"--json"})).out);
  CHECK(json["metrics"].empty());
  CHECK(json["problems"].size() == 3);
  CHECK(json["problems"][0] == Json{{"code", "doubled-answer"}, {"line", 6}, {"message", "question random/1 is answered again; its first answer stands in line 1"}, {"question", "random/1"}});

  Pope::answer({"yes", "no", "yes", "no", "yes"});
  const Said wrong = saucier_says(with(kPope, {"--json", "--missing", "wrong"}));
  CHECK(wrong.code == cli::kDone);
  CHECK(Json::parse(wrong.out)["metrics"]["accuracy"]["value"].get<double>() == Approx(5.0 / 6));  // "no" would have been right
}

TEST_CASE("score says what it needs") {
  const Pope pope;
  const auto told = [](const std::vector<std::string>& arguments) {
    const Said said = saucier_says(arguments);
    CHECK(said.code == cli::kUsage);
    return said.err;
  };
  CHECK(told({"score"}) == "error: 'saucier score' needs a benchmark\nhint: saucier score pope --data eval/pope --answers answers/llava-v1.5-7b.jsonl\n");
  CHECK(told({"score", "pope", "--data", "pope"}) == "error: 'saucier score' needs --answers\nhint: saucier score pope --data eval/pope --answers answers/llava-v1.5-7b.jsonl\n");
  CHECK(told(with(kPope, {"--missing", "maybe"})) == "error: --missing must be 'error' or 'wrong' (got 'maybe')\n");
  CHECK(told(with(kPope, {"--submission", "out.json"})) == "error: 'pope' has no server that takes a file: its answers are scored here\nhint: leave --submission out\n");
  CHECK(told(with(kPope, {"--variant", "lava"})) == "error: benchmark 'pope' has no variant 'lava'\nhint: one of llava, lmms-eval, official\n");
  CHECK(told({"score", "pop", "--data", "pope", "--answers", "answers.jsonl"}) == "error: unknown benchmark 'pop'\nhint: did you mean 'pope'?\n");
  CHECK(told({"score", "pope", "--data", "pop", "--answers", "answers.jsonl"}) ==
        "error: no folder 'pop'\nnote: while reading benchmark 'pope'\nhint: name the folder that holds the benchmark's official files\n");
  const Said list = saucier_says({"score", "--list"});
  CHECK(list.code == cli::kDone);
  CHECK(list.out.find("\npope ") != std::string::npos);
}

TEST_CASE("what a server scores is written for it") {
  const WorkingFolder folder;
  make_folders("vizwiz");
  write_file_atomic("vizwiz/test.json", R"([{"image": "VizWiz_test_00000000.jpg", "question": "What is this?"}])");
  write_file_atomic("answers.jsonl", "{\"question_id\": \"VizWiz_test_00000000.jpg\", \"text\": \"Two dogs.\"}\n");
  const std::vector<std::string> command = {"score", "vizwiz", "--data", "vizwiz", "--answers", "answers.jsonl", "--split", "test"};
  const Said refused = saucier_says(command);
  CHECK(refused.code == cli::kUsage);
  CHECK(refused.err == "error: only the server of 'vizwiz' can score its split 'test'\nhint: --submission FILE writes what it takes\n");
  const Said said = saucier_says(with(command, {"--submission", "out.json"}));
  CHECK(said.code == cli::kDone);
  CHECK(said.err == "wrote 1 answers to out.json\n");
  CHECK(Json::parse(read_file("out.json")) == Json{{{"image", "VizWiz_test_00000000.jpg"}, {"answer", "2 dogs"}}});
}
