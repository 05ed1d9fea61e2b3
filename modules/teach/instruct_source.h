// Instruction samples that the template teacher writes as they are asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "modules/data/scenes/scene_source.h"
#include "modules/teach/teacher.h"

namespace saucier::teach {

struct InstructSettings {
  std::map<std::string, double> proportions = {{"conversation", 0.4}, {"detail", 0.2}, {"reasoning", 0.4}};
  std::int64_t max_turns = 3;    // of a conversation; 0: no limit
  std::int64_t per_picture = 1;  // samples of each picture, at least 1
  std::uint64_t seed = 0;
  std::string source;            // becomes Sample::source
};

// per_picture samples of every picture, in the pictures' order; ids are the picture's, with "#2", "#3" for further ones.
std::shared_ptr<const data::SampleSource> instruct_samples(std::shared_ptr<const data::DescribedPictures> pictures, TemplateTeacher teacher,
                                                           InstructSettings settings);

}  // namespace saucier::teach
