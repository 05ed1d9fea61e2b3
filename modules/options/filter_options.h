// stage.NAME.filters: what a synthesize stage keeps of what its teacher wrote.
#pragma once

#include "modules/options/table.h"

namespace saucier::options {

struct FilterOptions {
  std::int64_t min_pairs = 1;
  std::int64_t min_question_words = 2;
  std::int64_t max_question_words = 80;
  std::int64_t min_answer_words = 1;
  std::int64_t max_answer_words = 400;
  bool mentions = true;
  bool claims = true;
  std::vector<std::string> claims_except;
  std::string language;
  double near_duplicates = 0.9;
  std::string blind;
  double blind_share = 1;
  std::string judge;
  std::string rubric = "Rate how good this question and answer about a picture are as training data: whether the answer is true of the picture, answers the question, and is clear.";
  double min_score = 6;

  template <class Visitor>
  void declare(Visitor& v) {
    v(min_pairs, {.key = "min_pairs", .help = "Fewest question-answer pairs of a 'dialogue'.", .unit = "pairs", .min = 1});
    v(min_question_words, {.key = "min_question_words", .help = "Shortest question.", .unit = "words", .min = 0});
    v(max_question_words, {.key = "max_question_words", .help = "Longest question.", .unit = "words", .min = 1});
    v(min_answer_words, {.key = "min_answer_words", .help = "Shortest answer.", .unit = "words", .min = 0});
    v(max_answer_words, {.key = "max_answer_words", .help = "Longest answer.", .unit = "words", .min = 1});
    v(mentions, {.key = "mentions", .help = "Rejects what speaks of captions, boxes or a description in the place of the picture, and refusals."});
    v(claims, {.key = "claims", .help = "Rejects what says otherwise than the boxes: objects of the source's categories that are neither there nor in a caption, numbers above theirs, denials of what is there."});
    v(claims_except, {.key = "claims_except", .help = "Categories that 'claims' passes over, such as those whose names mean something else too: [\"orange\"]."});
    v(language, {.key = "language", .help = "Language that the texts must be in, told by their script and, of the Latin ones, by their commonest words; empty: any.", .choices = {"", "ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pt", "ru", "zh"}});
    v(near_duplicates, {.key = "near_duplicates", .help = "Rejects what shares this much of its runs of three words (Jaccard index) with an earlier sample; 0: nothing is compared.", .min = 0, .max = 1});
    v(blind, {.key = "blind", .help = "Teacher that is asked each question without the picture: what it answers right teaches no seeing. Empty: none."});
    v(blind_share, {.key = "blind_share", .help = "Share of a sample's questions that must be answered blind to reject it.", .max = 1, .positive = true});
    v(judge, {.key = "judge", .help = "Teacher that scores each sample from 1 to 10, with captions and boxes before it. Empty: none."});
    v(rubric, {.key = "rubric", .help = "What the judge is asked to rate."});
    v(min_score, {.key = "min_score", .help = "Lowest score that is kept.", .min = 1, .max = 10});
  }
};

}  // namespace saucier::options
