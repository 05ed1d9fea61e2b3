// The times that servers write, and the ones drawn before a request is sent again.
#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "modules/teach/pace.h"

using namespace saucier::teach;

namespace {

Headers with(std::map<std::string, std::string> headers) {
  return [headers = std::move(headers)](const char* name) {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  };
}

}  // namespace

TEST_CASE("durations are read as servers write them") {
  for (const auto& [text, seconds] : std::map<std::string, double>{{"1s", 1}, {"6m0s", 360}, {"20ms", 0.02}, {"1h2m3s", 3723}, {"7.66s", 7.66}, {"12", 12}, {"0", 0}, {"59.5", 59.5}, {"1d", 86400}, {"9µs", 9e-6}})
    CHECK(read_duration(text).value_or(-1) == Approx(seconds));
  for (const char* text : {"", "soon", "-1", "1x", "5s3", "s", "1e9s", "nan", "inf", "1 s"}) {
    INFO(text);
    CHECK_FALSE(read_duration(text));
  }
}

TEST_CASE("Retry-After counts seconds, milliseconds or to a date") {
  const std::int64_t now = 1'445'412'480'000'000;  // 2015-10-21 07:28:00
  CHECK(retry_after(with({{"retry-after", "120"}}), now) == 120);
  CHECK(retry_after(with({{"retry-after", "120"}, {"retry-after-ms", "1500"}}), now) == 1.5);
  CHECK(retry_after(with({{"retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"}}), now) == 30);
  CHECK(retry_after(with({{"retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"}, {"date", "Wed, 21 Oct 2015 07:28:20 GMT"}}), now) == 10);
  CHECK(retry_after(with({{"retry-after", "Wed, 21 Oct 2015 07:00:00 GMT"}}), now) == 0);
  CHECK_FALSE(retry_after(with({{"retry-after", "later"}}), now));
  CHECK_FALSE(retry_after(with({}), now));
}

TEST_CASE("back-off is drawn from all of a span that doubles up to a minute") {
  for (int retry = 0; retry < 10; ++retry) {
    double low = 1e9, high = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const double wait = back_off(seed, retry);
      CHECK(wait == back_off(seed, retry));
      low = std::min(low, wait);
      high = std::max(high, wait);
    }
    const double span = std::min(60.0, static_cast<double>(1 << retry));
    CHECK(low >= 0);
    CHECK(low < 0.1 * span);
    CHECK(high <= span);
    CHECK(high > 0.9 * span);
  }
}
