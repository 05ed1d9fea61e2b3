#include "modules/bench/vqa/vqa.h"

#include <map>
#include <unordered_map>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/bench/short_answer.h"
#include "modules/bench/statistics.h"
#include "modules/bench/vqa/normaliser.h"
#include "modules/bench/vqa/soft_accuracy_benchmark.h"

namespace saucier::bench {
namespace {

constexpr const char* kUnanswerable = "\nWhen the provided information is insufficient, respond with 'Unanswerable'.\nAnswer the question using a single word or phrase.";

std::filesystem::path pictures_in(const options::BenchmarkOptions& options, const char* folder) {
  return options.pictures.empty() ? std::filesystem::path(options.data) / folder : std::filesystem::path(options.pictures);
}

// Python's str.capitalize().
std::string capitalised(const std::string& text) {
  std::string out = lower_text(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

std::vector<std::string> answers_of(const Json& row, const std::string& place) {
  std::vector<std::string> answers;
  for (const Json& one : list_of(row, "answers", place)) answers.push_back(one.is_string() ? one.get<std::string>() : string_of(one, "answer", place));
  if (answers.empty()) throw Error(fmt::format("{}: \"answers\" is empty", place));
  return answers;
}

Json id_as_written(const std::string& id) {
  const bool number = !id.empty() && id.size() < 19 && id.find_first_not_of("0123456789") == std::string::npos && (id == "0" || id[0] != '0');
  return number ? Json(std::stoll(id)) : Json(id);
}

// VQAv2 and OK-VQA: questions and annotations in two files.
class CocoQuestions : public SoftAccuracyBenchmark {
 public:
  CocoQuestions(const options::BenchmarkOptions& options, Comparison comparison, std::string suffix, const std::string& what, const char* questions, const char* annotations)
      : SoftAccuracyBenchmark(options, comparison, std::move(suffix)) {
    pictures_ = pictures_in(options, "val2014");
    const std::string annotated = (folder_.path() / annotations).string();
    std::unordered_map<std::string, std::pair<std::vector<std::string>, std::string>> truth;  // answers, type
    const Json labels = folder_.json("annotations of " + what, {annotations});
    for (const Json& row : list_of(labels, "annotations", annotated)) {
      const std::string id = id_of(row, "question_id", annotated), place = fmt::format("{}: question {}", annotated, id);
      truth[id] = {answers_of(row, place), row.value("answer_type", "")};
    }
    const std::string asked = (folder_.path() / questions).string();
    const Json rows = folder_.json("questions of " + what, {questions});
    for (const Json& row : list_of(rows, "questions", asked)) {
      const std::string id = id_of(row, "question_id", asked), place = fmt::format("{}: question {}", asked, id);
      const auto found = truth.find(id);
      if (found == truth.end()) throw Error(fmt::format("{}: no annotation of it in {}", place, annotations));
      add(id, string_of(row, "question", place) + suffix_, fmt::format("COCO_val2014_{:012}.jpg", integer_of(row, "image_id", place)), found->second.second, std::move(found->second.first));
      truth.erase(found);
    }
    if (!truth.empty()) throw Error(fmt::format("{}: question {} is annotated and not asked in {}", annotated, truth.begin()->first, questions));
  }
};

class Vqav2Test : public SoftAccuracyBenchmark {
 public:
  explicit Vqav2Test(const options::BenchmarkOptions& options) : SoftAccuracyBenchmark(options, *options.variant == "lmms-eval" ? Comparison::kBothBySteps : *options.variant == "llava" ? Comparison::kLlava : Comparison::kNone, kShortAnswer) {
    pictures_ = pictures_in(options, "test2015");
    constexpr const char* kLlava = "llava_vqav2_mscoco_test-dev2015.jsonl";
    constexpr const char* kOfficial = "v2_OpenEnded_mscoco_test-dev2015_questions.json";
    if (*options.variant == "llava" && folder_.has(kLlava)) {
      folder_.rows("LLaVA's questions", {kLlava}, [&](const Json& row, std::int64_t line) {
        const std::string place = fmt::format("{}:{}", (folder_.path() / kLlava).string(), line);
        add(id_of(row, "question_id", place), string_of(row, "text", place), string_of(row, "image", place), "", {});
      });
      return;
    }
    const std::string asked = (folder_.path() / kOfficial).string();
    const Json rows = folder_.json("questions of VQAv2 test-dev", {kOfficial});
    for (const Json& row : list_of(rows, "questions", asked)) {
      const std::string id = id_of(row, "question_id", asked), place = fmt::format("{}: question {}", asked, id);
      add(id, string_of(row, "question", place) + suffix_, fmt::format("COCO_test2015_{:012}.jpg", integer_of(row, "image_id", place)), "", {});
    }
  }

  std::optional<Submission> submission(std::span<const std::string> answers) const override {
    std::map<std::string, std::string> by_id;
    for (size_t i = 0; i < items_.size(); ++i) by_id[items_[i].id] = normalised(answers[i]);
    Json out = Json::array();
    const auto put = [&](const std::string& id) {
      const auto found = by_id.find(id);
      out.push_back({{"question_id", id_as_written(id)}, {"answer", found == by_id.end() ? "" : found->second}});
    };
    constexpr const char* kAllByLlava = "llava_vqav2_mscoco_test2015.jsonl";
    constexpr const char* kAll = "v2_OpenEnded_mscoco_test2015_questions.json";
    if (folder_.has(kAllByLlava)) {
      folder_.rows("LLaVA's questions", {kAllByLlava}, [&](const Json& row, std::int64_t line) { put(id_of(row, "question_id", fmt::format("{}:{}", kAllByLlava, line))); });
    } else if (folder_.has(kAll)) {
      const Json all = folder_.json("questions of VQAv2 test", {kAll});
      for (const Json& row : list_of(all, "questions", kAll)) put(id_of(row, "question_id", kAll));
    } else {
      for (const Item& item : items_) put(item.id);
    }
    return Submission{"vqav2-test-dev.json", out.dump()};
  }
};

class VizWiz : public SoftAccuracyBenchmark {
 public:
  explicit VizWiz(const options::BenchmarkOptions& options)
      : SoftAccuracyBenchmark(options, *options.variant == "lmms-eval" ? Comparison::kBothByEvalAi : *options.variant == "llava" ? Comparison::kLlava : Comparison::kOfficial, kUnanswerable) {
    pictures_ = pictures_in(options, options.split.c_str());
    constexpr const char* kLlava = "llava_test.jsonl";
    if (options.split == "test" && *options.variant == "llava" && folder_.has(kLlava)) {
      folder_.rows("LLaVA's questions", {kLlava}, [&](const Json& row, std::int64_t line) {
        const std::string place = fmt::format("{}:{}", (folder_.path() / kLlava).string(), line);
        add(id_of(row, "question_id", place), string_of(row, "text", place), string_of(row, "image", place), "", {});
      });
      return;
    }
    const std::string name = options.split + ".json", file = (folder_.path() / name).string();
    const Json rows = folder_.json(fmt::format("questions of VizWiz {}", options.split), {name, "Annotations/" + name});
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::string place = fmt::format("{}: entry {}", file, i + 1), picture = string_of(rows[i], "image", place), question = string_of(rows[i], "question", place);
      std::vector<std::string> human;
      if (options.split != "test") human = answers_of(rows[i], place);
      add(picture, (lmms_eval() ? capitalised(question) : question) + suffix_, picture, rows[i].value("answer_type", ""), std::move(human));
    }
  }

  std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const override {
    return read_answer_rows(file, {.ids = {"question_id", "image"}, .text = {"text", "answer"}});
  }

  std::optional<Submission> submission(std::span<const std::string> answers) const override {
    Json out = Json::array();
    for (size_t i = 0; i < items_.size(); ++i) out.push_back({{"image", items_[i].pictures.front()}, {"answer", normalised(answers[i])}});
    return Submission{fmt::format("vizwiz-{}.json", options_.split), out.dump()};
  }
};

class TextVqa : public SoftAccuracyBenchmark {
 public:
  explicit TextVqa(const options::BenchmarkOptions& options)
      : SoftAccuracyBenchmark(options, *options.variant == "official" ? Comparison::kOfficial : Comparison::kBothByEvalAi, kShortAnswer) {
    pictures_ = pictures_in(options, "train_images");
    const std::string file = (folder_.path() / kQuestions).string();
    const Json rows = folder_.json("questions of TextVQA val", {kQuestions});
    const bool with_ocr = *options.variant == "llava";
    if (with_ocr) read_ocr();
    for (const Json& row : list_of(rows, "data", file)) {
      const std::string id = id_of(row, "question_id", file), place = fmt::format("{}: question {}", file, id), picture = id_of(row, "image_id", place);
      const std::string question = string_of(row, "question", place);
      std::string asked = (lmms_eval() ? capitalised(question) : question) + suffix_, image = picture + ".jpg";
      if (with_ocr) {
        const auto own = llava_.find({picture, lower_text(question)});
        if (!llava_.empty() && own == llava_.end()) throw Error(fmt::format("{}: {} does not ask it", place, kLlava), "both files must be of one release");
        if (own != llava_.end()) asked = own->second.first, image = own->second.second;
        else asked = fmt::format("{}\nReference OCR token: {}{}", question, tokens_of(picture, place), suffix_);
      }
      add(id, std::move(asked), std::move(image), "", answers_of(row, place));
      by_question_[{picture, lower_text(question)}] = id;
    }
  }

  // LLaVA's question_id is the picture's: the question in the prompt tells those of one picture apart, as eval_textvqa.py does it.
  std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const override {
    std::vector<GivenAnswer> answers = read_answer_rows(file, {.text = {"text", "answer"}});
    std::int64_t number = 0;
    size_t next = 0;
    const std::string text = read_file(file);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos || text[text.find_first_not_of(" \t\r\n")] == '[') return answers;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      begin = end + 1;
      ++number;
      if (next == answers.size() || answers[next].line != number) continue;
      const Json row = parse_json(line, file.string());
      if (row.contains("prompt") && row["prompt"].is_string())
        if (const auto id = by_question_.find({answers[next].id, question_in(row["prompt"].get<std::string>())}); id != by_question_.end()) answers[next].id = id->second;
      ++next;
    }
    return answers;
  }

