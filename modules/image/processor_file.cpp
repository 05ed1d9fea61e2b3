#include <algorithm>
#include <cmath>

#include "modules/base/error.h"
#include "modules/image/processor.h"

namespace saucier::image {
namespace {

constexpr int kMaxSide = 1 << 14;

struct Kind {
  std::string_view name;
  bool resizes_whole;  // to height and width, and cuts nothing: Siglip
  bool pads;           // do_pad is LLaVA's padding to a square
  bool tiles;
};

constexpr std::array<Kind, 5> kKinds = {{{"CLIPImageProcessor", false, false, false},
                                         {"SiglipImageProcessor", true, false, false},
                                         {"BitImageProcessor", false, false, false},
                                         {"LlavaImageProcessor", false, true, false},
                                         {"LlavaNextImageProcessor", false, false, true}}};

// Fields that change nothing here: about batches, devices and names.
constexpr std::array<std::string_view, 12> kWithoutEffect = {
    "processor_class", "auto_map", "return_tensors", "device", "disable_grouping", "input_data_format", "data_format",
    "default_to_square", "image_seq_length", "num_additional_image_tokens", "model_input_names", "aspect_ratio_setting"};

[[noreturn]] void fail(std::string_view field, const Json& value, std::string_view allowed) {
  throw Error(fmt::format("field '{}' is '{}', {}", field, value.dump(-1, ' ', false, Json::error_handler_t::replace), allowed));
}

// Reads the fields one by one and remembers which: what is left over at the end is not known.
class Fields {
 public:
  explicit Fields(const Json& file) : file_(file) {
    if (!file.is_object()) throw Error("not a JSON object");
  }

