// VQA's soft accuracy and the benchmarks with it, GQA and A-OKVQA against what their scorers say (tests/parity/benchmarks_vqa.py).
#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "modules/bench/vqa/normaliser.h"
#include "tests/modules/bench/fixture.h"

using namespace saucier;

namespace {

auto exactly(double value) { return Approx(value).epsilon(1e-12).margin(1e-14); }

// The questions of the VQA fixture as VizWiz and TextVQA lay theirs out.
Json questions_of(const Fixture& fixture) { return Json::parse(read_file(fixture.data() / "v2_OpenEnded_mscoco_val2014_questions.json"))["questions"]; }
Json annotations_of(const Fixture& fixture) { return Json::parse(read_file(fixture.data() / "v2_mscoco_val2014_annotations.json"))["annotations"]; }

void write_textvqa(const Fixture& fixture) {
  const Json questions = questions_of(fixture), annotations = annotations_of(fixture);
  Json rows = Json::array();
  for (size_t i = 0; i < questions.size(); ++i) {
    Json answers = Json::array();
    for (const Json& one : annotations[i]["answers"]) answers.push_back(one["answer"]);
    rows.push_back({{"question_id", questions[i]["question_id"]}, {"image_id", fmt::format("p{}", i / 2)}, {"question", questions[i]["question"]}, {"answers", answers}});
  }
  fixture.write("data/TextVQA_0.5.1_val.json", Json{{"data", rows}}.dump());
}

}  // namespace

TEST_CASE("answers are normalised as EvalAI, vqaEval.py and lmms-eval do") {
  const Fixture fixture("vqa");
  CHECK(fixture.json()["normalised"].size() >= 200);
  for (const Json& one : fixture.json()["normalised"]) {
    const std::string text = one["text"].get<std::string>();
    INFO(Json(text).dump());
    CHECK(bench::evalai_answer(text) == one["evalai"].get<std::string>());
    CHECK(bench::vqa_digits_and_articles(bench::vqa_punctuation(text, false)) == one["official"].get<std::string>());
    CHECK(bench::vqa_digits_and_articles(bench::vqa_punctuation(text, true)) == one["lmms"].get<std::string>());
  }
}

TEST_CASE("VQAv2 scores each answer and all of them as the official code, LLaVA's way there, and lmms-eval") {
  const Fixture fixture("vqa");
  const Json& expected = fixture.expected();
  for (const auto& [variant, name] : std::map<std::string, std::string>{{"official", "official"}, {"llava", "llava"}, {"lmms-eval", "lmms.vqav2"}}) {
    const auto vqa = fixture.open("vqav2", variant);
    REQUIRE(vqa->items().size() == 240);
    CHECK(vqa->items()[3].pictures.front() == "COCO_val2014_000000000001.jpg");
    CHECK(vqa->items()[3].question == "What is 3?\nAnswer the question using a single word or phrase.");
    const auto read = judged(*vqa, fixture.answers());
    for (size_t i = 0; i < read.size(); ++i) {
      INFO(variant << " " << Json(read[i].answer).dump() << " of " << vqa->items()[i].truth << " as " << read[i].normalised);
      const double value = expected[name][i].get<double>();
      if (variant == "lmms-eval") CHECK(read[i].credit == value);
      else CHECK(100 * read[i].credit == Approx(value).margin(1e-11));  // vqaEval.py gives per cents, rounded
    }
  }
  const auto values = scores(*fixture.open("vqav2", "official"), fixture.answers());
  CHECK(100 * values.at("accuracy") == Approx(expected["official.accuracy"].get<double>()).margin(1e-11));
  for (const auto& [type, value] : expected["official.types"].items()) CHECK(100 * values.at(type + ".accuracy") == Approx(value.get<double>()).margin(1e-11));
  CHECK(fixture.open("vqav2")->setting()["variant"] == "llava");
}

TEST_CASE("OK-VQA has VQA's layout under its own names") {
  const Fixture fixture("vqa");
  fs::rename(fixture.data() / "v2_OpenEnded_mscoco_val2014_questions.json", fixture.data() / "OpenEnded_mscoco_val2014_questions.json");
  fs::rename(fixture.data() / "v2_mscoco_val2014_annotations.json", fixture.data() / "mscoco_val2014_annotations.json");
  CHECK(100 * scores(*fixture.open("okvqa"), fixture.answers()).at("accuracy") == Approx(fixture.expected()["official.accuracy"].get<double>()).margin(1e-11));
  const auto lmms = judged(*fixture.open("okvqa", "lmms-eval"), fixture.answers());
  for (size_t i = 0; i < lmms.size(); ++i) CHECK(lmms[i].credit == fixture.expected()["lmms.textvqa"][i].get<double>());
}

