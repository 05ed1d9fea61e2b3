// Spaces as the tests and the parity fixtures write them.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "runner/search/history.h"

namespace saucier::search {

// What `body` is refused with; "none" where it is not.
template <class Body>
std::string refusal(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.render("");
  }
  return "none";
}

inline Json fixture(const std::string& name) {
  const std::string path = std::string(SAUCIER_SOURCE_DIR "/tests/data/search/") + name;
  return parse_json(read_file(path), name);
}

inline Parameter real(std::string name, double low, double high, bool log = false) {
  Parameter p;
  p.name = std::move(name);
  p.low = low;
  p.high = high;
  p.log = log;
  return p;
}

inline Parameter whole(std::string name, double low, double high, double step = 0) {
  Parameter p = real(std::move(name), low, high);
  p.kind = Kind::kInteger;
  p.step = step;
  return p;
}

inline Parameter list(std::string name, size_t choices, Kind kind = Kind::kCategory) {
  Parameter p;
  p.name = std::move(name);
  p.kind = kind;
  p.choices = choices;
  return p;
}

inline Parameter only_where(Parameter p, size_t on, std::vector<double> values) {
  p.when.push_back({on, std::move(values)});
  return p;
}

inline Space space_of(const Json& said) {
  std::vector<Parameter> parameters;
  for (const Json& one : said) {
    Parameter p;
    p.name = one["name"];
    const std::string kind = one["kind"];
    p.kind = kind == "real" ? Kind::kReal : kind == "integer" ? Kind::kInteger : kind == "ordered" ? Kind::kOrdered : Kind::kCategory;
    p.low = one.value("low", 0.0);
    p.high = one.value("high", 0.0);
    p.log = one.value("log", false);
    p.step = one.value("step", 0.0);
    p.choices = one.value("choices", size_t{0});
    parameters.push_back(std::move(p));
  }
  return Space(std::move(parameters));
}

inline Point point_of(const Json& values) {
  Point point;
  for (const Json& value : values) point.push_back(value.is_null() ? std::nullopt : std::optional<double>(value.get<double>()));
  return point;
}

inline History history_of(const Json& said) {
  History history;
  history.directions = {said["direction"] == "minimize" ? Direction::kMinimize : Direction::kMaximize};
  std::int64_t number = 0;
  for (const Json& one : said["trials"]) {
    Trial trial;
    trial.number = number++;
    trial.point = point_of(one["point"]);
    const std::string outcome = one["outcome"];
    trial.outcome = outcome == "complete" ? Outcome::kComplete : outcome == "pruned" ? Outcome::kPruned : outcome == "running" ? Outcome::kRunning : Outcome::kFailed;
    trial.step = one["step"];
    // Optuna's fixtures give no value at step 0: such a trial was pruned before it reported one.
    if (trial.outcome == Outcome::kComplete || (trial.outcome == Outcome::kPruned && trial.step > 0))
      trial.values = {one["value"].is_null() ? std::numeric_limits<double>::quiet_NaN() : one["value"].get<double>()};
    history.trials.push_back(std::move(trial));
  }
  return history;
}

// A learning rate, an optimizer, a momentum where that is SGD (0), a rank where a LoRA (1) is trained, and its scale there.
inline Space conditional_space() {
  return Space({real("learning_rate", 1e-5, 1e-1, true), list("optimizer", 3), only_where(real("momentum", 0, 0.99), 1, {0}), list("trains", 2),
                only_where(list("rank", 5, Kind::kOrdered), 3, {1}), only_where(only_where(real("alpha", 1, 64), 3, {1}), 4, {2, 3, 4})});
}

}  // namespace saucier::search
