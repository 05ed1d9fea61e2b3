#include "modules/teach/claims.h"

#include <algorithm>
#include <array>
#include <optional>

#include "modules/base/error.h"
#include "modules/data/overlap/questions.h"
#include "modules/data/scenes/words.h"

namespace saucier::teach {

namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
  Words words;
  const std::string joined = data::question_words(text);
  for (size_t at = 0; at < joined.size();) {
    const size_t end = std::min(joined.find(' ', at), joined.size());
    words.push_back(joined.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

template <size_t N>
bool among(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

constexpr std::array<std::string_view, 19> kDenials = {"no", "not", "none", "nothing", "neither", "nor", "never", "without", "zero", "0", "absent", "missing", "lack", "lacks", "lacking", "cannot", "nowhere", "instead", "rather"};
constexpr std::array<std::string_view, 24> kSuppositions = {"may", "might", "could", "would", "should", "if", "perhaps", "possibly", "probably", "maybe", "likely", "unless", "imagine", "like", "as", "than", "whether", "usually", "often", "typically", "or", "suggest", "suggests", "any"};
constexpr std::array<std::string_view, 12> kNotVerbs = {"isn", "aren", "wasn", "weren", "don", "doesn", "didn", "can", "won", "hasn", "haven", "couldn"};  // of "isn't", whose words are "isn" and "t"
constexpr std::array<std::string_view, 5> kTurningWords = {"but", "however", "while", "whereas", "although"};
constexpr std::array<std::string_view, 6> kPictureWords = {"picture", "image", "photo", "photograph", "scene", "here"};

bool denies(const Words& words) {
  for (size_t i = 0; i < words.size(); ++i)
    if (among(kDenials, words[i]) || (words[i] == "t" && i > 0 && among(kNotVerbs, words[i - 1]))) return true;
  return false;
}

bool supposes(const Words& words) {
  return std::ranges::any_of(words, [](const std::string& word) { return among(kSuppositions, word); });
}

// Clauses: cut at the ends of sentences, at semicolons, and before words that turn to something else.
std::vector<Words> clauses_of(std::string_view text) {
  std::vector<Words> clauses;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(".!?;\n", at), text.size());
    Words clause;
    for (std::string& word : words_of(text.substr(at, end - at))) {
      if (among(kTurningWords, word) && !clause.empty()) clauses.push_back(std::exchange(clause, {}));
      clause.push_back(std::move(word));
    }
    if (!clause.empty()) clauses.push_back(std::move(clause));
    at = end + 1;
  }
  return clauses;
}

std::optional<std::int64_t> number_of(const std::string& word) {
  for (std::int64_t n = 0; n <= 12; ++n)
    if (word == data::number_word(n)) return n;
  if (word.empty() || word.size() > 3 || !std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return std::stoll(word);
}

// "in the picture", "there in this photo", "can you see": nothing that says which of the objects are meant.
bool says_no_more(const Words& words, size_t from) {
  static constexpr std::array<std::string_view, 20> kPlain = {"are", "is", "there", "in", "the", "this", "can", "be", "seen", "you", "we", "see", "do", "does", "show", "shown", "visible", "total", "altogether", "on"};
  for (size_t i = from; i < words.size(); ++i)
    if (!among(kPlain, words[i]) && !among(kPictureWords, words[i])) return false;
  return true;
}

}  // namespace

struct Claims::Known {
  std::map<size_t, std::int64_t> boxes;  // category → how many
  std::set<size_t> present;              // in boxes, captions or notes
};

Claims::Claims(const std::vector<std::string>& categories, const std::vector<std::string>& except) : categories_(categories) {
  for (size_t i = 0; i < categories_.size(); ++i) {
    if (std::ranges::find(except, categories_[i]) != except.end()) continue;
    for (const std::string& form : {categories_[i], data::plural_of(categories_[i])}) {
      const Words words = words_of(form);
      if (words.empty()) continue;
      longest_ = std::max(longest_, words.size());
      names_.emplace(data::question_words(form), i);
    }
  }
}

std::vector<Claims::Named> Claims::named_in(const Words& words) const {
  std::vector<Named> out;
  for (size_t at = 0; at < words.size();) {
    size_t taken = 0;
    for (size_t n = std::min(longest_, words.size() - at); n > 0 && taken == 0; --n) {
      std::string joined = words[at];
      for (size_t i = 1; i < n; ++i) joined += " " + words[at + i];
      if (const auto found = names_.find(joined); found != names_.end()) {
        out.push_back({found->second, at, at + n});
        taken = n;
      }
    }
    at += std::max<size_t>(taken, 1);
  }
  return out;
}

Rejection Claims::check_clause(const Words& words, const Known& known) const {
  const std::vector<Named> named = named_in(words);
  if (named.empty()) return {};
  if (words.size() >= 4 && words[0] == "there" && (words[1] == "is" || words[1] == "are") && words[2] == "no" && named[0].begin == 3 && says_no_more(words, named[0].end))
    if (const auto there = known.boxes.find(named[0].category); there != known.boxes.end())
      return rejected("wrong-denial", fmt::format("'{}' is in the picture", categories_[there->first]));
  if (denies(words) || supposes(words)) return {};
  for (const Named& one : named) {
    if (!known.present.contains(one.category)) return rejected("absent-object", fmt::format("'{}' is not in the picture", categories_[one.category]));
    const auto boxes = known.boxes.find(one.category);
    if (boxes == known.boxes.end()) continue;
    // "two dogs", "two small dogs"
    for (size_t back = 1; back <= 2 && back <= one.begin; ++back)
      if (const auto n = number_of(words[one.begin - back])) {
        if (*n > boxes->second) return rejected("wrong-count", fmt::format("{} of '{}', the boxes have {}", *n, categories_[one.category], boxes->second));
        break;
      }
  }
  return {};
}

Rejection Claims::check_question(const Exchange& exchange, const Known& known) const {
  const Words question = words_of(exchange.question), answer = words_of(exchange.answer);
  const std::vector<Named> named = named_in(question);
  if (named.empty() || answer.empty()) return {};
  const Named& first = named.front();
  const auto boxes = known.boxes.find(first.category);
  if (question.size() > 2 && question[0] == "how" && question[1] == "many" && first.begin == 2 && named.size() == 1 && says_no_more(question, first.end)) {
    const std::int64_t there = boxes != known.boxes.end() ? boxes->second : known.present.contains(first.category) ? -1 : 0;
    for (const std::string& word : answer) {
      const auto n = word == "no" || word == "none" ? std::optional<std::int64_t>(0) : number_of(word);
      if (!n) continue;
      if (there >= 0 && *n != there) return rejected("wrong-count", fmt::format("{} of '{}', the boxes have {}", *n, categories_[first.category], there));
      return {};
    }
  }
  const bool existence = question.size() > 3 && (question[0] == "is" || question[0] == "are") && question[1] == "there" && first.begin == 3 && named.size() == 1 && says_no_more(question, first.end);
  if (existence && answer[0] == "no" && boxes != known.boxes.end()) return rejected("wrong-denial", fmt::format("'{}' is in the picture", categories_[first.category]));
  if (denies(answer)) return {};
  // "any" and "or" are how one asks, so a question supposes nothing unless it says so otherwise.
  const bool supposed = std::ranges::any_of(question, [](const std::string& word) { return word != "any" && word != "or" && among(kSuppositions, word); });
  for (const Named& one : named)
    if (!supposed && !known.present.contains(one.category)) return rejected("absent-object", fmt::format("'{}' is asked about as if it were in the picture", categories_[one.category]));
  return {};
}

Rejection Claims::check(const data::CaptionsAndBoxes& context, const std::vector<Exchange>& exchanges) const {
  if (names_.empty()) return {};
  Known known;
  for (const auto& instance : context.instances)
    if (const auto found = names_.find(data::question_words(instance.category)); found != names_.end()) ++known.boxes[found->second];
  for (const auto& [category, count] : known.boxes) known.present.insert(category);
  const auto said = [&](const std::string& text) {
    for (const Named& one : named_in(words_of(text))) known.present.insert(one.category);
  };
  for (const std::string& caption : context.captions) said(caption);
  for (const auto& note : context.notes) said(note.text);

  for (size_t i = 0; i < exchanges.size(); ++i) {
    const auto in_pair = [&](Rejection rejection) {
      rejection.detail = fmt::format("pair {}: {}", i + 1, rejection.detail);
      return rejection;
    };
    if (Rejection wrong = check_question(exchanges[i], known)) return in_pair(std::move(wrong));
    for (const Words& clause : clauses_of(exchanges[i].answer))
      if (Rejection wrong = check_clause(clause, known)) return in_pair(std::move(wrong));
  }
  return {};
}

}  // namespace saucier::teach
