#include "modules/text/split.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include "modules/base/error.h"
#include "modules/text/byte_level.h"
#include "modules/text/fields.h"
#include "modules/text/pattern.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

Behavior read_behavior(const Fields& fields, std::string_view otherwise) {
  const std::string name = otherwise.empty() ? fields.text("behavior") : fields.text("behavior", otherwise);
  constexpr std::pair<std::string_view, Behavior> known[] = {{"Removed", Behavior::removed},
                                                             {"Isolated", Behavior::isolated},
                                                             {"MergedWithPrevious", Behavior::merged_with_previous},
                                                             {"MergedWithNext", Behavior::merged_with_next},
                                                             {"Contiguous", Behavior::contiguous}};
  for (const auto& [text, behavior] : known)
    if (text == name) return behavior;
  throw Error(fmt::format("pre_tokenizer '{}' with behavior '{}' is not supported", fields.type(), name));
}

// A stretch of the text: a match, or what lies between matches.
struct Stretch {
  size_t begin = 0;
  size_t end = 0;
  bool match = false;
};

using Find = std::function<void(std::string_view, std::vector<Match>&)>;

// As NormalizedString::split of `tokenizers`: the stretches, some of them joined or left out.
void add_words(const std::vector<Stretch>& stretches, Behavior behavior, size_t shift, std::vector<Word>& words) {
  const size_t first = words.size();
  const auto add = [&](const Stretch& stretch) { words.push_back({shift + stretch.begin, shift + stretch.end}); };
  bool previous = false;
  const auto joins = [&](const Stretch& stretch) {
    const bool joined = behavior == Behavior::contiguous ? stretch.match == previous : stretch.match && !previous;
    previous = stretch.match;
    return joined && words.size() > first;
  };
  switch (behavior) {
    case Behavior::removed:
      for (const Stretch& stretch : stretches)
        if (!stretch.match) add(stretch);
      break;
    case Behavior::isolated:
      for (const Stretch& stretch : stretches) add(stretch);
      break;
    case Behavior::contiguous:
    case Behavior::merged_with_previous:
      for (const Stretch& stretch : stretches) {
        if (joins(stretch))
          words.back().end = shift + stretch.end;
        else
          add(stretch);
      }
      break;
    case Behavior::merged_with_next:
      for (auto at = stretches.rbegin(); at != stretches.rend(); ++at) {
        if (joins(*at))
          words.back().begin = shift + at->begin;
        else
          add(*at);
      }
      std::reverse(words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
  }
  std::erase_if(words, [](const Word& word) { return word.begin == word.end; });
}

void split_words(Words& words, const Find& find, Behavior behavior, bool invert) {
  std::vector<Word> finer;
  std::vector<Match> matches;
  std::vector<Stretch> stretches;
  for (const Word& word : words.words) {
    const std::string_view text = words.text.text().substr(word.begin, word.end - word.begin);
    matches.clear();
    stretches.clear();
    find(text, matches);
    size_t done = 0;
    for (const Match& match : matches) {
      if (match.begin > done) stretches.push_back({done, match.begin, invert});
      stretches.push_back({match.begin, match.end, !invert});
      done = match.end;
    }
    if (done < text.size()) stretches.push_back({done, text.size(), invert});
    std::vector<Word> parts;
    add_words(stretches, behavior, word.begin, parts);
    finer.insert(finer.end(), parts.begin(), parts.end());
  }
  words.words = std::move(finer);
}

Find characters(bool (*is)(char32_t)) {
  return [is](std::string_view text, std::vector<Match>& matches) {
    for (size_t at = 0; at < text.size();) {
      const Char c = char_at(text, at);
      if (is(c.point)) matches.push_back({at, at + c.length});
      at += c.length;
    }
  };
}

// \w+|[^\w\s]+
void find_whitespace_words(std::string_view text, std::vector<Match>& matches) {
  const auto kind = [](char32_t c) { return is_word(c) ? 2 : is_space(c) ? 0 : 1; };
  int last = 0;
  for (size_t at = 0; at < text.size();) {
    const Char c = char_at(text, at);
    const int now = kind(c.point);
    if (now && now == last && matches.back().end == at)
      matches.back().end = at + c.length;
    else if (now)
      matches.push_back({at, at + c.length});
    last = now;
    at += c.length;
  }
}

// Each word anew: `write` appends it to the text that is being made.
template <class Write>
void rewrite(Words& words, Write write) {
  Words out;
  for (const Word& word : words.words) {
    const size_t begin = out.text.text().size();
    write(out.text, words.text, word);
    out.words.push_back({begin, out.text.text().size()});
  }
  words = std::move(out);
}

struct Metaspace {
  std::string replacement;
  enum class Prepend { always, first, never } prepend = Prepend::always;
  bool split = true;

  explicit Metaspace(const Fields& fields) : replacement(fields.text("replacement")), split(fields.flag("split", true)) {
    if (count_chars(replacement) != 1) throw Error(fmt::format("'{}' is not one character", fields.name("replacement")));
    const std::string scheme = fields.text("prepend_scheme", fields.flag("add_prefix_space", true) ? "always" : "never");
    if (scheme != "always" && scheme != "first" && scheme != "never")
      throw Error(fmt::format("pre_tokenizer 'Metaspace' with prepend_scheme '{}' is not supported", scheme));
    if (!fields.flag("add_prefix_space", true) && scheme != "never")
      throw Error("pre_tokenizer 'Metaspace' has an add_prefix_space that contradicts its prepend_scheme");
    prepend = scheme == "always" ? Prepend::always : scheme == "first" ? Prepend::first : Prepend::never;
  }

  void apply(Words& words) const {
    rewrite(words, [this](Aligned& out, const Aligned& from, const Word& word) {
      const std::string_view text = from.text().substr(word.begin, word.end - word.begin);
      const bool has = text.starts_with(' ') || text.starts_with(replacement);
      const Span first = from.place(word.begin);
      if (!has && (prepend == Prepend::always || (prepend == Prepend::first && first.begin == 0))) out.append(replacement, first);
      for (size_t at = 0; at < text.size();) {
        if (text[at] == ' ') {
          out.append(replacement, from.place(word.begin + at));
          ++at;
        } else {
          const size_t end = std::min(text.find(' ', at), text.size());
          out.append(from, word.begin + at, word.begin + end);
          at = end;
        }
      }
    });
    if (!split) return;
    // At every replacement a word begins.
    std::vector<Word> finer;
    for (const Word& word : words.words) {
      const std::string_view text = words.text.text().substr(0, word.end);
      for (size_t begin = word.begin; begin < word.end;) {
        const size_t from = text.substr(begin).starts_with(replacement) ? begin + replacement.size() : begin;
        size_t end = std::min(text.find(replacement, from), word.end);
        finer.push_back({begin, end});
        begin = end;
      }
    }
    words.words = std::move(finer);
  }
};

}  // namespace

