// What the readers of the formats share.
#pragma once

#include <fmt/format.h>

#include "modules/base/error.h"
#include "modules/weights/container.h"

namespace saucier::weights {

// A file's bytes, mapped privately: writable, without ever reaching the file.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  const std::byte* data() const { return static_cast<const std::byte*>(data_); }
  size_t size() const { return size_; }
  std::string_view text() const { return {static_cast<const char*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

struct Builder {
  static Container build(std::map<std::string, Tensor> tensors, Json metadata, std::shared_ptr<const void> memory);
};

// The bytes that `shape` takes, or an Error that the shape is too large or ends inside a block.
size_t bytes_of(Dtype dtype, std::span<const std::int64_t> shape);

// A JSON text without anything that would crash or deceive its readers: nested at most ten deep, no key twice at the top
// (of two equal names a parser keeps one: a tensor would be hidden).
Json checked_json(std::string_view text, std::string_view what, std::string_view key_is);

// As it stands in a message: cut after 80 bytes, without control characters.
std::string shown(const Json& value);
std::string shown(std::string_view text);

}  // namespace saucier::weights
