// What the tests of files of tensors share.
#pragma once

#include <bit>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/weights/container.h"
#include "tests/temp_folder.h"

namespace saucier::weights {

inline fs::path fixture(const std::string& name) { return fs::path(SAUCIER_SOURCE_DIR) / "tests/data/weights" / name; }

inline std::vector<float> floats(const Tensor& tensor) {
  std::vector<float> out(tensor.elements());
  to_float(tensor, out);
  return out;
}

inline std::vector<std::uint32_t> bits(const std::vector<float>& numbers) {
  std::vector<std::uint32_t> out;
  for (const float number : numbers) out.push_back(std::bit_cast<std::uint32_t>(number));
  return out;
}

// What is said of a file that cannot be read; it must name the file.
inline std::string failure(const fs::path& file, const std::function<Container(const fs::path&)>& read) {
  try {
    read(file);
  } catch (const Error& error) {
    CHECK_THAT(error.render(), Catch::Matchers::Contains(file.string()));
    return error.render();
  }
  return "no error";
}

}  // namespace saucier::weights
