// The objective of alignment, instruction tuning and text pretraining: the assistant's tokens, given all before them.
//
// The loss of a step is the mean over all its learned tokens (not a mean of means), so that micro-batches of unequal
// length weigh every token the same. Hidden states meet the vocabulary at learned positions only.
#pragma once

#include <string>
#include <vector>

#include "modules/data/loader.h"
#include "modules/model/joined.h"
#include "modules/train/trainer.h"

namespace saucier::train {

class Conversations : public Objective {
 public:
  // The references must outlive this object. Adds LoRA when options.trains names it and the model has none yet.
  Conversations(const options::Job& job, model::JoinedModel& model, data::Loader& loader, EventWriter& events);

  std::vector<ParameterGroup> groups();
  std::int64_t steps() const override;
  StepResult step(std::int64_t step) override;

 private:
  bool trains(const std::string& part) const;
  at::Tensor with_noise(const model::JoinedModel::Batch& batch) const;  // [B, T, D]

  const options::TrainOptions& options_;
  model::JoinedModel& model_;
  data::Loader& loader_;
  EventWriter& events_;
};

}  // namespace saucier::train
