#include "modules/bench/caption/coco_caption.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/bench/caption/metrics.h"
#include "modules/bench/folder.h"
#include "modules/bench/statistics.h"

namespace saucier::bench {
namespace {

namespace fs = std::filesystem;

// How many of the most frequent references are tried as the one caption for all pictures.
constexpr size_t kConstantCaptions = 8;

class CocoCaption : public Benchmark {
 public:
  explicit CocoCaption(const options::BenchmarkOptions& options) : options_(options) {
    const Folder folder(options.data);
    if (options.split == "val2014") read_annotations(folder);
    else read_karpathy(folder);
    if (items_.empty()) throw Error(fmt::format("no picture of split '{}' in '{}'", options.split, options.data));
    const bool inside = options.pictures.empty() && folder.has("val2014");
    pictures_ = folder_pictures(inside ? folder.path() / "val2014" : options.pictures.empty() ? folder.path() : fs::path(options.pictures));
  }

  std::string name() const override { return "coco-caption"; }
  std::string main_metric() const override { return "cider"; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return pictures_; }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(64); }
  double chance() const override { return 0; }

  Judged judge(const Item& item, const std::string& answer, const std::string& = {}) const override {
    const std::scoped_lock lock(mutex_);
    const Corpus& corpus = corpus_of_items();
    const auto place = corpus.places.find(item.number);
    SAUCIER_CHECK(place != corpus.places.end(), "{} is not asked", item.id);
    const double cider = corpus.references.score_one(place->second, answer).cider;
    return {.answer = answer, .normalised = answer, .credit = std::clamp(cider / 10, 0.0, 1.0)};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    std::vector<std::vector<std::string>> references;
    std::vector<std::string> captions;
    for (const Item& item : items_) references.push_back(references_[item.number]);
    for (const Judged& one : judged) captions.push_back(one.answer);
    return caption_scores(items_, references, captions);
  }

