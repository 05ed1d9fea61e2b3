// Databases of earlier layouts: a kept file of each opens, is migrated and keeps every row.
#include <catch2/catch.hpp>

#include "store/sql.h"
#include "tests/store/sample_store.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

fs::path asset(std::int64_t layout) {
  return fs::path(SAUCIER_SOURCE_DIR) / "tests/data/store" / fmt::format("layout-{}.db", layout);
}

}  // namespace

// Run once when a layout is new: test_store "keep a store of this layout".
TEST_CASE("keep a store of this layout", "[.][asset]") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  fill_sample_store(file);
  store::Database(file, store::Database::Mode::kWrite).execute("VACUUM");
  store::Store::open(file).reset();  // a clean end copies the WAL back
  fs::copy_file(file, asset(static_cast<std::int64_t>(store::migrations().size())), fs::copy_options::overwrite_existing);
}
