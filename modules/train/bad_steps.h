// Which steps are bad: a loss or a gradient that is no number, or a spike.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "modules/base/json.h"
#include "modules/options/stage_options.h"

namespace saucier::train {

// A spike is a loss or a gradient norm above spike_factor times its median over the last spike_window good steps, once
// there were so many. What a training state keeps of it makes a resumed run judge as the first one would have.
class BadSteps {
 public:
  explicit BadSteps(const options::TrainOptions& options) : options_(options) {}

  // Nothing where the step is good.
  std::optional<std::string> wrong_with(double loss, double norm) const;
  void good(double loss, double norm);
  // Throws Error at max_bad_steps of them in a row, or at the first with on_bad_step = "stop".
  void bad(std::int64_t step, const std::string& what);
  std::int64_t total() const { return total_; }

  Json to_json() const;
  void restore(const Json& json);

 private:
  const options::TrainOptions& options_;
  std::deque<double> losses_, norms_;
  std::int64_t in_a_row_ = 0, total_ = 0;
};

}  // namespace saucier::train
