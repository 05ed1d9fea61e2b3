// Regular expressions as Oniguruma (which `tokenizers` uses) reads them, matched by PCRE2.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

namespace saucier::text {

struct Match {
  size_t begin = 0;
  size_t end = 0;
};

class Regex {
 public:
  // Throws Error where PCRE2 cannot read the pattern or would not take it as Oniguruma does.
  explicit Regex(std::string_view pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // The matches in a valid text, in order and apart; one may be empty, but not where another ends. Throws Error where
  // PCRE2's limits on backtracking are reached. Thread-safe.
  void find_all(std::string_view text, std::vector<Match>& matches) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace saucier::text
