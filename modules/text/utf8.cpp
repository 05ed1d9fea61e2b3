#include "modules/text/utf8.h"

#include <cstring>

namespace saucier::text {

Utf8Step utf8_step(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return {.length = 1, .point = lead};
  size_t length = 0;
  // The second byte's range depends on the lead: it excludes overlong forms, surrogates and points above U+10FFFF.
  unsigned low = 0x80, high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return {.bad = 1};
  }
  char32_t point = lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i >= text.size() || at(i) < low || at(i) > high) return {.bad = i};
    point = (point << 6) | (at(i) & 0x3fu);
    low = 0x80;
    high = 0xbf;
  }
  return {.length = length, .point = point};
}

bool is_valid_utf8(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    std::uint64_t eight = 0;
    if (bytes.size() - at >= sizeof eight) {
      std::memcpy(&eight, bytes.data() + at, sizeof eight);
      if (!(eight & 0x8080808080808080u)) {
        at += sizeof eight;
        continue;
      }
    }
    const Utf8Step step = utf8_step(bytes.substr(at));
    if (!step.length) return false;
    at += step.length;
  }
  return true;
}

std::string to_valid_utf8(std::string_view bytes) {
  return is_valid_utf8(bytes) ? std::string(bytes) : to_valid_text(bytes).text;
}

ValidText to_valid_text(std::string_view bytes) {
  ValidText out;
  for (size_t at = 0; at < bytes.size();) {
    const Utf8Step step = utf8_step(bytes.substr(at));
    const std::string_view written = step.length ? bytes.substr(at, step.length) : std::string_view("\xef\xbf\xbd");
    out.text += written;
    for (size_t i = 0; i < written.size(); ++i)
      out.place.push_back(static_cast<std::int32_t>(at + (step.length ? i : 0)));
    at += step.length ? step.length : step.bad;
  }
  out.place.push_back(static_cast<std::int32_t>(bytes.size()));
  return out;
}

void append_utf8(std::string& out, char32_t point) {
  const auto rest = [&](int shift) { out += static_cast<char>(0x80 | ((point >> shift) & 0x3f)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | (point >> 6));
    rest(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | (point >> 12));
    rest(6);
    rest(0);
  } else {
    out += static_cast<char>(0xf0 | (point >> 18));
    rest(12);
    rest(6);
    rest(0);
  }
}

size_t count_chars(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += !continues(c);
  return count;
}

}  // namespace saucier::text