TEST_CASE("TextVQA is joined by picture and question, with and without OCR tokens") {
  const Fixture fixture("vqa");
  write_textvqa(fixture);
  const Json questions = questions_of(fixture);
  std::string llava, answers;
  Json ocr = Json::array();
  for (size_t i = 0; i < questions.size(); ++i) {
    const std::string question = questions[i]["question"].get<std::string>(), picture = fmt::format("p{}", i / 2);
    const std::string prompt = fmt::format("{}\nReference OCR token: X, {}\nAnswer the question using a single word or phrase.", question, i / 2);
    llava += Json{{"question_id", picture}, {"image", picture + ".jpg"}, {"text", prompt}}.dump() + "\n";
    answers += Json{{"question_id", picture}, {"prompt", prompt}, {"text", fixture.json()["answers"][i]["text"]}}.dump() + "\n";
    if (i % 2 == 0) ocr.push_back({{"image_id", picture}, {"ocr_tokens", {"X", std::to_string(i / 2)}}});
  }
  CHECK_THROWS_WITH(fixture.open("textvqa"), "no OCR tokens of TextVQA: neither 'llava_textvqa_val_v051_ocr.jsonl' nor 'TextVQA_Rosetta_OCR_v0.2_val.json' is in '" + fixture.data().string() + "'");
  fixture.write("by_picture.jsonl", answers);
  const fs::path given = fixture.answers().parent_path() / "by_picture.jsonl";
  fixture.write("data/TextVQA_Rosetta_OCR_v0.2_val.json", Json{{"data", ocr}}.dump());
  const auto composed = fixture.open("textvqa");
  fixture.write("data/llava_textvqa_val_v051_ocr.jsonl", llava);
  const auto textvqa = fixture.open("textvqa");
  CHECK(composed->items()[5].question == textvqa->items()[5].question);
  CHECK(textvqa->items()[5].question == "What is 5?\nReference OCR token: X, 2\nAnswer the question using a single word or phrase.");
  const auto read = judged(*textvqa, given);
  for (size_t i = 0; i < read.size(); ++i) CHECK(read[i].credit == exactly(fixture.expected()["m4c"][i].get<double>()));
  CHECK(scores(*textvqa, given).at("accuracy") == exactly(fixture.expected()["m4c.accuracy"].get<double>()));
  const auto lmms = fixture.open("textvqa", "lmms-eval");
  CHECK(lmms->items()[5].question == "What is 5?\nAnswer the question using a single word or phrase.");
  const auto other = judged(*lmms, fixture.answers());
  for (size_t i = 0; i < other.size(); ++i) CHECK(other[i].credit == fixture.expected()["lmms.textvqa"][i].get<double>());

  fixture.write("data/llava_textvqa_val_v051_ocr.jsonl", llava.substr(llava.find('\n') + 1));
  CHECK_THROWS_WITH(fixture.open("textvqa"), (fixture.data() / "TextVQA_0.5.1_val.json").string() + ": question 1000: llava_textvqa_val_v051_ocr.jsonl does not ask it");
}

