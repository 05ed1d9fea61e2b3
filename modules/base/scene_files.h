// The files that scenes are drawn from, as Debian installs them. What they hold is part of every key of a stage that draws.
#pragma once

#include <array>
#include <string_view>

namespace saucier {

struct SceneFile {
  std::string_view what;     // in a key and in messages
  std::string_view path;
  std::string_view package;  // that installs it
};

inline constexpr SceneFile kEmojiFont = {"font", "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf", "fonts-noto-color-emoji"};
inline constexpr SceneFile kEmojiNames = {"names", "/usr/share/unicode/emoji/emoji-test.txt", "unicode-data"};
inline constexpr SceneFile kEmojiKeywords = {"keywords", "/usr/share/unicode/cldr/common/annotations/en.xml", "unicode-cldr-core"};
inline constexpr std::array<SceneFile, 3> kSceneFiles = {kEmojiFont, kEmojiNames, kEmojiKeywords};

}  // namespace saucier
