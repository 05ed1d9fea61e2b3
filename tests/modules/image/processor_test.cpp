#include <ctime>

#include "modules/base/error.h"
#include "modules/image/anyres.h"
#include "tests/modules/image/pictures.h"

using namespace saucier;
using namespace saucier::image;

namespace {

Processor read(const std::string& text) { return Processor::read(parse_json(text, "file")); }

std::string error_of(const std::string& fields, const std::string& type = "CLIPImageProcessor") {
  try {
    read("{\"image_processor_type\": \"" + type + "\"" + (fields.empty() ? "" : ", " + fields) + "}");
  } catch (const Error& error) {
    return error.what();
  }
  return "read";
}

std::vector<float> values(const Picture& picture, const Processor& processor, std::string_view aspect = "square") {
  std::vector<float> out(3 * static_cast<size_t>(processor.height() * processor.width()));
  pixel_values(picture, processor, aspect, out);
  return out;
}

}  // namespace

TEST_CASE("a file of each processor is read, and read again from what is written") {
  // openai/clip-vit-large-patch14-336, from before sizes were dictionaries.
  const Processor old = read(R"({"crop_size": 336, "do_center_crop": true, "do_normalize": true, "do_resize": true,
    "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 336})");
  CHECK(old == Processor::clip(336));
  CHECK(old.height() == 336);

  // google/siglip-so400m-patch14-384
  const Processor siglip = read(R"({"do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "SiglipImageProcessor", "image_std": [0.5, 0.5, 0.5], "processor_class": "SiglipProcessor",
    "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"height": 384, "width": 380}})");
  CHECK(siglip.height() == 384);
  CHECK(siglip.width() == 380);
  CHECK_FALSE(siglip.do_center_crop);

  // facebook/dinov2-base
  const Processor bit = read(R"({"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_convert_rgb": true,
    "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.485, 0.456, 0.406],
    "image_processor_type": "BitImageProcessor", "image_std": [0.229, 0.224, 0.225], "resample": 3,
    "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 256}})");
  CHECK(bit.shortest_edge == 256);
  CHECK(bit.width() == 224);

  const Processor llava = read(R"({"image_processor_type": "LlavaImageProcessorFast", "do_pad": true, "size": {"shortest_edge": 336},
    "do_center_crop": null, "device": null, "default_to_square": false})");
  CHECK(llava.type == "LlavaImageProcessor");
  CHECK(llava.do_pad);
  CHECK(llava.height() == 336);  // a square is resized, so nothing need be cut

  const Processor next = read(R"({"image_processor_type": "LlavaNextImageProcessor", "do_pad": true, "aspect_ratio_setting": "anyres",
    "crop_size": {"height": 336, "width": 336}, "size": {"shortest_edge": 336}, "image_grid_pinpoints": [[336, 672], [672, 336]]})");
  CHECK_FALSE(next.do_pad);  // of batches there
  CHECK(next.image_grid_pinpoints == std::vector<Size>{{336, 672}, {672, 336}});

  for (const Processor& one : {old, siglip, bit, llava, next}) {
    INFO(one.to_json().dump());
    CHECK(Processor::read(one.to_json()) == one);
  }
}

TEST_CASE("absent fields have transformers' defaults") {
  const Processor clip = read(R"({"image_processor_type": "CLIPImageProcessor"})");
  CHECK(clip == Processor::clip(224));
  const Processor siglip = read(R"({"image_processor_type": "SiglipImageProcessorFast", "image_std": 0.25})");
  CHECK(siglip.size == Size{224, 224});
  CHECK(siglip.image_mean[2] == 0.5);
  CHECK(siglip.image_std[1] == 0.25);
  CHECK(read(R"({"image_processor_type": "LlavaNextImageProcessor"})").image_grid_pinpoints.size() == 5);
}