TEST_CASE("VizWiz val is scored here, its test by a server") {
  const Fixture fixture("vqa");
  const Json questions = questions_of(fixture), annotations = annotations_of(fixture);
  Json rows = Json::array(), answers = Json::array();
  for (size_t i = 0; i < questions.size(); ++i) {
    const std::string picture = fmt::format("VizWiz_val_{:08}.jpg", i);
    rows.push_back({{"image", picture}, {"question", questions[i]["question"]}, {"answers", annotations[i]["answers"]}, {"answer_type", "other"}, {"answerable", 1}});
    answers.push_back({{"image", picture}, {"answer", fixture.json()["answers"][i]["text"]}});
  }
  fixture.write("data/val.json", rows.dump());
  fixture.write("given.json", answers.dump());
  const fs::path given = fixture.answers().parent_path() / "given.json";
  CHECK(100 * scores(*fixture.open("vizwiz"), given).at("accuracy") == Approx(fixture.expected()["llava.accuracy"].get<double>()).margin(1e-11));
  for (Json& row : rows) row.erase("answers");
  fixture.write("data/test.json", rows.dump());
  const auto test = fixture.open("vizwiz", "", "test");
  CHECK_FALSE(test->has_truth());
  CHECK_THROWS_WITH(test->score(judged(*test, given)), "only the server of 'vizwiz' can score its split 'test'");
  std::vector<std::string> texts;
  for (const Json& row : answers) texts.push_back(row["answer"].get<std::string>());
  const auto submission = test->submission(texts);
  REQUIRE(submission);
  const Json sent = Json::parse(submission->content);
  CHECK(sent.size() == 240);
  CHECK(sent[7] == Json{{"image", "VizWiz_val_00000007.jpg"}, {"answer", bench::evalai_answer(texts[7])}});
  rows[3].erase("image");
  fixture.write("data/val.json", rows.dump());
  CHECK_THROWS_WITH(fixture.open("vizwiz"), (fixture.data() / "val.json").string() + ": entry 1: \"answers\" is missing");
}

TEST_CASE("what is sent to VQAv2's server answers the whole test set") {
  const Fixture fixture("vqa");
  const Json questions = questions_of(fixture);
  Json some = Json::array();
  for (size_t i = 0; i < 10; ++i) some.push_back(questions[i]);
  fixture.write("data/v2_OpenEnded_mscoco_test-dev2015_questions.json", Json{{"questions", some}}.dump());
  fixture.write("data/v2_OpenEnded_mscoco_test2015_questions.json", Json{{"questions", questions}}.dump());
  const auto test = fixture.open("vqav2", "", "test-dev");
  CHECK(test->items().size() == 10);
  CHECK(test->items()[0].pictures.front() == "COCO_test2015_000000000000.jpg");
  const Json sent = Json::parse(test->submission(std::vector<std::string>(10, "Two dogs."))->content);
  REQUIRE(sent.size() == 240);
  CHECK(sent[9] == Json{{"question_id", 1009}, {"answer", "2 dogs"}});
  CHECK(sent[10] == Json{{"question_id", 1010}, {"answer", ""}});
}

TEST_CASE("GQA compares as LLaVA's conversion and lmms-eval's metric") {
  const Fixture fixture("gqa");
  const auto gqa = fixture.open("gqa");
  const auto read = judged(*gqa, fixture.answers());
  double right = 0;
  for (size_t i = 0; i < read.size(); ++i) {
    CHECK(read[i].normalised == fixture.expected()["llava"][i].get<std::string>());
    right += fixture.expected()["llava"][i].get<std::string>() == gqa->items()[i].truth;
  }
  const auto values = scores(*gqa, fixture.answers());
  CHECK(values.at("accuracy") == exactly(right / 210));
  CHECK(values.contains("binary.accuracy"));
  CHECK(values.at("open.accuracy") == values.at("query.accuracy"));
  const auto lmms = judged(*fixture.open("gqa", "lmms-eval"), fixture.answers());
  for (size_t i = 0; i < lmms.size(); ++i) CHECK(lmms[i].credit == fixture.expected()["lmms-eval"][i].get<double>());
  const Json sent = Json::parse(gqa->submission(std::vector<std::string>(210, "Yes."))->content);
  CHECK(sent[0] == Json{{"questionId", "200000000"}, {"prediction", "yes"}});
  fixture.write("sent.json", sent.dump());
  CHECK(gqa->read_answers(fixture.answers().parent_path() / "sent.json").front().id == "200000000");
  fixture.write("data/llava_gqa_testdev_balanced.jsonl", R"({"question_id": "200000000", "text": "Asked otherwise", "image": "a.jpg"})");
  CHECK_THROWS_WITH(fixture.open("gqa"), (fixture.data() / "testdev_balanced_questions.json").string() + ": question 200000001: LLaVA's questions do not ask it");
}

