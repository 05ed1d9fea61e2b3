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

Json encode(const Weight& weight) {
  const bool plain = !weight.counted() && !weight.max_passes;
  if (plain) return weight.natural ? Json("natural") : Json(weight.share);
  Json out = to_json(WeightTable{.share = weight.natural || weight.counted() ? std::nullopt : std::optional(weight.share),
                                 .samples = weight.samples, .epochs = weight.epochs, .max_passes = weight.max_passes});
  for (auto it = out.begin(); it != out.end();) it = it->is_null() ? out.erase(it) : std::next(it);
  return out;
}

Weight decode_weight(std::string_view key, const Json& value) {
  if (value.is_string()) return {.natural = true};
  if (value.is_number()) return {.share = value.get<double>()};
  if (!value.is_object()) wrong_type(key, value);
  const auto table = from_json<WeightTable>(value);
  return {.natural = !table.share && !table.samples && !table.epochs, .share = table.share.value_or(0),
          .samples = table.samples, .epochs = table.epochs, .max_passes = table.max_passes};
}

}  // namespace detail
}  // namespace saucier::options
