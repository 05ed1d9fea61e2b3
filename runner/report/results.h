// What came out of a sweep: the table people see at the end of a run, and whether its order means anything.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runner/report/find.h"
#include "runner/report/significance.h"
#include "runner/report/table.h"
#include "store/store.h"

namespace saucier::report {

// Two trials of a sweep on the questions that both answered: a paired t-test over pictures (the questions of one picture
// stand together), normal approximation, and McNemar's counts. Where the sweep is ranked by a benchmark, its questions
// alone; else those of all benchmarks.
struct Paired {
  std::string a, b;          // trial names; a ranks above b
  std::string benchmark;     // "" for all
  double difference = 0;     // mean credit of a minus that of b, over questions
  double p_value = 1;        // two-sided
  std::int64_t only_a = 0;   // questions that only a answers right
  std::int64_t only_b = 0;
  std::int64_t questions = 0;
  std::vector<Picture> pictures;
  bool holds() const;        // p < 0.05 and a ahead
};

struct Results {
  std::string sweep;
  std::string metric;                    // what `ranking` is by
  std::vector<std::string> benchmarks;   // "scenes-pope f1"
  // Rows: trials seen, then blind, then evaluate stages of another model than a trial's last one ("before"), majority,
  // chance. Columns: trial, the axes that differ, `benchmarks`, and their mean where there are several.
  Table scores;
  size_t trials = 0;                     // the first rows of `scores`: trials seen
  size_t first_score = 0;                // column of benchmarks.front()
  std::vector<std::string> ranking;      // trial names, best first
  std::vector<Paired> neighbours;        // each of the first few with the next in the ranking
  std::string best;                      // ranking.front(), else the first trial with scores
  std::string best_stage;                // evaluate stage whose answers stand for it
};

// Nothing when no trial of the sweep has scores yet.
std::optional<Results> results(const store::Store& store, std::int64_t sweep);

// The table, the ranking with what the paired tests say, for a terminal.
std::string to_text(const Results& results);
// "x-1 over x-2: +0.100 correct, p = 0.012 (…): the order holds", or "… is open" where p >= 0.05.
std::string in_words(const Paired& pair);

// "+0.025 correct (95 % from -0.010 to +0.060, bootstrap over pictures), McNemar p = 0.034 (of 40 questions 2 right only in the
// first, 1 only in the second)"
std::string significance_in_words(const Paired& pair);

// Throws Error naming a trial that the sweep does not have.
Paired paired_test(const store::Store& store, std::int64_t sweep, const std::string& a, const std::string& b);

// The answers of a stage of one trial (by their ids) beside those of a stage of another, of one benchmark with the pictures
// seen. The names stay empty; `questions` is 0 where they have none in common.
struct Answerer {
  std::int64_t trial = 0;
  std::string stage;
};
// The evaluate stage whose answers stand for a trial: the last done one that asks the model it trained last. Throws Error where
// none is.
std::string answering_stage(const store::Store& store, std::int64_t trial);
Paired paired_answers(const store::Store& store, const Answerer& a, const Answerer& b, const std::string& benchmark);

}  // namespace saucier::report