TEST_CASE("A-OKVQA scores direct answers and choices as eval_predictions.py does") {
  const Fixture fixture("aokvqa");
  const fs::path predictions = fixture.data() / "predictions.json";
  CHECK(100 * scores(*fixture.open("aokvqa"), predictions).at("accuracy") == exactly(fixture.expected()["direct"].get<double>()));
  CHECK(100 * scores(*fixture.open("aokvqa"), fixture.answers()).at("accuracy") == exactly(fixture.expected()["direct"].get<double>()));
  const auto choice = fixture.open("aokvqa", "", "val-mc");
  CHECK(100 * scores(*choice, predictions).at("accuracy") == exactly(fixture.expected()["choice"].get<double>()));
  CHECK(choice->items()[0].question == "What is 0?\nA. thing 0 0\nB. thing 0 1\nC. thing 0 2\nD. thing 0 3\nAnswer with the option's letter from the given choices directly.");
  for (const char* answer : {"B", "B.", "B. thing 0 1", "B) yes", "thing 0 1", " B "}) CHECK(choice->judge(choice->items()[0], answer).normalised == "thing 0 1");
  CHECK(choice->judge(choice->items()[0], "Both").normalised == "Both");
}

TEST_CASE("what is wrong with VQA's files and answers is named") {
  const Fixture fixture("vqa");
  const std::string file = "v2_mscoco_val2014_annotations.json";
  Json annotations = annotations_of(fixture);
  const Json first = annotations[0];
  annotations.erase(0);
  fixture.write("data/" + file, Json{{"annotations", annotations}}.dump());
  CHECK_THROWS_WITH(fixture.open("vqav2"), (fixture.data() / "v2_OpenEnded_mscoco_val2014_questions.json").string() + ": question 1000: no annotation of it in " + file);
  annotations.push_back(first);
  annotations.push_back({{"question_id", 7}, {"answers", {{{"answer", "x"}}}}});
  fixture.write("data/" + file, Json{{"annotations", annotations}}.dump());
  CHECK_THROWS_WITH(fixture.open("vqav2"), (fixture.data() / file).string() + ": question 7 is annotated and not asked in v2_OpenEnded_mscoco_val2014_questions.json");
  annotations.back()["answers"] = Json::array();
  fixture.write("data/" + file, Json{{"annotations", annotations}}.dump());
  CHECK_THROWS_WITH(fixture.open("vqav2"), (fixture.data() / file).string() + ": question 7: \"answers\" is empty");
  fs::remove(fixture.data() / file);
  CHECK_THROWS_WITH(fixture.open("vqav2"), "no annotations of VQAv2 val: '" + file + "' is not in '" + fixture.data().string() + "'");

  const Fixture whole("vqa");
  const auto vqa = whole.open("vqav2");
  whole.write("answers.jsonl", "{\"question_id\": 1000, \"text\": \"a\"}\n\n{\"question_id\": 1000, \"text\": \"b\"}\n{\"question_id\": 5, \"text\": \"b\"}\n");
  const auto given = vqa->read_answers(whole.answers());
  const auto problems = bench::match(vqa->items(), given, vqa->left_out()).problems;
  REQUIRE(problems.size() == 2 + 239);
  CHECK(problems[0].code == "doubled-answer");
  CHECK(problems[0].line == 3);
  CHECK(problems[0].message == "question 1000 is answered again; its first answer stands in line 1");
  CHECK(problems[1].code == "unknown-question");
  CHECK(problems[1].message == "no question 5 in the benchmark");
  CHECK(problems[2].code == "missing-answer");
  CHECK(problems[2].message == "question 1001 has no answer");
  const auto message = [&](const std::string& text) {
    whole.write("answers.jsonl", text);
    try {
      vqa->read_answers(whole.answers());
    } catch (const Error& error) {
      return std::string(error.what()).substr(whole.answers().parent_path().string().size() + 1);
    }
    return std::string("nothing");
  };
  CHECK(message("{\"question_id\": 1000}\n") == "answers.jsonl:1: an answer needs \"question_id\" and \"text\" or \"answer\"");
  CHECK(message("[{\"question_id\": 1000, \"answer\": 3}]") == "answers.jsonl: answer 1: an answer needs \"question_id\" and \"text\" or \"answer\"");
  CHECK(message("{\"text\": \"a\"}\n") == "answers.jsonl:1: an answer needs \"question_id\" and \"text\" or \"answer\"");
  CHECK(message("\n").starts_with("no answer in '") == false);
  CHECK_THROWS_WITH(vqa->read_answers(whole.answers()), "no answer in '" + whole.answers().string() + "'");
}
