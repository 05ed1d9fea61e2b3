// Kinds of object: which there are, and what Unicode's tables say about them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/scene_files.h"
#include "modules/data/scenes/scene.h"

namespace saucier::data {

struct UnicodeFiles {
  std::filesystem::path emoji_test = kEmojiNames.path;
  std::filesystem::path annotations = kEmojiKeywords.path;
  std::filesystem::path font = kEmojiFont.path;
};

// The names that scenes take when a recipe names none: 40 single words that look different at 18 pixels.
const std::vector<std::string>& standard_selection();

// Every emoji of one code point (a variation selector aside), in the file's order, without keywords. Throws Error.
std::vector<Kind> parse_emoji_test(const std::filesystem::path& file);

// Code point -> keywords of CLDR's annotations. Throws Error.
std::map<char32_t, std::vector<std::string>> parse_annotations(const std::filesystem::path& file);

// The named kinds (empty: the standard selection) in the order named. Throws Error for a name that is unknown or given
// twice.
std::vector<Kind> select_kinds(const std::vector<std::string>& names, const UnicodeFiles& files = {});

std::string utf8(char32_t code_point);

}  // namespace saucier::data
