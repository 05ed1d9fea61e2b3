// The fields of an object in tokenizer.json, read with errors that name them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "modules/base/json.h"

namespace saucier::text {

class Fields {
 public:
  // `where`: what the object is, "model", "pre_tokenizer". Throws Error where it is no object. The object must outlive this.
  Fields(const Json& object, std::string_view where);

  std::string type() const;  // "" where there is none
  bool has(const char* key) const;  // there and not null
  const Json& at(const char* key) const;
  std::string text(const char* key) const;
  std::string text(const char* key, std::string_view otherwise) const;
  bool flag(const char* key) const;
  bool flag(const char* key, bool otherwise) const;
  std::int64_t number(const char* key, std::int64_t low, std::int64_t high) const;
  const Json& list(const char* key) const;
  void check_depth(int depth) const;  // of parts inside parts

  const std::string& where() const { return where_; }
  std::string name(const char* key) const;  // "model.vocab"

 private:
  [[noreturn]] void wrong(const char* key, const char* wanted) const;
  const Json& object_;
  std::string where_;
};

}  // namespace saucier::text
