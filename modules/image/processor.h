// How a picture becomes the numbers a vision tower was trained on: what preprocessor_config.json says. The numbers are
// those of the processors of transformers 4.57 that work on numpy arrays; the ones named ...Fast read the same files.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/json.h"
#include "modules/image/picture.h"

namespace saucier::image {

// In the order in which they are applied. The members are named after the fields of the file.
struct Processor {
  std::string type = "CLIPImageProcessor";  // without "Fast"
  bool do_convert_rgb = true;               // kept for to_json: pictures are RGB already
  bool do_pad = false;                      // LlavaImageProcessor: to a square of mean_colour() first
  bool do_resize = true;
  std::optional<int> shortest_edge = 224;   // of the resized picture, or else its whole `size`
  Size size;
  Filter resample = Filter::bicubic;
  bool do_center_crop = true;
  Size crop_size = {224, 224};
  bool do_rescale = true;
  double rescale_factor = 1.0 / 255.0;
  bool do_normalize = true;
  std::array<double, 3> image_mean = {0.48145466, 0.4578275, 0.40821073};  // CLIP's
  std::array<double, 3> image_std = {0.26862954, 0.26130258, 0.27577711};
  std::vector<Size> image_grid_pinpoints;  // LlavaNextImageProcessor: the sizes that tiles() chooses from

  // The preprocessor of a CLIP tower of `side` x `side` pixels: for towers that come without a file.
  static Processor clip(int side);

  // Absent fields have the defaults of the processor that `image_processor_type` (in old files `feature_extractor_type`)
  // names: CLIP, Siglip, Bit, Llava and LlavaNext. Throws Error naming the field when a value is wrong, when one that
  // changes the result is not supported or not known, and when pictures of different shapes would not come out alike.
  static Processor read(const Json& file);
  Json to_json() const;  // a file that read() and transformers read alike

  // Of what comes out, the same for every picture.
  int height() const;
  int width() const;
  std::array<std::uint8_t, 3> mean_colour() const;  // int(mean * 255), as LLaVA pads

  bool operator==(const Processor&) const = default;
};

// One picture as [3, height, width]. `aspect`: "square" is what the file says (CLIP: the shorter side is resized and the
// middle of the longer one kept), "pad" is LLaVA's: first padded to a square of the mean colour, so that nothing is lost.
void pixel_values(const Picture& picture, const Processor& processor, std::string_view aspect, std::span<float> out);

}  // namespace saucier::image
