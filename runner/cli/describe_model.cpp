#include "runner/cli/describe_model.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <variant>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/layout/fields.h"
#include "modules/layout/gguf.h"
#include "modules/layout/joined.h"
#include "modules/layout/names.h"
#include "modules/text/tokenizer.h"
#include "modules/weights/container.h"

namespace saucier::cli {
namespace {

namespace fs = std::filesystem;

using layout::Part;

constexpr size_t kNamed = 3;  // problems of one kind that are named; the rest is counted

std::string layers(std::int64_t count) { return fmt::format("{} layer{}", count, count == 1 ? "" : "s"); }

std::string one_line(const layout::LanguageConfig& config) {
  return fmt::format("{}, {} of width {}, {} heads ({} for keys), {} tokens{}", config.model_type, layers(config.layers), config.hidden_size,
                     config.heads, config.kv_heads, config.vocab_size, config.tied_embeddings ? ", tied embeddings" : "");
}

std::string one_line(const layout::VisionConfig& config) {
  return fmt::format("{}, {} of width {}, {} x {} pixels, {} patches", config.model_type, layers(config.layers), config.hidden_size,
                     config.image_size, config.image_size, config.patches());
}

class Describer {
 public:
  explicit Describer(fs::path path, bool beside = false) : path_(std::move(path)), beside_(beside) {}

  ModelDescription run() {
    out_.parts.columns = {"part", "what", "tensors", "parameters", "file_bytes", "number_formats", "float32_bytes", "bfloat16_bytes"};
    if (fs::is_regular_file(path_)) {
      file();
    } else if (fs::exists(path_ / paths::kModelConfig)) {
      folder();
    } else if (fs::exists(path_ / paths::kAdapterConfig)) {
      adapter();
    } else {
      throw Error(fmt::format("'{}' is no model: there is no 'config.json' and no 'adapter_config.json' in it", path_.string()),
                  "name a model's folder, a GGUF, safetensors or .bin file, or a folder that 'saucier export' wrote");
    }
    return std::move(out_);
  }

 private:
  // What `read` makes of the JSON object in a file of the folder.
  template <class Read>
  auto of_config(const char* name, Read read) const {
    const fs::path file = path_ / name;
    const Json config = parse_json(read_file(file), "'" + file.string() + "'");
    return with_context(fmt::format("in '{}'", file.string()), [&] { return read(config); });
  }

  void file() {
    if (begins_with(path_, paths::kGgufMagic) || path_.extension() == ".gguf") return gguf();
    const bool safe = path_.extension() == ".safetensors";
    out_.kind = safe ? "safetensors file" : "file of torch.save";
    sort(safe ? weights::Container::safetensors(path_) : weights::Container::torch_pickle(path_), /*alone=*/true);
    for (const auto& [part, tensors] : shapes_) add(part, "");
    if (strange_.empty()) return;
    std::vector<std::string> names;
    for (const auto& [name, shape] : strange_)
      if (names.size() < kNamed) names.push_back(name);
    add("unknown", fmt::format("{}{}", fmt::join(names, ", "), strange_.size() > kNamed ? ", …" : ""), strange_, strange_bytes_);
    out_.problems.push_back(fmt::format("{} tensor{} of no part that is known", strange_.size(), strange_.size() == 1 ? " is" : "s are"));
  }

  void gguf() {
    const weights::Container container = weights::Container::gguf(path_);
    layout::Shapes given;
    for (const auto& [name, tensor] : container.tensors()) given[name] = tensor.shape;
    const layout::LanguageConfig config = with_context(fmt::format("in '{}'", path_.string()), [&] {
      return layout::language_config_of_gguf(container.metadata(), given).config;
    });
    for (const auto& [name, tensor] : container.tensors()) note(Part::language, layout::name_of_gguf(name, config).value_or(name), tensor);
    shapes_[Part::language].erase("rope_freqs.weight");
    out_.kind = fmt::format("GGUF file ({})", config.model_type);
    compare(Part::language, layout::language_shapes(config));
    add(Part::language, one_line(config));
  }

