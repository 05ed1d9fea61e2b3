// The tokens of a tokenizer, by id and by text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "modules/text/string_map.h"

namespace saucier::text {

class Vocabulary {
 public:
  // A text may have one id alone: the newest. Throws Error on an id that is negative or larger than kLargestId.
  void add(const std::string& token, std::int64_t id, bool special);

  std::int32_t id(std::string_view token) const;  // -1 where unknown
  bool has(std::int32_t id) const { return id >= 0 && id < size() && known_[static_cast<size_t>(id)]; }
  bool special(std::int32_t id) const { return special_[static_cast<size_t>(id)]; }
  const std::string& token(std::int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }  // the largest id + 1
  const StringMap<std::int32_t>& ids() const { return ids_; }

  static constexpr std::int64_t kLargestId = (std::int64_t{1} << 20) - 1;  // tables are as long as the largest id

 private:
  StringMap<std::int32_t> ids_;
  std::vector<std::string> tokens_;
  std::vector<bool> known_;
  std::vector<bool> special_;
};

}  // namespace saucier::text