 private:
  static constexpr const char* kQuestions = "TextVQA_0.5.1_val.json";
  static constexpr const char* kLlava = "llava_textvqa_val_v051_ocr.jsonl";
  static constexpr const char* kOcr = "TextVQA_Rosetta_OCR_v0.2_val.json";
  using Asked = std::pair<std::string, std::string>;  // picture, question in lower case

  void read_ocr() {
    if (folder_.has(kLlava)) {
      folder_.rows("LLaVA's questions", {kLlava}, [&](const Json& row, std::int64_t line) {
        const std::string place = fmt::format("{}:{}", (folder_.path() / kLlava).string(), line), text = string_of(row, "text", place);
        llava_[{id_of(row, "question_id", place), question_in(text)}] = {text, string_of(row, "image", place)};
      });
      return;
    }
    if (!folder_.has(kOcr))
      throw Error(fmt::format("no OCR tokens of TextVQA: neither '{}' nor '{}' is in '{}'", kLlava, kOcr, folder_.path().string()), "variant 'lmms-eval' asks without them");
    const Json rows = folder_.json("OCR tokens", {kOcr});
    for (const Json& row : list_of(rows, "data", kOcr)) ocr_[id_of(row, "image_id", kOcr)] = fmt::format("{}", fmt::join(strings_of(row, "ocr_tokens", kOcr), ", "));
  }

