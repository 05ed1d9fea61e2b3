// Against what PyPI's `gguf` reads: the fixtures come from tests/parity/containers.py.
#include "modules/base/digest.h"
#include "tests/modules/weights/files.h"

using namespace saucier;
using namespace saucier::weights;
using Catch::Matchers::Contains;

TEST_CASE("a GGUF file's tensors of every kind come bit for bit as gguf-py dequantises them") {
  const Container read = Container::gguf(fixture("types.gguf")), expected = Container::safetensors(fixture("types.safetensors"));
  REQUIRE(read.tensors().size() == 14);
  for (const auto& [name, tensor] : expected.tensors()) {
    INFO(name);
    REQUIRE(read.tensors().contains(name));
    const Tensor& ours = read.tensors().at(name);
    CHECK(ours.shape == tensor.shape);
    if (name != "cube") CHECK(name == std::string(name_of(ours.dtype)) + ".weight");
    CHECK(bits(floats(ours)) == bits(floats(tensor)));
  }
}

TEST_CASE("a large tensor is shared out to threads and comes out the same") {
  const Container read = Container::gguf(fixture("types.gguf"));
  for (const char* name : {"Q4_K.weight", "Q4_1.weight", "F16.weight"}) {
    const Tensor& small = read.tensors().at(name);
    const std::vector<float> once = floats(small);
    std::vector<std::byte> many;
    const size_t times = (size_t{24} << 20) / (4 * once.size());
    for (size_t i = 0; i < times; ++i) many.insert(many.end(), small.data, small.data + small.bytes);
    const std::vector<float> all = floats({.dtype = small.dtype, .shape = {static_cast<std::int64_t>(once.size() * times)}, .data = many.data(), .bytes = many.size()});
    REQUIRE(all.size() == once.size() * times);
    bool same = true;
    for (size_t i = 0; i < times; ++i) same = same && std::memcmp(all.data() + i * once.size(), once.data(), 4 * once.size()) == 0;
    CHECK(same);
  }
}

TEST_CASE("every half that is a number becomes the float that numpy makes of it") {
  std::vector<std::uint16_t> halves;
  for (unsigned half = 0; half < 65536; ++half)
    if ((half & 0x7fff) <= 0x7c00) halves.push_back(static_cast<std::uint16_t>(half));
  const std::vector<float> numbers = floats({.dtype = Dtype::f16, .shape = {static_cast<std::int64_t>(halves.size())},
                                             .data = reinterpret_cast<const std::byte*>(halves.data()), .bytes = 2 * halves.size()});
  Sha256 digest;
  digest.update(std::as_bytes(std::span(numbers)));
  CHECK(digest.hex() + "\n" == read_file(fixture("halves.sha256")));
}

TEST_CASE("a GGUF file's keys come with their types") {
  const Json keys = Container::gguf(fixture("types.gguf")).metadata();
  CHECK(keys["general.architecture"] == "llama");
  CHECK(keys["a.uint8"] == 200);
  CHECK(keys["a.int8"] == -100);
  CHECK(keys["a.uint16"] == 60000);
  CHECK(keys["a.int16"] == -30000);
  CHECK(keys["a.uint32"] == 4000000000u);
  CHECK(keys["a.int32"] == -2000000000);
  CHECK(keys["a.uint64"] == (std::uint64_t{1} << 63) + 5);
  CHECK(keys["a.int64"] == -(std::int64_t{1} << 62));
  CHECK(keys["a.float32"] == 0.1f);
  CHECK(keys["a.float64"] == 0.1);
  CHECK(keys["a.bool"] == true);
  CHECK(keys["a.string"] == "Grüße, 世界");
  CHECK(keys["tokenizer.ggml.tokens"] == Json({"<s>", "</s>", " a", "Ġb", ""}));
  CHECK(keys["tokenizer.ggml.scores"] == Json({0.0, -1.5, 0.25}));
  CHECK(keys["tokenizer.ggml.token_type"] == Json({3, 3, 1, 1, 1}));
}

// SAUCIER_WEIGHTS=FILE.gguf build/test_weights '[digests]': for containers.py's live mode.
TEST_CASE("prints the digest of every tensor of a given file", "[.digests]") {
  const char* file = std::getenv("SAUCIER_WEIGHTS");
  REQUIRE(file != nullptr);
  const Container read = Container::gguf(file);
  for (const auto& [name, tensor] : read.tensors()) {
    Sha256 digest;
    digest.update(fmt::format("[{}]", fmt::join(tensor.shape, ", ")));
    const std::vector<float> numbers = floats(tensor);
    digest.update(std::as_bytes(std::span(numbers)));
    fmt::print("digest {} {}\n", name, digest.hex());
  }
  CHECK(!read.tensors().empty());
}
