#include "modules/teach/pace.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "modules/base/rng.h"

namespace saucier::teach {
namespace {

constexpr double kLongestBackOff = 60;
constexpr double kLongestReset = 600;  // a limit by the day is no reason to sleep: the refusal that follows says it

std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !(value >= 0) || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

}  // namespace

std::optional<double> read_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  static constexpr Unit kUnits[] = {{"ms", 1e-3}, {"us", 1e-6}, {"µs", 1e-6}, {"ns", 1e-9}, {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
  std::optional<double> sum;
  while (!text.empty()) {
    const auto value = take_number(text);
    if (!value) return std::nullopt;
    if (text.empty() && !sum) return value;
    const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& one) { return text.starts_with(one.name); });
    if (unit == std::end(kUnits)) return std::nullopt;
    text.remove_prefix(unit->name.size());
    sum = sum.value_or(0) + *value * unit->seconds;
  }
  return sum;
}

std::optional<double> retry_after(const Headers& headers, std::int64_t now_us) {
  std::string text = headers("retry-after-ms");
  std::string_view rest = text;
  if (const auto milliseconds = take_number(rest); milliseconds && rest.empty()) return *milliseconds / 1000;
  text = headers("retry-after");
  if (const auto seconds = read_duration(text)) return seconds;
  const std::int64_t then = curl_getdate(text.c_str(), nullptr);
  if (text.empty() || then < 0) return std::nullopt;
  const std::string date = headers("date");
  const std::int64_t server = date.empty() ? -1 : curl_getdate(date.c_str(), nullptr);
  return std::max(0.0, static_cast<double>(then) - (server < 0 ? static_cast<double>(now_us) * 1e-6 : static_cast<double>(server)));
}

double back_off(std::uint64_t seed, std::int64_t retry) {
  return Rng(seed, "teach.back-off", static_cast<std::uint64_t>(retry)).uniform(0, std::min(kLongestBackOff, std::exp2(static_cast<double>(retry))));
}

double Pace::ready() const { return std::max({request_due_, token_due_, held_}); }

void Pace::sent(double now, std::int64_t expected_tokens) {
  request_due_ = std::max(request_due_, now) + request_seconds_;
  token_due_ = std::max(token_due_, now) + token_seconds_ * static_cast<double>(expected_tokens);
}

void Pace::used(std::int64_t expected_tokens, std::int64_t tokens) {
  token_due_ += token_seconds_ * static_cast<double>(tokens - expected_tokens);
}

void Pace::hold(double until) { held_ = std::max(held_, until); }

void Pace::heed(const Headers& headers, double now, std::int64_t expected_tokens) {
  struct Limit {
    const char *remaining, *reset;
    std::int64_t needed;
  };
  for (const Limit& limit : {Limit{"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", 1},
                             Limit{"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", expected_tokens}}) {
    const std::string remaining = headers(limit.remaining);
    std::string_view rest = remaining;
    const auto left = take_number(rest);  // Azure writes -1 of what has no limit
    const auto reset = read_duration(headers(limit.reset));
    if (left && *left < static_cast<double>(limit.needed) && reset && *reset <= kLongestReset) hold(now + *reset);
  }
}

}  // namespace saucier::teach
