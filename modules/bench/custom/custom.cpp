#include "modules/bench/custom/custom.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/suggest.h"
#include "modules/bench/caption/coco_caption.h"
#include "modules/bench/caption/metrics.h"
#include "modules/bench/folder.h"
#include "modules/bench/judged/replies.h"
#include "modules/bench/pope.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/statistics.h"
#include "modules/bench/vqa/normaliser.h"

namespace saucier::bench {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kScorers = {"exact", "soft-accuracy", "choice", "yes-no", "contains", "numeric", "cider", "judge"};
const std::vector<std::string> kMembers = {"question", "answer", "picture", "id", "category", "group", "scorer", "tolerance", "choices"};

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80; }

struct Tolerance {
  double value = 0;
  bool relative = false;
  bool holds(double given, double truth) const { return std::abs(given - truth) <= (relative ? value * std::abs(truth) : value); }
};

struct Record {
  std::string scorer;
  std::vector<std::string> answers;
  std::vector<std::string> choices;
  Tolerance tolerance;
};

class Custom : public Benchmark {
 public:
  explicit Custom(const options::BenchmarkOptions& options) : options_(options), file_(options.data), normaliser_(options.normaliser.value_or("lower")) {
    const Folder folder(file_.has_parent_path() ? file_.parent_path() : fs::path("."));
    folder.rows("questions of the benchmark", {file_.filename().string()}, [&](const Json& row, std::int64_t line) { add(row, line); });
    if (items_.empty()) throw Error(fmt::format("no question in '{}'", file_.string()));
    const auto captions = std::count_if(records_.begin(), records_.end(), [](const Record& one) { return one.scorer == "cider"; });
    captions_ = captions > 0;
    if (captions_ && static_cast<size_t>(captions) != records_.size())
      throw Error(fmt::format("{}: {} of {} questions are scored by cider, which is a number of all or none", file_.string(), captions, records_.size()));
  }

