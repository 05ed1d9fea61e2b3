#include "modules/text/charsmap.h"

#include <cstring>

#include "modules/base/error.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

// A unit of Darts-clone: either a value or a label with the way to its children.
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) == 1; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7fffffffu; }
std::uint32_t label_of(std::uint32_t unit) { return unit & (0x80000000u | 0xffu); }
std::uint32_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

std::uint32_t little_endian(const char* bytes) {
  const auto at = [&](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  return at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
}

}  // namespace

Charsmap::Charsmap(std::string_view bytes) {
  if (bytes.empty()) return;
  const size_t size = bytes.size() < 4 ? 0 : little_endian(bytes.data());
  if (size == 0 || size % 4 != 0 || size > bytes.size() - 4)
    throw Error(fmt::format("precompiled_charsmap of {} bytes has a trie of {}", bytes.size(), size));
  for (size_t at = 4; at < 4 + size; at += 4) units_.push_back(little_endian(bytes.data() + at));
  texts_ = bytes.substr(4 + size);
  if (!is_valid_utf8(texts_)) throw Error("precompiled_charsmap has texts that are not UTF-8");
}

std::optional<Charsmap::Found> Charsmap::longest(std::string_view text) const { return search(text, true); }
std::optional<Charsmap::Found> Charsmap::shortest(std::string_view text) const { return search(text, false); }

std::optional<Charsmap::Found> Charsmap::search(std::string_view text, bool longest) const {
  std::optional<Found> found;
  if (units_.empty()) return found;
  std::uint32_t node = offset_of(units_[0]);
  for (size_t i = 0; i < text.size() && text[i] != 0; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) break;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) break;
    const size_t begin = value_of(units_[node]);
    if (begin >= texts_.size() || continues(texts_[begin])) continue;  // a damaged map
    const size_t end = texts_.find('\0', begin);
    found = Found{i + 1, std::string_view(texts_).substr(begin, end == std::string::npos ? end : end - begin)};
    if (!longest) break;
  }
  // A part of a character is no match: what is left must be a valid text.
  if (found && found->length < text.size() && continues(text[found->length])) found.reset();
  return found;
}

}  // namespace saucier::text
