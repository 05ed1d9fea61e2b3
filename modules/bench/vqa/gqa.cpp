#include "modules/bench/vqa/gqa.h"

#include <cctype>
#include <map>
#include <set>

#include "modules/base/error.h"
#include "modules/bench/folder.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/statistics.h"
#include "modules/bench/vqa/normaliser.h"

namespace saucier::bench {
namespace {

class Gqa : public Benchmark {
 public:
  explicit Gqa(const options::BenchmarkOptions& options) : options_(options), folder_(options.data), suffix_(options.suffix.value_or(kShortAnswer)) {
    const std::string split = options.split == "val" ? "val_balanced" : "testdev_balanced", name = split + "_questions.json";
    const std::string file = (folder_.path() / name).string();
    const std::map<std::string, std::string> asked = llava_questions(fmt::format("llava_gqa_{}.jsonl", split));
    const Json rows = folder_.json(fmt::format("questions of GQA {}", options.split), {name});
    if (!rows.is_object()) throw Error(fmt::format("{}: questions by their ids are expected", file));
    for (const auto& [id, row] : rows.items()) {
      const std::string place = fmt::format("{}: question {}", file, id);
      std::string structure;
      if (const auto types = row.find("types"); types != row.end() && types->is_object()) structure = types->value("structural", "");
      const auto own = asked.find(id);
      if (!asked.empty() && own == asked.end()) throw Error(fmt::format("{}: LLaVA's questions do not ask it", place), "both files must be of one release");
      items_.push_back({.id = id, .group = id, .category = structure, .question = own == asked.end() ? string_of(row, "question", place) + suffix_ : own->second,
                        .truth = string_of(row, "answer", place), .pictures = {id_of(row, "imageId", place) + ".jpg"}, .number = items_.size()});
    }
  }

  std::string name() const override { return "gqa"; }
  std::string main_metric() const override { return "accuracy"; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return folder_pictures(options_.pictures.empty() ? folder_.path() / "images" : std::filesystem::path(options_.pictures)); }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(lmms_eval() ? 16 : 128); }

  Judged judge(const Item& item, const std::string& answer, const std::string&) const override {
    std::string read = normalised(answer);
    const bool right = read == (lmms_eval() || options_.normaliser ? normalised(item.truth) : item.truth);
    return {answer, std::move(read), right ? 1.0 : 0.0};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    std::vector<Score> scores = mean_credits("accuracy", items_, judged);
    const auto credit = [&](size_t i) { return judged[i].credit; };
    // eval.py: a question is open where its structure is a query.
    for (const bool open : {false, true}) {
      std::vector<size_t> which;
      for (size_t i = 0; i < items_.size(); ++i)
        if (!items_[i].category.empty() && (items_[i].category == "query") == open) which.push_back(i);
      if (!which.empty()) scores.push_back(jackknife(mean_of(open ? "open.accuracy" : "binary.accuracy", credit), items_, which));
    }
    return scores;
  }

  double chance() const override { return 0; }
  Json setting() const override {
    return {{"protocol", "gqa"}, {"variant", *options_.variant}, {"split", options_.split}, {"suffix", suffix_},
            {"normaliser", options_.normaliser.value_or(*options_.variant == "llava" ? "full stops off the end, lower" : lmms_eval() ? "lower, no punctuation" : "none")}, {"max_new_tokens", max_new_tokens()}};
  }

  std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const override {
    return read_answer_rows(file, {.ids = {"question_id", "questionId"}, .text = {"text", "prediction"}});
  }

  // What GQA's eval.py takes.
  std::optional<Submission> submission(std::span<const std::string> answers) const override {
    Json out = Json::array();
    for (size_t i = 0; i < items_.size(); ++i) out.push_back({{"questionId", items_[i].id}, {"prediction", normalised(answers[i])}});
    return Submission{"testdev_balanced_predictions.json", out.dump()};
  }

 private:
  bool lmms_eval() const { return *options_.variant == "lmms-eval"; }

  std::map<std::string, std::string> llava_questions(const std::string& name) const {
    std::map<std::string, std::string> questions;
    if (*options_.variant != "llava" || options_.suffix || !folder_.has(name)) return questions;
    folder_.rows("LLaVA's questions", {name}, [&](const Json& row, std::int64_t line) {
      const std::string place = fmt::format("{}:{}", (folder_.path() / name).string(), line);
      questions[id_of(row, "question_id", place)] = string_of(row, "text", place);
    });
    return questions;
  }

  std::string normalised(const std::string& answer) const {
    if (options_.normaliser) {
      const std::string& how = *options_.normaliser;
      return how == "vqa" ? evalai_answer(answer) : how == "lower" ? lower_text(strip_text(answer)) : how == "exact" ? strip_text(answer) : answer;
    }
    if (lmms_eval()) {
      std::string out;
      for (const char c : lower_text(answer))
        if (static_cast<unsigned char>(c) >= 0x80 || !std::ispunct(static_cast<unsigned char>(c))) out += c;
      return out;
    }
    if (*options_.variant == "official") return answer;
    return lower_text(answer.substr(0, answer.find_last_not_of('.') + 1));
  }

  options::BenchmarkOptions options_;
  Folder folder_;
  std::string suffix_;
};

}  // namespace

std::unique_ptr<Benchmark> make_gqa(const options::BenchmarkOptions& options) { return std::make_unique<Gqa>(options); }

}  // namespace saucier::bench
