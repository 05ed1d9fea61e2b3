// RefCOCO: boxes in answers, IoU as lmms-eval computes it (tests/parity/benchmarks_judged.py), and both layouts of the files.
#include <catch2/catch.hpp>

#include "modules/bench/caption/refcoco.h"
#include "tests/modules/bench/folder_of.h"

using namespace saucier;
using bench::AnswerBox;

namespace {

const char* kInstances = R"({"images": [{"id": 1, "file_name": "COCO_train2014_000000000001.jpg", "width": 400, "height": 200}],
  "annotations": [{"id": 10, "image_id": 1, "bbox": [100, 50, 200, 100]}, {"id": 11, "image_id": 1, "bbox": [0, 0, 400, 200]}], "categories": []})";
const char* kRefs = R"([
  {"ref_id": 0, "ann_id": 10, "image_id": 1, "category_id": 1, "split": "val", "file_name": "ignored_16.jpg", "sentences": [{"sent": "left cup", "sent_id": 100}, {"sent": "the blue one", "sent_id": 101}]},
  {"ref_id": 1, "ann_id": 11, "image_id": 1, "category_id": 1, "split": "testA", "sentences": [{"sent": "all", "sent_id": 102}]}])";

}  // namespace

TEST_CASE("boxes are read and compared as lmms-eval does") {
  const Json rows = bench_json("refcoco.json");
  REQUIRE(rows.size() >= 200);
  for (const Json& row : rows) {
    const std::string answer = row["answer"].get<std::string>();
    INFO(answer);
    const auto four = [](const Json& list) { return AnswerBox{list[0].get<double>(), list[1].get<double>(), list[2].get<double>(), list[3].get<double>()}; };
    const AnswerBox box = bench::box_of_lmms_eval(answer);
    CHECK(box == four(row["box"]));
    CHECK(bench::iou(four(row["truth"]), box) == row["iou"].get<double>());
    CHECK((bench::iou(four(row["truth"]), box) >= 0.5) == row["right"].get<bool>());
  }
}

TEST_CASE("boxes as tools write them") {
  const auto box = [](const char* answer) { return bench::box_of(answer, 400, 200); };
  CHECK(box("[0.25, 0.5, 0.75, 1]") == AnswerBox{0.25, 0.5, 0.75, 1});
  CHECK(box("It is [ 0.25,0.5 ,0.75, 1.0 ].") == AnswerBox{0.25, 0.5, 0.75, 1});
  CHECK(box("[100, 50, 300, 150]") == AnswerBox{0.25, 0.25, 0.75, 0.75});
  CHECK(box("<ref>cup</ref><box>(250,500),(750,1000)</box>") == AnswerBox{0.25, 0.5, 0.75, 1});
  CHECK(box("<box>[[250, 500, 750, 1000]]</box>") == AnswerBox{0.25, 0.5, 0.75, 1});
  CHECK(box("{<25><50><75><100>}") == AnswerBox{0.25, 0.5, 0.75, 1});
  CHECK(box("<loc0512><loc0256><loc1024><loc0768>") == AnswerBox{0.25, 0.5, 0.75, 1});
  for (const char* none : {"", "left", "[0.1, 0.2, 0.3]", "0.1, 0.2, 0.3, 0.4", "[a, b, c, d]"}) CHECK_FALSE(box(none));
  CHECK(bench::iou({0, 0, 0, 0}, {0, 0, 0, 0}) == 0);
  // 400 x 200 in a square of 400: a hundred pixels above and below.
  CHECK(bench::in_square({0.25, 0.5, 0.75, 1}, 400, 200) == AnswerBox{0.25, 0.5, 0.75, 0.75});
  CHECK(bench::in_square({0, 0, 1, 1}, 3, 6) == AnswerBox{1.0 / 6, 0, 4.0 / 6, 1});  // one whole pixel on the left
}

