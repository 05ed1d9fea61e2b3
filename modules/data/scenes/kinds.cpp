#include "modules/data/scenes/kinds.h"

#include <charconv>
#include <optional>
#include <set>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/suggest.h"
#include "modules/data/scenes/words.h"

namespace saucier::data {

namespace {

std::string read_table(const std::filesystem::path& file, std::string_view package) {
  try {
    return read_file(file);
  } catch (const Error& error) {
    throw Error(error.what(), fmt::format("install {}", package));
  }
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Calls `each` with every line of `text`.
template <class Each>
void lines(std::string_view text, Each&& each) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    each(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
}

// "2708 FE0F" -> U+2708; nothing for a sequence.
std::optional<char32_t> single_code_point(std::string_view text) {
  std::optional<char32_t> found;
  for (text = trimmed(text); !text.empty();) {
    const size_t space = text.find(' ');
    const std::string_view hex = text.substr(0, space);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    if (error != std::errc{} || end != hex.data() + hex.size()) return std::nullopt;
    if (value != 0xFE0F) {
      if (found) return std::nullopt;
      found = static_cast<char32_t>(value);
    }
    text = space == std::string_view::npos ? std::string_view{} : trimmed(text.substr(space));
  }
  return found;
}

// "🦊 E3.0 fox" -> "fox": what follows the version.
std::string_view name_of(std::string_view comment) {
  const size_t version = comment.find(" E");
  if (version == std::string_view::npos) return {};
  const size_t space = comment.find(' ', version + 1);
  return space == std::string_view::npos ? std::string_view{} : trimmed(comment.substr(space));
}

std::string unescaped(std::string_view text) {
  static constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  std::string out;
  for (size_t i = 0; i < text.size();) {
    bool found = false;
    for (const auto& [name, letter] : kEntities)
      if (!found && text.substr(i).starts_with(name)) {
        out += letter;
        i += name.size();
        found = true;
      }
    if (!found) out += text[i++];
  }
  return out;
}

}  // namespace

const std::vector<std::string>& standard_selection() {
  static const std::vector<std::string> kNames = {
      "dog",       "fox",    "cat",        "panda",     "frog",     "cow",       "elephant", "penguin",    "owl",
      "flamingo",  "turtle", "snake",      "whale",     "octopus",  "snail",     "butterfly", "spider",    "rose",
      "sunflower", "cactus", "mushroom",   "banana",    "lemon",    "pear",      "pineapple", "carrot",    "eggplant",
      "watermelon", "strawberry", "pizza", "hamburger", "bus",      "tractor",   "airplane", "rocket",     "anchor",
      "guitar",    "umbrella", "crown",    "bell"};
  return kNames;
}

std::string utf8(char32_t c) {
  std::string out;
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  const auto v = static_cast<std::uint32_t>(c);
  if (v < 0x80) {
    put(v);
  } else if (v < 0x800) {
    put(0xC0 | v >> 6), put(0x80 | (v & 63));
  } else if (v < 0x10000) {
    put(0xE0 | v >> 12), put(0x80 | (v >> 6 & 63)), put(0x80 | (v & 63));
  } else {
    put(0xF0 | v >> 18), put(0x80 | (v >> 12 & 63)), put(0x80 | (v >> 6 & 63)), put(0x80 | (v & 63));
  }
  return out;
}

std::vector<Kind> parse_emoji_test(const std::filesystem::path& file) {
  const std::string text = read_table(file, kEmojiNames.package);
  std::vector<Kind> kinds;
  std::string group, subgroup;
  lines(text, [&](std::string_view line) {
    if (line.starts_with("# group:")) {
      group = trimmed(line.substr(8));
    } else if (line.starts_with("# subgroup:")) {
      subgroup = trimmed(line.substr(11));
    }
    const size_t semicolon = line.find(';'), hash = line.find('#');
    if (semicolon == std::string_view::npos || hash == std::string_view::npos || hash < semicolon) return;
    if (trimmed(line.substr(semicolon + 1, hash - semicolon - 1)) != "fully-qualified") return;
    const auto code_point = single_code_point(line.substr(0, semicolon));
    const std::string_view name = name_of(line.substr(hash + 1));
    if (!code_point || name.empty()) return;
    kinds.push_back({.code_point = *code_point, .name = std::string(name), .plural = plural_of(name), .group = group,
                     .subgroup = subgroup, .keywords = {}});
  });
  if (kinds.empty())
    throw Error(fmt::format("no emoji found in '{}'", file.string()), fmt::format("install {} again: the file is not the emoji-test.txt of Unicode", kEmojiNames.package));
  return kinds;
}

std::map<char32_t, std::vector<std::string>> parse_annotations(const std::filesystem::path& file) {
  const std::string text = read_table(file, kEmojiKeywords.package);
  std::map<char32_t, std::vector<std::string>> keywords;
  lines(text, [&](std::string_view line) {
    // <annotation cp="🦊">face | fox</annotation>; the lines with type="tts" hold the spoken name.
    const size_t start = line.find("<annotation cp=\"");
    if (start == std::string_view::npos || line.find("type=\"tts\"") != std::string_view::npos) return;
    const size_t from = start + 16, quote = line.find('"', from), open = line.find('>', from), close = line.find("</", from);
    if (quote == std::string_view::npos || open == std::string_view::npos || close == std::string_view::npos || close < open) return;
    const auto bytes = line.substr(from, quote - from);
    const auto byte = [&](size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
    std::uint32_t value = 0;
    if (bytes.size() == 3) value = (byte(0) & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
    if (bytes.size() == 4) value = (byte(0) & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63);
    if (value == 0) return;
    std::string_view list = line.substr(open + 1, close - open - 1);
    auto& words = keywords[static_cast<char32_t>(value)];
    while (!list.empty()) {
      const size_t bar = list.find('|');
      words.push_back(unescaped(trimmed(list.substr(0, bar))));
      list = bar == std::string_view::npos ? std::string_view{} : list.substr(bar + 1);
    }
  });
  if (keywords.empty())
    throw Error(fmt::format("no annotations found in '{}'", file.string()), fmt::format("install {} again: the file is not CLDR's English annotations", kEmojiKeywords.package));
  return keywords;
}

std::vector<Kind> select_kinds(const std::vector<std::string>& names, const UnicodeFiles& files) {
  const std::vector<Kind> all = parse_emoji_test(files.emoji_test);
  const auto annotations = parse_annotations(files.annotations);
  std::map<std::string, const Kind*> by_name;
  for (const Kind& kind : all) by_name.emplace(kind.name, &kind);

  std::vector<Kind> kinds;
  std::set<std::string> seen;
  for (const std::string& name : names.empty() ? standard_selection() : names) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      std::vector<std::string> known;
      for (const Kind& kind : all) known.push_back(kind.name);
      throw Error(fmt::format("unknown object '{}'", name), suggestion(name, known));
    }
    if (!seen.insert(name).second) throw Error(fmt::format("object '{}' is named twice", name), "remove one of the two");
    Kind kind = *found->second;
    if (const auto words = annotations.find(kind.code_point); words != annotations.end())
      for (const std::string& word : words->second)
        if (word != kind.name) kind.keywords.push_back(word);
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

}  // namespace saucier::data
