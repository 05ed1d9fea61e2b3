// A benchmark of one's own: a file of JSON lines, scored by a scorer of its own a line.
//
// A line: "question"; "answer", a string or a number, or a list of the accepted ones; and where they are needed "picture" (relative to
// the file's folder or to options.pictures), "id" (else the line's number), "category", "group" (what is counted together in the
// standard error, else the picture, else the id), "scorer" (else options.scorer), "tolerance" (of numeric), "choices" (a list, of
// choice: the letters that a likelihood decides among).
// Scorers:
//   exact          the answer is an accepted one, both made comparable by options.normaliser: "lower" (the default: white space at the
//                  ends, one final full stop and capitals do not count), "exact" (white space at the ends does not), "none"
//   choice         the letter that stands alone in it is the accepted one: "B", "(b)", "B. a fox", "The answer is B."
//   yes-no         as POPE reads it
//   contains       an accepted answer is part of it; capitals do not count
//   numeric        its first number is within "tolerance" of an accepted one: a number, or a share as "5%"; none: equal
//   cider          CIDEr-D against the accepted answers; all lines or none
//   judge          a language model scores it from 0 to 1
// accuracy is the mean credit, overall and by category; cider as in coco-caption.
#pragma once

#include <optional>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"

namespace saucier::bench {

// "b" of "B. a fox": of the ASCII letters with no letter, digit or apostrophe beside them the first that ends something (a full stop,
// comma, colon, bracket or the end behind it), else the first capital, else the first; in lower case. "" where there is none.
std::string letter_of(const std::string& answer);

// The first number of a text: "1,200.5" is 1200.5, "-3", ".5".
std::optional<double> number_in(const std::string& answer);

std::unique_ptr<Benchmark> make_custom(const options::BenchmarkOptions& options);

}  // namespace saucier::bench