  const Json* find(const std::string& name) {
    read_.push_back(name);
    const auto at = file_.find(name);
    return at == file_.end() ? nullptr : &*at;
  }
  // As Python takes null: for false, and for any other type as not there.
  void read(const std::string& name, bool& to) {
    const Json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_boolean() && !value->is_null()) fail(name, *value, "not true or false");
    to = value->is_boolean() && value->get<bool>();
  }
  const Json* given(const std::string& name) {
    const Json* value = find(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  void check_rest() const {
    for (const auto& [name, value] : file_.items()) {
      const bool known = std::find(read_.begin(), read_.end(), name) != read_.end() ||
                         std::find(kWithoutEffect.begin(), kWithoutEffect.end(), name) != kWithoutEffect.end();
      if (!known && !name.starts_with('_') && !value.is_null() && value != false) fail(name, value, "which is not supported");
    }
  }

 private:
  const Json& file_;
  std::vector<std::string> read_;
};

int side_of(std::string_view field, const Json& value) {
  if (!value.is_number_integer() || value < 1 || value > kMaxSide) fail(field, value, fmt::format("not a number of pixels from 1 to {}", kMaxSide));
  return value.get<int>();
}

Size pair_of(std::string_view field, const Json& value) {
  if (!value.is_array() || value.size() != 2) fail(field, value, "not [height, width]");
  return {side_of(field, value[0]), side_of(field, value[1])};
}

Size whole_of(const std::string& field, const Json& value) {
  if (value.is_array()) return pair_of(field, value);
  if (value.is_object() && value.size() == 2 && value.contains("height") && value.contains("width"))
    return {side_of(field + ".height", value["height"]), side_of(field + ".width", value["width"])};
  if (value.is_object()) fail(field, value, "not {\"height\": H, \"width\": W}");
  const int side = side_of(field, value);
  return {side, side};
}

void read_size(const Json& value, bool square, Processor& out) {
  const bool edge = value.is_object() ? value.contains("shortest_edge") && value.size() == 1 : value.is_number() && !square;
  if (edge) {
    out.shortest_edge = value.is_object() ? side_of("size.shortest_edge", value["shortest_edge"]) : side_of("size", value);
    return;
  }
  if (value.is_object() && !value.contains("height")) fail("size", value, "neither {\"shortest_edge\": N} nor {\"height\": H, \"width\": W}");
  out.shortest_edge.reset();
  out.size = whole_of("size", value);
}

std::array<double, 3> channels(std::string_view field, const Json& value) {
  std::array<double, 3> out{};
  const auto number = [&](const Json& one) {
    if (!one.is_number() || !std::isfinite(one.get<double>())) fail(field, value, "not a number or three");
    return one.get<double>();
  };
  if (value.is_array() && value.size() != 3) fail(field, value, "not a number or three");
  for (size_t channel = 0; channel < 3; ++channel) out[channel] = number(value.is_array() ? value[channel] : value);
  return out;
}

const Kind& kind_of(Fields& fields) {
  const Json* value = fields.given("image_processor_type");
  const Json* old = fields.given("feature_extractor_type");
  if (value == nullptr) value = old;
  if (value == nullptr) throw Error("field 'image_processor_type' is missing");
  std::string name = value->is_string() ? value->get<std::string>() : "";
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (name.ends_with("FeatureExtractor")) name.replace(name.size() - 16, 16, "ImageProcessor");
  for (const Kind& kind : kKinds)
    if (kind.name == name) return kind;
  fail("image_processor_type", *value, "CLIP, Siglip, Bit, Llava and LlavaNext are supported");
}

}  // namespace

Processor Processor::read(const Json& file) {
  Fields fields(file);
  const Kind& kind = kind_of(fields);
  Processor out;
  out.type = kind.name;
  if (kind.resizes_whole) {
    out.shortest_edge.reset();
    out.size = {224, 224};
    out.image_mean = out.image_std = {0.5, 0.5, 0.5};
    out.do_convert_rgb = out.do_center_crop = false;
  }
  fields.read("do_convert_rgb", out.do_convert_rgb);
  fields.read("do_resize", out.do_resize);
  fields.read("do_center_crop", out.do_center_crop);
  fields.read("do_rescale", out.do_rescale);
  fields.read("do_normalize", out.do_normalize);
  bool pad = false;
  fields.read("do_pad", pad);
  if (kind.pads) out.do_pad = pad;
  if (pad && !kind.pads && !kind.tiles) fail("do_pad", true, fmt::format("which {} does not support", kind.name));  // LlavaNext pads batches, not pictures
  if (kind.resizes_whole && out.do_center_crop) fail("do_center_crop", true, fmt::format("which {} does not support", kind.name));
  if (const Json* value = fields.given("size")) read_size(*value, kind.resizes_whole, out);
  if (const Json* value = fields.given("crop_size")) out.crop_size = whole_of("crop_size", *value);
  if (const Json* value = fields.find("resample")) {
    if (!value->is_number_integer() || *value < 0 || *value > 5) fail("resample", *value, "not a filter from 0 to 5");
    out.resample = static_cast<Filter>(value->get<int>());
  }
  if (const Json* value = fields.given("rescale_factor")) {
    if (!value->is_number() || !std::isfinite(value->get<double>())) fail("rescale_factor", *value, "not a number");
    out.rescale_factor = value->get<double>();
  }
  if (const Json* value = fields.given("image_mean")) out.image_mean = channels("image_mean", *value);
  if (const Json* value = fields.given("image_std")) out.image_std = channels("image_std", *value);
  if (out.do_normalize && std::any_of(out.image_std.begin(), out.image_std.end(), [](double std) { return std == 0; }))
    fail("image_std", out.image_std, "which divides by 0");
  if (kind.tiles) {
    out.image_grid_pinpoints = {{336, 672}, {672, 336}, {672, 672}, {1008, 336}, {336, 1008}};
    if (const Json* value = fields.given("image_grid_pinpoints")) {
      if (!value->is_array() || value->empty()) fail("image_grid_pinpoints", *value, "not a list of [height, width]");
      out.image_grid_pinpoints.clear();
      for (const Json& pair : *value) out.image_grid_pinpoints.push_back(pair_of("image_grid_pinpoints", pair));
    }
    if (out.crop_size.height != out.crop_size.width) fail("crop_size", file.at("crop_size"), "tiles are square");
  }
  fields.check_rest();
  if (out.height() == 0) throw Error("field 'do_center_crop' is false and 'size' no height and width: pictures would not come out alike");
  return out;
}

Json Processor::to_json() const {
  const auto sides = [](const Size& of) { return Json{{"height", of.height}, {"width", of.width}}; };
  Json out = {{"image_processor_type", type},
              {"do_convert_rgb", do_convert_rgb},
              {"do_resize", do_resize},
              {"size", shortest_edge ? Json{{"shortest_edge", *shortest_edge}} : sides(size)},
              {"resample", static_cast<int>(resample)},
              {"do_rescale", do_rescale},
              {"rescale_factor", rescale_factor},
              {"do_normalize", do_normalize},
              {"image_mean", image_mean},
              {"image_std", image_std}};
  const Kind& kind = *std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& one) { return one.name == type; });
  if (!kind.resizes_whole) {
    out["do_center_crop"] = do_center_crop;
    out["crop_size"] = sides(crop_size);
  }
  if (kind.pads) out["do_pad"] = do_pad;
  if (kind.tiles) {
    out["image_grid_pinpoints"] = Json::array();
    for (const Size& one : image_grid_pinpoints) out["image_grid_pinpoints"].push_back({one.height, one.width});
  }
  return out;
}

}  // namespace saucier::image
