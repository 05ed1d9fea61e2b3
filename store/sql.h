// The .sql files of this folder, embedded when the build is configured (embed_sql.cmake).
#pragma once

#include <span>
#include <string_view>

namespace saucier::store {

struct SqlFile {
  std::string_view name;  // "0001_first"
  std::string_view text;
};

std::span<const SqlFile> migrations();  // in order; the first brings user_version from 0 to 1
std::span<const SqlFile> views();       // in an order in which a view comes after those it reads

}  // namespace saucier::store
