// RefCOCO, RefCOCO+ (Yu et al., "Modeling Context in Referring Expressions", ECCV 2016) and RefCOCOg (Mao et al., CVPR 2016, split of
// Nagaraja et al.): find the box that an expression means.
//
// Files, any of: REFER's own layout, DATASET/refs(unc).json (refs(umd).json of refcocog) with DATASET/instances.json, the refs as
// JSON since a pickle is a program of Python's; or Shikra's REC_refcoco_unc_val.jsonl: {"img_path", "expression", "bbox": [x1, y1,
// x2, y2] in pixels, "width", "height"}. An item is one expression; its id is the sent_id, or the line's number; its group the
// picture.
//
// What a model's numbers mean: a model that sees a picture padded to a square (image_aspect_ratio "pad") and was trained on LLaVA's
// data answers in shares of the square, as that data has them (LLaVA#606). Variant "llava" therefore pads the true box too;
// "official" and "lmms-eval" take shares of the picture itself. Answers are read in these notations: [x1, y1, x2, y2] in shares of 1,
// and in pixels of the picture where one of the four is above 1; [[x1, y1, x2, y2]] and (x1,y1),(x2,y2) in thousandths;
// {<x1><y1><x2><y2>} in hundredths; four <locNNNN> as y1, x1, y2, x2 in 1024ths. lmms-eval reads only the first. What cannot be read
// is a wrong answer (IoU 0). accuracy is the share with an IoU above 0.5 (lmms-eval: of at least 0.5), iou the mean.
#pragma once

#include <array>
#include <optional>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

struct AnswerBox {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  bool operator==(const AnswerBox&) const = default;
};

// Intersection over union; 0 where the union is empty. No box is put right: of one whose corners are swapped it is what the formula gives.
double iou(const AnswerBox& a, const AnswerBox& b);

// The first box of an answer, in shares of a picture of this size; nullopt: there is none.
std::optional<AnswerBox> box_of(const std::string& answer, double width, double height);
// As lmms-eval's refcoco tasks read it: the first [x1, y1, x2, y2], else a box of zeros.
AnswerBox box_of_lmms_eval(const std::string& answer);

// A box in shares of a picture of this size, in shares of the square into whose middle LLaVA's expand2square puts the picture.
AnswerBox in_square(const AnswerBox& box, double width, double height);

std::unique_ptr<Benchmark> make_refcoco(const options::BenchmarkOptions& options);

}  // namespace saucier::bench
