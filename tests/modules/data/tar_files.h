// Tar files for tests.
#pragma once

#include <string>

#include "modules/base/error.h"

namespace saucier::data {

// A member as ustar has it; `link` makes it something else than a file.
inline std::string member(const std::string& name, const std::string& content, char type = '0') {
  std::string head(512, '\0');
  const auto put = [&](size_t at, const std::string& text) { head.replace(at, text.size(), text); };
  put(0, name.substr(0, 100));
  put(100, "0000644");
  put(124, fmt::format("{:011o}", content.size()));
  put(136, fmt::format("{:011o}", 0));
  put(148, "        ");
  head[156] = type;
  put(257, std::string("ustar\0" "00", 8));
  unsigned sum = 0;
  for (const unsigned char c : head) sum += c;
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return head + content + std::string((512 - content.size() % 512) % 512, '\0');
}

inline const std::string kEnd(1024, '\0');

}  // namespace saucier::data