  void adapter() {
    const std::string size = of_config(paths::kAdapterConfig, [&](const Json& config) {
      const layout::Fields fields(config);
      const std::string base = fields.text("base_model_name_or_path", "");
      out_.kind = fmt::format("{} adapter over {}", fields.text("peft_type", "PEFT"), base.empty() ? "a model that it does not name" : "'" + base + "'");
      return fmt::format("rank {}, alpha {}", config.value("r", Json()).dump(), config.value("lora_alpha", Json()).dump());
    });
    const weights::Container container = weights::Container::folder(path_, paths::kAdapterWeights);
    std::map<Part, std::set<std::string>> modules;
    for (const auto& [name, tensor] : container.tensors()) {
      if (!name.starts_with(layout::kAdapterPrefix)) out_.problems.push_back(fmt::format("tensor '{}' does not begin with '{}'", name, layout::kAdapterPrefix));
      const layout::Place place = layout::place_of(name);
      note(place.part, place.name, tensor);
      const size_t end = place.name.find(".lora_");
      modules[place.part].insert(end == std::string::npos ? place.name + " (whole)" : place.name.substr(place.name.rfind('.', end - 1) + 1, end - place.name.rfind('.', end - 1) - 1));
    }
    for (const auto& [part, tensors] : shapes_) add(part, fmt::format("{}: {}", size, fmt::join(modules[part], ", ")));
  }

  void folder() {
    // The config before the weights: what is no model of a known kind is named by its kind.
    const auto known = of_config(paths::kModelConfig, [&](const Json& config) {
      const std::string type = layout::Fields(config).text("model_type", "");
      const Json architectures = config.value("architectures", Json());
      out_.kind = architectures.is_array() && !architectures.empty() && architectures[0].is_string() ? architectures[0].get<std::string>() : type;
      using Known = std::variant<layout::LlavaConfig, layout::VisionConfig, layout::LanguageConfig>;
      if (layout::is_llava(config)) return Known(layout::llava_config(config));
      if (config.contains("vision_config") || !layout_is_language(type)) return Known(layout::vision_config(config));
      return Known(layout::language_config(config));
    });
    sort(weights::Container::folder(path_));
    if (const auto* whole = std::get_if<layout::LlavaConfig>(&known)) llava(*whole);
    if (const auto* vision = std::get_if<layout::VisionConfig>(&known)) tower(*vision);
    if (const auto* text = std::get_if<layout::LanguageConfig>(&known)) language(*text);
    for (const Part part : {Part::language, Part::tower, Part::projector, Part::newline})
      if (shapes_.contains(part) && !described_.contains(part)) add(part, "not part of such a model");
    if (ignored_ > 0) out_.parts.rows.push_back({"not used", "a text tower, a pooling head or buffers", ignored_, Json(), ignored_bytes_, "", Json(), Json()});
  }

  static bool layout_is_language(const std::string& type) {
    return type != "clip_vision_model" && type != "siglip_vision_model" && !type.starts_with("dinov2");
  }

  void llava(const layout::LlavaConfig& config) {
    language(config.language);
    const std::int64_t layers = static_cast<std::int64_t>(config.vision_layers.size());
    if (config.vision || shapes_.contains(Part::tower)) {
      if (config.vision) tower(*config.vision);
    } else if (const fs::path folder = layout::tower_folder(path_, config.vision_path); !folder.empty() && !beside_) {
      const ModelDescription there = Describer(folder, /*beside=*/true).run();
      const auto is_tower = [](const std::vector<Json>& row) { return row[0] == layout::name_of(Part::tower); };
      std::copy_if(there.parts.rows.begin(), there.parts.rows.end(), std::back_inserter(out_.parts.rows), is_tower);
      if (std::none_of(there.parts.rows.begin(), there.parts.rows.end(), is_tower))
        out_.problems.push_back(fmt::format("there is no vision tower in '{}': name another folder with --vision-tower", config.vision_path));
      else
        for (const std::string& problem : there.problems) out_.problems.push_back(fmt::format("in '{}': {}", config.vision_path, problem));
    } else {
      out_.problems.push_back(fmt::format("the vision tower '{}' lies elsewhere: name its folder with --vision-tower", config.vision_path));
    }
    const auto first = shapes_[Part::projector].find("linear_1.weight");
    const bool known = first != shapes_[Part::projector].end() && first->second.size() == 2;
    const std::int64_t in = config.vision ? config.vision->hidden_size * layers : known ? first->second[1] : 0;
    compare(Part::projector, layout::projector_shapes(config.projector, in, config.language.hidden_size));
    add(Part::projector, fmt::format("{}, from width {} to {}", config.projector.kind, in, config.language.hidden_size));
    if (config.aspect != "anyres") return;
    compare(Part::newline, {{"image_newline", {config.language.hidden_size}}});
    add(Part::newline, fmt::format("behind each row of tiles, {} resolutions", config.grid.size()));
  }

