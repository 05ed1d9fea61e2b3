#include <catch2/catch.hpp>

#include <vector>

#include "modules/base/file.h"
#include "modules/base/json.h"
#include "runner/report/significance.h"

using namespace saucier;

namespace {

Json expected() { return parse_json(read_file(SAUCIER_SOURCE_DIR "/tests/data/significance.json"), "significance.json"); }

}  // namespace

TEST_CASE("McNemar's exact test is scipy's binomial test") {
  for (const Json& one : expected()["mcnemar"]) {
    INFO(one.dump());
    const double p = report::mcnemar(one["only_a"], one["only_b"]);
    CHECK(p == Approx(one["p"].get<double>()).epsilon(1e-9));
    CHECK(p > 0);
    CHECK(report::mcnemar(one["only_b"], one["only_a"]) == p);
  }
}

TEST_CASE("the bootstrap interval is scipy's, up to the chance of 2,000 samples") {
  for (const Json& one : expected()["intervals"]) {
    std::vector<report::Picture> pictures;
    for (size_t i = 0; i < one["questions"].size(); ++i) pictures.push_back({one["questions"][i], one["difference"][i]});
    const report::Interval interval = report::bootstrap(pictures);
    const double low = one["low"], high = one["high"], width = high - low;
    CHECK(std::abs(interval.low - low) < 0.04 * width);
    CHECK(std::abs(interval.high - high) < 0.04 * width);
    CHECK(report::bootstrap(pictures).low == interval.low);
  }
  CHECK(report::bootstrap({}).high == 0);
}
