// POPE, MME and ScienceQA against what their official scorers say (tests/parity/benchmarks_choice.py).
#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "modules/bench/choice/mme.h"
#include "modules/bench/choice/scienceqa.h"
#include "tests/modules/bench/fixture.h"

using namespace saucier;

namespace {

auto exactly(double value) { return Approx(value).epsilon(1e-12); }

}  // namespace

TEST_CASE("POPE scores LLaVA's answers as eval_pope.py does") {
  const Fixture fixture("pope");
  const auto pope = fixture.open("pope");
  CHECK(pope->items().size() == 216);
  CHECK(pope->items()[0].question == "Is there a thing0 in the image?\nAnswer the question using a single word or phrase.");
  const auto values = scores(*pope, fixture.answers());
  double mean = 0;
  for (const char* category : {"random", "popular", "adversarial"}) {
    CHECK(values.at(std::string(category) + ".f1") == exactly(fixture.expected()[category]["F1 score"].get<double>()));
    mean += fixture.expected()[category]["F1 score"].get<double>() / 3;
  }
  CHECK(values.at("f1") == exactly(mean));
  // Every label is about as many questions of each category, so the overall accuracy is the mean of the three.
  CHECK(values.at("accuracy") == exactly((fixture.expected()["random"]["Accuracy"].get<double>() + fixture.expected()["popular"]["Accuracy"].get<double>() +
                                          fixture.expected()["adversarial"]["Accuracy"].get<double>()) / 3));
  CHECK(pope->majority() == Approx(2.0 / 3));
  // Six questions a picture, and three categories.
  CHECK(pope->items()[0].group == pope->items()[5].group);
  CHECK(pope->score(judged(*pope, fixture.answers()))[0].stderr_value > 0);
}

TEST_CASE("POPE takes the three official files alone, and answers in their order") {
  const Fixture fixture("pope");
  fs::remove(fixture.data() / "llava_pope_test.jsonl");
  std::string rows;
  for (const Json& row : fixture.json()["answers"]) rows += Json{{"question", "?"}, {"answer", row["text"]}}.dump() + "\n";
  fixture.write("given.json", rows);
  const auto official = fixture.open("pope", "official");
  CHECK(official->items()[0].question == "Is there a thing0 in the image?");
  CHECK(official->items()[0].id == "random/1");
  CHECK(scores(*official, fixture.answers().parent_path() / "given.json").at("random.f1") == exactly(fixture.expected()["random"]["F1 score"].get<double>()));
  const auto lmms = fixture.open("pope", "lmms-eval");
  const auto values = scores(*lmms, fixture.answers().parent_path() / "given.json");
  for (const auto& [metric, value] : fixture.expected()["lmms-eval"].items()) CHECK(values.at(metric) == exactly(value.get<double>()));
}

TEST_CASE("POPE refuses files of two releases, which eval_pope.py would join quietly") {
  const Fixture fixture("pope");
  const std::string labels = read_file(fixture.data() / "coco/coco_pope_popular.json");
  const size_t line = labels.find('\n') + 1;
  const auto message = [&] {
    try {
      fixture.open("pope");
    } catch (const Error& error) {
      return std::string(error.what()).substr(fixture.data().string().size() + 1);
    }
    return std::string("nothing");
  };
  fixture.write("data/coco/coco_pope_popular.json", labels.substr(line));
  CHECK(message() == "llava_pope_test.jsonl:73: asks about another question than line 1 of coco_pope_popular.json");
  fixture.write("data/coco/coco_pope_popular.json", labels + labels.substr(0, line));
  CHECK_THROWS_WITH(fixture.open("pope"), "llava_pope_test.jsonl has 72 questions of category 'popular', and coco_pope_popular.json 73 labels");
  fixture.write("data/coco/coco_pope_popular.json", labels.substr(0, labels.rfind('\n', labels.size() - 2) + 1));
  CHECK(message() == "llava_pope_test.jsonl:144: coco_pope_popular.json has only 71 labels");
  fixture.write("data/coco/coco_pope_popular.json", R"({"question_id": 1, "image": "a.jpg", "text": "?", "label": "maybe"})");
  CHECK(message() == "coco/coco_pope_popular.json:1: \"label\" must be yes or no (got 'maybe')");
  fixture.write("data/coco/coco_pope_popular.json", labels);
  fixture.write("data/llava_pope_test.jsonl", R"({"question_id": 1, "image": "a.jpg", "text": "?", "category": "odd"})");
  CHECK(message() == "llava_pope_test.jsonl:1: unknown category 'odd'");
  fs::remove(fixture.data() / "coco/coco_pope_random.json");
  CHECK_THROWS_WITH(fixture.open("pope"), "no labels of POPE's category 'random': 'coco_pope_random.json' is not in '" + fixture.data().string() + "'");
}

