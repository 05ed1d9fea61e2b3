// Questions as they are compared: exactly but for how they are written, and nearly.
//
// A question is a turn of the user's without its picture markers. Its words are runs of letters and digits in Unicode's
// NFKC_Casefold; an ideograph or kana is a word of its own. Two questions are the same when their words are. How near
// they are is counted in runs of three words (shorter questions have one run: all of them).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace saucier::data {

// The words, joined by single spaces.
std::string question_words(std::string_view text);

struct QuestionMark {
  std::uint64_t exact = 0;             // of the words; 0: there are none
  std::uint32_t words = 0;
  std::vector<std::uint32_t> triples;  // hashes of the runs, ascending, each once
};
QuestionMark mark_question(std::string_view text);
double jaccard(const QuestionMark& a, const QuestionMark& b);  // of their runs; 0 where neither has any

// Two questions about one picture: near when four fifths of the shorter one's runs stand in the other, so that a demand for
// a short answer behind one of them does not hide it.
bool near_about_one_picture(const QuestionMark& a, const QuestionMark& b);

// Questions that count by themselves, found by a near one: at least kLongQuestion words, and of the runs of both together
// seven tenths are shared (their Jaccard index). Exact search: two sets that share so many have one of the rarest runs in
// common (prefix filtering: Bayardo, Ma, Srikant 2007).
inline constexpr std::uint32_t kLongQuestion = 8;

class LongQuestions {
 public:
  void add(QuestionMark question, std::uint32_t of);  // `of`: what find() gives back. Shorter and repeated ones are passed over
  void finish();                                      // before find()

  struct Found {
    std::uint32_t of = 0;
    bool same = false;  // else near
  };
  std::optional<Found> find(const QuestionMark& question) const;  // the same one where there is one, else the first near one

 private:
  std::vector<std::uint32_t> rarest(const QuestionMark& question) const;

  std::vector<QuestionMark> questions_;
  std::vector<std::uint32_t> of_;
  std::unordered_map<std::uint64_t, std::uint32_t> exact_;
  std::unordered_map<std::uint32_t, std::uint32_t> frequency_;
  std::unordered_multimap<std::uint32_t, std::uint32_t> by_triple_;
};

}  // namespace saucier::data