struct Splitter::Step {
  std::function<void(Words&)> apply;
};

Splitter::Splitter(const Json& pre_tokenizer) {
  if (!pre_tokenizer.is_null()) add(pre_tokenizer, 0);
}
Splitter::Splitter(Splitter&&) noexcept = default;
Splitter& Splitter::operator=(Splitter&&) noexcept = default;
Splitter::~Splitter() = default;

void Splitter::add(const Json& pre_tokenizer, int depth) {
  const Fields fields(pre_tokenizer, "pre_tokenizer");
  const std::string type = fields.type();
  const auto split_by = [this](Find find, Behavior behavior, bool invert = false) {
    steps_.push_back({[find = std::move(find), behavior, invert](Words& words) { split_words(words, find, behavior, invert); }});
  };
  const auto pattern_of = [](Pattern made) -> Find {
    const auto pattern = std::make_shared<const Pattern>(std::move(made));
    return [pattern](std::string_view text, std::vector<Match>& matches) { pattern->find_all(text, matches); };
  };
  if (type == "Sequence") {
    fields.check_depth(depth);
    for (const Json& part : fields.list("pretokenizers")) add(part, depth + 1);
    return;
  }
  write_byte_characters();  // what follows sees them
  if (type == "ByteLevel") {
    if (fields.flag("add_prefix_space", true))
      steps_.push_back({[](Words& words) {
        rewrite(words, [](Aligned& out, const Aligned& from, const Word& word) {
          if (from.text()[word.begin] != ' ') out.append(" ", from.place(word.begin));
          out.append(from, word.begin, word.end);
        });
      }});
    if (fields.flag("use_regex", true)) split_by(pattern_of(Pattern(kGpt2Regex)), Behavior::isolated);
    ends_in_bytes_ = true;
  } else if (type == "Digits") {
    split_by(characters(is_numeric), fields.flag("individual_digits", false) ? Behavior::isolated : Behavior::contiguous);
  } else if (type == "Split") {
    split_by(pattern_of(Pattern::read(fields)), read_behavior(fields, {}), fields.flag("invert", false));
  } else if (type == "Punctuation") {
    split_by(characters(is_punctuation), read_behavior(fields, "Isolated"));
  } else if (type == "WhitespaceSplit") {
    split_by(characters(is_space), Behavior::removed);
  } else if (type == "Whitespace") {
    split_by(find_whitespace_words, Behavior::removed, true);
  } else if (type == "Metaspace") {
    steps_.push_back({[metaspace = Metaspace(fields)](Words& words) { metaspace.apply(words); }});
  } else {
    throw Error(fmt::format("pre_tokenizer '{}' is not supported", type));
  }
}

void Splitter::write_byte_characters() {
  if (!ends_in_bytes_) return;
  ends_in_bytes_ = false;
  steps_.push_back({[](Words& words) {
    rewrite(words, [](Aligned& out, const Aligned& from, const Word& word) {
      for (size_t at = word.begin; at < word.end; ++at)
        out.append(byte_character(static_cast<unsigned char>(from.text()[at])), from.place(at));
    });
  }});
}

Words Splitter::split(Aligned text) const {
  Words words{std::move(text), {}};
  if (!words.text.empty()) words.words.push_back({0, words.text.text().size()});
  for (const Step& step : steps_) step.apply(words);
  return words;
}

Json Splitter::gpt2_digits() {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Digits"}, {"individual_digits", true}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", true}}}}};
}

}  // namespace saucier::text
