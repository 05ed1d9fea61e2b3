// What is different between two trials.
#pragma once

#include <cstdint>

#include "runner/report/table.h"
#include "store/store.h"

namespace saucier::report {

// Only what differs. Columns: part, stage, name, a, b; then of scores difference (b minus a, in the metric), and of the answers
// behind them correct (b minus a, as a share of the questions), low, high (its 95 % interval), p (McNemar), questions. Parts:
// recipe (fields of the resolved recipe), data (contents of data and models, by digest), environment, score (main metrics with
// the pictures seen; of stages that the two do not share).
Table differences(const store::Store& store, std::int64_t a, std::int64_t b);

}  // namespace saucier::report
