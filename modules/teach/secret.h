// The one place that knows a teacher's key: read from the environment, sent in a header, masked in what a server says.
#pragma once

#include <string>
#include <string_view>

namespace saucier::teach {

class Secret {
 public:
  Secret() = default;  // there is none
  // From an environment variable; none where `variable` is empty. Throws Error (without the value) where it is not set
  // or holds what no header may.
  explicit Secret(const std::string& variable);

  bool known() const { return !value_.empty(); }
  const std::string& variable() const { return variable_; }
  std::string header() const;  // "Authorization: Bearer …"; empty where there is none

  // For messages: each run of eight or more bytes that the key holds, too, becomes "[key]": servers repeat keys in part.
  // A shorter key, only whole.
  std::string masked(std::string_view text) const;
  // For replies: only the whole key, and only one long enough to be no placeholder ("ollama", "not-needed") that is also
  // a word.
  std::string without(std::string_view reply) const;

 private:
  std::string variable_;
  std::string value_;
};

}  // namespace saucier::teach
