// Reads little-endian numbers and lengths from bytes that may end anywhere.
#pragma once

#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "modules/base/error.h"

namespace saucier::weights {

class Cursor {
 public:
  explicit Cursor(std::string_view bytes, size_t at = 0) : bytes_(bytes), at_(at) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }

  std::string_view take(std::uint64_t size, std::string_view what) {
    if (size > left())
      throw Error(fmt::format("{} at byte {} takes {} bytes, only {} are left", what, at_, size, left()), "the file may be cut off: copy it again");
    const std::string_view out = bytes_.substr(at_, size);
    at_ += size;
    return out;
  }
  template <class T>
  T number(std::string_view what) {
    T out;
    std::memcpy(&out, take(sizeof out, what).data(), sizeof out);
    return out;
  }
  // Up to the next line end, which is taken too.
  std::string_view line(std::string_view what) {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) throw Error(fmt::format("{} at byte {} has no end", what, at_));
    const std::string_view out = take(end + 1 - at_, what);
    return out.substr(0, out.size() - 1);
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace saucier::weights