TEST_CASE("MME scores as calculation.py does, from LLaVA's answers and from a results folder") {
  const Fixture fixture("mme");
  const auto mme = fixture.open("mme");
  REQUIRE(mme->items().size() == 224);
  CHECK(mme->items()[0].question == "Is thing 0 of existence here?\nAnswer the question using a single word or phrase.");
  CHECK(mme->items()[0].pictures.front() == "existence/images/0000.png");
  for (const auto& [subtask, text] : fixture.json()["results"].items()) fixture.write("results/" + subtask + ".txt", text.get<std::string>());
  for (const fs::path& file : {fixture.answers(), fixture.answers().parent_path() / "results"}) {
    const auto values = scores(*mme, file);
    for (const auto& [metric, value] : fixture.expected().items())
      if (value.is_number()) CHECK(values.at(metric) == exactly(value.get<double>()));
  }
  const auto lmms = scores(*fixture.open("mme", "lmms-eval"), fixture.answers());
  for (const auto& [metric, value] : fixture.expected()["lmms-eval"].items()) CHECK(lmms.at(metric) == exactly(value.get<double>()));
  CHECK(mme->majority() == 500);
  std::vector<bench::Judged> always;
  for (const bench::Item& item : mme->items()) always.push_back(mme->judge(item, "yes"));
  CHECK(mme->score(always)[0].value == Approx(500));
  CHECK(mme->score(always)[0].n == 160);
  const auto official = fixture.open("mme", "official");
  CHECK(official->items()[0].question == "Is thing 0 of existence here? Please answer yes or no.");
}

TEST_CASE("answers to MME without prompts are taken in order; a limit keeps pairs together") {
  const Fixture fixture("mme");
  std::string rows;
  for (const Json& row : fixture.json()["answers"]) rows += Json{{"question_id", row["question_id"]}, {"text", row["text"]}}.dump() + "\n";
  fixture.write("plain.jsonl", rows);
  const auto mme = fixture.open("mme");
  CHECK(scores(*mme, fixture.answers().parent_path() / "plain.jsonl").at("perception") == exactly(fixture.expected()["perception"].get<double>()));
  mme->keep(50, 3);
  std::map<std::string, int> groups;
  for (const auto& item : mme->items()) ++groups[item.group];
  for (const auto& [group, count] : groups) CHECK(count == 2);
  // Answers to questions that are not asked are passed over, in either format.
  for (const auto& [subtask, text] : fixture.json()["results"].items()) fixture.write("results/" + subtask + ".txt", text.get<std::string>());
  CHECK(scores(*mme, fixture.answers()) == scores(*mme, fixture.answers().parent_path() / "results"));
}

TEST_CASE("MME's chance and majority are those of the subtasks that a limit leaves") {
  const Fixture fixture("mme");
  const auto mme = fixture.open("mme");
  CHECK(mme->chance() == 750);
  mme->keep(8, 1);
  const std::set<std::string> cognition = {"commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"};
  std::set<std::string> subtasks;
  std::vector<bench::Judged> always;
  for (const auto& item : mme->items()) {
    if (!cognition.contains(item.category)) subtasks.insert(item.category);
    always.push_back(mme->judge(item, "yes"));
  }
  REQUIRE(subtasks.size() < 10);
  CHECK(mme->chance() == 75.0 * static_cast<double>(subtasks.size()));
  CHECK(mme->majority() == mme->score(always)[0].value);
}

TEST_CASE("what is wrong with MME's files is named") {
  const Fixture fixture("mme");
  const std::string question = fixture.json()["files"]["OCR/0000.txt"].get<std::string>();
  fixture.write("data/OCR/0000.txt", question + question);
  CHECK_THROWS_WITH(fixture.open("mme"), (fixture.data() / "OCR/0000.txt").string() + ": 4 questions about a picture");
  fixture.write("data/OCR/0000.txt", "Is it?\tYes\nIs it not? No\n");
  CHECK_THROWS_WITH(fixture.open("mme"), (fixture.data() / "OCR/0000.txt").string() + ":2: a line is a question, a tab, and Yes or No");
  fs::remove_all(fixture.data() / "OCR");
  CHECK_THROWS_WITH(fixture.open("mme"), "no folder of MME's OCR in '" + fixture.data().string() + "'");
  make_folders(fixture.data() / "OCR");
  CHECK_THROWS_WITH(fixture.open("mme"), "no questions in '" + (fixture.data() / "OCR").string() + "/'");
  fixture.write("data/OCR/0000.txt", question);
  const auto mme = fixture.open("mme");
  make_folders(fixture.answers().parent_path() / "results");
  CHECK_THROWS_WITH(mme->read_answers(fixture.answers().parent_path() / "results"),
                    "no answers of MME's 'existence': '" + (fixture.answers().parent_path() / "results/existence.txt").string() + "' is not there");
  fixture.write("results/existence.txt", "a\tb\tc\n");
  CHECK_THROWS_WITH(mme->read_answers(fixture.answers().parent_path() / "results"),
                    (fixture.answers().parent_path() / "results/existence.txt").string() + ":1: a line is picture, question, truth and answer, with tabs between");
}

