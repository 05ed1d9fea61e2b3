#include "modules/bench/judged/llava_bench.h"

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

constexpr const char* kSystem = "You are a helpful and precise assistant for checking the quality of the answer.";

// What the judge is asked where there is no rule.json. It must give what scores_of_review() reads.
constexpr const char* kOwnRule =
    "Two AI assistants have answered a question that a user asked about a picture. You do not see the picture; the context above describes it.\n"
    "Judge how helpful, relevant, accurate and detailed each answer is, and give each assistant one overall score from 1 to 10; higher is better.\n"
    "Write the two scores on the first line, the one of Assistant 1 first, with a space between them and nothing else.\n"
    "From the second line on, explain the scores. Do not favour an answer for the place in which it stands.";

class LlavaBench : public Benchmark {
 public:
  explicit LlavaBench(const options::BenchmarkOptions& options) : options_(options) {
    const Folder folder(options.data);
    read_contexts(folder);
    read_rules(folder);
    std::map<std::string, std::string> references;
    const std::string answers = (folder.path() / "answers_gpt4.jsonl").string();
    folder.rows("GPT-4's answers", {"answers_gpt4.jsonl"}, [&](const Json& row, std::int64_t line) {
      const std::string place = fmt::format("{}:{}", answers, line);
      references[id_of(row, "question_id", place)] = string_of(row, "text", place);
    });
    const std::string file = (folder.path() / "questions.jsonl").string();
    folder.rows("questions of LLaVA-Bench", {"questions.jsonl"}, [&](const Json& row, std::int64_t line) { add(row, fmt::format("{}:{}", file, line), references); });
    if (items_.empty()) throw Error(fmt::format("no question in '{}'", file));
    pictures_ = folder_pictures(options.pictures.empty() ? folder.path() / "images" : fs::path(options.pictures));
  }

