// libFuzzer's entry: `make fuzz`. What it found is kept as a golden case or a test of its own.
#include <cstddef>
#include <cstdint>

#include "modules/base/error.h"
#include "tests/fuzz/recipe_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  saucier::fuzz::run_input(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
