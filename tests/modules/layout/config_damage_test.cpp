// The fuzzer's target without a fuzzer: its seeds, and the same damaged at random, as bytes and as values.
#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "tests/damaged.h"
#include "tests/fuzz/config_input.h"

using namespace saucier;

namespace {

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const auto& folder : fs::directory_iterator(SAUCIER_SOURCE_DIR "/tests/data/model"))
    if (fs::exists(folder.path() / "config.json")) all.push_back(read_file(folder.path() / "config.json"));
  std::sort(all.begin(), all.end());
  return all;
}

// One value, at any depth, becomes another one.
void change(Json& value, std::mt19937_64& random) {
  static const std::vector<Json> kOdd = {nullptr, true, "", "x", -1, 0, 1, 3, 7'000, std::int64_t{1} << 30, std::int64_t{1} << 31, std::uint64_t{1} << 63, -1e300, 1e300, 0.5, 1e-300, Json::array(), {1, "x"}, Json::object()};
  if (value.is_structured() && !value.empty() && random() % 8 != 0) {
    auto at = value.begin();
    std::advance(at, random() % value.size());
    return change(*at, random);
  }
  value = kOdd[random() % kOdd.size()];
}

}  // namespace

TEST_CASE("a damaged config.json ends in an error, never in a crash or in endless work") {
  const std::vector<std::string> all = seeds();
  REQUIRE(all.size() > 25);
  std::mt19937_64 random(23);
  int read = 0, refused = 0;
  for (const std::string& seed : all) {
    INFO(seed);
    CHECK(fuzz::read_config(seed));
    for (int i = 0; i < 300; ++i) {
      ++(fuzz::read_config(damaged(seed, all[random() % all.size()], random)) ? read : refused);
      Json config = Json::parse(seed);
      for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) change(config, random);
      const std::string text = config.dump();
      INFO(text);
      ++(fuzz::read_config(text) ? read : refused);
    }
  }
  CHECK(read > 1000);
  CHECK(refused > 1000);
}
