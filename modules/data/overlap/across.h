// Samples that stand in two sources: the same turns and system message, about pictures of the same pixels.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "modules/data/overlap/picture_marks.h"
#include "modules/data/sample.h"

namespace saucier::data {

struct NamedSource {
  std::string name;
  std::shared_ptr<const SampleSource> samples;
};

struct Twin {
  std::int64_t sample = 0;
  size_t source = 0;       // an earlier one
  std::int64_t other = 0;  // its sample
};

// Of every source its samples that an earlier one holds too, ascending. Reads every sample once; pictures are decoded only
// where the turns are the same already. Repetitions inside a source are its reader's business.
std::vector<std::vector<Twin>> find_twins(std::span<const NamedSource> sources, PictureMarks& marks, int threads);

ReadReport::Example example_of(const Twin& twin, const SampleSource& samples, std::span<const NamedSource> sources);

// The sources without the twins of earlier ones (`drop`), or all of them; their reports count the twins.
std::vector<NamedSource> without_twins(std::vector<NamedSource> sources, bool drop, PictureMarks& marks, int threads);

}  // namespace saucier::data
