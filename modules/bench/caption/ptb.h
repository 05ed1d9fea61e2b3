// Captions as tokens, the way pycocoevalcap's PTBTokenizer gives them: Penn Treebank tokenisation as Stanford's tokenizer does it
// (CoreNLP 3.4.1, options preserveLines and lowerCase), without the tokens that are only punctuation.
//
// What is kept of it because it moves scores: contractions are split ("isn't" is "is n't", "man's" is "man 's"), hyphenated words
// stay whole, round brackets become "-lrb-" and "-rrb-" (and stay: the list of what is deleted has them in capitals), an abbreviation
// keeps its full stop, what it cannot read (an emoji) is deleted, and "1 1/2" is one token with a no-break space inside. The tokenizer
// sees all captions as lines of one text, and looks over the end of a line: whether "plan b." keeps its full stop depends on the
// first word of the next caption.
//
// Agreement with the Java program is measured by tests/parity/captions.py.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::bench {

// The tokens of each caption, which stand in this order in the tokenizer's text. Line breaks inside a caption are spaces; that holds
// also for the carriage returns and the like that shift all later captions by a line in the original. Invalid UTF-8 is U+FFFD.
std::vector<std::vector<std::string>> ptb_tokens(std::span<const std::string> captions);

// Of one caption alone.
std::vector<std::string> ptb_tokens(std::string_view caption);

}  // namespace saucier::bench
