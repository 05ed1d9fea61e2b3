// Captions against pycocoevalcap (tests/parity/captions.py), and the benchmark over COCO's files.
#include <catch2/catch.hpp>

#include <cstdlib>

#include "modules/bench/caption/coco_caption.h"
#include "modules/bench/caption/metrics.h"
#include "modules/bench/caption/ptb.h"
#include "tests/modules/bench/folder_of.h"

using namespace saucier;

namespace {

auto exactly(double value) { return Approx(value).epsilon(1e-12).margin(1e-15); }

std::vector<std::string> lines_of(const fs::path& file) {
  std::vector<std::string> out(1);
  for (const char c : read_file(file)) {
    if (c == '\n') out.emplace_back();
    else out.back() += c;
  }
  return out;
}

std::string joined(const std::vector<std::string>& tokens) { return fmt::format("{}", fmt::join(tokens, " ")); }

const char* kKarpathy = R"({"dataset": "coco", "images": [
  {"filepath": "val2014", "filename": "COCO_val2014_000000000007.jpg", "split": "test", "cocoid": 7, "sentences": [{"raw": "A dog runs on the grass."}, {"raw": "a brown dog"}]},
  {"filepath": "val2014", "filename": "COCO_val2014_000000000008.jpg", "split": "val", "cocoid": 8, "sentences": [{"raw": "A cat."}]},
  {"filepath": "val2014", "filename": "COCO_val2014_000000000009.jpg", "split": "test", "cocoid": 9, "sentences": [{"raw": "A red bus."}, {"raw": "a bus on a street"}]}]})";

}  // namespace

TEST_CASE("tokens are those of Stanford's tokenizer") {
  const Json rows = bench_json("caption_tokens.json");
  REQUIRE(rows.size() > 600);
  std::vector<std::string> captions;
  for (const Json& row : rows) captions.push_back(row["caption"].get<std::string>());
  const auto tokens = bench::ptb_tokens(captions);
  for (size_t i = 0; i < rows.size(); ++i) {
    INFO(captions[i]);
    CHECK(joined(tokens[i]) == rows[i]["tokens"].get<std::string>());
  }
}

TEST_CASE("what captions meet when they are tokenised") {
  const auto one = [](const char* caption) { return joined(bench::ptb_tokens(caption)); };
  CHECK(one("A man's dog isn't here.") == "a man 's dog is n't here");
  CHECK(one("a (red) t-shirt, e-mail & AT&T") == "a -lrb- red -rrb- t-shirt e-mail & at&t");
  CHECK(one("1 1/2 \"quoted\" cups - $5") == "1\u00a01/2 quoted cups $ 5");
  CHECK(one("a \U0001f600 dog\r\nruns") == "a dog runs");
  CHECK(one("\xff dog") == "dog");
  CHECK(one("") == "");
  // The next caption's first word decides about the full stop of an initial.
  const std::vector<std::string> ends = {"plan b.", "The end", "plan b.", "two men"};
  const auto tokens = bench::ptb_tokens(ends);
  CHECK(joined(tokens[0]) == "plan b");
  CHECK(joined(tokens[2]) == "plan b.");
}

// tests/parity/captions.py --corpus writes what this reads.
TEST_CASE("tokens of a large corpus", "[.ptb-corpus]") {
  const char* folder = std::getenv("SAUCIER_PTB_CORPUS");
  REQUIRE(folder);
  const auto captions = lines_of(fs::path(folder) / "lines.txt"), expected = lines_of(fs::path(folder) / "tokens.txt");
  REQUIRE(captions.size() == expected.size());
  const auto tokens = bench::ptb_tokens(captions);
  size_t different = 0;
  for (size_t i = 0; i < captions.size(); ++i)
    if (joined(tokens[i]) != expected[i] && ++different <= 20) UNSCOPED_INFO(captions[i] << "\n  " << joined(tokens[i]) << "\n  " << expected[i]);
  UNSCOPED_INFO(different << " of " << captions.size() << " lines differ");
  CHECK(different == 0);
}

TEST_CASE("CIDEr-D, BLEU and ROUGE-L are pycocoevalcap's") {
  const Json expected = bench_json("caption_scores.json");
  std::vector<std::vector<std::string>> references;
  std::vector<std::string> captions;
  std::vector<bench::Item> items;
  for (const Json& picture : expected["pictures"]) {
    references.push_back(picture["references"].get<std::vector<std::string>>());
    captions.push_back(picture["caption"].get<std::string>());
    items.push_back({.id = std::to_string(items.size()), .group = std::to_string(items.size()), .category = "", .question = "", .truth = "", .pictures = {}});
  }
  REQUIRE(captions.size() >= 200);
  const bench::CaptionReferences cooked(references);
  const auto scored = cooked.score(captions);
  for (size_t i = 0; i < captions.size(); ++i) {
    INFO(captions[i]);
    const Json& picture = expected["pictures"][i];
    CHECK(scored[i].cider == exactly(picture["cider"].get<double>()));
    CHECK(scored[i].rouge_l == exactly(picture["rouge_l"].get<double>()));
    const auto bleu = bench::bleu(scored[i].bleu);
    for (size_t n = 0; n < bleu.size(); ++n) CHECK(bleu[n] == exactly(picture["bleu"][n].get<double>()));
  }
  auto values = values_of(bench::caption_scores(items, references, captions));
  CHECK(values["cider"] == exactly(expected["cider"].get<double>()));
  CHECK(values["rouge_l"] == exactly(expected["rouge_l"].get<double>()));
  for (size_t n = 0; n < 4; ++n) CHECK(values[fmt::format("bleu_{}", n + 1)] == exactly(expected["bleu"][n].get<double>()));
  CHECK(cooked.constant_cider("a man") > 0);
}