TEST_CASE("what a file asks for and we cannot do is named") {
  CHECK(error_of("") == "read");
  CHECK(error_of("", "ViTImageProcessor") == "field 'image_processor_type' is '\"ViTImageProcessor\"', CLIP, Siglip, Bit, Llava and LlavaNext are supported");
  CHECK_THROWS_WITH(read("{}"), "field 'image_processor_type' is missing");
  CHECK_THROWS_WITH(read("[]"), "not a JSON object");
  CHECK(error_of(R"("crop_pct": 0.9)") == "field 'crop_pct' is '0.9', which is not supported");
  CHECK(error_of(R"("crop_pct": null, "do_flip": false, "_own": 1)") == "read");
  CHECK(error_of(R"("do_resize": 1)") == "field 'do_resize' is '1', not true or false");
  CHECK(error_of(R"("resample": 9)") == "field 'resample' is '9', not a filter from 0 to 5");
  CHECK(error_of(R"("resample": null)") == "field 'resample' is 'null', not a filter from 0 to 5");
  CHECK(error_of(R"("size": {"shortest_edge": 224, "longest_edge": 300})") ==
        "field 'size' is '{\"longest_edge\":300,\"shortest_edge\":224}', neither {\"shortest_edge\": N} nor {\"height\": H, \"width\": W}");
  CHECK(error_of(R"("size": {"height": 224})") == "field 'size' is '{\"height\":224}', not {\"height\": H, \"width\": W}");
  CHECK(error_of(R"("size": {"shortest_edge": 0})") == "field 'size.shortest_edge' is '0', not a number of pixels from 1 to 16384");
  CHECK(error_of(R"("size": 1e3)") == "field 'size' is '1000.0', not a number of pixels from 1 to 16384");
  CHECK(error_of(R"("crop_size": {"height": 99999, "width": 2})") == "field 'crop_size.height' is '99999', not a number of pixels from 1 to 16384");
  CHECK(error_of(R"("crop_size": [1])") == "field 'crop_size' is '[1]', not [height, width]");
  CHECK(error_of(R"("image_mean": [0.5])") == "field 'image_mean' is '[0.5]', not a number or three");
  CHECK(error_of(R"("image_std": [1, 0, 1])") == "field 'image_std' is '[1.0,0.0,1.0]', which divides by 0");
  CHECK(error_of(R"("rescale_factor": "x")") == "field 'rescale_factor' is '\"x\"', not a number");
  CHECK(error_of(R"("do_pad": true)") == "field 'do_pad' is 'true', which CLIPImageProcessor does not support");
  CHECK(error_of(R"("do_center_crop": true)", "SiglipImageProcessor") == "field 'do_center_crop' is 'true', which SiglipImageProcessor does not support");
  CHECK(error_of(R"("do_center_crop": false)") == "field 'do_center_crop' is false and 'size' no height and width: pictures would not come out alike");
  CHECK(error_of(R"("image_grid_pinpoints": [])", "LlavaNextImageProcessor") == "field 'image_grid_pinpoints' is '[]', not a list of [height, width]");
  CHECK(error_of(R"("crop_size": [10, 20])", "LlavaNextImageProcessor") == "field 'crop_size' is '[10,20]', tiles are square");
}

TEST_CASE("pixel values are those of transformers") {
  // tests/parity/pictures.py compares with transformers itself; these are its numbers for single bytes.
  Processor processor = Processor::clip(1);
  const Picture one{.width = 1, .height = 1, .pixels = {0, 128, 255}};
  CHECK(values(one, processor)[0] == -1.7922626F);
  CHECK(values(one, processor)[1] == 0.16889732F);
  CHECK(values(one, processor)[2] == 2.145897F);
  processor.do_normalize = false;
  CHECK(values(one, processor)[1] == 0.5019608F);
  processor.do_rescale = false;
  CHECK(values(one, processor) == std::vector<float>{0, 128, 255});
}

TEST_CASE("the planes are red, green and blue, and each aspect is Pillow's resize and cut") {
  const Picture source = read_picture(kData / "source.png");
  Processor processor = Processor::clip(16);
  processor.do_rescale = processor.do_normalize = false;
  const auto planes = [&](const Picture& picture) {
    std::vector<float> out;
    for (size_t channel = 0; channel < 3; ++channel)
      for (size_t i = channel; i < picture.pixels.size(); i += 3) out.push_back(picture.pixels[i]);
    return out;
  };
  CHECK(values(source, processor) == planes(center_crop(resize(source, 25, 16), 16, 16)));  // 37 x 23
  CHECK(processor.mean_colour() == std::array<std::uint8_t, 3>{122, 116, 104});
  CHECK(values(source, processor, "pad") == planes(resize(pad_to_square(source, {122, 116, 104}), 16, 16)));
  processor.do_resize = false;
  CHECK(values(source, processor) == planes(center_crop(source, 16, 16)));
  processor.do_center_crop = false;
  processor.do_resize = true;
  processor.shortest_edge.reset();
  processor.size = {.height = 9, .width = 11};
  CHECK(values(source, processor) == planes(resize(source, 11, 9)));
}

