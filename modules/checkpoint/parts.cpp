// Towers, language models and projectors in Hugging Face's folders.

#include <ATen/ops/zeros.h>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/checkpoint/files.h"
#include "modules/checkpoint/gguf.h"

namespace saucier::checkpoint {
namespace {

using layout::Part;

constexpr const char* kWeights = "model.safetensors";

void write_model(const fs::path& folder, Json config, const Tensors& tensors, bool bfloat16) {
  make_folders(folder);
  config["torch_dtype"] = bfloat16 ? "bfloat16" : "float32";
  write_json(folder / paths::kModelConfig, config);
  write_safetensors(folder / kWeights, tensors, bfloat16);
}

}  // namespace

Tensors with_unused(const model::VisionTower& tower) {
  Tensors tensors = tower.parameters();
  if (tower.config().dino()) tensors["embeddings.mask_token"] = at::zeros({1, tower.config().hidden_size});
  return tensors;
}

Json generation_config(const layout::LanguageConfig& config) {
  Json json = {{"_from_model_config", true}, {"eos_token_id", layout::to_json(config)["eos_token_id"]}};
  if (config.bos >= 0) json["bos_token_id"] = config.bos;
  if (config.pad >= 0) json["pad_token_id"] = config.pad;
  return json;
}

layout::Place projector_place(const std::string& name) {
  return {name == model::Projector::kNewline ? Part::newline : Part::projector, name};
}

model::VisionTower load_tower(const fs::path& folder) {
  return with_context(fmt::format("while reading the vision tower '{}'", folder.string()), [&] {
    layout::VisionConfig config = layout::vision_config(read_config(folder));
    image::Processor processor = layout::read_processor(folder, config);
    return model::VisionTower(std::move(config), Shelf(weights::Container::folder(folder)).take(Part::tower), std::move(processor));
  });
}

void save_tower(const fs::path& folder, const model::VisionTower& tower, bool bfloat16) {
  write_model(folder, layout::to_json(tower.config()), with_unused(tower), bfloat16);
  write_json(folder / paths::kPreprocessorConfig, tower.processor().to_json());
}

model::LanguageModel load_language(const fs::path& path) {
  return with_context(fmt::format("while reading the language model '{}'", path.string()), [&] {
    if (is_gguf(path)) return load_gguf_language(path);
    const Json json = read_config(path);
    layout::LanguageConfig config = layout::is_llava(json) ? layout::llava_config(json).language : layout::language_config(json);
    Tensors tensors = Shelf(weights::Container::folder(path)).take(Part::language);
    if (config.tied_embeddings) tensors.erase("lm_head.weight");  // a copy of the embeddings
    return model::LanguageModel(std::move(config), std::move(tensors));
  });
}

std::shared_ptr<const text::Tokenizer> load_tokenizer(const fs::path& path) {
  return with_context(fmt::format("while reading the tokenizer of '{}'", path.string()), [&] {
    return std::make_shared<const text::Tokenizer>(text::Tokenizer::load(path));
  });
}

void save_language(const fs::path& folder, const model::LanguageModel& language, const text::Tokenizer& tokenizer,
                   bool bfloat16) {
  write_model(folder, layout::to_json(language.config()), language.parameters(), bfloat16);
  write_json(folder / "generation_config.json", generation_config(language.config()));
  tokenizer.save(folder);
}

model::Projector load_projector(const fs::path& path, layout::ProjectorConfig config) {
  return with_context(fmt::format("while reading the projector '{}'", path.string()), [&] {
    const Shelf shelf(fs::is_directory(path)              ? weights::Container::folder(path)
                      : path.extension() == ".safetensors" ? weights::Container::safetensors(path)
                                                           : weights::Container::torch_pickle(path));
    Tensors tensors = shelf.take(Part::projector);
    tensors.merge(shelf.take(Part::newline));
    if (config.kind.empty()) {
      if (tensors.contains("latents"))
        throw Error("the projector is a resampler, whose heads its tensors do not say", "name its sizes in model.projector.resampler of a recipe");
      std::int64_t layers = 0;
      while (tensors.contains(fmt::format("linear_{}.weight", layers + 1))) ++layers;
      config.kind = layers == 0 ? "identity" : layers == 1 ? "linear" : fmt::format("mlp{}x_gelu", layers);
    }
    return model::Projector(std::move(config), std::move(tensors));
  });
}

void save_projector(const fs::path& file, const model::Projector& projector) {
  Tensors tensors;
  for (const auto& [name, tensor] : projector.parameters())
    tensors[layout::file_name(projector_place(name), layout::Layout::transformers)] = tensor;
  write_safetensors(file, tensors);
}

}  // namespace saucier::checkpoint
