// JSON values as parameters of a statement.
#pragma once

#include <sqlite3.h>

#include "modules/base/json.h"

namespace saucier::store {

// Objects and lists as their text, true as 1.
void bind_json(sqlite3_stmt* statement, int index, const Json& value);

}  // namespace saucier::store
