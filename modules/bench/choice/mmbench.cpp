#include "modules/bench/choice/mmbench.h"

#include <algorithm>
#include <array>
#include <map>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/bench/folder.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/statistics.h"
#include "modules/bench/vqa/normaliser.h"

namespace saucier::bench {
namespace {

constexpr std::int64_t kRotation = 1'000'000;
constexpr std::string_view kLetters = "ABCD";
constexpr const char* kOptionLetterInChinese = "\n请直接回答选项字母。";

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (std::string_view(" \t\n\r\f\v").find(c) == std::string_view::npos) word += c;
    else if (!word.empty()) words.push_back(std::exchange(word, {}));
  }
  return words;
}

std::vector<std::string> file_names(const std::string& kind, const std::string& split) {
  const bool chinese = kind == "mmbench-cn";
  const std::string capital = split == "dev" ? "DEV" : "TEST", language = chinese ? "CN" : "EN";
  std::vector<std::string> names;
  if (chinese) names = {fmt::format("mmbench_{}_cn_20231003.tsv", split)};
  else names = {fmt::format("mmbench_{}_20230712.tsv", split), fmt::format("mmbench_{}_en_20231003.tsv", split)};
  for (const char* version : {"", "_V11"}) names.push_back(fmt::format("MMBench_{}_{}{}.tsv", capital, language, version));
  return names;
}

struct Record {
  std::vector<std::optional<std::string>> choices;  // A to D
  char answer = 0;
  bool rotation = false;
  size_t row = 0;
};

class MmBench : public Benchmark {
 public:
  explicit MmBench(const options::BenchmarkOptions& options)
      : options_(options), suffix_(options.suffix.value_or(options.kind == "mmbench-cn" && *options.variant == "llava" ? kOptionLetterInChinese : kOptionLetter)) {
    const Folder folder(options.data);
    table_ = read_tsv(folder.file(fmt::format("table of {} {}", options.kind, options.split), file_names(options.kind, options.split)));
    truth_ = options.split == "dev";
    const size_t index = table_.column("index"), image = table_.column("image");
    std::map<std::string, std::string> pictures;
    for (size_t r = 0; r < table_.rows.size(); ++r) {
      add(r, index);
      pictures[table_.rows[r][index]] = table_.rows[r][image];
    }
    // Some tables have the index of another row in the place of its picture.
    constexpr size_t kShortestPicture = 64;
    for (auto& [id, text] : pictures)
      if (text.size() < kShortestPicture)
        if (const auto other = pictures.find(text); other != pictures.end()) text = other->second;
    pictures_ = base64_pictures(std::move(pictures));
  }