  void language(const layout::LanguageConfig& config) {
    if (config.tied_embeddings) shapes_[Part::language].erase("lm_head.weight");
    compare(Part::language, layout::language_shapes(config));
    add(Part::language, one_line(config));
    try {
      const text::Tokenizer tokenizer = text::Tokenizer::load(path_);
      if (tokenizer.vocab_size() > config.vocab_size)
        out_.problems.push_back(fmt::format("the tokenizer has {} tokens, the language model {}", tokenizer.vocab_size(), config.vocab_size));
      out_.parts.rows.push_back({"tokenizer", fmt::format("{} tokens{}", tokenizer.vocab_size(), tokenizer.image() >= 0 ? fmt::format(", <image> is {}", tokenizer.image()) : ""),
                                 Json(), Json(), Json(), "", Json(), Json()});
    } catch (const Error& error) {
      out_.problems.push_back(fmt::format("no tokenizer: {}", error.what()));
    }
  }

  void tower(const layout::VisionConfig& config) {
    compare(Part::tower, layout::vision_shapes(config));
    add(Part::tower, one_line(config));
    if (!fs::exists(path_ / paths::kPreprocessorConfig))
      out_.problems.push_back("no 'preprocessor_config.json': pictures are prepared as such a tower usually takes them");
  }

  // `alone`: no config says whose the tensors are, so names that no layout has are nobody's.
  void sort(const weights::Container& container, bool alone = false) {
    for (const auto& [name, tensor] : container.tensors()) {
      const layout::Place place = layout::place_of(name);
      if (alone && place.part == Part::language && !place.name.starts_with("model.") && !place.name.starts_with("lm_head.")) {
        strange_[name] = tensor.shape;
        strange_bytes_[weights::name_of(tensor.dtype)] += static_cast<std::int64_t>(tensor.bytes);
      } else if (place.part == Part::ignored) {
        ++ignored_;
        ignored_bytes_ += static_cast<std::int64_t>(tensor.bytes);
      } else {
        note(place.part, place.name, tensor);
      }
    }
  }

  void note(Part part, const std::string& name, const weights::Tensor& tensor) {
    shapes_[part][name] = tensor.shape;
    bytes_[part][weights::name_of(tensor.dtype)] += static_cast<std::int64_t>(tensor.bytes);
  }

  // What the config says and the file does not hold, and the other way round.
  void compare(Part part, const layout::Shapes& expected) {
    const layout::Shapes& given = shapes_[part];
    std::vector<std::string> missing, unexpected, misshapen;
    for (const auto& [name, shape] : expected) {
      const auto found = given.find(name);
      if (found == given.end())
        missing.push_back(name);
      else if (found->second != shape)
        misshapen.push_back(fmt::format("{} ([{}], the config says [{}])", name, fmt::join(found->second, ", "), fmt::join(shape, ", ")));
    }
    for (const auto& [name, shape] : given)
      if (!expected.contains(name)) unexpected.push_back(name);
    const auto say = [&](const char* what, const std::vector<std::string>& names) {
      if (names.empty()) return;
      const std::vector<std::string> shown(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamed)));
      out_.problems.push_back(fmt::format("{}: {} {} tensor{}: {}{}", layout::name_of(part), names.size(), what, names.size() == 1 ? "" : "s",
                                          fmt::join(shown, ", "), names.size() > kNamed ? ", …" : ""));
    };
    say("missing", missing);
    say("unexpected", unexpected);
    say("misshapen", misshapen);
  }

  using Bytes = std::map<std::string_view, std::int64_t>;  // by number format

  void add(Part part, const std::string& what) {
    described_.insert(part);
    add(layout::name_of(part), what, shapes_[part], bytes_[part]);
  }
  void add(std::string_view part, const std::string& what, const layout::Shapes& shapes, const Bytes& by_format) {
    const std::int64_t parameters = layout::parameters(shapes);
    std::int64_t bytes = 0;
    std::vector<std::string> formats;
    for (const auto& [format, size] : by_format) {
      bytes += size;
      formats.emplace_back(format);
    }
    out_.parts.rows.push_back({part, what, shapes.size(), parameters, bytes, fmt::format("{}", fmt::join(formats, ", ")), 4 * parameters, 2 * parameters});
  }

  fs::path path_;
  bool beside_;  // it is the tower of another: towers of towers are not looked for
  ModelDescription out_;
  std::map<Part, layout::Shapes> shapes_;
  std::map<Part, Bytes> bytes_;
  layout::Shapes strange_;
  Bytes strange_bytes_;
  std::set<Part> described_;
  std::int64_t ignored_ = 0, ignored_bytes_ = 0;
};

}  // namespace

ModelDescription describe_model(const fs::path& path) { return Describer(path).run(); }

}  // namespace saucier::cli
