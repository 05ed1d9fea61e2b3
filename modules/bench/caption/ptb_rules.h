// The rules by which modules/bench/caption/ptb.h cuts a text: of all that match at a place the longest wins, what it looks ahead at
// included, and of equally long ones the first of the enumeration.
#pragma once

#include "modules/bench/caption/ptb_characters.h"

namespace saucier::bench::ptb {

enum class Rule {
  plus_plus, sharp, can_not, it_was, it_is, going_to, markup, dash, ampersand, entity, word_clitic, word_negation, word, apostrophe_word,
  you_know, url, bare_url, mail, handle, clitic_then, negation_then, date, number, raised_number, fraction, fraction_sign, treebank_word,
  slashed, dollar, currency, sentence_acronym, number_abbreviation, company, ending_abbreviation, abbreviation, last_abbreviation,
  acronym_stop, acronym_then, year, file_name, stopped_word, phone, opening_quote, double_quote, less, greater, smiley, kaomoji, brace,
  closing_brace, bracket, closing_bracket, parenthesis, closing_parenthesis, hyphens, dots, repeated_marks, asterisks, inside_mark, end_marks,
  end_mark, equals, slash, hyphenated_stop, hyphenated, thing_stop, thing, company_stop, company_name, opening_apostrophe, clitic, negation,
  quotes, duck_feet, symbol, skipped, unknown,
};

struct Match {
  Rule rule = Rule::unknown;
  size_t total = 0;  // where what was matched ends, with what was only looked at
  size_t end = 0;    // where the token ends
};

// What matches at `place`, which is inside the text.
Match best_match(Text text, size_t place);

}  // namespace saucier::bench::ptb
