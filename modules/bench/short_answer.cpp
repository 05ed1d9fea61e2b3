#include "modules/bench/short_answer.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"

namespace saucier::bench {
namespace {

constexpr std::string_view kSpaces = " \t\n\r\f\v";

const Json* member_of(const Json& row, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (const auto found = row.find(name); found != row.end()) return &*found;
  return nullptr;
}

GivenAnswer answer_of(const Json& row, const AnswerRows& rows, const std::string& place, std::int64_t line) {
  const Json* id = row.is_object() ? member_of(row, rows.ids) : nullptr;
  const Json* text = row.is_object() ? member_of(row, rows.text) : nullptr;
  if (!text || !text->is_string() || (id ? !id->is_string() && !id->is_number_integer() : !rows.by_place))
    throw Error(fmt::format("{}: an answer needs {}\"{}\"", place, rows.by_place ? "" : fmt::format("\"{}\" and ", fmt::join(rows.ids, "\" or \"")), fmt::join(rows.text, "\" or \"")));
  return {.id = !id ? "" : id->is_string() ? id->get<std::string>() : id->dump(), .text = text->get<std::string>(), .line = line};
}

}  // namespace

std::string lower_ascii(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  return begin == std::string_view::npos ? "" : std::string(text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1));
}

std::vector<GivenAnswer> read_answer_rows(const std::filesystem::path& file, const AnswerRows& rows) {
  const std::string text = read_file(file);
  std::vector<GivenAnswer> answers;
  if (const size_t first = text.find_first_not_of(kSpaces); first != std::string::npos && text[first] == '[') {
    const Json list = parse_json(text, file.string());
    for (size_t i = 0; i < list.size(); ++i) answers.push_back(answer_of(list[i], rows, fmt::format("{}: answer {}", file.string(), i + 1), 0));
  } else {
    std::int64_t number = 0;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      begin = end + 1;
      ++number;
      if (line.find_first_not_of(kSpaces) == std::string_view::npos) continue;
      const std::string place = fmt::format("{}:{}", file.string(), number);
      answers.push_back(answer_of(parse_json(line, place), rows, place, number));
    }
  }
  if (answers.empty()) throw Error(fmt::format("no answer in '{}'", file.string()));
  return answers;
}

}  // namespace saucier::bench
