// Answers that stand in a file, and which questions they belong to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace saucier::bench {

struct Item;

struct GivenAnswer {
  std::string id;         // of the item; empty: the file has none, and the answers stand in the order of the questions
  std::string text;
  std::int64_t line = 0;  // in its file, from 1; 0: the file has no lines of its own for answers
  std::string review = {};  // the judge's reply, where the file holds one
};

// LLaVA's answers: JSON lines with "question_id" and "text" (others are ignored). Throws Error naming file and line where
// a line is no JSON object or lacks one of the two.
std::vector<GivenAnswer> read_llava_answers(const std::filesystem::path& file);

// One thing that keeps a file from being scored.
struct AnswerProblem {
  std::string code;     // missing-answer | unknown-question | doubled-answer | wrong-number
  std::string question; // its id; empty for wrong-number
  std::int64_t line = 0;
  std::string message;  // "question 262148000 has no answer"
};

struct MatchedAnswers {
  std::vector<const GivenAnswer*> by_item;  // in the order of the items; null: none
  std::vector<AnswerProblem> problems;      // in the order of the file, then of the questions
};

// Which answer belongs to which item, by id, or by place where the file has no ids. Every missing, unknown or doubled one is a
// problem. `known_elsewhere`: ids of questions of the benchmark that are not asked (another split, left out by a limit):
// answers to them are no problem and are not used. `given` must outlive the result.
MatchedAnswers match(std::span<const Item> items, std::span<const GivenAnswer> given, const std::set<std::string>& known_elsewhere = {});

}  // namespace saucier::bench
