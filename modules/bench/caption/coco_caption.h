// COCO captions (Chen et al., "Microsoft COCO Captions", 2015): captions_val2014.json, or the 5,000 pictures of Karpathy's test split
// (dataset_coco.json; Karpathy and Fei-Fei, CVPR 2015) that papers report.
//
// An item is a picture; its id is COCO's number of it. Answers are read from LLaVA's JSON lines (question_id is the picture) and
// from a results file [{"image_id": 1, "caption": "a dog"}]. Pictures: options.pictures, else val2014/ inside the data folder.
// cider is pycocoevalcap's number (1.14 where papers print 114), bleu_1 to bleu_4 and rouge_l are shares of 1. Credit is the
// caption's CIDEr / 10, its tokens read without its neighbours'.
#pragma once

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

// Also where a question of another benchmark is a caption.
inline constexpr const char* kCaptionPrompt = "Provide a one-sentence caption for the provided image.";

std::unique_ptr<Benchmark> make_coco_caption(const options::BenchmarkOptions& options);

// cider, bleu_1 … bleu_4 and rouge_l of one caption an item, whose references stand in the same order.
std::vector<Score> caption_scores(std::span<const Item> items, std::span<const std::vector<std::string>> references, std::span<const std::string> captions);

}  // namespace saucier::bench
