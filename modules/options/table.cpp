#include "modules/options/table.h"

#include <algorithm>

namespace saucier::options {

const Field* Table::find(std::string_view key) const {
  auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.rule.key == key; });
  return it == fields.end() ? nullptr : &*it;
}

std::vector<std::string> Table::keys() const {
  std::vector<std::string> out;
  for (const Field& field : fields) out.push_back(field.rule.key);
  return out;
}

namespace detail {

void wrong_type(std::string_view key, const Json& value) {
  throw Error(fmt::format("'{}' has the wrong type (got {})", key, value.type_name()));
}

}  // namespace detail
}  // namespace saucier::options
