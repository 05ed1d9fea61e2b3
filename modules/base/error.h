// The one exception that users see, and the check for our own mistakes.
//
// The low level states the fact ("no such file"), each caller on the way up adds place or purpose with add_context, and
// the command line prints `error: fact`, one `note:` per context (innermost first) and one `hint:`.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace saucier {

class Error : public std::exception {
 public:
  explicit Error(std::string message, std::string hint = {});

  // Adds where or why, while unwinding: `catch (Error& e) { e.add_context("in stage 'align'"); throw; }`.
  Error& add_context(std::string context);

  const char* what() const noexcept override { return message_.c_str(); }  // the fact alone
  const std::vector<std::string>& context() const { return context_; }
  const std::string& hint() const { return hint_; }
  // "error: fact\nnote: context\nhint: what to do\n"; `prefix` replaces "error: " (a place, say).
  std::string render(std::string_view prefix = "error: ") const;

 private:
  std::string message_;
  std::string hint_;
  std::vector<std::string> context_;
};

// Runs `body`; an Error that leaves it gets `context`.
template <class Body>
decltype(auto) with_context(std::string_view context, Body&& body) {
  try {
    return body();
  } catch (Error& error) {
    error.add_context(std::string(context));
    throw;
  }
}

namespace detail {
[[noreturn]] void check_failed(const char* condition, const char* file, int line, std::string message);
}

// For what only a bug of ours can break. Aborts with the place (never used for input).
#define SAUCIER_CHECK(condition, ...)                                                              \
  do {                                                                                             \
    if (!(condition)) ::saucier::detail::check_failed(#condition, __FILE__, __LINE__, fmt::format("" __VA_ARGS__)); \
  } while (false)

}  // namespace saucier
