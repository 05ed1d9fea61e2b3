#include "modules/layout/fields.h"

#include <algorithm>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/suggest.h"

namespace saucier::layout {
namespace {

[[noreturn]] void refuse(const char* key, const Json& value, const std::string& what) {
  throw Error(fmt::format("config field '{}' is '{}', {}", key, value.dump(), what));
}

constexpr const char* kUnsupported = "which is not supported";

}  // namespace

Fields::Fields(const Json& config) : config_(config) {
  if (!config.is_object()) throw Error("a model's config is a JSON object");
}

bool Fields::has(const char* key) const { return config_.contains(key) && !config_.at(key).is_null(); }

std::int64_t Fields::size(const char* key, std::int64_t missing, std::int64_t largest) const {
  if (!has(key)) return missing;
  const Json& value = config_.at(key);
  if (!value.is_number_integer() || value <= 0) refuse(key, value, "not a positive integer");
  if (value > largest) refuse(key, value, fmt::format("more than {} is not supported", largest));
  return value.get<std::int64_t>();
}

std::int64_t Fields::count(const char* key, std::int64_t missing) const {
  return has(key) && config_.at(key) == 0 ? 0 : size(key, missing);
}

double Fields::number(const char* key, double missing) const {
  if (!has(key)) return missing;
  if (!config_.at(key).is_number()) refuse(key, config_.at(key), "not a number");
  return config_.at(key).get<double>();
}

std::int64_t Fields::token(const char* key, std::int64_t missing) const {
  if (!config_.contains(key)) return missing;
  const Json& value = config_.at(key);
  if (value.is_null()) return -1;
  const Json& first = value.is_array() && !value.empty() ? value.front() : value;
  if (!first.is_number_integer()) refuse(key, value, "not a token id");
  return first.get<std::int64_t>();
}

bool Fields::flag(const char* key, bool missing) const {
  if (!has(key)) return missing;
  if (!config_.at(key).is_boolean()) refuse(key, config_.at(key), "not true or false");
  return config_.at(key).get<bool>();
}

std::string Fields::text(const char* key, const char* missing) const {
  if (!has(key)) return missing;
  if (!config_.at(key).is_string()) refuse(key, config_.at(key), "not a text");
  return config_.at(key).get<std::string>();
}

std::string Fields::one_of(const char* key, const char* missing, std::initializer_list<const char*> names) const {
  const std::string value = text(key, missing);
  const std::vector<std::string> known(names.begin(), names.end());
  if (std::find(known.begin(), known.end(), value) != known.end()) return value;
  throw Error(fmt::format("config field '{}' is '{}', {}", key, value, kUnsupported), suggestion(value, known));
}

void Fields::expect_false(const char* key) const {
  if (flag(key, false)) refuse(key, config_.at(key), kUnsupported);
}

void Fields::expect_missing(const char* key) const {
  if (has(key)) refuse(key, config_.at(key), kUnsupported);
}

void expect_divides(std::int64_t whole, std::int64_t part, const char* whole_name, const char* part_name) {
  if (whole % part != 0)
    throw Error(fmt::format("config field '{}' ({}) is not a multiple of '{}' ({})", whole_name, whole, part_name, part));
}

}  // namespace saucier::layout
