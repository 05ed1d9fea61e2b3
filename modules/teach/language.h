// Which language a text is in, as far as that can be told without a model: most of its letters must be in a script of the
// language, and of a language in Latin letters its words must be among the forty commonest words of the language more often
// than among those of the others. A text of fewer than kFewestWords words tells by its script alone.
#pragma once

#include <string_view>

namespace saucier::teach {

inline constexpr int kFewestWords = 12;

// `language`: one of the words of FilterOptions::language, not empty.
bool is_in_language(std::string_view text, std::string_view language);

}  // namespace saucier::teach
