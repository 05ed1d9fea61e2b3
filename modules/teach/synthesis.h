// Samples by a teacher in words: which picture gets which kind, what is asked, what is kept.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "modules/data/scenes/scene_source.h"
#include "modules/options/stage_options.h"
#include "modules/teach/asked_filters.h"
#include "modules/teach/filters.h"
#include "modules/teach/near_duplicates.h"

namespace saucier::teach {

struct SynthesisSettings {
  options::SynthesizeOptions options;
  std::map<std::string, options::KindOptions> kinds;  // the recipe's own
  options::TeacherOptions teacher;
  std::uint64_t seed = 0;
  std::function<std::string(const data::PictureRef&)> picture_file = {};  // for a teacher with sight: where the picture lies
};

// What is the same whoever replies. Sample i is of picture i / samples_per_picture.
class Synthesis {
 public:
  // Throws Error where a kind is unknown or its files cannot be read.
  Synthesis(std::shared_ptr<const data::DescribedPictures> pictures, SynthesisSettings settings);

  std::int64_t size() const;
  Draft begin(std::int64_t index) const;           // with its prompt
  void read(Draft& draft, const Reply& reply) const;  // parsed, and through the filters that ask nobody

  // Every sample, in order, a block at a time: what earlier blocks left is given to `each` before the next is asked for.
  // `blind` and `judge` as the options name them, else without a writer. `replied(n)`: n more replies have come.
  void write(const Asked& teacher, const Asked& blind, const Asked& judge, const std::function<void(std::int64_t)>& replied,
             const std::function<void(const Draft&)>& each) const;

 private:
  std::shared_ptr<const data::DescribedPictures> pictures_;
  SynthesisSettings settings_;
  std::map<std::string, std::shared_ptr<const WritingKind>> kinds_;
  Filters filters_;
};

}  // namespace saucier::teach
