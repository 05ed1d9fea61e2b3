#include "modules/bench/choice/mme.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/folder.h"
#include "modules/bench/statistics.h"

namespace saucier::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 14> kSubtasks = {"existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR",
                                                        "commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"};
constexpr size_t kPerception = 10;  // the first ones; the others are cognition
constexpr std::string_view kYesOrNo = "Please answer yes or no.";

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> out(1);
  for (const char c : text) c == at ? void(out.emplace_back()) : out.back().push_back(c);
  return out;
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::vector<std::string> lines = split(read_file(file), '\n');
  while (!lines.empty() && trimmed(lines.back()).empty()) lines.pop_back();
  return lines;
}

// The first `count` characters (code points), as Python's slice.
std::string_view characters(std::string_view text, size_t count) {
  size_t at = 0;
  for (; at < text.size(); ++at)
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && count-- == 0) break;
  return text.substr(0, at);
}

std::string by_prefix(const std::string& answer) {
  const std::string_view begin = characters(answer, 4);
  return begin.find("yes") != std::string_view::npos ? "yes" : begin.find("no") != std::string_view::npos ? "no" : "other";
}

class Mme : public Benchmark {
 public:
  explicit Mme(const options::BenchmarkOptions& options)
      : options_(options), folder_(root_of(options.data)), suffix_(options.suffix.value_or(*options.variant == "official" ? "" : kShortAnswer)) {
    std::vector<std::string> missing;
    for (const std::string_view subtask : kSubtasks)
      if (!fs::is_directory(folder_ / subtask)) missing.emplace_back(subtask);
    if (!missing.empty()) throw Error(fmt::format("no folder of MME's {} in '{}'", fmt::join(missing, ", "), folder_.string()), "MME has fourteen subtasks, a folder each");
    for (size_t s = 0; s < kSubtasks.size(); ++s) read_subtask(s);
  }