  std::string name() const override { return options_.kind; }
  std::string main_metric() const override { return "accuracy"; }
  bool has_truth() const override { return truth_; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return pictures_; }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(1024); }
  std::vector<std::string> choices(const Item& item) const override {
    std::vector<std::string> letters;
    for (size_t k = 0; k < kLetters.size(); ++k)
      if (records_[item.number].choices[k]) letters.emplace_back(1, kLetters[k]);
    return letters;
  }

  Judged judge(const Item& item, const std::string& answer, const std::string&) const override {
    const Record& record = records_[item.number];
    std::optional<char> read = option_in(answer);
    if (!read) read = option_by_text(answer, record.choices);
    return {answer, read ? std::string(1, *read) : "", read && *read == record.answer ? 1.0 : 0.0};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override {
    if (!truth_) throw Error(fmt::format("only the server of '{}' can score its split '{}'", name(), options_.split), "'saucier score … --submission FILE' writes what it takes");
    SAUCIER_CHECK(judged.size() == items_.size());
    std::map<std::string, bool> right;  // question → every rotation of it
    for (size_t i = 0; i < items_.size(); ++i) {
      const bool own = judged[i].credit == 1;
      const auto [at, fresh] = right.try_emplace(items_[i].group, own);
      at->second = at->second && own;
    }
    std::vector<size_t> main;
    std::map<std::string, std::vector<size_t>> parts;
    const auto l2 = table_.find("l2-category"), l2_capital = table_.find("L2-category");
    for (size_t i = 0; i < items_.size(); ++i) {
      const Record& record = records_[items_[i].number];
      if (record.rotation) continue;
      main.push_back(i);
      if (!items_[i].category.empty()) parts[items_[i].category + ".accuracy"].push_back(i);
      if (l2 || l2_capital) parts["l2." + table_.rows[record.row][l2 ? *l2 : *l2_capital] + ".accuracy"].push_back(i);
    }
    const auto hit = [&](size_t i) { return right.at(items_[i].group) ? 1.0 : 0.0; };
    std::vector<Score> scores = {jackknife(mean_of("accuracy", hit), items_, main)};
    scores.push_back(jackknife(mean_of("vanilla.accuracy", [&](size_t i) { return judged[i].credit; }), items_, main));
    scores.push_back(jackknife(mean_of("unread", [&](size_t i) { return judged[i].normalised.empty() ? 1.0 : 0.0; }), items_));
    for (const auto& [metric, which] : parts) scores.push_back(jackknife(mean_of(metric, hit), items_, which));
    return scores;
  }

  // Guessing at each rotation for itself.
  double chance() const override {
    std::map<std::string, double> questions;
    for (const Item& item : items_) questions.try_emplace(item.group, 1).first->second /= static_cast<double>(choices(item).size());
    double sum = 0;
    for (const auto& [group, probability] : questions) sum += probability;
    return questions.empty() ? 0 : sum / static_cast<double>(questions.size());
  }

  Json setting() const override {
    return {{"protocol", options_.kind}, {"variant", *options_.variant}, {"split", options_.split}, {"suffix", suffix_}, {"normaliser", "can_infer; unread is wrong"},
            {"circular", true}, {"max_new_tokens", max_new_tokens()}};
  }

  // LLaVA's (of its further rounds, which rotate themselves, the first alone), or a table with index and prediction.
  std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const override {
    if (file.extension() == ".tsv") {
      const TsvTable given = read_tsv(file);
      const size_t index = given.column("index"), prediction = given.column("prediction");
      std::vector<GivenAnswer> answers;
      for (size_t r = 0; r < given.rows.size(); ++r) answers.push_back({.id = given.rows[r][index], .text = given.rows[r][prediction], .line = given.lines[r]});
      return answers;
    }
    std::vector<GivenAnswer> answers = read_answer_rows(file, {.ids = {"question_id", "index"}, .text = {"text", "prediction"}});
    std::map<std::int64_t, bool> later;  // line → a further round
    Folder(file.parent_path().empty() ? "." : file.parent_path()).rows("answers", {file.filename().string()}, [&](const Json& row, std::int64_t line) {
      later[line] = row.is_object() && row.contains("round_id") && row["round_id"].is_number_integer() && row["round_id"].get<std::int64_t>() > 0;
    });
    std::erase_if(answers, [&](const GivenAnswer& answer) { return later[answer.line]; });
    return answers;
  }

  // The columns of convert_mmbench_for_submission.py. The server takes them as a spreadsheet: open the table in one and save it as .xlsx.
  std::optional<Submission> submission(std::span<const std::string> answers) const override {
    constexpr std::array<std::string_view, 6> kDropped = {"hint", "category", "source", "image", "comment", "l2-category"};
    constexpr size_t kPlace = 6;  // of the prediction
    std::vector<size_t> columns;
    for (size_t c = 0; c < table_.columns.size(); ++c)
      if (std::find(kDropped.begin(), kDropped.end(), table_.columns[c]) == kDropped.end()) columns.push_back(c);
    const auto line = [&](const auto& cell, const std::string& prediction) {
      std::vector<std::string> cells;
      for (const size_t c : columns) cells.push_back(quoted(cell(c)));
      cells.insert(cells.begin() + static_cast<std::ptrdiff_t>(std::min(kPlace, cells.size())), quoted(prediction));
      return fmt::format("{}\n", fmt::join(cells, "\t"));
    };
    std::string out = line([&](size_t c) { return table_.columns[c]; }, "prediction");
    for (size_t i = 0; i < items_.size(); ++i) out += line([&](size_t c) { return table_.rows[records_[items_[i].number].row][c]; }, answers[i]);
    return Submission{fmt::format("{}-{}.tsv", options_.kind, options_.split), std::move(out)};
  }

 private:
  static std::string quoted(const std::string& cell) {
    if (cell.find_first_of("\t\n\r\"") == std::string::npos) return cell;
    std::string out = "\"";
    for (const char c : cell) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
  }

  void add(size_t r, size_t index_column) {
    const std::vector<std::string>& row = table_.rows[r];
    const std::string place = fmt::format("{}:{}", table_.file, table_.lines[r]), id = row[index_column];
    if (id.empty() || id.find_first_not_of("0123456789") != std::string::npos) throw Error(fmt::format("{}: the index must be a number (got '{}')", place, id));
    const std::int64_t index = std::stoll(id);
    Record record{.choices = {}, .rotation = index >= kRotation, .row = r};
    size_t given = 0;
    for (const char letter : kLetters) {
      const auto column = table_.find(std::string(1, letter));
      const bool there = column && !is_missing_cell(row[*column]);
      record.choices.push_back(there ? std::optional(row[*column]) : std::nullopt);
      given += there;
    }
    if (given < 2) throw Error(fmt::format("{}: a question needs two options (got {})", place, given));
    if (truth_) {
      const std::string& answer = row[table_.column("answer")];
      if (answer.size() != 1 || kLetters.find(answer[0]) == std::string_view::npos) throw Error(fmt::format("{}: the answer must be a letter from A to D (got '{}')", place, answer));
      record.answer = answer[0];
    }
    const auto category = table_.find("category");
    items_.push_back({.id = id, .group = std::to_string(index % kRotation), .category = category ? row[*category] : "", .question = question_of(row, record) + suffix_,
                      .truth = record.answer ? std::string(1, record.answer) : "", .pictures = {id}, .number = records_.size()});
    records_.push_back(std::move(record));
  }

  std::string question_of(const std::vector<std::string>& row, const Record& record) const {
    const auto hint_column = table_.find("hint");
    const std::string hint = hint_column && !is_missing_cell(row[*hint_column]) ? row[*hint_column] : "", question = row[table_.column("question")];
    std::string options;
    for (size_t k = 0; k < kLetters.size(); ++k) {
      if (!record.choices[k] && *options_.variant == "llava") break;  // get_options ends at the first that is missing
      if (record.choices[k]) options += fmt::format("\n{}. {}", kLetters[k], *record.choices[k]);
    }
    if (*options_.variant == "lmms-eval") return (hint.empty() ? "" : hint + " ") + question + " There are several options:" + options;
    return (hint.empty() ? "" : hint + "\n") + question + options;
  }

  options::BenchmarkOptions options_;
  std::string suffix_;
  TsvTable table_;
  bool truth_ = true;
  std::vector<Record> records_;  // by item number
  std::shared_ptr<const data::PictureSource> pictures_;
};

}  // namespace