  std::string tokens_of(const std::string& picture, const std::string& place) const {
    const auto found = ocr_.find(picture);
    if (found == ocr_.end()) throw Error(fmt::format("{}: no OCR tokens of its picture in {}", place, kOcr));
    return found->second;
  }

  // prompt_processor of eval_textvqa.py: the first line, or the second of three where the OCR tokens come first.
  static std::string question_in(const std::string& prompt) {
    const size_t end = prompt.find('\n');
    if (!prompt.starts_with("Reference OCR token:") || end == std::string::npos) return lower_text(prompt.substr(0, end));
    return lower_text(prompt.substr(end + 1, prompt.find('\n', end + 1) - end - 1));
  }

  std::map<Asked, std::pair<std::string, std::string>> llava_;  // text, picture file
  std::map<std::string, std::string> ocr_;
  std::map<Asked, std::string> by_question_;
};

class Aokvqa : public Benchmark {
 public:
  explicit Aokvqa(const options::BenchmarkOptions& options)
      : options_(options), folder_(options.data), choice_(options.split == "val-mc"), suffix_(options.suffix.value_or(choice_ ? kOptionLetter : kShortAnswer)) {
    constexpr const char* kQuestions = "aokvqa_v1p0_val.json";
    const std::string file = (folder_.path() / kQuestions).string();
    const Json rows = folder_.json("questions of A-OKVQA val", {kQuestions});
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::string id = id_of(rows[i], "question_id", fmt::format("{}: entry {}", file, i + 1)), place = fmt::format("{}: question {}", file, id);
      if (!choice_ && rows[i].value("difficult_direct_answer", false)) {  // the official evaluation leaves them out
        left_out_.insert(id);
        continue;
      }
      Record record{.choices = strings_of(rows[i], "choices", place), .direct = strings_of(rows[i], "direct_answers", place), .right = integer_of(rows[i], "correct_choice_idx", place)};
      if (record.right < 0 || record.right >= static_cast<std::int64_t>(record.choices.size())) throw Error(fmt::format("{}: choice {} of {}", place, record.right, record.choices.size()));
      std::string question = string_of(rows[i], "question", place);
      if (choice_)
        for (size_t k = 0; k < record.choices.size(); ++k) question += fmt::format("\n{}. {}", static_cast<char>('A' + k), record.choices[k]);
      items_.push_back({.id = id, .group = id, .category = "", .question = question + suffix_, .truth = choice_ ? record.choices[static_cast<size_t>(record.right)] : fmt::format("{}", fmt::join(record.direct, " | ")),
                        .pictures = {fmt::format("{:012}.jpg", integer_of(rows[i], "image_id", place))}, .number = records_.size()});
      records_.push_back(std::move(record));
    }
  }

