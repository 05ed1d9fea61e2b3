#include "modules/base/error.h"
#include "modules/base/paths.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/checkpoint/files.h"

namespace saucier::checkpoint {
namespace {

// What an artifact brings; empty where it does not.
struct Brought {
  fs::path language, tower, projector, adapter, tower_adapter;
};

Brought look_into(const fs::path& from) {
  if (from.empty()) return {};
  const fs::path folder = from / paths::kModelFolder;
  if (!fs::is_directory(folder)) throw Error(fmt::format("no model in '{}'", from.string()));
  Brought brought;
  const auto look = [&](fs::path& part, std::string_view name) {
    if (fs::exists(folder / name)) part = folder / name;
  };
  look(brought.language, paths::kLanguageFolder);
  look(brought.tower, paths::kTowerFolder);
  look(brought.projector, paths::kProjectorFile);
  look(brought.adapter, paths::kAdapterFolder);
  look(brought.tower_adapter, paths::kTowerAdapterFolder);
  return brought;
}

}  // namespace

model::JoinedModel load_model(const options::ModelOptions& options, const fs::path& from, std::uint64_t seed,
                              const std::string& aspect) {
  const Brought brought = look_into(from);

  fs::path language_folder = brought.language;
  if (language_folder.empty()) {
    if (options.language_model.init == "random")
      throw Error("the language model is made from nothing, and no earlier stage brings it",
                  "let the stage go on from a train stage with objective = \"text\"");
    if (options.language_model.path.empty())
      throw Error("no language model is named", "set model.language_model.path");
    language_folder = options.language_model.path;
  }
  model::LanguageModel language = load_language(language_folder);
  auto tokenizer = load_tokenizer(language_folder);
  check_vocabulary(*tokenizer, language, language_folder);

  fs::path tower_folder = brought.tower;
  if (tower_folder.empty()) {
    if (options.vision_tower.init == "random")
      throw Error("the vision tower is made from nothing, and no earlier stage brings it",
                  "let the stage go on from a train stage with objective = \"contrastive\"");
    tower_folder = options.vision_tower.path;  // empty: a text-only model
  }
  model::JoinedModel joined{.tower = std::nullopt,
                            .projector = std::nullopt,
                            .language = std::move(language),
                            .tokenizer = std::move(tokenizer),
                            .vision_layers = {options.vision_tower.layer},
                            .keep_class = options.vision_tower.features == "cls_patch",
                            .aspect = aspect};
  if (!brought.adapter.empty()) load_adapter(brought.adapter, joined);
  if (tower_folder.empty()) return joined;
  model::VisionTower tower = load_tower(tower_folder);
  const std::int64_t in = tower.config().hidden_size, out = joined.language.config().hidden_size;
  const options::ResamplerOptions& resampler = options.projector.resampler;
  const layout::ProjectorConfig config{.kind = options.projector.kind, .latents = resampler.latents, .depth = resampler.depth,
                                       .heads = resampler.heads, .kv_heads = resampler.kv_heads, .head_dim = resampler.head_dim};
  const fs::path projector = !brought.projector.empty() ? brought.projector : fs::path(options.projector.path);
  join(joined, std::move(tower), projector.empty() ? model::Projector::random(config, in, out, seed)
                                                   : load_projector(projector, config));
  if (!brought.tower_adapter.empty()) load_adapter(brought.tower_adapter, joined);
  if (aspect == "anyres" && !joined.projector->has_newline()) joined.projector->add_newline(out, seed);
  return joined;
}

}  // namespace saucier::checkpoint
