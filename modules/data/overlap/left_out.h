// A source without some of its samples.
#pragma once

#include <memory>
#include <vector>

#include "modules/data/sample.h"

namespace saucier::data {

// `out`: the samples to leave out, ascending. `report`: in the place of the source's own.
std::shared_ptr<const SampleSource> leave_out(std::shared_ptr<const SampleSource> samples, const std::vector<std::int64_t>& out, ReadReport report);

// The report of a source that its samples are counted in again: of one not read from rows, its samples are the rows.
ReadReport report_to_extend(const SampleSource& samples);
void count_in(ReadReport& report, std::string_view reason, bool left_out, const std::vector<ReadReport::Example>& examples, std::int64_t count);

}  // namespace saucier::data
