#include "modules/bench/choice/scienceqa.h"

#include <map>

#include "modules/base/error.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/folder.h"
#include "modules/bench/statistics.h"

namespace saucier::bench {
namespace {

constexpr std::string_view kLetters = "ABCDE";
constexpr const char* kFailed = "FAILED";

struct Problem {
  std::string question, hint, subject, picture;
  std::vector<std::string> choices;
  std::int64_t answer = 0, grade = 0;
};

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
  return text;
}

class ScienceQa : public Benchmark {
 public:
  explicit ScienceQa(const options::BenchmarkOptions& options)
      : options_(options), folder_(options.data), suffix_(options.suffix.value_or(kOptionLetter)), split_(options.split.substr(0, options.split.find('-'))),
        pictures_alone_(options.split.ends_with("-img")) {
    const std::map<std::string, std::string> asked = llava_questions();
    const std::string file = (folder_.path() / kProblems).string();
    const Json problems = folder_.json("problems of ScienceQA", {kProblems}), splits = folder_.json("splits of ScienceQA", {"pid_splits.json"});
    const std::string splits_file = (folder_.path() / "pid_splits.json").string();
    for (const std::string& id : strings_of(splits, split_.c_str(), splits_file)) {
      const auto found = problems.find(id);
      if (found == problems.end()) throw Error(fmt::format("{}: no problem {}, which pid_splits.json names", file, id));
      Problem problem = read_problem(*found, fmt::format("{}: problem {}", file, id));
      if (pictures_alone_ && problem.picture.empty()) {
        left_out_.insert(id);
        continue;
      }
      add(id, std::move(problem), asked);
    }
  }

  std::string name() const override { return "scienceqa"; }
  std::string main_metric() const override { return "accuracy"; }
  std::shared_ptr<const data::PictureSource> pictures() const override {
    if (!options_.pictures.empty()) return folder_pictures(options_.pictures);
    return folder_pictures(folder_.has("images/" + split_) ? folder_.path() / "images" / split_ : folder_.path() / split_);
  }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(lmms_eval() ? 16 : 1024); }
  std::vector<std::string> choices(const Item& item) const override {
    std::vector<std::string> letters;
    for (size_t i = 0; i < problems_[item.number].choices.size(); ++i) letters.emplace_back(1, kLetters[i]);
    return letters;
  }

  Judged judge(const Item& item, const std::string& answer, const std::string&) const override {
    const Problem& problem = problems_[item.number];
    std::string read = lmms_eval() ? by_lmms_eval(answer) : scienceqa_answer(answer);
    // A letter beyond the question's options is no answer.
    const size_t index = read.size() == 1 ? kLetters.find(read[0]) : std::string_view::npos;
    const bool right = index < problem.choices.size() && static_cast<std::int64_t>(index) == problem.answer;
    return {answer, std::move(read), right ? 1.0 : 0.0};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    SAUCIER_CHECK(judged.size() == items_.size());
    const auto credit = [&](size_t i) { return judged[i].credit; };
    std::vector<Score> scores = {jackknife(mean_of("accuracy", credit), items_)};
    const auto part = [&](const char* metric, const std::function<bool(const Problem&)>& belongs) {
      std::vector<size_t> which;
      for (size_t i = 0; i < items_.size(); ++i)
        if (belongs(problems_[items_[i].number])) which.push_back(i);
      if (!which.empty()) scores.push_back(jackknife(mean_of(std::string(metric) + ".accuracy", credit), items_, which));
    };
    part("natural", [](const Problem& p) { return p.subject == "natural science"; });
    part("social", [](const Problem& p) { return p.subject == "social science"; });
    part("language", [](const Problem& p) { return p.subject == "language science"; });
    part("text", [](const Problem& p) { return !p.hint.empty(); });
    part("img", [](const Problem& p) { return !p.picture.empty(); });
    part("no_context", [](const Problem& p) { return p.hint.empty() && p.picture.empty(); });
    part("grade_1_6", [](const Problem& p) { return p.grade >= 1 && p.grade <= 6; });
    part("grade_7_12", [](const Problem& p) { return p.grade >= 7 && p.grade <= 12; });
    return scores;
  }

  double chance() const override {
    double sum = 0;
    for (const Item& item : items_) sum += 1.0 / static_cast<double>(problems_[item.number].choices.size());
    return items_.empty() ? 0 : sum / static_cast<double>(items_.size());
  }

  Json setting() const override {
    return {{"protocol", "scienceqa"}, {"variant", *options_.variant}, {"split", options_.split}, {"suffix", suffix_},
            {"prompt", lmms_eval() ? "lmms-eval" : "CQM-A"}, {"normaliser", lmms_eval() ? "scienceqa of lmms-eval" : "scienceqa"}, {"max_new_tokens", max_new_tokens()}};
  }

 private:
  static constexpr const char* kProblems = "problems.json";

  bool lmms_eval() const { return *options_.variant == "lmms-eval"; }

