// What mix says where it cannot answer; the fits themselves are tested in tests/runner/report/mixture_fit_test.cpp.
#include <catch2/catch.hpp>

#include "tests/runner/cli/says.h"
#include "tests/runner/cli/working_folder.h"

using namespace saucier;

TEST_CASE("mix says what it needs") {
  const WorkingFolder folder;
  const auto told = [](const std::vector<std::string>& arguments) {
    const Said said = saucier_says(arguments);
    CHECK(said.code == cli::kUsage);
    return said.err;
  };
  CHECK(told({"mix"}) == "error: 'saucier mix' needs 'fit' or 'best'\nhint: saucier mix fit quickstart --metric bench.scenes-pope.f1\n");
  CHECK(told({"mix", "fti"}) == "error: 'saucier mix' knows no 'fti'\nhint: did you mean 'fit'?\n");
  CHECK(told({"mix", "fit", "--metric", "bench.scenes-pope.f1=much"}) ==
        "error: 'much' gives no weight of 'bench.scenes-pope.f1'\nhint: a number other than 0; below 0 where less is better\n");
  CHECK(told({"mix", "fit", "--metric", "bench.scenes-pope.f1=0"}) ==
        "error: '0' gives no weight of 'bench.scenes-pope.f1'\nhint: a number other than 0; below 0 where less is better\n");
  CHECK(told({"mix", "fit", "--pull", "-1"}) == "error: --pull is from 0\n");
  CHECK(told({"mix", "fit", "--max-passes", "0"}) == "error: --max-passes is above 0\n");
}
