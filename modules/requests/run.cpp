#include <ATen/core/grad_mode.h>

#include <cstdio>

#include "modules/base/error.h"
#include "modules/checkpoint/export.h"
#include "modules/model/kernels.h"
#include "modules/requests/request.h"

namespace saucier::requests {

void run(const options::Request& request) {
  model::use_threads(request.threads);
  at::NoGradGuard no_grad;
  if (request.logits) logits(request);
  if (request.ask) ask(request);
  if (request.export_model) export_model(request);
}

model::JoinedModel open(const options::ModelReference& reference, bool by_ids) {
  model::JoinedModel model =
      reference.recipe ? checkpoint::load_model(*reference.recipe, reference.from, static_cast<std::uint64_t>(reference.seed), reference.aspect)
                       : checkpoint::open_model(reference.path, {.tower = reference.vision_tower, .projector = reference.projector, .adapter = reference.adapter});
  if (!by_ids && !model.tokenizer) model.tokenizer = checkpoint::load_tokenizer(reference.path);  // for its error
  if (!reference.aspect.empty()) model.aspect = reference.aspect;  // over what its files say
  return model;
}

void export_model(const options::Request& request) {
  const options::ExportRequest& options = *request.export_model;
  const model::JoinedModel model = open(request.model);
  if (options.layout == "adapter") {
    if (model.tower) {
      checkpoint::save_joined_adapter(options.folder, model, options.base_path);
    } else {
      if (!model.language.lora_config()) throw Error("the model has no adapter", "export it as a whole model");
      checkpoint::save_adapter(options.folder, model.language, options.base_path);
    }
    std::puts(fmt::format("an adapter over '{}'", options.base_path).c_str());
    return;
  }
  for (const std::string& line : checkpoint::export_model(options.folder, model,
                                                          {.layout = options.layout,
                                                           .bfloat16 = options.bfloat16,
                                                           .shard_bytes = static_cast<size_t>(options.shard_bytes),
                                                           .tower_name = options.tower_name}))
    std::puts(line.c_str());
}

}  // namespace saucier::requests
