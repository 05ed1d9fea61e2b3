// What the entries of options.trains mean in a model: its tensors, and the updates that LoRA adds.
#pragma once

#include "modules/model/joined.h"
#include "modules/options/job.h"
#include "modules/options/trained_part.h"
#include "modules/train/optimizer.h"

namespace saucier::train {

// Its rates and schedule as options.parts says, or else as the stage does; no tensors.
ParameterGroup group_of(const options::TrainOptions& options, const std::string& part);

// Adds LoRA to the parts for which job.train names it and that have none yet.
void add_updates(const options::Job& job, model::JoinedModel& model);

// A group for each entry of options.trains. A tensor belongs to one group: of layers named by number everything is theirs,
// 'norms' and 'embeddings' have what is left. Layers of a tower behind the last one whose features are used learn nothing
// and are in no group. Error where an entry names nothing that the model has.
std::vector<ParameterGroup> parameter_groups(const options::TrainOptions& options, model::JoinedModel& model);

// Whether weights of this part itself change, which a stage then leaves as a whole.
bool changes_weights(const options::TrainOptions& options, options::TrainedPart::Of part);

}  // namespace saucier::train