  std::string name() const override { return "custom"; }
  std::string main_metric() const override { return captions_ ? "cider" : "accuracy"; }
  // Said, never guessed: what lies there is part of a stage's key.
  std::shared_ptr<const data::PictureSource> pictures() const override {
    if (options_.pictures.empty()) throw Error(fmt::format("'{}' asks about pictures", file_.string()), "say in 'pictures' which folder they lie in");
    return folder_pictures(options_.pictures);
  }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(128); }

  std::vector<std::string> choices(const Item& item) const override {
    const Record& record = records_[item.number];
    if (record.scorer == "yes-no") return {"Yes", "No"};
    return record.choices;
  }

  std::optional<Review> review(const Item& item, const std::string& answer) const override {
    const Record& record = records_[item.number];
    if (record.scorer != "judge") return std::nullopt;
    return Review{.system = "",
                  .prompt = fmt::format("A question, the answer that is right, and an answer to score. Where several right answers are given, any one of them is enough. Begin your reply with a "
                                        "score from 0.0 (wrong) to 1.0 (right) in steps of 0.1, followed by a space.\n\n[Question]\n{}\n\n[Right answer]\n{}\n\n[Answer to score]\n{}\n\n[Score]\n",
                                        item.question, fmt::join(record.answers, "\n"), answer)};
  }

  Judged judge(const Item& item, const std::string& answer, const std::string& reply = {}) const override {
    const Record& record = records_[item.number];
    const auto any = [&](const std::string& normalised, const auto& accepts) {
      const bool right = std::any_of(record.answers.begin(), record.answers.end(), accepts);
      return Judged{.answer = answer, .normalised = normalised, .credit = right ? 1.0 : 0.0};
    };
    if (record.scorer == "judge") {
      const double share = share_of_reply(reply);
      return {.answer = answer, .normalised = fmt::format("{}", share), .credit = share};
    }
    if (record.scorer == "soft-accuracy") {
      std::vector<std::string> human;
      for (const std::string& one : record.answers) human.push_back(evalai_answer(one));
      std::string said = evalai_answer(answer);
      const double credit = soft_accuracy(said, human, false);
      return {.answer = answer, .normalised = std::move(said), .credit = credit};
    }
    if (record.scorer == "choice") {
      const std::string letter = letter_of(answer);
      return any(letter, [&](const std::string& truth) { return !letter.empty() && letter_of(truth) == letter; });
    }
    if (record.scorer == "yes-no") {
      const std::string said = pope_answer(answer);
      return any(said, [&](const std::string& truth) { return lower_ascii(truth) == said; });
    }
    if (record.scorer == "contains") {
      const std::string said = lower_ascii(answer);
      return any(said, [&](const std::string& truth) { return said.find(lower_ascii(truth)) != std::string::npos; });
    }
    if (record.scorer == "numeric") {
      const auto number = number_in(answer);
      return any(number ? fmt::format("{}", *number) : "", [&](const std::string& truth) { return number && record.tolerance.holds(*number, *number_in(truth)); });
    }
    if (record.scorer == "cider") {
      // A caption's CIDEr needs all captions: the score has it; here what it shares with its own references.
      const std::vector<std::vector<std::string>> own = {record.answers};
      return {.answer = answer, .normalised = answer, .credit = CaptionReferences(own).score_one(0, answer).rouge_l};
    }
    const std::string said = normalised(answer);
    return any(said, [&](const std::string& truth) { return normalised(truth) == said; });
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    if (!captions_) return mean_credits("accuracy", items_, judged);
    std::vector<std::vector<std::string>> references;
    std::vector<std::string> captions;
    for (const Item& item : items_) references.push_back(records_[item.number].answers);
    for (const Judged& one : judged) captions.push_back(one.answer);
    return caption_scores(items_, references, captions);
  }

  double chance() const override {
    double sum = 0;
    for (const Item& item : items_)
      if (const size_t ways = choices(item).size()) sum += 1.0 / static_cast<double>(ways);
    return sum / static_cast<double>(items_.size());
  }
  // Of a judge nothing is known before it is asked: 0.
  double majority() const override {
    const bool judged = std::any_of(records_.begin(), records_.end(), [](const Record& one) { return one.scorer == "judge"; });
    return judged ? 0 : Benchmark::majority();
  }

  Json setting() const override {
    std::set<std::string> scorers;
    for (const Record& record : records_) scorers.insert(record.scorer);
    return {{"split", options_.split}, {"scorer", fmt::format("{}", fmt::join(scorers, " "))}, {"normaliser", normaliser_}, {"suffix", options_.suffix.value_or("")},
            {"max_new_tokens", max_new_tokens()}};
  }

 private:
  std::string normalised(const std::string& text) const {
    if (normaliser_ == "none") return text;
    if (normaliser_ == "vqa") return evalai_answer(text);
    std::string out = trimmed(text);
    if (normaliser_ == "exact") return out;
    if (out.ends_with('.')) out.pop_back();
    return lower_ascii(out);
  }

  void add(const Json& row, std::int64_t line) {
    const std::string place = fmt::format("{}:{}", file_.string(), line);
    if (!row.is_object()) throw Error(fmt::format("{}: not a JSON object", place));
    for (const auto& [member, value] : row.items())
      if (std::find(kMembers.begin(), kMembers.end(), member) == kMembers.end())
        throw Error(fmt::format("{}: unknown member \"{}\"", place, member), suggestion(member, kMembers));
    Record record{.scorer = row.contains("scorer") ? string_of(row, "scorer", place) : options_.scorer.value_or(""), .answers = answers_of(row, place),
                  .choices = row.contains("choices") ? strings_of(row, "choices", place) : std::vector<std::string>(), .tolerance = {}};
    if (record.scorer.empty()) throw Error(fmt::format("{}: no scorer", place), "add \"scorer\" to the line, or scorer to the benchmark");
    if (std::find(kScorers.begin(), kScorers.end(), record.scorer) == kScorers.end())
      throw Error(fmt::format("{}: unknown scorer '{}'", place, record.scorer), fmt::format("one of {}", fmt::join(kScorers, ", ")));
    check(record, row, place);
    const std::string id = row.contains("id") ? id_of(row, "id", place) : std::to_string(line);
    if (!ids_.insert(id).second) throw Error(fmt::format("{}: id {} stands twice", place, id));
    const std::string picture = row.contains("picture") ? string_of(row, "picture", place) : "";
    items_.push_back({.id = id, .group = row.contains("group") ? id_of(row, "group", place) : picture.empty() ? id : picture,
                      .category = row.contains("category") ? string_of(row, "category", place) : "",
                      .question = string_of(row, "question", place) + options_.suffix.value_or(""), .truth = fmt::format("{}", fmt::join(record.answers, " | ")),
                      .pictures = picture.empty() ? std::vector<std::string>() : std::vector<std::string>{picture}, .number = records_.size()});
    records_.push_back(std::move(record));
  }

  static std::vector<std::string> answers_of(const Json& row, const std::string& place) {
    const auto found = row.find("answer");
    if (found == row.end()) throw Error(fmt::format("{}: \"answer\" is missing", place));
    std::vector<std::string> out;
    const auto add = [&](const Json& one) {
      if (one.is_string()) out.push_back(one.get<std::string>());
      else if (one.is_number()) out.push_back(one.dump());
      else throw Error(fmt::format("{}: \"answer\" must be a string, a number or a list of them (got {})", place, one.type_name()));
    };
    if (found->is_array()) for (const Json& one : *found) add(one);
    else add(*found);
    if (out.empty()) throw Error(fmt::format("{}: \"answer\" is an empty list", place));
    return out;
  }

  // That the truth is one which the scorer can compare with.
  static void check(Record& record, const Json& row, const std::string& place) {
    for (const std::string& truth : record.answers) {
      if (record.scorer == "choice" && letter_of(truth).empty()) throw Error(fmt::format("{}: the answer of a choice must be a letter (got '{}')", place, truth));
      if (record.scorer == "yes-no" && lower_ascii(truth) != "yes" && lower_ascii(truth) != "no")
        throw Error(fmt::format("{}: the answer must be yes or no (got '{}')", place, truth));
      if (record.scorer == "numeric" && !number_in(truth)) throw Error(fmt::format("{}: the answer must be a number (got '{}')", place, truth));
    }
    const auto found = row.find("tolerance");
    if (found == row.end()) return;
    if (record.scorer != "numeric") throw Error(fmt::format("{}: \"tolerance\" is of numeric answers, and the scorer is '{}'", place, record.scorer));
    if (found->is_number()) {
      record.tolerance.value = found->get<double>();
    } else {
      const std::string text = found->is_string() ? found->get<std::string>() : "";
      const auto share = text.ends_with('%') ? whole_number(std::string_view(text).substr(0, text.size() - 1)) : std::nullopt;
      if (!share) throw Error(fmt::format("{}: \"tolerance\" must be a number or a share as \"5%\" (got {})", place, found->dump()));
      record.tolerance = {*share / 100, true};
    }
    if (record.tolerance.value < 0) throw Error(fmt::format("{}: \"tolerance\" must not be negative", place));
  }

  options::BenchmarkOptions options_;
  fs::path file_;
  std::string normaliser_;
  bool captions_ = false;
  std::vector<Record> records_;
  std::set<std::string> ids_;
};

}  // namespace

