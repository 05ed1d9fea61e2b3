// Contractions that people write without their apostrophes, as the evaluation of VQA puts them right.
#pragma once

#include <string_view>

namespace saucier::bench {

// "dont" is "don't"; a word that is none of the list stays. The list has its mistakes ("somebody'd" becomes "somebodyd"), which count.
std::string_view with_apostrophe(std::string_view word);

}  // namespace saucier::bench
