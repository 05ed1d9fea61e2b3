#include "modules/text/fields.h"

#include "modules/base/error.h"

namespace saucier::text {
namespace {

constexpr int kDeepest = 16;

}  // namespace

Fields::Fields(const Json& object, std::string_view where) : object_(object), where_(where) {
  if (!object.is_object()) throw Error(fmt::format("'{}' is not an object", where));
}

std::string Fields::name(const char* key) const { return where_.empty() ? key : fmt::format("{}.{}", where_, key); }

void Fields::wrong(const char* key, const char* wanted) const {
  throw Error(fmt::format("'{}' is {}", name(key), object_.contains(key) ? fmt::format("not {}", wanted) : "missing"));
}

std::string Fields::type() const { return text("type", ""); }

bool Fields::has(const char* key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

const Json& Fields::at(const char* key) const {
  const auto found = object_.find(key);
  if (found == object_.end()) wrong(key, "");
  return *found;
}

std::string Fields::text(const char* key) const {
  const Json& value = at(key);
  if (!value.is_string()) wrong(key, "a text");
  return value.get<std::string>();
}

std::string Fields::text(const char* key, std::string_view otherwise) const { return has(key) ? text(key) : std::string(otherwise); }

bool Fields::flag(const char* key) const {
  const Json& value = at(key);
  if (!value.is_boolean()) wrong(key, "true or false");
  return value.get<bool>();
}

bool Fields::flag(const char* key, bool otherwise) const { return has(key) ? flag(key) : otherwise; }

std::int64_t Fields::number(const char* key, std::int64_t low, std::int64_t high) const {
  const Json& value = at(key);
  if (!value.is_number_integer()) wrong(key, "a whole number");
  const auto number = value.get<std::int64_t>();
  if (number < low || number > high || (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high)))
    throw Error(fmt::format("'{}' is {} (allowed {} to {})", name(key), value.dump(), low, high));
  return number;
}

const Json& Fields::list(const char* key) const {
  const Json& value = at(key);
  if (!value.is_array()) wrong(key, "a list");
  return value;
}

void Fields::check_depth(int depth) const {
  if (depth >= kDeepest) throw Error(fmt::format("'{}' has more than {} sequences inside each other", where_, kDeepest));
}

}  // namespace saucier::text
