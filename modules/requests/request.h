// What the command line asks about a model (modules/options/request.h), answered.
#pragma once

#include "modules/model/joined.h"
#include "modules/options/request.h"

namespace saucier::requests {

// One of the three below, by what the request holds.
void run(const options::Request& request);

// `by_ids`: without its tokenizer where it has none.
model::JoinedModel open(const options::ModelReference& reference, bool by_ids = false);

// Writes input_ids [T] (a picture as many times its id), logits [T, V], and if asked for hidden.0 … hidden.L [T, D] (the
// embeddings, then behind each layer, the last one normed), vision.features [N, P, C], projected [N, P, D] and
// pixel_values [N, 3, S, S], N being pictures or their tiles.
void logits(const options::Request& request);
// Answers on standard output, a line end behind each.
void ask(const options::Request& request);
// Says on standard output what the folder holds.
void export_model(const options::Request& request);

}  // namespace saucier::requests
