// Fields of a config.json, read with Hugging Face's default where the file leaves one out; what would change a model's
// result and is not computed here is an Error that names the field.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "modules/base/json.h"

namespace saucier::layout {

class Fields {
 public:
  explicit Fields(const Json& config);  // keeps a reference

  bool has(const char* key) const;  // there and not null
  const Json& operator[](const char* key) const { return config_.at(key); }

  // Nothing is wider or longer than this, and products of two such sizes still fit, three times.
  static constexpr std::int64_t kLargest = std::int64_t{1} << 30;
  // A positive integer. `largest`: of what memory is taken for before a file of tensors has said that it is there.
  std::int64_t size(const char* key, std::int64_t missing, std::int64_t largest = kLargest) const;
  std::int64_t count(const char* key, std::int64_t missing) const;  // 0 too
  double number(const char* key, double missing) const;
  std::int64_t token(const char* key, std::int64_t missing) const;  // an id, the first of a list, or -1
  bool flag(const char* key, bool missing) const;
  std::string text(const char* key, const char* missing) const;

  // Throws unless the text, or `missing`, is one of `known`.
  std::string one_of(const char* key, const char* missing, std::initializer_list<const char*> known) const;
  void expect_false(const char* key) const;
  void expect_missing(const char* key) const;  // or null

 private:
  const Json& config_;
};

void expect_divides(std::int64_t whole, std::int64_t part, const char* whole_name, const char* part_name);

}  // namespace saucier::layout
