// Towers, language models and projectors in Hugging Face's folders.

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/checkpoint/checkpoint.h"

namespace saucier::checkpoint {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

constexpr const char* kConfig = "config.json";
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kPreprocessor = "preprocessor_config.json";

// How a part's tensors are called where it stands alone or inside a LLaVA model: what stands before the name here is cut
// off and `kept` put in its place; the first line that fits counts.
struct NameRule {
  const char* prefix;
  const char* kept;
};
constexpr NameRule kTowerNames[] = {
    {"vision_model.", "vision_model."},                     // CLIPVisionModel, CLIPModel
    {"vision_tower.vision_model.", "vision_model."},        // LlavaForConditionalGeneration on disk
    {"model.vision_tower.vision_model.", "vision_model."},  // the same as transformers >= 4.52 has it in memory
};
constexpr NameRule kLanguageNames[] = {
    {"model.language_model.", "model."},
    {"language_model.", ""},
    {"model.", "model."},
    {"lm_head.", "lm_head."},
};
constexpr NameRule kProjectorNames[] = {
    {"multi_modal_projector.", ""},
    {"model.multi_modal_projector.", ""},
};

// Tensors of other parts, which a whole model's file holds beside ours.
constexpr const char* kOtherParts[] = {"text_model.",  "text_projection.",       "visual_projection.",
                                       "logit_scale",  "vision_tower.",          "model.vision_tower.",
                                       "vision_model.", "multi_modal_projector.", "model.multi_modal_projector.",
                                       "language_model.", "model.language_model."};

bool is_buffer(const std::string& name) {  // computed from the config, and in old files only
  return name.ends_with("position_ids") || name.ends_with("rotary_emb.inv_freq");
}

Tensors part_of(Tensors tensors, std::span<const NameRule> rules) {
  Tensors part;
  for (auto& [name, tensor] : tensors) {
    if (is_buffer(name)) continue;
    const auto starts = [&name = name](const auto& prefix) { return name.starts_with(prefix); };
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const NameRule& r) { return starts(r.prefix); });
    const bool foreign = std::any_of(std::begin(kOtherParts), std::end(kOtherParts), starts);
    // "model." alone also begins the names of the other parts inside a LLaVA model.
    const bool vague = rule != rules.end() && std::string_view(rule->prefix) == "model.";
    if (rule != rules.end() && !(vague && foreign))
      part[rule->kept + name.substr(std::string_view(rule->prefix).size())] = tensor;
    else if (!foreign)
      part[name] = tensor;  // unknown: the part says so
  }
  return part;
}

// model.safetensors, or the shards that its index names.
Tensors read_weights(const fs::path& folder) {
  if (!fs::exists(folder / kIndex)) return read_safetensors(folder / kWeights);
  const std::string index_file = (folder / kIndex).string();
  const Json index = parse_json(read_file(index_file), "'" + index_file + "'");
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    throw Error(fmt::format("'{}' has no 'weight_map'", index_file));
  std::map<std::string, Tensors> shards;
  Tensors tensors;
  for (const auto& [name, file] : index["weight_map"].items()) {
    const std::string shard = file.is_string() ? file.get<std::string>() : "";
    if (shard.empty() || fs::path(shard).has_parent_path())
      throw Error(fmt::format("'{}': tensor '{}' is in no file", index_file, name));
    if (!shards.contains(shard)) shards[shard] = read_safetensors(folder / shard);
    const auto found = shards[shard].find(name);
    if (found == shards[shard].end())
      throw Error(fmt::format("tensor '{}' is not in '{}'", name, (folder / shard).string()));
    tensors[name] = found->second;
  }
  return tensors;
}

Json read_config(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(fmt::format("no such folder: '{}'", folder.string()));
  const fs::path file = folder / kConfig;
  return parse_json(read_file(file), "'" + file.string() + "'");
}

void write_json(const fs::path& file, const Json& value) { write_file_atomic(file, value.dump(2) + "\n"); }

