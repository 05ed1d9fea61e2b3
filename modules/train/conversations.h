// The objective of alignment, instruction tuning and text pretraining: the assistant's tokens, given all before them.
//
// The loss of a step is the mean over all its learned tokens (not a mean of means), however it is cut into micro-batches: every
// token weighs the same. Hidden states meet the vocabulary at learned positions only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "modules/data/loader.h"
#include "modules/model/joined.h"
#include "modules/train/flops.h"
#include "modules/train/micro_batch.h"
#include "modules/train/trained.h"
#include "modules/train/trainer.h"

namespace saucier::train {

class Conversations : public Objective {
 public:
  // The references must outlive this object. Adds LoRA where options.trains names it and the part has none yet.
  // `held_out`: samples for validate(), null without validation.
  Conversations(const options::Job& job, model::JoinedModel& model, data::Loader& loader, data::Loader* held_out, EventWriter& events);

  std::vector<ParameterGroup> groups() { return parameter_groups(options_, model_); }
  std::int64_t steps() const override;
  StepResult step(std::int64_t step, const std::function<bool()>& last) override;
  std::map<std::string, SourceLoss> validate() override;
  std::vector<std::string> sources() const override { return names_of(loader_); }
  std::vector<std::string> validation_sources() const override { return names_of(*held_out_); }
  void report(std::int64_t step) override;  // what was drawn
  Json state() const override { return micro_batch_.state(); }
  void restore(const Json& state) override { micro_batch_.restore(state); }

 private:
  void set_training(bool training);
  static std::vector<std::string> names_of(const data::Loader& loader);
  double work(const data::Batch& rows);  // FLOP
  at::Tensor with_noise(const model::JoinedModel::Batch& batch) const;  // [N, D]
  std::span<const model::KeptPrefix> kept_prefix(model::JoinedModel::Batch& batch);
  // Forward and backward of a piece of one of the loader's batches; its part of the mean over `learned` tokens is added to the result.
  void add_rows(const data::Loader& loader, const data::Batch& rows, MicroBatch::Piece piece, std::int64_t learned, StepResult& result);
  // All pieces of a batch, smaller ones where memory runs out; `last` as in step().
  StepResult compute(const data::Loader& loader, const data::Batch& rows, std::int64_t learned, const std::function<bool()>& last);
  // What was computed in vain: its gradients, and the random numbers that it drew since the generator was in that state.
  void forget(const at::Tensor& random);
  at::Generator generator() const;

  const options::TrainOptions& options_;
  const std::string& aspect_;  // of pictures
  model::JoinedModel& model_;
  data::Loader& loader_;
  data::Loader* held_out_;
  EventWriter& events_;
  MicroBatch micro_batch_;
  std::int64_t proven_ = 0;  // tokens that were computed at once
  std::optional<Flops> flops_;            // made at the first step, when it is known what wants a gradient
  std::vector<std::int32_t> prefix_ids_;  // what prefix_ is of
  std::vector<model::KeptPrefix> prefix_;
  std::optional<std::int64_t> reported_;  // draws of the steps before it are said
};

}  // namespace saucier::train
