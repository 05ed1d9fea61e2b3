#include "modules/bench/choice/pope.h"

#include <algorithm>
#include <map>

#include "modules/base/error.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/folder.h"
#include "modules/bench/pope.h"
#include "modules/bench/statistics.h"

namespace saucier::bench {
namespace {

struct Label {
  std::string id, image, question, truth;
  std::int64_t line = 0;
};

class Pope : public Benchmark {
 public:
  explicit Pope(const options::BenchmarkOptions& options)
      : options_(options), folder_(options.data), suffix_(options.suffix.value_or(*options.variant == "official" ? "" : kShortAnswer)) {
    for (const std::string_view category : kPopeCategories) read_labels(std::string(category));
    if (*options.variant == "llava" && folder_.has(kLlavaQuestions)) join_by_order();
    else
      for (const std::string_view category : kPopeCategories)
        for (const Label& label : labels_.at(std::string(category)))
          add(fmt::format("{}/{}", category, label.id), std::string(category), label, label.question + suffix_);
  }

  std::string name() const override { return "pope"; }
  std::string main_metric() const override { return "f1"; }
  std::shared_ptr<const data::PictureSource> pictures() const override {
    return folder_pictures(options_.pictures.empty() ? folder_.path() / "val2014" : std::filesystem::path(options_.pictures));
  }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(128); }
  std::vector<std::string> choices(const Item&) const override { return {"Yes", "No"}; }

  Judged judge(const Item& item, const std::string& answer, const std::string&) const override {
    std::string read = strict() ? trimmed(lower_ascii(answer)) : pope_answer(answer);
    const bool right = read == item.truth;
    return {answer, std::move(read), right ? 1.0 : 0.0};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override { return strict() ? strict_scores(judged) : pope_scores(items_, judged); }

  double chance() const override { return 0.5; }
  double majority() const override {
    std::vector<Judged> always;  // "no" throughout has F1 0
    for (const Item& item : items_) always.push_back(judge(item, "yes", ""));
    return score(always).front().value;
  }

  Json setting() const override {
    return {{"protocol", "pope"}, {"variant", *options_.variant}, {"split", options_.split}, {"suffix", suffix_},
            {"normaliser", strict() ? "lower" : "pope"}, {"max_new_tokens", max_new_tokens()}};
  }

  // LLaVA's; or evaluate.py's, {"question": …, "answer": …} a line in the order of the three label files.
  std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const override {
    return read_answer_rows(file, {.text = {"text", "answer"}, .by_place = true});
  }

 private:
  static constexpr const char* kLlavaQuestions = "llava_pope_test.jsonl";

  bool strict() const { return *options_.variant == "lmms-eval"; }

  void read_labels(const std::string& category) {
    const std::string name = fmt::format("coco_pope_{}.json", category);
    const std::filesystem::path file = folder_.file(fmt::format("labels of POPE's category '{}'", category), {name, "coco/" + name});
    std::vector<Label>& labels = labels_[category];
    folder_.rows("labels", {name, "coco/" + name}, [&](const Json& row, std::int64_t line) {
      const std::string place = fmt::format("{}:{}", file.string(), line);
      Label label{id_of(row, "question_id", place), string_of(row, "image", place), string_of(row, "text", place), lower_ascii(string_of(row, "label", place)), line};
      if (label.truth != "yes" && label.truth != "no") throw Error(fmt::format("{}: \"label\" must be yes or no (got '{}')", place, label.truth));
      labels.push_back(std::move(label));
    });
  }

  // eval_pope.py joins the k-th answer of a category with the k-th label of its file, whatever they are about. LLaVA's question file
  // was written for an older random file of 2,910 questions (LLaVA#626): joined blindly, wrong labels would be scored quietly.
  void join_by_order() {
    std::map<std::string, size_t> next;
    folder_.rows("LLaVA's questions", {kLlavaQuestions}, [&](const Json& row, std::int64_t line) {
      const std::string place = fmt::format("{}:{}", (folder_.path() / kLlavaQuestions).string(), line);
      const std::string category = string_of(row, "category", place), question = string_of(row, "text", place), image = string_of(row, "image", place);
      const auto labels = labels_.find(category);
      if (labels == labels_.end()) throw Error(fmt::format("{}: unknown category '{}'", place, category), "random, popular or adversarial");
      size_t& at = next[category];
      if (at == labels->second.size()) throw Error(fmt::format("{}: coco_pope_{}.json has only {} labels", place, category, labels->second.size()), "both files must be of one release");
      const Label& label = labels->second[at++];
      if (label.image != image || !question.starts_with(label.question))
        throw Error(fmt::format("{}: asks about another question than line {} of coco_pope_{}.json", place, label.line, category), "both files must be of one release");
      add(id_of(row, "question_id", place), category, label, options_.suffix ? label.question + suffix_ : question);
    });
    for (const auto& [category, labels] : labels_)
      if (next[category] != labels.size())
        throw Error(fmt::format("{} has {} questions of category '{}', and coco_pope_{}.json {} labels", kLlavaQuestions, next[category], category, category, labels.size()), "both files must be of one release");
  }

  void add(std::string id, std::string category, const Label& label, std::string question) {
    items_.push_back({.id = std::move(id), .group = label.image, .category = std::move(category), .question = std::move(question), .truth = label.truth, .pictures = {label.image}, .number = items_.size()});
  }

  // lmms-eval's task: all questions together; an answer that is neither yes nor no lacks in precision and recall, and the yes ratio is
  // that of the labels (lmms-eval#356).
  std::vector<Score> strict_scores(std::span<const Judged> judged) const {
    enum { kTp, kFp, kFn, kRight, kTruthYes, kAll, kWidth };
    const auto terms = [&](size_t i, std::span<double> out) {
      const bool truth = items_[i].truth == "yes", yes = judged[i].normalised == "yes", no = judged[i].normalised == "no";
      out[kTp] = truth && yes, out[kFp] = !truth && yes, out[kFn] = truth && no;
      out[kRight] = judged[i].credit, out[kTruthYes] = truth, out[kAll] = 1;
    };
    const auto ratio = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
    const auto precision = [=](auto s) { return ratio(s[kTp], s[kTp] + s[kFp]); };
    const auto recall = [=](auto s) { return ratio(s[kTp], s[kTp] + s[kFn]); };
    std::vector<Score> scores;
    const auto put = [&](const char* name, std::function<double(std::span<const double>)> value) { scores.push_back(jackknife({name, kWidth, terms, std::move(value)}, items_)); };
    put("f1", [=](auto s) { return precision(s) + recall(s) > 0 ? 2 * (precision(s) * recall(s)) / (precision(s) + recall(s)) : 0; });
    put("accuracy", [=](auto s) { return ratio(s[kRight], s[kAll]); });
    put("precision", precision);
    put("recall", recall);
    put("yes_ratio", [=](auto s) { return ratio(s[kTruthYes], s[kAll]); });
    return scores;
  }

  options::BenchmarkOptions options_;
  Folder folder_;
  std::string suffix_;
  std::map<std::string, std::vector<Label>> labels_;
};

}  // namespace

std::unique_ptr<Benchmark> make_pope(const options::BenchmarkOptions& options) { return std::make_unique<Pope>(options); }

}  // namespace saucier::bench
