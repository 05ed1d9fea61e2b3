#include "modules/text/byte_level.h"

#include <array>
#include <utility>

#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

constexpr size_t kEnd = 0x144;  // of the alphabet's code points

struct Alphabet {
  std::array<std::string, 256> character;
  std::array<int, kEnd> byte{};

  Alphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      const char32_t point = printable ? b : next++;
      append_utf8(character[b], point);
      byte[point] = static_cast<int>(b);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet value;
  return value;
}

}  // namespace

const std::string& byte_character(unsigned char byte) { return alphabet().character[byte]; }

void to_byte_characters(Aligned& text) {
  Aligned out;
  for (size_t at = 0; at < text.text().size(); ++at)
    out.append(byte_character(static_cast<unsigned char>(text.text()[at])), text.place(at));
  text = std::move(out);
}

std::optional<std::string> bytes_of_characters(std::string_view token) {
  std::string out;
  while (!token.empty()) {
    const Utf8Step step = utf8_step(token);
    if (!step.length || step.point >= kEnd || alphabet().byte[step.point] < 0) return std::nullopt;
    out += static_cast<char>(alphabet().byte[step.point]);
    token.remove_prefix(step.length);
  }
  return out;
}

}  // namespace saucier::text
