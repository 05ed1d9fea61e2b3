#include "modules/text/vocabulary.h"

#include "modules/base/error.h"

namespace saucier::text {

void Vocabulary::add(const std::string& token, std::int64_t id, bool special) {
  if (id < 0 || id > kLargestId) throw Error(fmt::format("token '{}' has the id {} (allowed 0 to {})", token, id, kLargestId));
  const auto at = static_cast<size_t>(id);
  if (at >= tokens_.size()) {
    tokens_.resize(at + 1);
    known_.resize(at + 1);
    special_.resize(at + 1);
  }
  tokens_[at] = token;
  known_[at] = true;
  special_[at] = special;
  ids_[token] = static_cast<std::int32_t>(id);
}

std::int32_t Vocabulary::id(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

}  // namespace saucier::text
