// A generated file of the tree against what the program says now.
#pragma once

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

#include "modules/base/file.h"

namespace saucier {

inline void must_be_current(const fs::path& file, const std::string& text) {
  const char* accept = std::getenv("SAUCIER_ACCEPT");
  const bool same = fs::exists(file) && read_file(file) == text;
  if (!same && accept && std::string(accept) == "1") std::ofstream(file) << text;
  INFO(file.string() << " is not what the declarations say: SAUCIER_ACCEPT=1 writes it");
  CHECK(same);
}

}  // namespace saucier
