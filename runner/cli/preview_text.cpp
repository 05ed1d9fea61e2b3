#include "runner/cli/preview_text.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "modules/data/sample.h"

namespace saucier::cli {

namespace {

constexpr Marks kColours = {"\x1b[32m", "\x1b[36m", "\x1b[2m", "\x1b[0m", "\x1b[0m"};
constexpr Marks kBrackets = {"⟦", "", "", "⟧", ""};

}  // namespace

const Marks& marks() {
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0') ? kColours : kBrackets;
}

std::string harmless(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 32 && c != '\n' && c != '\t') || byte == 127)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

std::string with_pictures(std::string_view text, const Marks& m, const char* back) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t marker = std::min(text.find(data::kImageMarker, at), text.size());
    out += harmless(text.substr(at, marker - at));
    if (marker < text.size()) out += fmt::format("{}{}{}{}", m.picture, data::kImageMarker, m.end, back);
    at = marker < text.size() ? marker + data::kImageMarker.size() : marker;
  }
  return out;
}

}  // namespace saucier::cli