TEST_CASE("ScienceQA reads and scores as eval_science_qa.py and evaluate_acc.py do") {
  const Fixture fixture("scienceqa");
  const Json& expected = fixture.expected();
  const auto all = fixture.open("scienceqa", "llava", "test");
  REQUIRE(all->items().size() == 240);
  std::vector<std::string> right;
  const auto read = judged(*all, fixture.answers());
  for (size_t i = 0; i < read.size(); ++i) {
    INFO(read[i].answer);
    CHECK(read[i].normalised == expected["read"][all->items()[i].id].get<std::string>());
    if (read[i].credit == 1) right.push_back(all->items()[i].id);
  }
  std::sort(right.begin(), right.end());
  CHECK(right == expected["correct"].get<std::vector<std::string>>());
  const auto values = scores(*all, fixture.answers());
  CHECK(100 * values.at("accuracy") == exactly(expected["accuracy"].get<double>()));
  const std::map<std::string, std::string> names = {{"acc_natural", "natural"}, {"acc_social", "social"}, {"acc_language", "language"}, {"acc_has_text", "text"},
                                                    {"acc_has_image", "img"}, {"acc_no_context", "no_context"}, {"acc_grade_1_6", "grade_1_6"}, {"acc_grade_7_12", "grade_7_12"}};
  for (const auto& [official, ours] : names) CHECK(100 * values.at(ours + ".accuracy") == Approx(expected["parts"][official].get<double>()).margin(0.00501));
  const auto pictures_alone = fixture.open("scienceqa");
  CHECK(100 * scores(*pictures_alone, fixture.answers()).at("accuracy") == Approx(expected["img"].get<double>()).margin(0.00501));
  CHECK(pictures_alone->items().size() < 240);
  for (const auto& item : pictures_alone->items()) CHECK(item.pictures.size() == 1);

  const auto lmms = judged(*fixture.open("scienceqa", "lmms-eval", "test"), fixture.answers());
  for (size_t i = 0; i < lmms.size(); ++i) {
    INFO(lmms[i].answer);
    CHECK(lmms[i].credit == expected["lmms-eval"][i].get<double>());
  }
}

TEST_CASE("ScienceQA asks as LLaVA and lmms-eval do") {
  const Fixture fixture("scienceqa");
  const auto llava = fixture.open("scienceqa", "llava", "test"), lmms = fixture.open("scienceqa", "lmms-eval", "test");
  for (size_t i = 0; i < 12; ++i) {
    CHECK(llava->items()[i].question == fixture.expected()["prompts"][llava->items()[i].id].get<std::string>() + "\nAnswer with the option's letter from the given choices directly.");
    CHECK(lmms->items()[i].question == fixture.expected()["lmms-eval prompts"][i].get<std::string>());
  }
  CHECK(llava->choices(llava->items()[0]).size() >= 2);
  fixture.write("data/llava_test_CQM-A.json", R"([{"id": "0", "conversations": [{"from": "human", "value": "Asked otherwise\n<image>"}]}])");
  CHECK_THROWS_WITH(fixture.open("scienceqa", "llava", "test"), "llava_test_CQM-A.json does not ask question 1");
  Json rows = Json::array();
  for (const auto& item : llava->items()) rows.push_back({{"id", item.id}, {"conversations", {{{"from", "human"}, {"value", "Asked otherwise\n<image>"}}}}});
  fixture.write("data/llava_test_CQM-A.json", rows.dump());
  CHECK(fixture.open("scienceqa", "llava", "test")->items()[0].question == "Asked otherwise\nAnswer with the option's letter from the given choices directly.");
}

