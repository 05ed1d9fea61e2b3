// The fuzzer's target without a fuzzer: its seeds, and the same damaged at random.
#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "tests/damaged.h"
#include "tests/fuzz/rows_input.h"

using namespace saucier;

TEST_CASE("damaged rows end in an error or in fewer samples, never in a crash") {
  const fuzz::RowsInput input;
  std::vector<std::string> seeds;
  for (const auto& entry : fs::directory_iterator(SAUCIER_SOURCE_DIR "/tests/data/rows")) seeds.push_back(read_file(entry.path()));
  std::sort(seeds.begin(), seeds.end());
  REQUIRE(seeds.size() == 9);
  std::mt19937_64 random(11);
  int errors = 0, samples = 0;
  for (const std::string& seed : seeds) {
    CHECK(input.run(seed) >= 1);
    for (int i = 0; i < 300; ++i) {
      const std::int64_t read = input.run(damaged(seed, seeds[random() % seeds.size()], random));
      (read < 0 ? errors : samples) += read < 0 ? 1 : static_cast<int>(read);
    }
  }
  CHECK(errors > 100);
  CHECK(samples > 100);
}