  std::string name() const override { return "llava-bench"; }
  std::string main_metric() const override { return "score"; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return pictures_; }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(1024); }
  double chance() const override { return 0; }
  double majority() const override { return 0; }  // only the judge knows

  std::optional<Review> review(const Item& item, const std::string& answer) const override {
    const Record& record = records_[item.number];
    const Rule& rule = rules_.at(item.category);
    return Review{.system = kSystem,
                  .prompt = fmt::format("[Context]\n{}\n\n[Question]\n{}\n\n[{r} 1]\n{}\n\n[End of {r} 1]\n\n[{r} 2]\n{}\n\n[End of {r} 2]\n\n[System]\n{}\n\n", record.context,
                                        record.question, record.reference, answer, rule.prompt, fmt::arg("r", rule.role))};
  }

  Judged judge(const Item&, const std::string& answer, const std::string& reply = {}) const override {
    const PairOfScores scores = scores_of_review(reply);
    return {.answer = answer, .normalised = fmt::format("{} {}", scores.reference, scores.model), .credit = std::clamp(scores.model / 10, 0.0, 1.0),
            .parts = {scores.reference, scores.model}};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    const SummedMetric ratio{.name = "score", .width = 2,
                             .terms = [&](size_t i, std::span<double> terms) { terms[0] = judged[i].parts.at(0), terms[1] = judged[i].parts.at(1); },
                             .value = [](std::span<const double> sums) { return sums[0] == 0 ? 0 : sums[1] / sums[0]; }};
    std::vector<Score> out = {jackknife(ratio, items_)};
    std::vector<std::string> categories;
    std::map<std::string, std::vector<size_t>> which;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (which[items_[i].category].empty()) categories.push_back(items_[i].category);
      which[items_[i].category].push_back(i);
    }
    for (const std::string& category : categories) {
      out.push_back(jackknife(ratio, items_, which[category]));
      out.back().metric = category + ".score";
    }
    return out;
  }

  Json setting() const override {
    std::string prompts;
    for (const auto& [category, rule] : rules_) prompts += category + "\n" + rule.role + "\n" + rule.prompt + "\n";
    return {{"split", options_.split}, {"variant", options_.variant.value_or("llava")}, {"suffix", options_.suffix.value_or("")},
            {"rules", own_rules_ ? "saucier" : "rule.json"}, {"rules_digest", digest_of(prompts)}, {"max_new_tokens", max_new_tokens()}};
  }

  std::vector<GivenAnswer> read_answers(const fs::path& file) const override {
    const std::string text = read_file(file);
    std::vector<GivenAnswer> out;
    std::int64_t number = 0;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      begin = end + 1;
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      const std::string place = fmt::format("{}:{}", file.string(), number);
      const Json row = parse_json(line, place);
      if (out.empty() && !(row.is_object() && row.contains("content"))) break;  // no file of reviews
      out.push_back({.id = id_of(row, "question_id", place), .text = "", .line = number, .review = string_of(row, "content", place)});
    }
    return out.empty() ? read_llava_answers(file) : out;
  }

 private:
  struct Record {
    std::string question, context, reference;
  };
  struct Rule {
    std::string role, prompt;
  };

  static std::string digest_of(const std::string& prompts) { return sha256(prompts).substr(0, 16); }

  void read_contexts(const Folder& folder) {
    const std::string file = (folder.path() / "context.jsonl").string();
    folder.rows("descriptions of the pictures", {"context.jsonl"}, [&](const Json& row, std::int64_t line) {
      const std::string place = fmt::format("{}:{}", file, line);
      const auto caption = row.is_object() ? row.find("caption") : row.end();
      const bool several = row.is_object() && caption != row.end() && caption->is_array();
      contexts_[string_of(row, "image", place)] = several ? fmt::format("{}", fmt::join(strings_of(row, "caption", place), "\n")) : string_of(row, "caption", place);
    });
  }

  void read_rules(const Folder& folder) {
    own_rules_ = !folder.has("rule.json");
    if (!own_rules_) rule_file_ = parse_json(read_file(folder.path() / "rule.json"), (folder.path() / "rule.json").string());
  }

  Rule rule_of(const std::string& category, const std::string& place) const {
    if (own_rules_) return {"Assistant", kOwnRule};
    const std::string key = "llava_bench_" + category, file = (fs::path(options_.data) / "rule.json").string();
    const auto found = rule_file_.is_object() ? rule_file_.find(key) : rule_file_.end();
    if (!rule_file_.is_object() || found == rule_file_.end()) throw Error(fmt::format("{}: category '{}' has no rule '{}' in '{}'", place, category, key, file));
    return {string_of(*found, "role", file + ": " + key), string_of(*found, "prompt", file + ": " + key)};
  }

  void add(const Json& row, const std::string& place, const std::map<std::string, std::string>& references) {
    const std::string id = id_of(row, "question_id", place), picture = string_of(row, "image", place), category = string_of(row, "category", place);
    const auto reference = references.find(id);
    const auto context = contexts_.find(picture);
    if (reference == references.end()) throw Error(fmt::format("{}: question {} has no answer in answers_gpt4.jsonl", place, id));
    if (context == contexts_.end()) throw Error(fmt::format("{}: picture '{}' has no description in context.jsonl", place, picture));
    if (!rules_.contains(category)) rules_[category] = rule_of(category, place);
    const std::string question = string_of(row, "text", place);
    items_.push_back({.id = id, .group = picture, .category = category, .question = question + options_.suffix.value_or(""), .truth = reference->second,
                      .pictures = {picture}, .number = records_.size()});
    records_.push_back({question, context->second, reference->second});
  }

  options::BenchmarkOptions options_;
  std::map<std::string, std::string> contexts_;  // by picture
  std::map<std::string, Rule> rules_;            // by category
  Json rule_file_;
  bool own_rules_ = false;
  std::vector<Record> records_;
  std::shared_ptr<const data::PictureSource> pictures_;
};

}  // namespace

PairOfScores scores_of_review(const std::string& reply) {
  std::string line = reply.substr(0, reply.find('\n'));
  std::replace(line.begin(), line.end(), ',', ' ');
  const std::vector<std::string> words = words_of(line);
  const auto reference = words.size() == 2 ? whole_number(words[0]) : std::nullopt, model = words.size() == 2 ? whole_number(words[1]) : std::nullopt;
  if (!reference || !model) throw Error(fmt::format("the first line of the judge's reply is not two scores (got {})", quoted_reply(reply)));
  return {*reference, *model};
}

std::unique_ptr<Benchmark> make_llava_bench(const options::BenchmarkOptions& options) { return std::make_unique<LlavaBench>(options); }

}  // namespace saucier::bench
