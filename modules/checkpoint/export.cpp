#include "modules/checkpoint/export.h"

#include <ATen/ops/cat.h>

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/checkpoint/files.h"

namespace saucier::checkpoint {
namespace {

using layout::Layout;
using layout::Part;

constexpr const char* kImage = "<image>";
constexpr const char* kPad = "<pad>";
constexpr std::int64_t kRowsAtOnce = 64;

// Rows for further tokens: the mean of the others, so that none of them is ever the likeliest.
at::Tensor grown(const at::Tensor& rows, std::int64_t count) {
  if (rows.size(0) >= count) return rows;
  return at::cat({rows, rows.mean(0, /*keepdim=*/true).expand({count - rows.size(0), rows.size(1)})});
}

struct Vocabulary {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  std::int64_t image = -1;
  std::int64_t size = 0;
};

Vocabulary with_image(const model::JoinedModel& model) {
  Vocabulary out{model.tokenizer, model.tokenizer->image(), model.language.config().vocab_size};
  if (out.image < 0) {
    std::vector<std::string> added = {kImage};
    if (model.tokenizer->pad() < 0) added.emplace_back(kPad);
    out.tokenizer = std::make_shared<const text::Tokenizer>(model.tokenizer->with_added(added));
    out.image = out.tokenizer->image();
  }
  if (out.tokenizer->vocab_size() > out.size)
    out.size = (out.tokenizer->vocab_size() + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
  return out;
}

void save_weights(const fs::path& folder, const Tensors& tensors, const ExportOptions& options) {
  const Packed packed = pack(tensors, options.bfloat16);
  weights::write_shards(folder, packed.outputs, options.shard_bytes);
}

void add_language(Tensors& tensors, const model::LanguageModel& language, std::int64_t vocab_size, std::optional<Layout> layout) {
  for (const auto& [name, tensor] : language.parameters()) {
    const bool by_token = name == "model.embed_tokens.weight" || name == "lm_head.weight";
    tensors[layout ? layout::file_name({Part::language, name}, *layout) : name] = by_token ? grown(tensor, vocab_size) : tensor;
  }
}

// How `LlavaProcessor` counts a picture's tokens.
Json processor_config(const layout::LlavaConfig& config) {
  return {{"processor_class", config.aspect == "anyres" ? "LlavaNextProcessor" : "LlavaProcessor"},
          {"image_token", kImage},
          {"num_additional_image_tokens", config.vision->extra_tokens()},
          {"patch_size", config.vision->patch_size},
          {"vision_feature_select_strategy", layout::to_json(config)["vision_feature_select_strategy"]}};
}

// What makes transformers' processor show pictures as the model was shown them. The original code goes by its config.
image::Processor processor_of(const model::JoinedModel& model, bool original) {
  image::Processor processor = model.aspect == "anyres" ? layout::with_grid(model.tower->processor()) : model.tower->processor();
  if (original || model.aspect == "square") return processor;
  if (processor.type == "SiglipImageProcessor" || !processor.do_center_crop || !processor.shortest_edge)
    throw Error(fmt::format("transformers has no processor that prepares pictures as this tower's {} and shows them as '{}'", processor.type, model.aspect),
                "use --layout original");
  processor.do_pad = model.aspect == "pad";
  processor.type = processor.do_pad ? "LlavaImageProcessor" : "LlavaNextImageProcessor";
  return processor;
}

std::vector<std::array<std::int64_t, 2>> grid_of(const image::Processor& processor) {
  std::vector<std::array<std::int64_t, 2>> grid;
  for (const image::Size& size : processor.image_grid_pinpoints) grid.push_back({size.height, size.width});
  return grid;
}

void write_language_files(const fs::path& folder, Json config, const layout::LanguageConfig& language, const text::Tokenizer& tokenizer,
                          const ExportOptions& options) {
  config["torch_dtype"] = options.bfloat16 ? "bfloat16" : "float32";
  write_json(folder / paths::kModelConfig, config);
  write_json(folder / "generation_config.json", generation_config(language));
  tokenizer.save(folder);
  // The class that takes any tokenizer.json also makes token types unless it is told not to, and generate() refuses them.
  Json tokens = read_json(folder / "tokenizer_config.json");
  if (tokens.value("tokenizer_class", Json()) != "PreTrainedTokenizerFast" || tokens.contains("model_input_names")) return;
  tokens["model_input_names"] = {"input_ids", "attention_mask"};
  write_json(folder / "tokenizer_config.json", tokens);
}

std::string described(const char* what, const Tensors& tensors) {
  std::int64_t numbers = 0;
  for (const auto& [name, tensor] : tensors) numbers += tensor.numel();
  return fmt::format("{} of {} parameters", what, numbers);
}

}  // namespace

std::vector<std::string> export_model(const fs::path& folder, const model::JoinedModel& given, const ExportOptions& options) {
  SAUCIER_CHECK(options.layout == "transformers" || options.layout == "original", "layout '{}'", options.layout);
  model::JoinedModel model = given;  // shares the tensors; merging makes new ones
  model.merge_lora();
  make_folders(folder);

  Tensors tensors;
  layout::LanguageConfig language = model.language.config();
  if (!model.tower) {
    add_language(tensors, model.language, language.vocab_size, std::nullopt);
    write_language_files(folder, layout::to_json(language), language, *model.tokenizer, options);
    save_weights(folder, tensors, options);
    return {described(layout::to_json(language)["architectures"][0].get<std::string>().c_str(), tensors)};
  }

  const bool original = options.layout == "original";
  const Vocabulary vocabulary = with_image(model);
  if (!original) language.vocab_size = vocabulary.size;
  const image::Processor processor = processor_of(model, original);
  const layout::LlavaConfig config{.language = language,
                                   .vision = model.tower->config(),
                                   .vision_path = options.tower_name,
                                   .projector = model.projector->config(),
                                   .vision_layers = model.vision_layers,
                                   .keep_class = model.keep_class,
                                   .image_token = vocabulary.image,
                                   .image_tokens = model.picture_tokens("square").each,
                                   .original = original,
                                   .aspect = model.aspect,
                                   .grid = grid_of(processor)};
  if (original && config.vision_layers.size() > 1) throw Error("the original layout knows one vision layer", "use --layout transformers");
  if (config.projector.kind == "resampler")
    throw Error("no other program's LLaVA has this resampler", "'saucier ask' takes the trial itself; another projector.kind can be exported");
  if (!original && config.projector.kind != "mlp2x_gelu")
    throw Error(fmt::format("LlavaForConditionalGeneration has the projector 'mlp2x_gelu' alone, this model has '{}'", config.projector.kind),
                "use --layout original");
  if (!original) static_cast<void>(layout::llava_config(layout::to_json(config)));  // what cannot be read is not written
  const Layout layout = original ? Layout::original : Layout::transformers;
  add_language(tensors, model.language, language.vocab_size, layout);
  for (const auto& [name, tensor] : model.projector->parameters())
    tensors[layout::file_name(projector_place(name), layout, config.projector.kind == "linear")] = tensor;
  if (original) {
    save_tower(folder / "vision_tower", *model.tower, options.bfloat16);
  } else {
    for (const auto& [name, tensor] : with_unused(*model.tower)) tensors[layout::file_name({Part::tower, name}, layout)] = tensor;
    write_json(folder / "processor_config.json", processor_config(config));
  }
  write_language_files(folder, layout::to_json(config), language, original ? *model.tokenizer : *vocabulary.tokenizer, options);
  write_json(folder / paths::kPreprocessorConfig, processor.to_json());
  save_weights(folder, tensors, options);
  return {described(layout::to_json(config)["architectures"][0].get<std::string>().c_str(), tensors),
          config.aspect == "anyres" ? fmt::format("a picture is '{}' ({}) as many times as its size asks for", kImage, config.image_token)
                                    : fmt::format("a picture is {} tokens '{}' ({})", config.image_tokens, kImage, config.image_token)};
}

}  // namespace saucier::checkpoint