TEST_CASE("what is wrong with ScienceQA's files is named") {
  const Fixture fixture("scienceqa");
  const std::string problems = (fixture.data() / "problems.json").string();
  fixture.write("data/pid_splits.json", R"({"test": ["7", "x7"]})");
  CHECK_THROWS_WITH(fixture.open("scienceqa"), problems + ": no problem x7, which pid_splits.json names");
  fixture.write("data/pid_splits.json", R"({"train": []})");
  CHECK_THROWS_WITH(fixture.open("scienceqa"), (fixture.data() / "pid_splits.json").string() + ": \"test\" is missing");
  fixture.write("data/pid_splits.json", R"({"test": ["7"]})");
  fixture.write("data/problems.json", R"({"7": {"question": "?", "hint": "", "choices": ["a"], "answer": 1, "image": null}})");
  CHECK_THROWS_WITH(fixture.open("scienceqa"), problems + ": problem 7: answer 1 of 1 choices");
  fixture.write("data/problems.json", R"({"7": {"question": 1, "hint": "", "choices": ["a"], "answer": 0, "image": null}})");
  CHECK_THROWS_WITH(fixture.open("scienceqa"), problems + ": problem 7: \"question\" must be a string (got number)");
  CHECK_THROWS_WITH(fixture.open("scienceqa", "official"), "benchmark 'scienceqa' has no variant 'official'");
  CHECK_THROWS_WITH(fixture.open("scienceqa", "", "train"), "benchmark 'scienceqa' has no split 'train'");
  CHECK_THROWS_WITH(fixture.open("sciencqa"), "unknown benchmark 'sciencqa'");
}

TEST_CASE("MMBench reads answers and counts rotations as its evaluator does") {
  const Fixture fixture("mmbench");
  const Json& expected = fixture.expected();
  const auto mmbench = fixture.open("mmbench");
  REQUIRE(mmbench->items().size() >= 200);
  const auto read = judged(*mmbench, fixture.answers());
  for (size_t i = 0; i < read.size(); ++i) {
    INFO(read[i].answer);
    CHECK(read[i].normalised == expected["read"][i].get<std::string>());
  }
  const auto values = scores(*mmbench, fixture.answers());
  CHECK(values.at("accuracy") == exactly(expected["accuracy"].get<double>()));
  for (const auto& [category, value] : expected["categories"].items()) CHECK(values.at(category + ".accuracy") == exactly(value.get<double>()));
  for (const auto& [category, value] : expected["l2"].items()) CHECK(values.at("l2." + category + ".accuracy") == exactly(value.get<double>()));
  CHECK(values.at("unread") > 0);
  CHECK(values.at("vanilla.accuracy") > values.at("accuracy"));

  const auto item = std::find_if(mmbench->items().begin(), mmbench->items().end(), [](const auto& one) { return one.question.starts_with("A hint, "); });
  REQUIRE(item != mmbench->items().end());
  CHECK(item->question.starts_with(fmt::format("A hint, {0}.\nWhat is {0}?\nA. thing{0} red\nB. thing{0} green", item->id)));
  CHECK(item->question.ends_with("\nAnswer with the option's letter from the given choices directly."));
  CHECK(fixture.open("mmbench", "lmms-eval")->items()[0].question.find(" There are several options:\nA. thing0 red") != std::string::npos);
  CHECK_THROWS_WITH(mmbench->pictures()->load("nothing"), "no picture 'nothing' in the benchmark's file");
}

TEST_CASE("MMBench's Chinese tables, its test split, and tables as answers") {
  const Fixture fixture("mmbench");
  const std::string table = fixture.json()["files"]["mmbench_dev_20230712.tsv"].get<std::string>();
  fixture.write("data/MMBench_DEV_CN.tsv", table);
  CHECK(fixture.open("mmbench-cn")->items()[0].question.ends_with("\n请直接回答选项字母。"));
  fixture.write("data/MMBench_TEST_EN.tsv", table);
  const auto test = fixture.open("mmbench", "", "test");
  CHECK_FALSE(test->has_truth());
  const auto submission = test->submission(std::vector<std::string>(test->items().size(), "B\tand \"more\""));
  REQUIRE(submission);
  CHECK(submission->content.starts_with("index\tquestion\tA\tB\tC\tD\tprediction\tanswer\tsplit\n0\tWhat is 0?\t"));
  CHECK(submission->content.find("\t\"B\tand \"\"more\"\"\"\t") != std::string::npos);
  fixture.write("given.tsv", submission->content);
  const auto given = test->read_answers(fixture.answers().parent_path() / "given.tsv");
  CHECK(given.size() == test->items().size());
  CHECK(given[3].text == "B\tand \"more\"");
  fixture.write("rounds.jsonl", "{\"question_id\": 0, \"round_id\": 0, \"text\": \"A\"}\n{\"question_id\": 0, \"round_id\": 1, \"text\": \"B\"}\n");
  CHECK(test->read_answers(fixture.answers().parent_path() / "rounds.jsonl").size() == 1);
  CHECK_THROWS_WITH(fixture.open("mmbench-cn", "", "test"), "no table of mmbench-cn test: 'mmbench_test_cn_20231003.tsv' is not in '" + fixture.data().string() + "'");
}

