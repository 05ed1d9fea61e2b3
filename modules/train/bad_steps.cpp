#include "modules/train/bad_steps.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "modules/base/error.h"

namespace saucier::train {
namespace {

double median(const std::deque<double>& values) {
  std::vector<double> sorted(values.begin(), values.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

}  // namespace

std::optional<std::string> BadSteps::wrong_with(double loss, double norm) const {
  if (!std::isfinite(loss) || !std::isfinite(norm)) return fmt::format("loss {} with gradient norm {}", loss, norm);
  if (!options_.spike_factor || static_cast<std::int64_t>(losses_.size()) < options_.spike_window) return std::nullopt;
  const auto spike = [&](const char* what, double value, const std::deque<double>& before) -> std::optional<std::string> {
    const double usual = median(before);
    if (value <= *options_.spike_factor * usual) return std::nullopt;
    return fmt::format("{} {:.4g} is {:.3g} times its median", what, value, value / usual);
  };
  if (const auto loss_spike = spike("loss", loss, losses_)) return loss_spike;
  return spike("gradient norm", norm, norms_);
}

void BadSteps::good(double loss, double norm) {
  in_a_row_ = 0;
  if (!options_.spike_factor) return;
  losses_.push_back(loss);
  norms_.push_back(norm);
  if (static_cast<std::int64_t>(losses_.size()) <= options_.spike_window) return;
  losses_.pop_front();
  norms_.pop_front();
}

void BadSteps::bad(std::int64_t step, const std::string& what) {
  ++total_;
  if (options_.on_bad_step == "stop")
    throw Error(fmt::format("step {}: {}", step + 1, what), "lower learning_rate, lengthen the warm-up, or set on_bad_step = \"skip\"");
  if (++in_a_row_ >= options_.max_bad_steps)
    throw Error(fmt::format("{} bad steps in a row, the last of them step {}: {}", in_a_row_, step + 1, what), "lower learning_rate, or lengthen the warm-up");
}

Json BadSteps::to_json() const { return {{"losses", losses_}, {"norms", norms_}, {"in_a_row", in_a_row_}, {"total", total_}}; }

void BadSteps::restore(const Json& json) {
  losses_ = json.at("losses").get<std::deque<double>>();
  norms_ = json.at("norms").get<std::deque<double>>();
  in_a_row_ = json.at("in_a_row").get<std::int64_t>();
  total_ = json.at("total").get<std::int64_t>();
}

}  // namespace saucier::train
