#include "modules/bench/judged/mm_vet.h"

#include <algorithm>
#include <map>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/bench/folder.h"
#include "modules/bench/judged/replies.h"
#include "modules/bench/statistics.h"

namespace saucier::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 6> kCapabilities = {"rec", "ocr", "know", "gen", "spat", "math"};

// The task in our words, where the official evaluator is not there.
constexpr const char* kOwnPrompt =
    "Score how correct a model's prediction is, given the ground truth: 0.0 (all wrong), 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9 or 1.0 (all right). "
    "Where the ground truth says <AND>, all of its elements have to be in the prediction for a full score; where it says <OR>, any one of them is enough. "
    "Write only the number that belongs in the last cell.\n"
    "\n"
    "Question | Ground truth | Prediction | Correctness\n"
    "--- | --- | --- | ---\n"
    "Which fruits are on the plate? | apple <AND> pear | There is an orange. | 0.0\n"
    "Which fruits are on the plate? | apple <AND> pear | An apple. | 0.5\n"
    "Which fruits are on the plate? | apple <AND> pear | A pear and a plum. | 0.5\n"
    "Which fruits are on the plate? | apple <AND> pear | A pear lies next to an apple. | 1.0\n"
    "What is the man's job? | firefighter <OR> fireman | He puts out fires as a fireman. | 1.0\n"
    "Why is the sign funny? | The sign warns of wet paint, and somebody has written on it in the paint that it is dry. | A sign warns that the paint is wet. | 0.4\n";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t place = 0; (place = text.find(what, place)) != std::string::npos; place += by.size()) text.replace(place, what.size(), by);
  return text;
}

