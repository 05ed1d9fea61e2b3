#include "modules/base/source.h"

#include <fmt/format.h>

namespace saucier {

std::string_view SourceText::line(int number) const {
  if (number < 1) return {};
  std::string_view rest = text;
  for (int i = 1; i < number; ++i) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  std::string_view found = rest.substr(0, rest.find('\n'));
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

std::string Position::to_string() const {
  if (!known()) return {};
  return fmt::format("{}:{}:{}", source->name, line, column);
}

}  // namespace saucier
