// What the benchmarks with short answers share.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "modules/bench/answers.h"

namespace saucier::bench {

// What LLaVA and lmms-eval put behind a question.
inline constexpr const char* kShortAnswer = "\nAnswer the question using a single word or phrase.";
inline constexpr const char* kOptionLetter = "\nAnswer with the option's letter from the given choices directly.";

std::string lower_ascii(std::string text);
std::string trimmed(std::string_view text);  // of ASCII white space, as Python's strip() of ASCII texts

// Where answers stand in the rows of a file: JSON lines, or one JSON list.
struct AnswerRows {
  std::vector<std::string> ids = {"question_id"};  // the first member that a row has is its question's id
  std::vector<std::string> text = {"text"};        // the same of the answer
  bool by_place = false;                           // rows without an id stand in the order of the questions
};
// Throws Error with file and line (or number in the list) where a row has no answer, or no id though it needs one.
std::vector<GivenAnswer> read_answer_rows(const std::filesystem::path& file, const AnswerRows& rows);

}  // namespace saucier::bench