TEST_CASE("COCO captions: Karpathy's split") {
  WrittenFolder folder;
  folder.write("dataset_coco.json", kKarpathy);
  const auto coco = folder.open("coco-caption");
  REQUIRE(coco->items().size() == 2);
  CHECK(coco->items()[0].id == "7");
  CHECK(coco->items()[0].pictures == std::vector<std::string>{"COCO_val2014_000000000007.jpg"});
  CHECK(coco->items()[0].question == "Provide a one-sentence caption for the provided image.");
  CHECK(coco->items()[0].truth == "A dog runs on the grass. | a brown dog");
  CHECK(coco->left_out() == std::set<std::string>{"8"});
  CHECK(coco->main_metric() == "cider");
  CHECK(coco->setting()["split"] == "karpathy-test");
  CHECK(coco->max_new_tokens() == 64);

  folder.write("results.json", R"([{"image_id": 9, "caption": "a red bus"}, {"image_id": 7, "caption": "A dog runs on the grass"}])");
  folder.write("answers.jsonl", "{\"question_id\": 7, \"text\": \"A dog runs on the grass\"}\n{\"question_id\": 9, \"text\": \"a red bus\"}\n");
  std::vector<double> found;
  for (const char* file : {"results.json", "answers.jsonl"}) {
    const auto given = coco->read_answers(folder.path() / file);
    const auto matched = bench::match(coco->items(), given, coco->left_out());
    REQUIRE(matched.problems.empty());
    std::vector<bench::Judged> judged;
    for (size_t i = 0; i < 2; ++i) judged.push_back(coco->judge(coco->items()[i], matched.by_item[i]->text));
    CHECK(judged[0].credit > 0.3);
    const auto scores = coco->score(judged);
    CHECK(scores[0].metric == "cider");
    CHECK(scores[0].n == 2);
    found.push_back(scores[0].value);
    CHECK(scores[0].value == Approx(10 * (judged[0].credit + judged[1].credit) / 2));
  }
  CHECK(found[0] == found[1]);
  CHECK(coco->majority() > 0);
  // Of one picture alone no n-gram tells anything.
  coco->keep(1, 0);
  CHECK(coco->judge(coco->items()[0], coco->items()[0].truth).credit == 0);
}

TEST_CASE("COCO captions: val2014") {
  WrittenFolder folder;
  folder.write("annotations/captions_val2014.json",
               R"({"images": [{"id": 5, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}],
                   "annotations": [{"image_id": 3, "id": 1, "caption": "a cat"}, {"image_id": 5, "id": 2, "caption": "a dog"}, {"image_id": 3, "id": 4, "caption": "cats"}]})");
  const auto coco = folder.open("coco-caption", "val2014");
  REQUIRE(coco->items().size() == 2);
  CHECK(coco->items()[0].id == "5");
  CHECK(coco->items()[1].truth == "a cat | cats");
}

TEST_CASE("COCO captions: what is wrong with the files") {
  WrittenFolder folder;
  CHECK(folder.refusal("coco-caption") == "no Karpathy's split of COCO: 'dataset_coco.json' is not in 'DIR'");
  CHECK(folder.refusal("coco-caption", "val2014") == "no captions of COCO val2014: 'captions_val2014.json' is not in 'DIR'");
  folder.write("captions_val2014.json", R"({"images": [{"id": 5, "file_name": "b.jpg"}], "annotations": []})");
  CHECK(folder.refusal("coco-caption", "val2014") == "DIR/captions_val2014.json: picture 5 has no caption");
  folder.write("captions_val2014.json", R"({"images": [], "annotations": [{"image_id": 5, "caption": "x"}]})");
  CHECK(folder.refusal("coco-caption", "val2014") == "DIR/captions_val2014.json: a caption of picture 5, which is not among the images");
  folder.write("dataset_coco.json", R"({"images": [{"cocoid": 4, "filename": "a.jpg", "split": "test", "sentences": []}]})");
  CHECK(folder.refusal("coco-caption") == "DIR/dataset_coco.json: picture 4 has no caption");
  folder.write("dataset_coco.json", R"({"images": [{"cocoid": 4, "filename": "a.jpg", "split": "val", "sentences": []}]})");
  CHECK(folder.refusal("coco-caption") == "no picture of split 'karpathy-test' in 'DIR'");
  folder.write("dataset_coco.json", kKarpathy);
  const auto coco = folder.open("coco-caption");
  folder.write("results.json", R"([{"image_id": 9}])").write("none.json", "[]");
  CHECK(folder.refusal_of([&] { coco->read_answers(folder.path() / "results.json"); }) == "DIR/results.json: caption 1: \"caption\" is missing");
  CHECK(folder.refusal_of([&] { coco->read_answers(folder.path() / "none.json"); }) == "no answer in 'DIR/none.json'");
}
