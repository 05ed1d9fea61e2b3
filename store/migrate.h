// Brings a database file to the layout of this program, or refuses it.
#pragma once

#include "store/database.h"

namespace saucier::store {

inline constexpr std::int64_t kApplicationId = 0x53415543;  // "SAUC"

// Runs what is missing of migrations(), each in one transaction that reads the version again inside, so any number of
// processes may open a fresh file at once; then makes the views anew where this program's differ. Throws Error for
// a newer database (both versions named) and for one that another program made.
void migrate(Database& database, LockFile& lock);

// Throws Error for a newer database and for one that another program made; a fresh file passes.
void check_ours(Database& database);

// The same, for a reader: also of an older layout.
void check_layout(Database& database);

// Whether the views in the file are those of this program.
bool views_current(Database& database);

}  // namespace saucier::store
