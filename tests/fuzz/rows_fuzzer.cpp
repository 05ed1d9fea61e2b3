// libFuzzer's target for sources of rows: JSON, tables and tar files. `make fuzz` runs it.
#include "tests/fuzz/rows_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const saucier::fuzz::RowsInput input;
  input.run(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