TEST_CASE("what is wrong with MMBench's table is named") {
  const Fixture fixture("mmbench");
  const std::string file = (fixture.data() / "mmbench_dev_20230712.tsv").string();
  const auto message = [&](const std::string& table) {
    fixture.write("data/mmbench_dev_20230712.tsv", table);
    try {
      fixture.open("mmbench");
    } catch (const Error& error) {
      return std::string(error.what()).substr(file.size());
    }
    return std::string("nothing");
  };
  const std::string head = "index\tquestion\thint\tA\tB\tanswer\timage\n";
  CHECK(message(head + "1\t?\t\tx\ty\tA\tR0\n") == "nothing");
  CHECK(message(head + "1\t?\t\tx\ty\tA\n") == ":2: 6 fields in a table of 7 columns");
  CHECK(message(head + "x\t?\t\tx\ty\tA\tR0\n") == ":2: the index must be a number (got 'x')");
  CHECK(message(head + "1\t?\t\tx\t\tA\tR0\n") == ":2: a question needs two options (got 1)");
  CHECK(message(head + "1\t?\t\tx\ty\tE\tR0\n") == ":2: the answer must be a letter from A to D (got 'E')");
  CHECK(message(head + "1\t\"?\t\tx\ty\tE\tR0\n") == ":2: a quoted field does not end");
  CHECK(message("") == " is empty");
  CHECK(message("index\tquestion\n1\t?\n") == ": no column 'image'");
}

TEST_CASE("SEED-Bench scores as LLaVA's script and lmms-eval's task") {
  const Fixture fixture("seed");
  const Json& expected = fixture.expected();
  const auto all = fixture.open("seed", "", "all");
  REQUIRE(all->items().size() == 220);
  CHECK(all->items()[3].question == "LLaVA asks 3");
  const auto values = scores(*all, fixture.answers());
  for (const auto& [name, value] : expected["printed"].items()) {
    const std::string metric = name == "Total" ? "accuracy" : name + ".accuracy";
    INFO(metric);
    CHECK(100 * values.at(metric) == Approx(value.get<double>()).margin(0.00501));
  }
  const auto lmms = scores(*fixture.open("seed", "lmms-eval", "all"), fixture.answers());
  CHECK(lmms.at("accuracy") == exactly(expected["lmms-eval"]["seed_all"].get<double>()));
  CHECK(lmms.at("image.accuracy") == exactly(expected["lmms-eval"]["seed_image"].get<double>()));
  CHECK(lmms.at("video.accuracy") == exactly(expected["lmms-eval"]["seed_video"].get<double>()));
  const auto pictures = fixture.open("seed");
  CHECK(pictures->items().size() == 165);
  CHECK(scores(*pictures, fixture.answers()).at("accuracy") == exactly(values.at("image.accuracy")));
  fs::remove(fixture.data() / "llava-seed-bench.jsonl");
  CHECK(fixture.open("seed")->items()[1].question == "What is 1?\nA. a1\nB. b1\nC. c1\nD. 1\nAnswer with the option's letter from the given choices directly.");
  CHECK_THROWS_WITH(fixture.open("seed", "", "all"), "no LLaVA's questions of SEED-Bench, which say which frame of a video is shown: 'llava-seed-bench.jsonl' is not in '" + fixture.data().string() + "'");
  fixture.write("data/llava-seed-bench.jsonl", R"({"question_id": "0", "image": "a", "text": "b"})");
  const std::string file = (fixture.data() / "SEED-Bench.json").string();
  CHECK_THROWS_WITH(fixture.open("seed", "", "all"), file + ": question 1: llava-seed-bench.jsonl does not ask it");
  fixture.write("data/SEED-Bench.json", R"({"questions": [{"question_id": 1, "data_type": "image", "answer": "E", "question_type_id": 1}]})");
  CHECK_THROWS_WITH(fixture.open("seed"), file + ": question 1: the answer must be a letter from A to D (got 'E')");
}
