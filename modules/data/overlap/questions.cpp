#include "modules/data/overlap/questions.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <cmath>

#include "modules/base/error.h"
#include "modules/data/sample.h"
#include "modules/text/utf8.h"

namespace saucier::data {
namespace {

constexpr double kNear = 0.7, kContained = 0.8;

bool is_word_alone(char32_t point) {
  if (point < 0x2e80) return false;
  if (u_hasBinaryProperty(static_cast<UChar32>(point), UCHAR_IDEOGRAPHIC)) return true;
  UErrorCode error = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(static_cast<UChar32>(point), &error);
  return script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA;
}

// Vowel signs and accents belong to the letter before them.
bool is_of_a_word(char32_t point) {
  const auto c = static_cast<UChar32>(point);
  return u_isalnum(c) != 0 || (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0;
}

std::string folded(std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* fold = icu::Normalizer2::getNFKCCasefoldInstance(error);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  if (U_SUCCESS(error)) fold->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr, error);
  SAUCIER_CHECK(U_SUCCESS(error), "{}", u_errorName(error));
  return out;
}

// Only ever compared inside one process.
std::uint64_t hash_text(std::string_view text) { return std::hash<std::string_view>()(text); }

size_t shared(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
  size_t both = 0;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i == *j) ++both, ++i, ++j;
    else if (*i < *j) ++i;
    else ++j;
  }
  return both;
}

bool near_by_itself(const QuestionMark& a, const QuestionMark& b) {
  const size_t both = shared(a.triples, b.triples);
  return static_cast<double>(both) >= kNear * static_cast<double>(a.triples.size() + b.triples.size() - both);
}

}  // namespace

double jaccard(const QuestionMark& a, const QuestionMark& b) {
  const size_t both = shared(a.triples, b.triples), all = a.triples.size() + b.triples.size() - both;
  return all == 0 ? 0 : static_cast<double>(both) / static_cast<double>(all);
}

std::string question_words(std::string_view said) {
  std::string text(said);
  for (size_t at = text.find(kImageMarker); at != std::string::npos; at = text.find(kImageMarker, at)) text.replace(at, kImageMarker.size(), " ");
  text = folded(text::to_valid_utf8(text));
  std::string words;
  bool open = false;  // a word goes on
  for (size_t at = 0; at < text.size();) {
    const text::Char c = text::char_at(text, at);
    const bool alone = is_word_alone(c.point), part = alone || is_of_a_word(c.point);
    if (part) {
      if ((alone || !open) && !words.empty()) words += ' ';
      words.append(text, at, c.length);
    }
    open = part && !alone;
    at += c.length;
  }
  return words;
}

QuestionMark mark_question(std::string_view text) {
  const std::string words = question_words(text);
  QuestionMark mark;
  if (words.empty()) return mark;
  mark.exact = std::max<std::uint64_t>(hash_text(words), 1);
  std::vector<size_t> begin = {0};
  for (size_t at = words.find(' '); at != std::string::npos; at = words.find(' ', at + 1)) begin.push_back(at + 1);
  mark.words = static_cast<std::uint32_t>(begin.size());
  begin.push_back(words.size() + 1);
  for (size_t i = 0; i == 0 || i + 3 < begin.size(); ++i) {
    const size_t end = begin[std::min(i + 3, begin.size() - 1)] - 1;
    mark.triples.push_back(static_cast<std::uint32_t>(hash_text(std::string_view(words).substr(begin[i], end - begin[i])) >> 32));
  }
  std::sort(mark.triples.begin(), mark.triples.end());
  mark.triples.erase(std::unique(mark.triples.begin(), mark.triples.end()), mark.triples.end());
  return mark;
}

bool near_about_one_picture(const QuestionMark& a, const QuestionMark& b) {
  const size_t fewer = std::min(a.triples.size(), b.triples.size());
  return fewer > 0 && static_cast<double>(shared(a.triples, b.triples)) >= kContained * static_cast<double>(fewer);
}

void LongQuestions::add(QuestionMark question, std::uint32_t of) {
  if (question.words < kLongQuestion || !exact_.emplace(question.exact, static_cast<std::uint32_t>(questions_.size())).second) return;
  for (const std::uint32_t triple : question.triples) ++frequency_[triple];
  questions_.push_back(std::move(question));
  of_.push_back(of);
}

void LongQuestions::finish() {
  for (size_t i = 0; i < questions_.size(); ++i)
    for (const std::uint32_t triple : rarest(questions_[i])) by_triple_.emplace(triple, static_cast<std::uint32_t>(i));
}

// Of n runs so many that one of them is shared with every question that is near: all but the most frequent ceil(0.7 n) - 1.
std::vector<std::uint32_t> LongQuestions::rarest(const QuestionMark& question) const {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> order;
  for (const std::uint32_t triple : question.triples) {
    const auto known = frequency_.find(triple);
    order.emplace_back(known == frequency_.end() ? 0 : known->second, triple);
  }
  std::sort(order.begin(), order.end());
  const auto must_share = static_cast<size_t>(std::ceil(kNear * static_cast<double>(order.size())));
  std::vector<std::uint32_t> out;
  for (size_t i = 0; i + must_share < order.size() + 1; ++i) out.push_back(order[i].second);
  return out;
}

std::optional<LongQuestions::Found> LongQuestions::find(const QuestionMark& question) const {
  if (question.words < kLongQuestion) return std::nullopt;
  if (const auto same = exact_.find(question.exact); same != exact_.end()) return Found{of_[same->second], true};
  std::optional<std::uint32_t> first;
  for (const std::uint32_t triple : rarest(question))
    for (auto [at, end] = by_triple_.equal_range(triple); at != end; ++at)
      if ((!first || at->second < *first) && near_by_itself(question, questions_[at->second])) first = at->second;
  if (!first) return std::nullopt;
  return Found{of_[*first], false};
}

}  // namespace saucier::data
