#include "modules/layout/tensors.h"

#include <limits>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/base/suggest.h"

namespace saucier::layout {

void check_tensors(const Shapes& given, const Shapes& expected, std::string_view part) {
  std::vector<std::string> known, names;
  for (const auto& [name, shape] : expected) known.push_back(name);
  for (const auto& [name, shape] : given) names.push_back(name);
  for (const auto& [name, shape] : expected) {
    const auto found = given.find(name);
    if (found == given.end()) throw Error(fmt::format("{}: tensor '{}' is missing", part, name), suggestion(name, names));
    if (found->second != shape)
      throw Error(fmt::format("{}: tensor '{}' has shape [{}], its config says [{}]", part, name,
                              fmt::join(found->second, ", "), fmt::join(shape, ", ")));
  }
  for (const std::string& name : names)
    if (!expected.contains(name))
      throw Error(fmt::format("{}: tensor '{}' is not part of this model", part, name), suggestion(name, known));
}

std::int64_t parameters(const Shapes& shapes) {
  std::int64_t all = 0;
  for (const auto& [name, shape] : shapes) {
    std::int64_t one = 1;
    for (const std::int64_t side : shape)
      if (__builtin_mul_overflow(one, side, &one)) return std::numeric_limits<std::int64_t>::max();
    if (__builtin_add_overflow(all, one, &all)) return std::numeric_limits<std::int64_t>::max();
  }
  return all;
}

}  // namespace saucier::layout