  std::string name() const override { return "mme"; }
  std::string main_metric() const override { return "perception"; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return folder_pictures(options_.pictures.empty() ? folder_ : fs::path(options_.pictures)); }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(lmms_eval() ? 16 : 128); }
  std::vector<std::string> choices(const Item&) const override { return {"Yes", "No"}; }

  Judged judge(const Item& item, const std::string& answer, const std::string&) const override {
    std::string read = lmms_eval() ? mme_answer_of_lmms_eval(answer) : mme_answer(answer);
    const bool right = read == item.truth;
    return {answer, std::move(read), right ? 1.0 : 0.0};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    SAUCIER_CHECK(judged.size() == items_.size());
    std::vector<bool> both(items_.size(), false), first(items_.size(), true);  // pictures, at their first question
    for (size_t i = 1; i < items_.size(); ++i) {
      if (items_[i].group != items_[i - 1].group) continue;
      first[i] = false;
      both[i - 1] = judged[i].credit == 1 && judged[i - 1].credit == 1;
    }
    enum { kQuestions, kRight, kPictures, kBoth, kSums };
    const auto terms = [&](size_t i, std::span<double> out) {
      const std::span<double> own = out.subspan(subtask_of_[items_[i].number] * kSums, kSums);
      own[kQuestions] = 1, own[kRight] = judged[i].credit, own[kPictures] = first[i], own[kBoth] = both[i];
    };
    // accuracy_score of sklearn is a mean of ones and zeros, and so is each of these.
    const auto points = [](std::span<const double> sums, size_t subtask) {
      const std::span<const double> own = sums.subspan(subtask * kSums, kSums);
      return own[kQuestions] > 0 ? own[kRight] / own[kQuestions] * 100 + own[kBoth] / own[kPictures] * 100 : 0;
    };
    const auto total = [points](size_t begin, size_t end) {
      return [=](std::span<const double> sums) {
        double sum = 0;
        for (size_t s = begin; s < end; ++s) sum += points(sums, s);
        return sum;
      };
    };
    std::vector<Score> scores;
    std::vector<std::vector<size_t>> members(kSubtasks.size());
    std::vector<size_t> of_kind[2];
    for (size_t i = 0; i < items_.size(); ++i) {
      members[subtask_of_[items_[i].number]].push_back(i);
      of_kind[subtask_of_[items_[i].number] >= kPerception].push_back(i);
    }
    const auto put = [&](std::string metric, std::function<double(std::span<const double>)> value, const std::vector<size_t>& which) {
      scores.push_back(jackknife({std::move(metric), kSubtasks.size() * kSums, terms, std::move(value)}, items_, which));
    };
    put("perception", total(0, kPerception), of_kind[0]);
    put("cognition", total(kPerception, kSubtasks.size()), of_kind[1]);
    for (size_t s = 0; s < kSubtasks.size(); ++s) put(std::string(kSubtasks[s]), [=](auto sums) { return points(sums, s); }, members[s]);
    return scores;
  }

  double chance() const override { return 75 * subtasks_of_perception(); }  // 50 + 25 points each
  double majority() const override { return 50 * subtasks_of_perception(); }  // always yes: half the answers, never both of a picture

  Json setting() const override {
    return {{"protocol", "mme"}, {"variant", *options_.variant}, {"split", options_.split}, {"suffix", suffix_},
            {"normaliser", lmms_eval() ? "mme of lmms-eval" : "mme"}, {"max_new_tokens", max_new_tokens()}};
  }

  std::vector<GivenAnswer> read_answers(const fs::path& file) const override { return fs::is_directory(file) ? read_results_folder(file) : read_rows(file); }

 private:
  static fs::path root_of(const std::string& path) {
    const Folder folder(path);
    return folder.has("MME_Benchmark_release_version") ? fs::path(path) / "MME_Benchmark_release_version" : fs::path(path);
  }
  bool lmms_eval() const { return *options_.variant == "lmms-eval"; }

  // Ten, but for those of which a limit left no question.
  double subtasks_of_perception() const {
    std::set<size_t> asked;
    for (const Item& item : items_)
      if (subtask_of_[item.number] < kPerception) asked.insert(subtask_of_[item.number]);
    return static_cast<double>(asked.size());
  }

  void read_subtask(size_t s) {
    const std::string subtask(kSubtasks[s]);
    const bool apart = fs::is_directory(folder_ / subtask / "images");
    const fs::path texts = folder_ / subtask / (apart ? "questions_answers_YN" : "");
    const fs::path pictures = apart ? fs::path(subtask) / "images" : fs::path(subtask);
    std::map<std::string, std::string> picture_of;  // stem → reference
    for (const auto& entry : fs::directory_iterator(folder_ / pictures))
      if (entry.path().extension() != ".txt") picture_of[entry.path().stem().string()] = (pictures / entry.path().filename()).string();
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(texts))
      if (entry.path().extension() == ".txt") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    if (files.empty()) throw Error(fmt::format("no questions in '{}'", texts.string()));
    for (const fs::path& file : files) {
      const std::vector<std::string> lines = lines_of(file);
      if (lines.size() != 2) throw Error(fmt::format("{}: {} questions about a picture", file.string(), lines.size()), "MME has two");
      const std::string stem = file.stem().string(), picture = picture_of.contains(stem) ? picture_of.at(stem) : (pictures / (stem + ".jpg")).string();
      for (size_t k = 0; k < lines.size(); ++k) {
        const std::vector<std::string> cells = split(trimmed(lines[k]), '\t');
        const std::string truth = cells.size() == 2 ? lower_ascii(trimmed(cells[1])) : "";
        if (truth != "yes" && truth != "no") throw Error(fmt::format("{}:{}: a line is a question, a tab, and Yes or No", file.string(), k + 1));
        subtask_of_.push_back(s);
        items_.push_back({.id = fmt::format("{}/{}#{}", subtask, stem, k + 1), .group = fmt::format("{}/{}", subtask, stem), .category = subtask,
                          .question = question_of(cells[0]), .truth = truth, .pictures = {picture}, .number = items_.size()});
        ids_[{items_.back().group, bare(cells[0])}] = items_.back().id;
      }
    }
  }

  std::string question_of(const std::string& said) const {
    if (suffix_.empty()) return said;
    std::string question = said;
    if (const size_t at = question.find(kYesOrNo); at != std::string::npos) question.erase(at, kYesOrNo.size());
    return trimmed(question) + suffix_;
  }

  // Two questions of a picture share LLaVA's question_id ("count/000000006040.jpg"): the prompt tells them apart, and where a file has
  // none, their order.
  std::vector<GivenAnswer> read_rows(const fs::path& file) const {
    std::vector<GivenAnswer> answers = read_llava_answers(file);
    std::map<std::string, int> seen;
    const std::vector<std::string> prompts = prompts_of(file);
    for (size_t i = 0; i < answers.size(); ++i) {
      const size_t dot = answers[i].id.rfind('.'), slash = answers[i].id.rfind('/');
      const std::string picture = dot == std::string::npos || (slash != std::string::npos && dot < slash) ? answers[i].id : answers[i].id.substr(0, dot);
      const std::string id = with_prompt(picture, prompts[i]);
      answers[i].id = id.empty() ? fmt::format("{}#{}", picture, ++seen[picture]) : id;
    }
    return answers;
  }

  static std::vector<std::string> prompts_of(const fs::path& file) {
    std::vector<std::string> prompts;
    for (const std::string& line : lines_of(file)) {
      if (trimmed(line).empty()) continue;
      const Json row = parse_json(line, file.string());
      prompts.push_back(row.contains("prompt") && row["prompt"].is_string() ? row["prompt"].get<std::string>() : "");
    }
    return prompts;
  }

  // As convert_answer_to_mme.py compares them: without what was put behind the question.
  static std::string bare(std::string question) {
    for (const std::string_view end : {std::string_view(kShortAnswer), kYesOrNo})
      if (const size_t at = question.find(end); at != std::string::npos) question.erase(at, end.size());
    return trimmed(question);
  }

  std::string with_prompt(const std::string& picture, const std::string& prompt) const {
    if (prompt.empty()) return {};
    const auto id = ids_.find({picture, bare(prompt)});
    return id == ids_.end() ? std::string() : id->second;
  }

  std::vector<GivenAnswer> read_results_folder(const fs::path& folder) const {
    std::vector<GivenAnswer> answers;
    for (const std::string_view subtask : kSubtasks) {
      const fs::path file = folder / fmt::format("{}.txt", subtask);
      if (!fs::exists(file)) throw Error(fmt::format("no answers of MME's '{}': '{}' is not there", subtask, file.string()));
      std::int64_t number = 0;
      for (const std::string& line : lines_of(file)) {
        const std::vector<std::string> cells = split(line, '\t');
        ++number;
        if (cells.size() != 4) throw Error(fmt::format("{}:{}: a line is picture, question, truth and answer, with tabs between", file.string(), number));
        const std::string picture = fmt::format("{}/{}", subtask, fs::path(cells[0]).stem().string());
        const auto id = ids_.find({picture, bare(cells[1])});
        answers.push_back({.id = id == ids_.end() ? fmt::format("{} '{}'", picture, cells[1]) : id->second, .text = cells[3], .line = number});
      }
    }
    return answers;
  }

  options::BenchmarkOptions options_;
  fs::path folder_;
  std::string suffix_;
  std::vector<size_t> subtask_of_;  // by item number
  std::map<std::pair<std::string, std::string>, std::string> ids_;  // (picture, bare question) → id, of those that a limit left out, too
};

}  // namespace

std::string mme_answer(const std::string& answer) {
  const std::string text = lower_ascii(answer);
  return text == "yes" || text == "no" ? text : by_prefix(text);
}

std::string mme_answer_of_lmms_eval(const std::string& answer) {
  std::string text = trimmed(lower_ascii(answer));
  std::erase(text, '.');
  if (text == "yes" || text == "no") return text;
  if (characters(text, 1).size() == text.size() && !text.empty()) return text == "y" ? "yes" : text == "n" ? "no" : "other";
  return by_prefix(text);
}

std::unique_ptr<Benchmark> make_mme(const options::BenchmarkOptions& options) { return std::make_unique<Mme>(options); }

}  // namespace saucier::bench