void write_model(const fs::path& folder, Json config, const Tensors& tensors, bool bfloat16) {
  make_folders(folder);
  config["torch_dtype"] = bfloat16 ? "bfloat16" : "float32";
  write_json(folder / kConfig, config);
  write_safetensors(folder / kWeights, tensors, bfloat16);
}

// Pictures are normalised with CLIP's constants: a tower that was trained with others would see wrong colours.
void check_preprocessor(const fs::path& folder) {
  const fs::path file = folder / kPreprocessor;
  if (!fs::exists(file)) return;
  const Json config = parse_json(read_file(file), "'" + file.string() + "'");
  const auto check = [&](const char* key, const std::array<double, 3>& expected) {
    if (!config.contains(key) || config[key].is_null()) return;
    bool same = config[key].is_array() && config[key].size() == 3;
    for (size_t i = 0; same && i < 3; ++i)
      same = config[key][i].is_number() && std::abs(config[key][i].get<double>() - expected[i]) < 1e-6;
    if (!same)
      throw Error(fmt::format("'{}': field '{}' is '{}', only CLIP's [{}] is supported", file.string(), key,
                              config[key].dump(), fmt::join(expected, ", ")));
  };
  check("image_mean", model::kPixelMean);
  check("image_std", model::kPixelDeviation);
}

Json preprocessor_config(const model::VisionConfig& config) {
  return Json{{"image_processor_type", "CLIPImageProcessor"},
              {"crop_size", {{"height", config.image_size}, {"width", config.image_size}}},
              {"do_center_crop", true},
              {"do_convert_rgb", true},
              {"do_normalize", true},
              {"do_rescale", true},
              {"do_resize", true},
              {"image_mean", model::kPixelMean},
              {"image_std", model::kPixelDeviation},
              {"resample", 3},  // bicubic, as Pillow numbers it
              {"rescale_factor", 1.0 / 255.0},
              {"size", {{"shortest_edge", config.image_size}}}};
}

Json generation_config(const model::LanguageConfig& config) {
  Json json = {{"_from_model_config", true}, {"eos_token_id", config.eos}};
  if (config.bos >= 0) json["bos_token_id"] = config.bos;
  if (config.pad >= 0) json["pad_token_id"] = config.pad;
  return json;
}

}  // namespace

model::VisionTower load_tower(const fs::path& folder) {
  return with_context(fmt::format("while reading the vision tower '{}'", folder.string()), [&] {
    model::VisionConfig config = model::vision_config(read_config(folder));
    check_preprocessor(folder);
    return model::VisionTower(std::move(config), part_of(read_weights(folder), kTowerNames));
  });
}

void save_tower(const fs::path& folder, const model::VisionTower& tower, bool bfloat16) {
  write_model(folder, model::to_json(tower.config()), tower.parameters(), bfloat16);
  write_json(folder / kPreprocessor, preprocessor_config(tower.config()));
}

model::LanguageModel load_language(const fs::path& folder) {
  return with_context(fmt::format("while reading the language model '{}'", folder.string()), [&] {
    model::LanguageConfig config = model::language_config(read_config(folder));
    Tensors tensors = part_of(read_weights(folder), kLanguageNames);
    if (config.tied_embeddings) tensors.erase("lm_head.weight");  // a copy of the embeddings
    return model::LanguageModel(std::move(config), std::move(tensors));
  });
}

void save_language(const fs::path& folder, const model::LanguageModel& language, const text::Tokenizer& tokenizer,
                   bool bfloat16) {
  write_model(folder, model::to_json(language.config()), language.parameters(), bfloat16);
  write_json(folder / "generation_config.json", generation_config(language.config()));
  tokenizer.save(folder);
}

model::Projector load_projector(const fs::path& file, const std::string& kind) {
  return with_context(fmt::format("while reading the projector '{}'", file.string()), [&] {
    return model::Projector(kind, part_of(read_safetensors(file), kProjectorNames));
  });
}

void save_projector(const fs::path& file, const model::Projector& projector) {
  Tensors tensors;
  for (const auto& [name, tensor] : projector.parameters()) tensors["multi_modal_projector." + name] = tensor;
  write_safetensors(file, tensors);
}

}  // namespace saucier::checkpoint