TEST_CASE("a picture that is very long costs what is kept of it") {
  const Picture thread = of_one_colour(1, 5000, {9, 9, 9});  // 336 x 1,680,000 before it is cut
  Processor processor = Processor::clip(336);
  processor.do_rescale = processor.do_normalize = false;
  CHECK(values(thread, processor) == std::vector<float>(size_t{3} * 336 * 336, 9));
  CHECK_THROWS_WITH(values(of_one_colour(1, 1'000'000, {}), processor), "a picture of 1 x 1000000 pixels is too long to be resized");
}

TEST_CASE("tiles: the whole, then the parts of the resolution that fits best") {
  Processor processor = Processor::clip(20);
  processor.image_grid_pinpoints = {{20, 40}, {40, 20}, {40, 40}};
  const Picture source = read_picture(kData / "source.png");  // 37 x 23
  const std::vector<Picture> parts = tiles(source, processor);
  REQUIRE(parts.size() == 5);
  check_equal(parts[0], resize(source, 20, 20));
  Picture whole = of_one_colour(40, 40, {});
  paste(resize(source, 40, 25), whole, 0, 7);  // 15 rows of black, the odd one below
  for (int i = 0; i < 4; ++i) check_equal(parts[static_cast<size_t>(i) + 1], crop(whole, {.left = i % 2 * 20, .top = i / 2 * 20, .width = 20, .height = 20}));
  CHECK(tile_grid({23, 37}, processor.image_grid_pinpoints, 20) == Size{2, 2});
  CHECK(tile_count({23, 37}, processor.image_grid_pinpoints, 20) == 5);
}

TEST_CASE("anyres arithmetic is transformers'") {
  // From llava_next's functions in transformers 4.57.6, towers of 336 pixels and 24 x 24 patches.
  const std::vector<Size> offered = {{336, 672}, {672, 336}, {672, 672}, {1008, 336}, {336, 1008}};
  struct Case {
    Size picture, best;
    Window window;
    int count;
  };
  const std::vector<Case> cases = {{{480, 640}, {672, 672}, {6, 0, 36, 48}, 2340},
                                   {{336, 336}, {336, 672}, {0, 12, 24, 24}, 1176},
                                   {{1, 1}, {336, 672}, {0, 12, 24, 24}, 1176},
                                   {{1000, 300}, {1008, 336}, {0, 1, 72, 22}, 2232},
                                   {{300, 1000}, {336, 1008}, {1, 0, 22, 72}, 2182},
                                   {{1, 2000}, {336, 672}, {12, 0, 0, 48}, 576},
                                   {{667, 1000}, {672, 672}, {8, 0, 32, 48}, 2144},
                                   {{500, 1500}, {336, 1008}, {0, 0, 24, 72}, 2328},
                                   {{335, 337}, {336, 672}, {0, 12, 24, 24}, 1176},
                                   {{7, 3}, {336, 672}, {0, 19, 24, 10}, 840}};
  for (const Case& one : cases) {
    INFO(one.picture.height << " x " << one.picture.width);
    CHECK(best_resolution(one.picture, offered) == one.best);
    const AnyresTokens tokens = anyres_tokens(one.picture, offered, 336, 24);
    CHECK(tokens.grid == Size{one.best.height / 336, one.best.width / 336});
    CHECK(tokens.window == one.window);
    CHECK(tokens.count == one.count);
  }
}

TEST_CASE("speed of decoding a picture and of preparing it for a tower", "[.][speed]") {
  // 640 x 480; beside Pillow and transformers: tests/parity/pictures.py --speed.
  const std::string bytes = read_file(kData / "speed.jpg");
  const Picture picture = decode(bytes, "speed.jpg");
  REQUIRE(picture.width == 640);
  const Processor processor = Processor::clip(336);
  std::vector<float> out(size_t{3} * 336 * 336);
  const auto milliseconds = [](auto&& once) {
    once();
    const std::clock_t start = std::clock();
    for (int i = 0; i < 200; ++i) once();
    return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / 200;
  };
  const double reading = milliseconds([&] { decode(bytes, "speed.jpg"); });
  const double square = milliseconds([&] { pixel_values(picture, processor, "square", out); });
  const double pad = milliseconds([&] { pixel_values(picture, processor, "pad", out); });
  const double fitting = milliseconds([&, fits = of_one_colour(336, 336, {})] { pixel_values(fits, processor, "square", out); });
  WARN("a JPEG of 640 x 480: " << reading << " ms to decode, " << square << " ms to 336 x 336 as 'square', " << pad << " as 'pad', " << fitting << " one that fits");
}
