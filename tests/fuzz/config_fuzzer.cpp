// libFuzzer's target for a model's config.json. `make fuzz` runs it.
#include "tests/fuzz/config_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  saucier::fuzz::read_config(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