class MmVet : public Benchmark {
 public:
  explicit MmVet(const options::BenchmarkOptions& options) : options_(options) {
    const Folder folder(options.data);
    read_prompt(folder);
    const fs::path file = folder.file("questions of MM-Vet", {"mm-vet.json"});
    const Json all = parse_json(read_file(file), file.string());
    if (!all.is_object() || all.empty()) throw Error(fmt::format("{}: must be an object of questions", file.string()));
    std::vector<std::string> ids;
    for (const auto& [id, row] : all.items()) ids.push_back(id);
    // "v1_2" comes before "v1_10", as in the file.
    std::sort(ids.begin(), ids.end(), [](const std::string& a, const std::string& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); });
    for (const std::string& id : ids) add(id, all.at(id), fmt::format("{}: question {}", file.string(), id));
    pictures_ = folder_pictures(options.pictures.empty() ? folder.path() / "images" : fs::path(options.pictures));
  }

  std::string name() const override { return "mm-vet"; }
  std::string main_metric() const override { return "score"; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return pictures_; }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(1024); }
  double chance() const override { return 0; }
  double majority() const override { return 0; }  // only the judge knows

  std::optional<Review> review(const Item& item, const std::string& answer) const override {
    const Record& record = records_[item.number];
    return Review{.system = "", .prompt = fmt::format("{}\n{} | {} | {} | ", prompt_, record.question, record.truth, answer)};
  }

  Judged judge(const Item&, const std::string& answer, const std::string& reply = {}) const override {
    const double share = share_of_reply(reply);
    return {.answer = answer, .normalised = fmt::format("{}", share), .credit = share};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    const SummedMetric mean = mean_of("score", [&](size_t i) { return judged[i].credit; });
    std::vector<Score> out = {jackknife(mean, items_)};
    const auto add_over = [&](const std::string& what, const auto& counts) {
      std::vector<size_t> which;
      for (size_t i = 0; i < items_.size(); ++i)
        if (counts(i)) which.push_back(i);
      if (which.empty()) return;
      out.push_back(jackknife(mean, items_, which));
      out.back().metric = what + ".score";
    };
    std::vector<std::string> combinations;
    for (const Item& item : items_)
      if (std::find(combinations.begin(), combinations.end(), item.category) == combinations.end()) combinations.push_back(item.category);
    // One that is needed alone somewhere is told apart: "rec.score" needs recognition, "only_rec.score" nothing else.
    for (const std::string& capability : capabilities_)
      add_over(capability, [&](size_t i) { const auto& needed = records_[items_[i].number].capabilities; return std::find(needed.begin(), needed.end(), capability) != needed.end(); });
    for (const std::string& combination : combinations)
      add_over(combination.find('_') == std::string::npos ? "only_" + combination : combination, [&](size_t i) { return items_[i].category == combination; });
    return out;
  }

  Json setting() const override {
    return {{"split", options_.split}, {"variant", options_.variant.value_or("llava")}, {"suffix", options_.suffix.value_or("")},
            {"prompt", own_prompt_ ? "saucier" : "mm-vet_evaluator.py"}, {"prompt_digest", sha256(prompt_).substr(0, 16)}, {"max_new_tokens", max_new_tokens()}};
  }

  std::vector<GivenAnswer> read_answers(const fs::path& file) const override {
    std::vector<GivenAnswer> out;
    std::optional<Json> whole;
    try {
      whole = parse_json(read_file(file), file.string());
    } catch (const Error&) {  // several objects: JSON lines
    }
    if (!whole || !whole->is_object() || whole->contains("question_id")) {
      out = read_llava_answers(file);
      // LLaVA's question file counts from 0.
      for (GivenAnswer& answer : out)
        if (!answer.id.starts_with("v")) answer.id = "v1_" + answer.id;
      return out;
    }
    for (const auto& [id, value] : whole->items()) {
      const std::string place = fmt::format("{}: answer {}", file.string(), id);
      if (value.is_string()) {
        out.push_back({.id = id, .text = value.get<std::string>()});
        continue;
      }
      double sum = 0;
      const Json& runs = list_of(value, "score", place);
      for (const Json& run : runs) {
        if (!run.is_number()) throw Error(fmt::format("{}: \"score\" must be a list of numbers", place));
        sum += run.get<double>();
      }
      if (runs.empty()) throw Error(fmt::format("{}: \"score\" is empty", place));
      out.push_back({.id = id, .text = "", .review = fmt::format("{}", sum / static_cast<double>(runs.size()))});
    }
    if (out.empty()) throw Error(fmt::format("no answer in '{}'", file.string()));
    return out;
  }

 private:
  struct Record {
    std::string question, truth;
    std::vector<std::string> capabilities;
  };

  void read_prompt(const Folder& folder) {
    own_prompt_ = !folder.has("mm-vet_evaluator.py");
    prompt_ = kOwnPrompt;
    if (own_prompt_) return;
    const fs::path file = folder.path() / "mm-vet_evaluator.py";
    const std::string code = read_file(file), opening = "prompt = \"\"\"";
    const size_t begin = code.find(opening);
    const size_t end = begin == std::string::npos ? begin : code.find("\"\"\"", begin + opening.size());
    if (end == std::string::npos) throw Error(fmt::format("no 'prompt = \"\"\"…\"\"\"' in '{}'", file.string()));
    prompt_ = code.substr(begin + opening.size(), end - begin - opening.size());
  }

  void add(const std::string& id, const Json& row, const std::string& place) {
    std::vector<std::string> needed = strings_of(row, "capability", place);
    const auto rank = [](const std::string& one) { return std::find(kCapabilities.begin(), kCapabilities.end(), one) - kCapabilities.begin(); };
    std::sort(needed.begin(), needed.end(), [&](const auto& a, const auto& b) { return std::pair(rank(a), a) < std::pair(rank(b), b); });
    needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
    for (const std::string& one : needed)
      if (std::find(capabilities_.begin(), capabilities_.end(), one) == capabilities_.end()) capabilities_.push_back(one);
    const std::string question = string_of(row, "question", place), picture = string_of(row, "imagename", place), answer = string_of(row, "answer", place);
    items_.push_back({.id = id, .group = picture, .category = fmt::format("{}", fmt::join(needed, "_")), .question = question + options_.suffix.value_or(""),
                      .truth = replaced(answer, "<OR>", " | "), .pictures = {picture}, .number = records_.size()});
    records_.push_back({question, replaced(replaced(answer, "<AND>", " <AND> "), "<OR>", " <OR> "), std::move(needed)});
  }

  options::BenchmarkOptions options_;
  std::string prompt_;
  bool own_prompt_ = false;
  std::vector<std::string> capabilities_;  // in the order in which they are met
  std::vector<Record> records_;
  std::shared_ptr<const data::PictureSource> pictures_;
};

}  // namespace

std::unique_ptr<Benchmark> make_mm_vet(const options::BenchmarkOptions& options) { return std::make_unique<MmVet>(options); }

}  // namespace saucier::bench
