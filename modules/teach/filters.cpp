#include "modules/teach/filters.h"

#include <algorithm>
#include <array>

#include "modules/base/error.h"
#include "modules/data/overlap/questions.h"
#include "modules/teach/language.h"

namespace saucier::teach {

namespace {

// As data::question_words writes them.
constexpr std::array<std::string_view, 40> kMentions = {
    "caption", "captions", "bounding box", "bounding boxes", "coordinate", "coordinates", "annotation", "annotations", "the description", "the descriptions", "given description", "descriptions provided",
    "described in the", "as described", "is described as", "are described as", "mentioned in", "is mentioned", "are mentioned", "not mentioned", "not specified", "not stated", "no mention", "no information",
    "the text provided", "provided text", "the given text", "provided information", "given information", "information provided", "information given", "the provided context", "the given context", "based on the context", "based on the given", "the sentences",
    "as an ai", "language model", "few shot", "the notes"};
constexpr std::array<std::string_view, 12> kRefusals = {
    "i m sorry", "i am sorry", "i apologize", "i apologise", "i cannot see", "i can t see", "i am unable", "i m unable", "i cannot assist", "i can t assist", "i cannot provide", "i don t have access"};

template <size_t N>
std::string phrase_in(std::string_view text, const std::array<std::string_view, N>& phrases) {
  const std::string words = " " + data::question_words(text) + " ";
  for (const std::string_view phrase : phrases)
    if (words.find(fmt::format(" {} ", phrase)) != std::string::npos) return std::string(phrase);
  return {};
}

// "[0.12, 0.5" : a box that was copied.
bool has_box(std::string_view text) {
  const auto digit = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  for (size_t at = text.find_first_of("[("); at != std::string_view::npos; at = text.find_first_of("[(", at + 1)) {
    size_t end = at + 1;
    while (digit(end) || (end < text.size() && text[end] == '.')) ++end;
    if (end < text.size() && text[end] == ',' && text.substr(at, end - at).find('.') != std::string_view::npos) return true;
  }
  return false;
}

Rejection check_length(std::string_view name, std::int64_t words, std::int64_t least, std::int64_t most) {
  if (words >= least && words <= most) return {};
  return rejected(name, fmt::format("{} word{}, allowed are {} to {}", words, words == 1 ? "" : "s", least, most));
}

}  // namespace

std::int64_t count_words(std::string_view text) {
  const std::string words = data::question_words(text);
  return words.empty() ? 0 : std::ranges::count(words, ' ') + 1;
}

std::string mention_in(std::string_view text) { return has_box(text) ? "a box in numbers" : phrase_in(text, kMentions); }
std::string refusal_in(std::string_view text) { return phrase_in(text, kRefusals); }

Filters::Filters(const options::FilterOptions& options, const std::vector<std::string>& categories)
    : options_(options), claims_(options.claims ? categories : std::vector<std::string>(), options.claims_except) {}

Rejection Filters::check(Layout layout, const data::CaptionsAndBoxes& context, const std::vector<Exchange>& exchanges) const {
  const auto pairs = static_cast<std::int64_t>(exchanges.size());
  if (layout == Layout::kDialogue && pairs < options_.min_pairs) return rejected("few-pairs", fmt::format("{} of at least {}", pairs, options_.min_pairs));
  std::string all;
  for (size_t i = 0; i < exchanges.size(); ++i) {
    const Exchange& exchange = exchanges[i];
    const auto in_pair = [&](Rejection rejection) {
      rejection.detail = fmt::format("pair {}: {}", i + 1, rejection.detail);
      return rejection;
    };
    if (Rejection wrong = check_length("question-length", count_words(exchange.question), options_.min_question_words, options_.max_question_words)) return in_pair(wrong);
    if (Rejection wrong = check_length("answer-length", count_words(exchange.answer), options_.min_answer_words, options_.max_answer_words)) return in_pair(wrong);
    if (options_.mentions) {
      const std::string text = exchange.question + "\n" + exchange.answer;
      if (const std::string phrase = refusal_in(text); !phrase.empty()) return in_pair(rejected("refusal", phrase));
      if (const std::string phrase = mention_in(text); !phrase.empty()) return in_pair(rejected("mentions-source", phrase));
    }
    all += exchange.question + "\n" + exchange.answer + "\n";
  }
  if (!options_.language.empty() && !is_in_language(all, options_.language)) return rejected("language", fmt::format("it does not seem to be '{}'", options_.language));
  return claims_.check(context, exchanges);
}

}  // namespace saucier::teach