std::string letter_of(const std::string& answer) {
  const auto letter = [&](size_t i) { return i < answer.size() && is_alphanumeric(answer[i]) && !(answer[i] >= '0' && answer[i] <= '9') && static_cast<unsigned char>(answer[i]) < 0x80; };
  const auto joined = [&](size_t i) { return i < answer.size() && (is_alphanumeric(answer[i]) || answer[i] == '\''); };
  std::string closed, capital, any;
  for (size_t i = 0; i < answer.size(); ++i) {
    if (!letter(i) || joined(i + 1) || (i > 0 && joined(i - 1))) continue;
    const std::string here = lower_ascii(answer.substr(i, 1));
    const bool ends = i + 1 == answer.size() || std::string_view(".):,\n").find(answer[i + 1]) != std::string_view::npos;
    if (ends && closed.empty()) closed = here;
    if (here[0] != answer[i] && capital.empty()) capital = here;
    if (any.empty()) any = here;
  }
  return !closed.empty() ? closed : !capital.empty() ? capital : any;
}

std::optional<double> number_in(const std::string& answer) {
  const auto digit = [&](size_t i) { return i < answer.size() && answer[i] >= '0' && answer[i] <= '9'; };
  for (size_t i = 0; i < answer.size(); ++i) {
    if (!digit(i) && !(answer[i] == '.' && digit(i + 1))) continue;
    const bool negative = i > 0 && answer[i - 1] == '-' && (i == 1 || !is_alphanumeric(answer[i - 2]));
    std::string number = negative ? "-" : "";
    bool point = false;
    for (; i < answer.size(); ++i) {
      const bool groups = answer[i] == ',' && !point && digit(i + 1) && digit(i + 2) && digit(i + 3) && !digit(i + 4);
      if (digit(i)) number += answer[i];
      else if (answer[i] == '.' && !point && digit(i + 1)) number += '.', point = true;
      else if (!groups) break;
    }
    double value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    return value;
  }
  return std::nullopt;
}

std::unique_ptr<Benchmark> make_custom(const options::BenchmarkOptions& options) { return std::make_unique<Custom>(options); }

}  // namespace saucier::bench
