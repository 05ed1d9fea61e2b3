#include "modules/base/error.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace saucier {

Error::Error(std::string message, std::string hint) : message_(std::move(message)), hint_(std::move(hint)) {}

Error& Error::add_context(std::string context) {
  context_.push_back(std::move(context));
  return *this;
}

std::string Error::render(std::string_view prefix) const {
  std::string out = fmt::format("{}{}\n", prefix, message_);
  for (const std::string& context : context_) out += fmt::format("note: {}\n", context);
  if (!hint_.empty()) out += fmt::format("hint: {}\n", hint_);
  return out;
}

namespace detail {

void check_failed(const char* condition, const char* file, int line, std::string message) {
  // stdio, not iostreams: this runs in broken processes.
  std::fprintf(stderr, "%s:%d: internal error: check '%s' failed%s%s\n", file, line, condition,
               message.empty() ? "" : ": ", message.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace detail
}  // namespace saucier
