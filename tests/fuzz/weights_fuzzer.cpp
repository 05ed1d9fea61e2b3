// libFuzzer's target for files of tensors: the reader is the one that the front asks for. `make fuzz` runs it.
#include <vector>

#include "modules/base/error.h"
#include "modules/weights/container.h"
#include "tests/modules/weights/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace saucier;
  static const MemoryFile file;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  file.write(content);
  const auto read = content.starts_with("GGUF")                                     ? &weights::Container::gguf
                    : content.starts_with("PK") || content.starts_with("\x80\x02") ? &weights::Container::torch_pickle
                                                                                    : &weights::Container::safetensors;
  try {
    const weights::Container container = read(file.path());
    for (const auto& [name, tensor] : container.tensors()) {
      std::vector<float> numbers(tensor.elements());
      weights::to_float(tensor, numbers);
    }
  } catch (const Error& error) {
    static_cast<void>(error.render());
  }
  return 0;
}
