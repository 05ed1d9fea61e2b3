// What the readers of model folders share.
#pragma once

#include "modules/checkpoint/tensors.h"
#include "modules/layout/names.h"
#include "modules/model/joined.h"

namespace saucier::checkpoint {

Json read_json(const fs::path& file);
void write_json(const fs::path& file, const Json& value);
Json read_config(const fs::path& folder);  // Error where there is no folder or no config.json

Json generation_config(const layout::LanguageConfig& config);

bool is_gguf(const fs::path& path);

// Error where the tokenizer of `path` has tokens that the language model lacks.
void check_vocabulary(const text::Tokenizer& tokenizer, const model::LanguageModel& language, const fs::path& path);
// Gives a model its sight. Error where the widths of tower, projector and language model do not meet.
void join(model::JoinedModel& model, model::VisionTower tower, model::Projector projector);

// Of one of a projector's parameters.
layout::Place projector_place(const std::string& name);

// A tower's tensors and what transformers' class has beside those that features come from.
Tensors with_unused(const model::VisionTower& tower);

// The tensors of a container by the part they belong to, under the part's own names.
class Shelf {
 public:
  explicit Shelf(weights::Container container);
  bool has(layout::Part part) const { return parts_.contains(part); }
  Tensors take(layout::Part part) const;  // as libtorch's

 private:
  weights::Container container_;
  std::map<layout::Part, std::map<std::string, const weights::Tensor*>> parts_;
};

}  // namespace saucier::checkpoint
