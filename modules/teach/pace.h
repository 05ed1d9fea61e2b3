// When the next request may go out: the recipe's limits, and what the server's headers ask for. Times in seconds of any
// steady clock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace saucier::teach {

// "1s", "6m0s", "20ms", "1h2m", "7.66s", as OpenAI writes them, or a plain number of seconds.
std::optional<double> read_duration(std::string_view text);

// A header of an answer by its name in lower case; empty: none.
using Headers = std::function<std::string(const char* name)>;

// How long an answer asks to wait before anything is sent again: retry-after-ms, or Retry-After in seconds or as a date,
// which counts from the answer's own Date where it has one: clocks differ.
std::optional<double> retry_after(const Headers& headers, std::int64_t now_us);

// Before the n-th retry (from 0): drawn from all of [0, 2^n seconds), at most a minute, so that those who failed together
// do not come back together ("full jitter"; Brooker, "Exponential Backoff And Jitter", 2015).
double back_off(std::uint64_t seed, std::int64_t retry);

class Pace {
 public:
  Pace(std::optional<double> requests_per_minute, std::optional<double> tokens_per_minute)
      : request_seconds_(60 / requests_per_minute.value_or(1e300)), token_seconds_(60 / tokens_per_minute.value_or(1e300)) {}

  double ready() const;                                          // not before
  void sent(double now, std::int64_t expected_tokens);
  void used(std::int64_t expected_tokens, std::int64_t tokens);  // what it took in the end
  void hold(double until);
  // Holds where x-ratelimit-remaining-requests is 0, or -tokens less than a request may take, until they are set back.
  void heed(const Headers& headers, double now, std::int64_t expected_tokens);

 private:
  double request_seconds_, token_seconds_;  // of one
  double request_due_ = 0, token_due_ = 0, held_ = 0;
};

}  // namespace saucier::teach