  static Problem read_problem(const Json& row, const std::string& place) {
    Problem problem{.question = string_of(row, "question", place), .hint = string_of(row, "hint", place), .subject = row.value("subject", ""), .picture = "",
                    .choices = strings_of(row, "choices", place), .answer = integer_of(row, "answer", place)};
    if (row.contains("image") && !row["image"].is_null()) problem.picture = string_of(row, "image", place);
    if (problem.choices.empty() || problem.choices.size() > kLetters.size() || problem.answer < 0 || problem.answer >= static_cast<std::int64_t>(problem.choices.size()))
      throw Error(fmt::format("{}: answer {} of {} choices", place, problem.answer, problem.choices.size()));
    if (const std::string grade = row.value("grade", ""); grade.starts_with("grade")) problem.grade = std::atoll(grade.c_str() + 5);
    return problem;
  }

  // Questions as LLaVA's own file has them, by id; empty without that file.
  std::map<std::string, std::string> llava_questions() const {
    std::map<std::string, std::string> questions;
    const std::string name = fmt::format("llava_{}_CQM-A.json", split_);
    if (lmms_eval() || !folder_.has(name)) return questions;
    const Json rows = folder_.json("LLaVA's questions", {name});
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::string place = fmt::format("{}: entry {}", (folder_.path() / name).string(), i + 1);
      const Json& turns = list_of(rows[i], "conversations", place);
      if (turns.empty()) throw Error(fmt::format("{}: \"conversations\" is empty", place));
      questions[id_of(rows[i], "id", place)] = trimmed(replaced(string_of(turns[0], "value", place), "<image>", ""));
    }
    return questions;
  }

  std::string question_of(const Problem& problem) const {
    std::string options;
    for (size_t i = 0; i < problem.choices.size(); ++i)
      options += lmms_eval() ? fmt::format("{}{}. {}", i > 0 ? "\n" : "", kLetters[i], problem.choices[i]) : fmt::format("{}({}) {}", i > 0 ? " " : "", kLetters[i], problem.choices[i]);
    if (lmms_eval()) return (problem.hint.empty() ? "" : fmt::format("Context: {}\n", problem.hint)) + fmt::format("{}\n{}", problem.question, options);
    const std::string hint = trimmed(problem.hint);
    return trimmed(replaced(fmt::format("Context: {}\nQuestion: {}\nOptions: {}\n", hint.empty() ? "N/A" : hint, problem.question, options), "  ", " "));
  }

  void add(const std::string& id, Problem problem, const std::map<std::string, std::string>& asked) {
    const auto own = asked.find(id);
    if (own == asked.end() && !asked.empty()) throw Error(fmt::format("llava_{}_CQM-A.json does not ask question {}", split_, id), "both files must be of one release");
    items_.push_back({.id = id, .group = id, .category = problem.picture.empty() ? "text" : "img", .question = (own == asked.end() ? question_of(problem) : own->second) + suffix_,
                      .truth = std::string(1, kLetters[static_cast<size_t>(problem.answer)]), .pictures = {}, .number = problems_.size()});
    if (!problem.picture.empty()) items_.back().pictures = {id + "/" + problem.picture};
    problems_.push_back(std::move(problem));
  }

  // sqa_process_results: the letter alone in any case, or a capital letter and a full stop first.
  static std::string by_lmms_eval(const std::string& answer) {
    const std::string text = trimmed(answer);
    if (text.size() == 1) return std::string(1, static_cast<char>(std::toupper(static_cast<unsigned char>(text[0]))));
    return text.size() >= 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] == '.' ? text.substr(0, 1) : kFailed;
  }

  options::BenchmarkOptions options_;
  Folder folder_;
  std::string suffix_, split_;
  bool pictures_alone_;
  std::vector<Problem> problems_;  // by item number
};

}  // namespace

std::string scienceqa_answer(const std::string& answer) {
  const auto is_option = [](char c) { return kLetters.find(c) != std::string_view::npos; };
  if (answer.size() == 1 && is_option(answer[0])) return answer;
  if (answer.size() >= 3 && is_option(answer[0]) && answer.compare(1, 2, ". ") == 0) return answer.substr(0, 1);
  constexpr std::string_view kSays = "The answer is ";
  std::string found;
  size_t hits = 0;
  for (size_t at = 0; (at = answer.find(kSays, at)) != std::string::npos;) {
    const size_t letter = at + kSays.size();
    // The last character of the pattern is any but a line end.
    const bool hit = letter + 1 < answer.size() && answer[letter] >= 'A' && answer[letter] <= 'Z' && answer[letter + 1] != '\n';
    if (hit) found = answer.substr(letter, 1), ++hits;
    at = hit ? letter + 2 : at + 1;
  }
  return hits == 1 ? found : kFailed;
}

std::unique_ptr<Benchmark> make_scienceqa(const options::BenchmarkOptions& options) { return std::make_unique<ScienceQa>(options); }

}  // namespace saucier::bench