std::optional<char> option_in(const std::string& answer) {
  constexpr std::string_view kFive = "ABCDE";
  if (answer.find("Failed to obtain answer via API") != std::string::npos) return std::nullopt;
  const std::vector<std::string> words = words_of(answer);
  const auto there = [&](const std::string& word) { return std::find(words.begin(), words.end(), word) != words.end(); };
  // The letter with these marks around it, where it is the only such one.
  const auto only = [&](const std::string& before, const std::string& behind) -> std::optional<char> {
    std::optional<char> found;
    for (const char letter : kFive) {
      if (!there(before + letter + behind)) continue;
      if (found) return std::nullopt;
      found = letter;
    }
    return found;
  };
  constexpr size_t kWordsOfALetter = 3;
  if (const auto alone = only("", ""); alone && !(there("A") && words.size() > kWordsOfALetter)) return alone;
  for (const auto& [before, behind] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "."}, {"", ","}, {"", ":"}, {"", ")"}, {"", ")."}, {"(", ")"}, {"(", ")."}, {":", ""}, {":", ","}, {":", "."}, {":", ")"}, {":", ")."}})
    if (const auto marked = only(before, behind)) return marked;
  return std::nullopt;
}

std::optional<char> option_by_text(const std::string& answer, const std::vector<std::optional<std::string>>& choices) {
  const std::string text = lower_text(answer);
  std::optional<char> found;
  for (size_t k = 0; k < choices.size(); ++k) {
    if (!choices[k] || text.find(lower_text(*choices[k])) == std::string::npos) continue;
    if (found) return std::nullopt;
    found = static_cast<char>('A' + k);
  }
  return found;
}

bool is_missing_cell(const std::string& cell) {
  static const std::set<std::string, std::less<>> missing = {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"};
  const std::string lower = lower_ascii(cell);
  return missing.contains(cell) || lower == "nan" || lower == "none";
}

std::unique_ptr<Benchmark> make_mmbench(const options::BenchmarkOptions& options) { return std::make_unique<MmBench>(options); }

}  // namespace saucier::bench
