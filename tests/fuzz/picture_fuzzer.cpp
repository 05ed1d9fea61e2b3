// libFuzzer's entry for pictures: `make fuzz-pictures`. Whatever the bytes are, the answer is a picture or an Error that
// names the file.
#include <cstdlib>

#include "modules/base/error.h"
#include "modules/image/picture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const saucier::image::Picture picture = saucier::image::decode(std::string_view(reinterpret_cast<const char*>(data), size), "p");
    if (picture.pixels.size() != static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height) * 3) std::abort();
  } catch (const saucier::Error& error) {
    if (!std::string_view(error.what()).starts_with("cannot read 'p' as ")) std::abort();
  }
  return 0;
}
