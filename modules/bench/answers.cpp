#include "modules/bench/answers.h"

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/bench/benchmark.h"

namespace saucier::bench {
namespace {

std::string text_of_id(const Json& id) { return id.is_string() ? id.get<std::string>() : id.dump(); }

MatchedAnswers by_place(std::span<const Item> items, std::span<const GivenAnswer> given) {
  MatchedAnswers out;
  out.by_item.assign(items.size(), nullptr);
  if (given.size() != items.size())
    out.problems.push_back({"wrong-number", "", 0, fmt::format("{} answers without ids for {} questions", given.size(), items.size())});
  else
    for (size_t i = 0; i < items.size(); ++i) out.by_item[i] = &given[i];
  return out;
}

}  // namespace

std::vector<GivenAnswer> read_llava_answers(const std::filesystem::path& file) {
  std::vector<GivenAnswer> answers;
  const std::string text = read_file(file);
  std::int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto place = [&] { return fmt::format("{}:{}", file.string(), number); };
    const Json row = with_context("an answers file holds one JSON object a line", [&] { return parse_json(line, place()); });
    const auto id = row.is_object() ? row.find("question_id") : row.end();
    const auto answer = row.is_object() ? row.find("text") : row.end();
    if (!row.is_object() || id == row.end() || !(id->is_string() || id->is_number_integer()) || answer == row.end() || !answer->is_string())
      throw Error(fmt::format("{}: an answer needs \"question_id\" and \"text\"", place()),
                  "LLaVA's layout is {\"question_id\": 1, \"text\": \"Yes\"}, one object a line");
    answers.push_back({.id = text_of_id(*id), .text = answer->get<std::string>(), .line = number});
  }
  if (answers.empty()) throw Error(fmt::format("no answer in '{}'", file.string()));
  return answers;
}

MatchedAnswers match(std::span<const Item> items, std::span<const GivenAnswer> given, const std::set<std::string>& known_elsewhere) {
  if (!given.empty() && given.front().id.empty()) return by_place(items, given);
  MatchedAnswers out;
  std::map<std::string_view, size_t> numbers;
  for (size_t i = 0; i < items.size(); ++i) numbers.emplace(items[i].id, i);
  out.by_item.assign(items.size(), nullptr);
  for (const GivenAnswer& answer : given) {
    const auto found = numbers.find(answer.id);
    if (found == numbers.end()) {
      if (!known_elsewhere.contains(answer.id))
        out.problems.push_back({"unknown-question", answer.id, answer.line, fmt::format("no question {} in the benchmark", answer.id)});
      continue;
    }
    const GivenAnswer*& place = out.by_item[found->second];
    if (place)
      out.problems.push_back({"doubled-answer", answer.id, answer.line,
                              fmt::format("question {} is answered again{}", answer.id,
                                          place->line > 0 ? fmt::format("; its first answer stands in line {}", place->line) : "")});
    else
      place = &answer;
  }
  for (size_t i = 0; i < items.size(); ++i)
    if (!out.by_item[i]) out.problems.push_back({"missing-answer", items[i].id, 0, fmt::format("question {} has no answer", items[i].id)});
  return out;
}

}  // namespace saucier::bench