  double majority() const override {
    std::unordered_map<std::string, size_t> frequency;
    for (const Item& item : items_)
      for (const std::string& reference : references_[item.number]) ++frequency[reference];
    std::vector<std::pair<std::string, size_t>> frequent(frequency.begin(), frequency.end());
    std::sort(frequent.begin(), frequent.end(), [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
    if (frequent.size() > kConstantCaptions) frequent.resize(kConstantCaptions);
    const std::scoped_lock lock(mutex_);
    double best = 0;
    for (const auto& [caption, count] : frequent) best = std::max(best, corpus_of_items().references.constant_cider(caption));
    return best;
  }

  Json setting() const override {
    return {{"split", options_.split}, {"variant", options_.variant.value_or("official")}, {"suffix", question()}, {"tokens", "ptb"},
            {"metric", "CIDEr-D"}, {"max_new_tokens", max_new_tokens()}};
  }

  std::vector<GivenAnswer> read_answers(const fs::path& file) const override {
    const std::string text = read_file(file);
    const size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos || text[begin] != '[') return read_llava_answers(file);
    std::vector<GivenAnswer> answers;
    for (const Json& row : parse_json(text, file.string())) {
      const std::string place = fmt::format("{}: caption {}", file.string(), answers.size() + 1);
      answers.push_back({.id = id_of(row, "image_id", place), .text = string_of(row, "caption", place)});
    }
    if (answers.empty()) throw Error(fmt::format("no answer in '{}'", file.string()));
    return answers;
  }

 private:
  struct Corpus {
    CaptionReferences references;
    std::unordered_map<size_t, size_t> places;  // a record's number → where among the items
    size_t items = 0;
  };

  std::string question() const { return options_.suffix.value_or(kCaptionPrompt); }

  void add(std::string id, std::string file, std::vector<std::string> references) {
    items_.push_back({.id = id, .group = id, .category = "", .question = question(), .truth = fmt::format("{}", fmt::join(references, " | ")),
                      .pictures = {std::move(file)}, .number = references_.size()});
    references_.push_back(std::move(references));
  }

  void read_annotations(const Folder& folder) {
    const fs::path file = folder.file("captions of COCO val2014", {"captions_val2014.json", "annotations/captions_val2014.json"});
    const Json all = parse_json(read_file(file), file.string());
    std::unordered_map<std::string, std::vector<std::string>> captions;
    for (const Json& row : list_of(all, "annotations", file.string())) {
      const std::string place = fmt::format("{}: annotation of picture {}", file.string(), id_of(row, "image_id", file.string()));
      captions[id_of(row, "image_id", place)].push_back(string_of(row, "caption", place));
    }
    for (const Json& row : list_of(all, "images", file.string())) {
      const std::string id = id_of(row, "id", file.string());
      const auto found = captions.find(id);
      if (found == captions.end()) throw Error(fmt::format("{}: picture {} has no caption", file.string(), id));
      add(id, string_of(row, "file_name", fmt::format("{}: picture {}", file.string(), id)), std::move(found->second));
      captions.erase(found);
    }
    if (!captions.empty()) throw Error(fmt::format("{}: a caption of picture {}, which is not among the images", file.string(), captions.begin()->first));
  }

  void read_karpathy(const Folder& folder) {
    const fs::path file = folder.file("Karpathy's split of COCO", {"dataset_coco.json"});
    const Json all = parse_json(read_file(file), file.string());
    for (const Json& row : list_of(all, "images", file.string())) {
      const std::string id = id_of(row, "cocoid", file.string());
      const std::string place = fmt::format("{}: picture {}", file.string(), id);
      if (string_of(row, "split", place) != "test") {
        left_out_.insert(id);
        continue;
      }
      std::vector<std::string> references;
      for (const Json& sentence : list_of(row, "sentences", place)) references.push_back(string_of(sentence, "raw", place));
      if (references.empty()) throw Error(fmt::format("{} has no caption", place));
      add(id, string_of(row, "filename", place), std::move(references));
    }
  }

  // What the captions are compared with, of the questions that are asked: a limit changes how rare an n-gram is.
  const Corpus& corpus_of_items() const {
    if (!corpus_ || corpus_->items != items_.size()) {
      std::vector<std::vector<std::string>> references;
      std::unordered_map<size_t, size_t> places;
      for (const Item& item : items_) {
        places.emplace(item.number, references.size());
        references.push_back(references_[item.number]);
      }
      corpus_ = std::make_unique<Corpus>(Corpus{CaptionReferences(references), std::move(places), items_.size()});
    }
    return *corpus_;
  }

  options::BenchmarkOptions options_;
  std::vector<std::vector<std::string>> references_;  // by Item::number
  std::shared_ptr<const data::PictureSource> pictures_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Corpus> corpus_;
};

}  // namespace

std::vector<Score> caption_scores(std::span<const Item> items, std::span<const std::vector<std::string>> references, std::span<const std::string> captions) {
  const std::vector<CaptionScore> scored = CaptionReferences(references).score(captions);
  std::vector<Score> out = {jackknife(mean_of("cider", [&](size_t i) { return scored[i].cider; }), items)};
  for (size_t n = 0; n < kMaxNgram; ++n)
    out.push_back(jackknife({.name = fmt::format("bleu_{}", n + 1),
                             .width = 2 + 2 * kMaxNgram,
                             .terms =
                                 [&](size_t i, std::span<double> terms) {
                                   const BleuCounts& counts = scored[i].bleu;
                                   terms[0] = counts.length, terms[1] = counts.reference;
                                   std::copy(counts.guesses.begin(), counts.guesses.end(), terms.begin() + 2);
                                   std::copy(counts.correct.begin(), counts.correct.end(), terms.begin() + 2 + kMaxNgram);
                                 },
                             .value =
                                 [n](std::span<const double> sums) {
                                   BleuCounts counts{.length = sums[0], .reference = sums[1]};
                                   std::copy_n(sums.begin() + 2, kMaxNgram, counts.guesses.begin());
                                   std::copy_n(sums.begin() + 2 + kMaxNgram, kMaxNgram, counts.correct.begin());
                                   return bleu(counts)[n];
                                 }},
                            items));
  out.push_back(jackknife(mean_of("rouge_l", [&](size_t i) { return scored[i].rouge_l; }), items));
  return out;
}

std::unique_ptr<Benchmark> make_coco_caption(const options::BenchmarkOptions& options) { return std::make_unique<CocoCaption>(options); }

}  // namespace saucier::bench
