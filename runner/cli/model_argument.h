// The model that logits, ask, export and import take, and the worker that answers about it.
#pragma once

#include <optional>

#include "modules/options/request.h"
#include "runner/cli/command.h"

namespace saucier::cli {

// --model, --vision-tower, --projector, --adapter, --threads, --store.
void add_model_options(po::options_description& options);

// The absolute path of what an option names. Throws Error where there is nothing.
std::string existing(const std::string& path, const char* option);

struct NamedModel {
  options::ModelReference reference;
  std::optional<options::JobConversation> conversation;  // of a trial: how it was trained to talk
  std::string base;                                          // what an adapter over it says of its base model
};

// --model is a folder or file, or else a trial: 'TRIAL' or 'TRIAL:STAGE', the model that its last finished train stage
// (or the named one) left. Throws Error.
NamedModel read_model(const std::string& command, const po::variables_map& values);

// How a conversation is written for a model that is not a trial's: the template that its own chat template resembles.
// Throws Error naming --template where none does.
options::JobConversation conversation_of(const NamedModel& model);

// Hands the request to saucier-worker, whose standard output and input are ours, and waits. Returns the exit code.
int run_request(options::Request request, const po::variables_map& values);

}  // namespace saucier::cli
