#include "modules/bench/caption/ptb.h"

#include <algorithm>
#include <array>

#include "modules/bench/caption/ptb_rules.h"
#include "modules/text/unicode.h"
#include "modules/text/utf8.h"

namespace saucier::bench {
namespace {

using ptb::Match;
using ptb::Rule;

constexpr std::array<std::string_view, 17> kPunctuation = {"''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"};

bool is_punctuation(std::string_view token) { return std::find(kPunctuation.begin(), kPunctuation.end(), token) != kPunctuation.end(); }

std::string lower(ptb::Text characters) {
  std::string out;
  std::vector<char32_t> lowered;
  for (const char32_t c : characters) {
    if (c < 0x80) {
      out += static_cast<char>(ptb::is_ascii_capital(c) ? c + 32 : c);
      continue;
    }
    lowered.clear();
    text::append_lower(lowered, c);
    for (const char32_t one : lowered) text::append_utf8(out, one);
  }
  return out;
}

std::string without_soft_hyphens(ptb::Text token) {
  std::u32string out;
  for (const char32_t c : token)
    if (c != 0xad) out += c;
  return out.empty() ? "-" : lower(out);
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t place = 0; (place = text.find(what, place)) != std::string::npos; place += by.size()) text.replace(place, what.size(), by);
  return text;
}

std::string with_hard_spaces(ptb::Text token) { return replaced(lower(token), " ", "\u00a0"); }
std::string with_round_brackets(std::string token) { return replaced(replaced(std::move(token), "(", "-lrb-"), ")", "-rrb-"); }

std::string quotes(ptb::Text token, bool opening) {
  std::string out;
  for (const char32_t c : token) text::append_utf8(out, c);
  out = replaced(replaced(std::move(out), "&apos;", "'"), "&quot;", "\"");  // not in capitals
  if (opening) out = replaced(std::move(out), "'", "`");
  out = replaced(std::move(out), "\"", opening ? "``" : "''");
  for (const std::string_view left : {"\u0091", "\u2018", "\u201b", "\u2039"}) out = replaced(std::move(out), left, "`");
  for (const std::string_view right : {"\u0092", "\u2019", "\u203a"}) out = replaced(std::move(out), right, "'");
  for (const std::string_view left : {"\u0093", "\u201c", "\u00ab"}) out = replaced(std::move(out), left, "``");
  for (const std::string_view right : {"\u0094", "\u201d", "\u00bb"}) out = replaced(std::move(out), right, "''");
  for (char& c : out)
    if (ptb::is_ascii_capital(static_cast<unsigned char>(c))) c = static_cast<char>(c + 32);
  return out;
}

// What the token is called that a rule has cut out.
std::string token_of(Rule rule, ptb::Text token) {
  switch (rule) {
    case Rule::word: case Rule::word_clitic: case Rule::word_negation: case Rule::number: case Rule::stopped_word: case Rule::hyphenated:
    case Rule::hyphenated_stop: return without_soft_hyphens(token);
    case Rule::markup: case Rule::fraction: return with_hard_spaces(token);
    case Rule::phone: return with_round_brackets(with_hard_spaces(token));
    case Rule::smiley: case Rule::kaomoji: return with_round_brackets(lower(token));
    case Rule::dash: return "--";
    case Rule::hyphens: return token.size() == 3 || token.size() == 4 ? "--" : lower(token);
    case Rule::dots: return "...";
    case Rule::ampersand: case Rule::treebank_word: case Rule::company_name: case Rule::company_stop: return replaced(lower(token), "&amp;", "&");
    case Rule::clitic: case Rule::clitic_then: case Rule::negation: case Rule::negation_then: case Rule::quotes: case Rule::double_quote: return quotes(token, false);
    case Rule::opening_quote: case Rule::opening_apostrophe: return quotes(token, true);
    case Rule::less: return "<";
    case Rule::greater: return ">";
    case Rule::brace: return "-lcb-";
    case Rule::closing_brace: return "-rcb-";
    case Rule::bracket: return "-lsb-";
    case Rule::closing_bracket: return "-rsb-";
    case Rule::parenthesis: return "-lrb-";
    case Rule::closing_parenthesis: return "-rrb-";
    case Rule::fraction_sign:
      switch (token[0]) {
        case 0xbc: return "1/4";
        case 0xbd: return "1/2";
        case 0xbe: return "3/4";
        case 0x2153: return "1/3";
        case 0x2154: return "2/3";
        default: return lower(token);
      }
    case Rule::currency:
      switch (token[0]) {
        case 0xa2: return "cents";
        case 0xa3: return "#";
        case 0x80: case 0xa4: case 0x20a0: case 0x20ac: return "$";
        default: return lower(token);
      }
    default: return lower(token);
  }
}

bool breaks_line(char32_t c) { return (c >= 0x0a && c <= 0x0d) || c == 0x2028 || c == 0x2029; }

}  // namespace

std::vector<std::vector<std::string>> ptb_tokens(std::span<const std::string> captions) {
  std::u32string all;
  std::vector<size_t> begins;
  for (const std::string& caption : captions) {
    if (!begins.empty()) all += U'\n';
    begins.push_back(all.size());
    const std::string valid = text::to_valid_utf8(caption);
    for (size_t place = 0; place < valid.size();) {
      const text::Char c = text::char_at(valid, place);
      place += c.length;
      all += breaks_line(c.point) ? U' ' : c.point;
    }
  }
  std::vector<std::vector<std::string>> out(captions.size());
  size_t caption = 0;
  for (size_t place = 0; place < all.size();) {
    while (caption + 1 < begins.size() && place >= begins[caption + 1]) ++caption;
    const Match match = ptb::best_match(all, place);
    size_t end = match.end, next = match.end;
    if (match.rule == Rule::sentence_acronym) {  // "B. The": the full stop ends the sentence; "U.S. The": it does both
      if (end == place + 2) end = --next;
      else --next;
    }
    if (match.rule == Rule::ending_abbreviation || match.rule == Rule::last_abbreviation) --next;
    const ptb::Text cut = ptb::Text(all).substr(place, end - place);
    place = next;
    if (match.rule == Rule::skipped || match.rule == Rule::unknown) continue;
    out[caption].push_back(token_of(match.rule, cut));
  }
  for (auto& tokens : out) {
    // An address may end in a no-break space, and Python strips the line.
    while (!tokens.empty() && tokens.back().ends_with("\u00a0")) tokens.back().resize(tokens.back().size() - 2);
    std::erase_if(tokens, [](const std::string& token) { return token.empty() || is_punctuation(token); });
  }
  return out;
}

std::vector<std::string> ptb_tokens(std::string_view caption) {
  const std::string one(caption);
  return ptb_tokens(std::span(&one, 1)).front();
}

}  // namespace saucier::bench
