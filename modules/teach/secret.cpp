#include "modules/teach/secret.h"

#include <algorithm>
#include <cstdlib>

#include "modules/base/error.h"

namespace saucier::teach {
namespace {

constexpr size_t kShortestPart = 8;
constexpr size_t kShortestRealKey = 16;

}  // namespace

Secret::Secret(const std::string& variable) : variable_(variable) {
  if (variable.empty()) return;
  const char* value = std::getenv(variable.c_str());
  if (!value || !*value)
    throw Error(fmt::format("the environment variable '{}', which is to hold the teacher's key, is not set", variable),
                fmt::format("set it, or leave 'key' out where the server asks for none: export {}=…", variable));
  value_ = value;
  if (!std::all_of(value_.begin(), value_.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    throw Error(fmt::format("the environment variable '{}' holds a character that no key has (a space, a line end, or one that is not ASCII)", variable),
                "set it to the key alone");
}

std::string Secret::header() const { return known() ? "Authorization: Bearer " + value_ : ""; }

std::string Secret::masked(std::string_view text) const {
  const size_t shortest = std::min(kShortestPart, value_.size());
  std::string out;
  while (!text.empty()) {
    size_t run = 0;
    if (known())
      for (size_t size = shortest; size <= text.size() && value_.find(text.substr(0, size)) != std::string::npos; ++size) run = size;
    out += run > 0 ? std::string_view("[key]") : text.substr(0, 1);
    text.remove_prefix(std::max<size_t>(run, 1));
  }
  return out;
}

std::string Secret::without(std::string_view reply) const {
  std::string out(reply);
  if (value_.size() < kShortestRealKey) return out;
  for (size_t at = 0; (at = out.find(value_, at)) != std::string::npos; at += 5) out.replace(at, value_.size(), "[key]");
  return out;
}

}  // namespace saucier::teach
