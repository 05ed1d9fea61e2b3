#include "modules/bench/choice/seed.h"

#include <map>

#include "modules/base/error.h"
#include "modules/bench/folder.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/statistics.h"
#include "modules/bench/vqa/normaliser.h"

namespace saucier::bench {
namespace {

class Seed : public Benchmark {
 public:
  explicit Seed(const options::BenchmarkOptions& options) : options_(options), folder_(options.data), suffix_(options.suffix.value_or(kOptionLetter)) {
    const bool all = options.split == "all";
    const std::map<std::string, std::pair<std::string, std::string>> asked = llava_questions(all);
    const std::string file = (folder_.path() / kQuestions).string();
    const Json root = folder_.json("questions of SEED-Bench", {kQuestions});
    std::map<std::int64_t, std::string> types;
    if (const auto names = root.find("question_type"); names != root.end() && names->is_object())
      for (const auto& [name, id] : names->items()) types[id.get<std::int64_t>()] = name;
    for (const Json& row : list_of(root, "questions", file)) {
      const std::string id = id_of(row, "question_id", file), place = fmt::format("{}: question {}", file, id), kind = string_of(row, "data_type", place);
      if (kind != "image" && !all) {
        left_out_.insert(id);
        continue;
      }
      const auto own = asked.find(id);
      if (own == asked.end() && all) throw Error(fmt::format("{}: {} does not ask it", place, kLlava), "both files must be of one release");
      const std::string answer = string_of(row, "answer", place);
      if (answer.size() != 1 || answer[0] < 'A' || answer[0] > 'D') throw Error(fmt::format("{}: the answer must be a letter from A to D (got '{}')", place, answer));
      const std::int64_t type = integer_of(row, "question_type_id", place);
      items_.push_back({.id = id, .group = id, .category = types.contains(type) ? types.at(type) : fmt::format("type {}", type), .question = own == asked.end() || options.suffix ? question_of(row, place) + suffix_ : own->second.first,
                        .truth = answer, .pictures = {own == asked.end() ? "SEED-Bench-image/" + string_of(row, "data_id", place) : own->second.second}, .number = items_.size()});
      video_.push_back(kind != "image");
    }
  }

  std::string name() const override { return "seed"; }
  std::string main_metric() const override { return "accuracy"; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return folder_pictures(options_.pictures.empty() ? folder_.path() : std::filesystem::path(options_.pictures)); }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(128); }
  std::vector<std::string> choices(const Item&) const override { return {"A", "B", "C", "D"}; }

  Judged judge(const Item& item, const std::string& answer, const std::string&) const override {
    std::string read = answer;
    if (*options_.variant == "lmms-eval") {
      read = strip_text(answer).substr(0, 1);
      for (char& c : read) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    const bool right = read == item.truth;
    return {answer, std::move(read), right ? 1.0 : 0.0};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    std::vector<Score> scores = mean_credits("accuracy", items_, judged);
    const auto credit = [&](size_t i) { return judged[i].credit; };
    for (const bool video : {false, true}) {
      std::vector<size_t> which;
      for (size_t i = 0; i < items_.size(); ++i)
        if (video_[items_[i].number] == video) which.push_back(i);
      if (!which.empty() && which.size() < items_.size()) scores.push_back(jackknife(mean_of(video ? "video.accuracy" : "image.accuracy", credit), items_, which));
    }
    return scores;
  }

  double chance() const override { return 0.25; }
  Json setting() const override {
    return {{"protocol", "seed"}, {"variant", *options_.variant}, {"split", options_.split}, {"suffix", suffix_}, {"normaliser", *options_.variant == "lmms-eval" ? "first letter" : "none"}, {"max_new_tokens", max_new_tokens()}};
  }

  std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const override { return read_answer_rows(file, {.text = {"text", "prediction"}}); }

 private:
  static constexpr const char* kQuestions = "SEED-Bench.json";
  static constexpr const char* kLlava = "llava-seed-bench.jsonl";

  std::map<std::string, std::pair<std::string, std::string>> llava_questions(bool needed) const {
    std::map<std::string, std::pair<std::string, std::string>> questions;  // text, picture
    if (!needed && !folder_.has(kLlava)) return questions;
    folder_.rows("LLaVA's questions of SEED-Bench, which say which frame of a video is shown", {kLlava}, [&](const Json& row, std::int64_t line) {
      const std::string place = fmt::format("{}:{}", (folder_.path() / kLlava).string(), line);
      questions[id_of(row, "question_id", place)] = {string_of(row, "text", place), string_of(row, "image", place)};
    });
    return questions;
  }

  static std::string question_of(const Json& row, const std::string& place) {
    return fmt::format("{}\nA. {}\nB. {}\nC. {}\nD. {}", string_of(row, "question", place), id_of(row, "choice_a", place), id_of(row, "choice_b", place), id_of(row, "choice_c", place), id_of(row, "choice_d", place));
  }

  options::BenchmarkOptions options_;
  Folder folder_;
  std::string suffix_;
  std::vector<bool> video_;  // by item number
};

}  // namespace

std::unique_ptr<Benchmark> make_seed(const options::BenchmarkOptions& options) { return std::make_unique<Seed>(options); }

}  // namespace saucier::bench