  std::string name() const override { return "aokvqa"; }
  std::string main_metric() const override { return "accuracy"; }
  std::shared_ptr<const data::PictureSource> pictures() const override { return folder_pictures(pictures_in(options_, "val2017")); }
  std::int64_t max_new_tokens() const override { return options_.max_new_tokens.value_or(128); }
  std::vector<std::string> choices(const Item& item) const override {
    std::vector<std::string> letters;
    for (size_t k = 0; choice_ && k < records_[item.number].choices.size(); ++k) letters.emplace_back(1, static_cast<char>('A' + k));
    return letters;
  }

  // eval_predictions.py: exactly the right choice; or min(1, equal direct answers / 3). Exactly: "Yes" is not "yes", unless the
  // normaliser says otherwise.
  Judged judge(const Item& item, const std::string& answer, const std::string&) const override {
    const Record& record = records_[item.number];
    std::string read = strip_text(answer);
    if (choice_) {
      const size_t letter = read.empty() ? 0 : static_cast<size_t>(read[0] - 'A');
      if (!read.empty() && read[0] >= 'A' && letter < record.choices.size() && (read.size() == 1 || read[1] == '.' || read[1] == ':' || read[1] == ')')) read = record.choices[letter];
      const bool right = read == record.choices[static_cast<size_t>(record.right)];
      return {answer, std::move(read), right ? 1.0 : 0.0};
    }
    const std::string& normaliser = options_.normaliser.value_or("exact");
    const auto comparable = [&](const std::string& text) { return normaliser == "vqa" ? evalai_answer(text) : normaliser == "lower" ? lower_text(strip_text(text)) : text; };
    read = normaliser == "none" ? answer : comparable(read);
    double equal = 0;
    for (const std::string& direct : record.direct) equal += comparable(direct) == read;
    return {answer, std::move(read), std::min(1.0, equal / 3)};
  }

