// Against what PyPI's `gguf` reads: the fixtures come from tests/parity/containers.py.
#include "modules/base/digest.h"
#include "tests/modules/weights/files.h"

using namespace saucier;
using namespace saucier::weights;
using Catch::Matchers::Contains;

namespace {

template <class T>
std::string raw(T number) {
  return std::string(reinterpret_cast<const char*>(&number), sizeof number);
}
std::string text(const std::string& value) { return raw(std::uint64_t{value.size()}) + value; }

constexpr std::uint32_t kU8 = 0, kU32 = 4, kBool = 7, kText = 8, kArray = 9, kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ5_K = 13;

std::string key(const std::string& name, std::uint32_t type, const std::string& value) { return text(name) + raw(type) + value; }

std::string entry(const std::string& name, const std::vector<std::uint64_t>& sides, std::uint32_t type, std::uint64_t offset) {
  std::string out = text(name) + raw(static_cast<std::uint32_t>(sides.size()));
  for (const std::uint64_t side : sides) out += raw(side);
  return out + raw(type) + raw(offset);
}

std::string file_of(std::uint64_t tensors, std::uint64_t keys, std::string rest, size_t data = 0, std::uint32_t version = 3) {
  std::string out = "GGUF" + raw(version) + raw(tensors) + raw(keys) + rest;
  out.resize((out.size() + 31) / 32 * 32);
  return out + std::string(data, '\0');
}

std::string failure_of(const std::string& content) {
  TempFolder folder;
  const fs::path file = folder.path() / "x.gguf";
  write_file_atomic(file, content);
  return failure(file, &Container::gguf);
}

}  // namespace

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

TEST_CASE("damaged GGUF files are refused with file and field") {
  CHECK(failure_of(file_of(2, 1, key("k", kU8, "\1") + entry("a", {2, 3}, kF32, 0) + entry("b", {32}, kQ4_0, 32), 50)) == "no error");
  CHECK(failure_of(file_of(1, 0, entry("a", {2}, kF32, 0), 8, 2)) == "no error");
  CHECK_THAT(failure_of(""), Contains("no GGUF file (0 bytes)"));
  CHECK_THAT(failure_of("GGUF"), Contains("the version at byte 4 takes 4 bytes, only 0 are left"));
  CHECK_THAT(failure_of(file_of(0, 0, "", 0, 1)), Contains("GGUF version 1 is not supported"));
  CHECK_THAT(failure_of(file_of(0, 0, "", 0, 0x03000000)), Contains("big-endian"));
  CHECK_THAT(failure_of(file_of(std::uint64_t{1} << 60, 0, "")), Contains("1152921504606846976 tensors do not fit"));
  CHECK_THAT(failure_of(file_of(0, std::uint64_t{1} << 60, "")), Contains("1152921504606846976 keys do not fit"));

  const auto keys = [](const std::string& rest) { return failure_of(file_of(0, 1, rest, 64)); };
  CHECK_THAT(keys(raw(~std::uint64_t{0})), Contains("the name of key 0"));
  CHECK_THAT(keys(key("k", 99, "")), Contains("key 'k'") && Contains("value type 99 is not known"));
  CHECK_THAT(keys(key("k", kBool, "\2")), Contains("key 'k'") && Contains("2 is no truth value"));
  CHECK_THAT(keys(key("k", kText, raw(std::uint64_t{1} << 63))), Contains("key 'k'") && Contains("takes 9223372036854775808 bytes"));
  CHECK_THAT(keys(key("k", kArray, raw(kU8) + raw(std::uint64_t{1} << 40))), Contains("key 'k'") && Contains("array of 1099511627776 values"));
  CHECK_THAT(keys(key("k", kArray, raw(kArray) + raw(std::uint64_t{1}))), Contains("arrays inside arrays"));
  CHECK_THAT(failure_of(file_of(0, 2, key("k", kU8, "\1") + key("k", kU8, "\1"))), Contains("key 'k'") && Contains("twice"));
  CHECK_THAT(keys(key("general.alignment", kU32, raw(std::uint32_t{24}))), Contains("'24', not a power of two"));
  CHECK_THAT(keys(key("split.count", kU8, "\3")), Contains("one of 3 files") && Contains("llama-gguf-split --merge"));

  const auto tensor = [](const std::string& rest, size_t data = 64) { return failure_of(file_of(1, 0, rest, data)); };
  CHECK_THAT(tensor(entry("a", {1, 1, 1, 1, 1}, kF32, 0)), Contains("tensor 'a'") && Contains("5 sides"));
  CHECK_THAT(tensor(entry("a", {4}, kQ5_K, 0)), Contains("tensor 'a'") && Contains("'Q5_K' is not supported"));
  CHECK_THAT(tensor(entry("a", {4}, 1000, 0)), Contains("number format 1000 is not known"));
  CHECK_THAT(tensor(entry("a", {33}, kQ4_0, 0)), Contains("rows of 33 numbers are no whole blocks of 'Q4_0'"));
  CHECK_THAT(tensor(entry("a", {}, kQ4_0, 0)), Contains("no whole block"));
  CHECK_THAT(tensor(entry("a", {std::uint64_t{1} << 32, std::uint64_t{1} << 32}, kF16, 0)), Contains("tensor 'a'") && Contains("too large"));
  CHECK_THAT(tensor(entry("a", {~std::uint64_t{0}}, kF16, 0)), Contains("too large"));
  CHECK_THAT(tensor(entry("a", {4}, kF32, 16)), Contains("offset 16 is no multiple of the alignment 32"));
  CHECK_THAT(tensor(entry("a", {4}, kF32, 64)), Contains("16 bytes at 64 are outside of the data (64 bytes)") && Contains("cut off"));
  CHECK_THAT(tensor(entry("a", {4}, kF32, ~std::uint64_t{31})), Contains("outside of the data"));
  CHECK_THAT(failure_of(file_of(2, 0, entry("a", {16}, kF32, 0) + entry("b", {4}, kF32, 32), 64)), Contains("tensor 'b'") && Contains("inside the tensor before it"));
  CHECK_THAT(failure_of(file_of(2, 0, entry("a", {4}, kF32, 0) + entry("a", {4}, kF32, 32), 64)), Contains("tensor 'a' stands in the file twice"));
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