TEST_CASE("RefCOCO: REFER's files") {
  WrittenFolder folder;
  folder.write("refcoco/refs(unc).json", kRefs).write("refcoco/instances.json", kInstances);
  const auto val = folder.open("refcoco");
  REQUIRE(val->items().size() == 2);
  CHECK(val->items()[0].id == "100");
  CHECK(val->items()[0].question == "Please provide the bounding box coordinate of the region this sentence describes: left cup");
  CHECK(val->items()[0].pictures.front() == "COCO_train2014_000000000001.jpg");
  CHECK(val->items()[0].group == val->items()[1].group);
  // Pixels 100-300 of 400 across, 50-150 of 200 down: in the padded square 150-250 down.
  CHECK(val->items()[0].truth == "[0.250, 0.375, 0.750, 0.625]");
  CHECK(val->left_out() == std::set<std::string>{"102"});
  CHECK(val->setting()["boxes"] == "square");
  CHECK(val->judge(val->items()[0], "[0.25, 0.375, 0.75, 0.625]").credit == 1);
  CHECK(val->judge(val->items()[0], "nothing").parts[0] == 0);

  auto options = folder.options("refcoco");
  options.variant = "official";
  const auto plain = bench::make_benchmark(options);
  CHECK(plain->items()[0].truth == "[0.250, 0.250, 0.750, 0.750]");
  // Half of the box is an IoU of exactly 0.5: above it is asked for, lmms-eval takes it.
  const char* half = "[0.25, 0.25, 0.5, 0.75]";
  CHECK(plain->judge(plain->items()[0], half).parts[0] == 0.5);
  CHECK(plain->judge(plain->items()[0], half).credit == 0);
  options.variant = "lmms-eval";
  const auto lmms = bench::make_benchmark(options);
  CHECK(lmms->judge(lmms->items()[0], half).credit == 1);
  CHECK(lmms->items()[0].question.ends_with("All values are floating point numbers bounded between 0 and 1. Please provide the bounding box coordinate of the region this sentence describes: left cup"));
  std::vector<bench::Judged> judged = {plain->judge(plain->items()[0], half), plain->judge(plain->items()[1], "[0.25, 0.25, 0.75, 0.75]")};
  const auto scores = plain->score(judged);
  CHECK(scores[0].metric == "accuracy");
  CHECK(scores[0].value == 0.5);
  CHECK(scores[1].metric == "iou");
  CHECK(scores[1].value == 0.75);
  CHECK(plain->majority() == 0);  // the box is a quarter of the picture
  CHECK(folder.open("refcoco", "refcoco-testA")->items().size() == 1);
}

TEST_CASE("RefCOCO: Shikra's lines") {
  WrittenFolder folder;
  folder.write("REC_refcoco+_unc_testB.jsonl", R"({"img_path": "a.jpg", "expression": "cup", "bbox": [100, 50, 300, 150], "dataset_name": "x", "width": 400, "height": 200})");
  const auto lines = folder.open("refcoco", "refcoco+-testB");
  CHECK(lines->items()[0].id == "1");
  CHECK(lines->items()[0].truth == "[0.250, 0.375, 0.750, 0.625]");
}

TEST_CASE("RefCOCO: what is wrong with the files") {
  WrittenFolder folder;
  CHECK(folder.refusal("refcoco") == "no expressions of refcoco-val: 'refcoco/refs(unc).json' is not in 'DIR'");
  CHECK(folder.refusal("refcoco", "refcocog-val") == "no expressions of refcocog-val: 'refcocog/refs(umd).json' is not in 'DIR'");
  folder.write("refcoco/refs(unc).p", "");
  CHECK(folder.refusal("refcoco") == "'DIR/refcoco/refs(unc).p' is a pickle of Python's, which is not read");
  folder.write("refcoco/refs(unc).json", kRefs);
  CHECK(folder.refusal("refcoco") == "no boxes of refcoco: 'instances.json' is not in 'DIR/refcoco'");
  folder.write("refcoco/instances.json", R"({"images": [], "annotations": []})");
  CHECK(folder.refusal("refcoco") == "DIR/refcoco/refs(unc).json: reference 0: annotation 10 is not in instances.json");
  folder.write("refcoco/instances.json", R"({"images": [], "annotations": [{"id": 10, "bbox": [1, 2, 3, 4]}]})");
  CHECK(folder.refusal("refcoco") == "DIR/refcoco/refs(unc).json: reference 0: picture 1 is not in instances.json");
  folder.write("refcoco/refs(unc).json", "{}");
  CHECK(folder.refusal("refcoco") == "DIR/refcoco/refs(unc).json: must be a list of references");
  folder.write("refcoco/refs(unc).json", "[]");
  CHECK(folder.refusal("refcoco") == "no expression of split 'refcoco-val' in 'DIR'");
  folder.write("REC_refcoco_unc_val.jsonl", R"({"img_path": "a.jpg", "expression": "cup", "bbox": [1, 2, 3], "width": 4, "height": 2})");
  CHECK(folder.refusal("refcoco") == "DIR/REC_refcoco_unc_val.jsonl:1: \"bbox\" must be four numbers");
  folder.write("REC_refcoco_unc_val.jsonl", R"({"img_path": "a.jpg", "expression": "cup", "bbox": [1, 2, 3, 4]})");
  CHECK(folder.refusal("refcoco") == "DIR/REC_refcoco_unc_val.jsonl:1: \"width\" must be a number above 0");
  CHECK(folder.refusal("refcoco", "refcoco-test") == "benchmark 'refcoco' has no split 'refcoco-test'");
}