  std::vector<Score> score(std::span<const Judged> judged) const override { return mean_credits("accuracy", items_, judged); }
  double chance() const override { return choice_ ? 0.25 : 0; }
  Json setting() const override {
    return {{"protocol", "aokvqa"}, {"variant", *options_.variant}, {"split", options_.split}, {"suffix", suffix_}, {"normaliser", choice_ ? "letter or choice" : options_.normaliser.value_or("exact")}, {"max_new_tokens", max_new_tokens()}};
  }

  // LLaVA's; or {"QUESTION": {"multiple_choice": …, "direct_answer": …}}.
  std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) const override {
    const std::string text = read_file(file);
    const size_t first = text.find_first_not_of(" \t\r\n");
    const Json all = first != std::string::npos && text[first] == '{' ? Json::parse(text, nullptr, false) : Json();
    if (!all.is_object() || all.contains("question_id")) return read_answer_rows(file, {.text = {"text", "answer"}});
    std::vector<GivenAnswer> answers;
    const char* member = choice_ ? "multiple_choice" : "direct_answer";
    for (const auto& [id, row] : all.items()) answers.push_back({.id = id, .text = string_of(row, member, fmt::format("{}: question {}", file.string(), id))});
    return answers;
  }

 private:
  struct Record {
    std::vector<std::string> choices, direct;
    std::int64_t right = 0;
  };
  options::BenchmarkOptions options_;
  Folder folder_;
  bool choice_;
  std::string suffix_;
  std::vector<Record> records_;
};

}  // namespace

std::unique_ptr<Benchmark> make_vqav2(const options::BenchmarkOptions& options) {
  if (options.split == "test-dev") return std::make_unique<Vqav2Test>(options);
  const Comparison comparison = *options.variant == "lmms-eval" ? Comparison::kBothBySteps : *options.variant == "llava" ? Comparison::kLlava : Comparison::kOfficial;
  return std::make_unique<CocoQuestions>(options, comparison, kShortAnswer, "VQAv2 val", "v2_OpenEnded_mscoco_val2014_questions.json", "v2_mscoco_val2014_annotations.json");
}

std::unique_ptr<Benchmark> make_okvqa(const options::BenchmarkOptions& options) {
  const bool lmms_eval = *options.variant == "lmms-eval";
  return std::make_unique<CocoQuestions>(options, lmms_eval ? Comparison::kBothByEvalAi : Comparison::kOfficial, lmms_eval ? kUnanswerable : kShortAnswer, "OK-VQA val",
                                         "OpenEnded_mscoco_val2014_questions.json", "mscoco_val2014_annotations.json");
}

std::unique_ptr<Benchmark> make_vizwiz(const options::BenchmarkOptions& options) { return std::make_unique<VizWiz>(options); }
std::unique_ptr<Benchmark> make_textvqa(const options::BenchmarkOptions& options) { return std::make_unique<TextVqa>(options); }
std::unique_ptr<Benchmark> make_aokvqa(const options::BenchmarkOptions& options) { return std::make_unique<Aokvqa>(options); }

}  // namespace saucier::bench
