#include "tests/modules/weights/files.h"
#include "tests/modules/weights/load_speed.h"

#include <iterator>

using namespace saucier;
using namespace saucier::weights;
using Catch::Matchers::Contains;

namespace {

// A file of the given header text and as many bytes of data.
void write_raw(const fs::path& file, const std::string& header, size_t data, std::uint64_t length = 0) {
  if (length == 0) length = header.size();
  std::string content(sizeof length, '\0');
  std::memcpy(content.data(), &length, sizeof length);
  write_file_atomic(file, content + header + std::string(data, '\0'));
}

std::string failure_of(const fs::path& file) { return failure(file, &Container::safetensors); }

struct Made {
  std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
  std::vector<std::int64_t> ids = {7, -8};
  std::vector<std::uint8_t> flags = {1, 0, 1};
  std::vector<Output> outputs() const {
    return {{"flags", Dtype::boolean, {3}, flags.data(), 3},
            {"numbers", Dtype::f32, {2, 3}, numbers.data(), 24},
            {"empty", Dtype::f16, {0, 4}, nullptr, 0},
            {"ids", Dtype::i64, {2}, ids.data(), 16},
            {"one", Dtype::f32, {}, numbers.data(), 4}};
  }
};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

void check_same(const Container& read, const std::vector<Output>& outputs) {
  CHECK(read.tensors().size() == outputs.size());
  for (const Output& output : outputs) {
    INFO(output.name);
    REQUIRE(read.tensors().contains(output.name));
    const Tensor& tensor = read.tensors().at(output.name);
    CHECK(tensor.dtype == output.dtype);
    CHECK(tensor.shape == output.shape);
    REQUIRE(tensor.bytes == output.bytes);
    CHECK((tensor.bytes == 0 || std::memcmp(tensor.data, output.data, tensor.bytes) == 0));
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.data) % block_bytes(tensor.dtype) == 0);
  }
}

}  // namespace

TEST_CASE("tensors come back from safetensors as they were written") {
  TempFolder folder;
  const fs::path file = folder.path() / "x.safetensors";
  const Made made;
  write_safetensors(file, made.outputs());
  const Container read = Container::safetensors(file);
  check_same(read, made.outputs());
  CHECK(read.metadata() == Json{{"format", "pt"}});
  CHECK(names_in(folder.path()) == std::vector<std::string>{"x.safetensors"});  // no temporary file is left
  write_safetensors(file, made.outputs(), {{"a", "b"}});
  CHECK(Container::safetensors(file).metadata() == Json{{"a", "b"}});
}

TEST_CASE("changing a tensor in place never reaches the file") {
  TempFolder folder;
  const fs::path file = folder.path() / "x.safetensors";
  write_safetensors(file, Made().outputs());
  const std::string before = read_file(file);
  const Container read = Container::safetensors(file);
  const float changed = -1;
  std::memcpy(const_cast<std::byte*>(read.tensors().at("numbers").data), &changed, sizeof changed);
  CHECK(floats(read.tensors().at("numbers"))[0] == -1.f);
  CHECK(read_file(file) == before);
}

TEST_CASE("integers and truth values become floats") {
  const std::int16_t shorts[] = {-3, 300};
  const double doubles[] = {0.1, -1e300};
  const std::uint8_t bytes[] = {0, 200};
  const auto tensor = [](Dtype dtype, const auto& values) {
    return Tensor{.dtype = dtype, .shape = {2}, .data = reinterpret_cast<const std::byte*>(values), .bytes = sizeof values};
  };
  CHECK(floats(tensor(Dtype::i16, shorts)) == std::vector<float>{-3, 300});
  CHECK(floats(tensor(Dtype::f64, doubles)) == std::vector<float>{0.1f, -std::numeric_limits<float>::infinity()});
  CHECK(floats(tensor(Dtype::u8, bytes)) == std::vector<float>{0, 200});
  CHECK(floats(tensor(Dtype::i8, bytes)) == std::vector<float>{0, -56});
  CHECK(floats(tensor(Dtype::boolean, bytes)) == std::vector<float>{0, 1});
}

TEST_CASE("damaged safetensors files are refused with file and tensor") {
  TempFolder folder;
  const fs::path file = folder.path() / "x.safetensors";
  CHECK_THAT(failure_of(file), Contains("cannot read"));
  CHECK_THAT(failure_of(folder.path()), Contains("cannot read"));
  write_file_atomic(file, "");
  CHECK_THAT(failure_of(file), Contains("no safetensors file (0 bytes)"));
  write_file_atomic(file, "abc");
  CHECK_THAT(failure_of(file), Contains("no safetensors file (3 bytes)"));
  write_raw(file, "{}", 0, 1'000'000);
  CHECK_THAT(failure_of(file), Contains("does not fit"));
  write_raw(file, "{}", 0, 100'000'000'000);
  CHECK_THAT(failure_of(file), Contains("header of 100000000000 bytes does not fit"));
  write_raw(file, "{", 0);
  CHECK_THAT(failure_of(file), Contains("the header is not valid JSON"));
  write_raw(file, "[]", 0);
  CHECK_THAT(failure_of(file), Contains("not a JSON object"));
  write_raw(file, R"({"a":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}", 0);
  CHECK_THAT(failure_of(file), Contains("nested more than ten deep"));
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", "outside of the data (4 bytes)"},
      {R"({"dtype":"F32","shape":[3],"data_offsets":[0,4]})", "takes 12"},
      {R"({"dtype":"F31","shape":[1],"data_offsets":[0,4]})", "did you mean 'F32'?"},
      {R"({"dtype":"Q4_0","shape":[1],"data_offsets":[0,4]})", "'Q4_0' is not supported"},
      {R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})", "'dtype' is not a text"},
      {R"({"dtype":"F32","shape":[-2],"data_offsets":[0,4]})", "not a whole number"},
      {R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})", "not a whole number"},
      {R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})", "'shape' is not a list"},
      {R"({"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4]})", "too large"},
      {R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]})", "too large"},
      {R"({"dtype":"F32","data_offsets":[0,4]})", "'shape' is missing"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", "not a pair"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", "outside of the data"},
      {R"([1])", "'dtype' is missing"},
  };
  for (const auto& [entry, message] : wrong) {
    write_raw(file, std::string(R"({"a":)") + entry + "}", 4);
    CHECK_THAT(failure_of(file), Contains("tensor 'a'") && Contains(message));
  }
  write_raw(file, R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8);
  CHECK_THAT(failure_of(file), Contains("tensor 'b'") && Contains("inside the tensor before it"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12);
  CHECK_THAT(failure_of(file), Contains("behind a hole"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 12);
  CHECK_THAT(failure_of(file), Contains("end at byte 4 of 12"));
  write_raw(file, R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4);
  CHECK_THAT(failure_of(file), Contains("tensor 'a' stands in the header twice"));
  write_raw(file, R"({"__metadata__":1})", 0);
  CHECK_THAT(failure_of(file), Contains("'__metadata__' is not an object"));
}

TEST_CASE("shards are written as transformers names them and read by their index") {
  TempFolder folder;
  const Made made;
  write_shards(folder.path(), made.outputs(), 1000);
  CHECK(names_in(folder.path()) == std::vector<std::string>{"model.safetensors"});
  check_same(Container::folder(folder.path()), made.outputs());
  write_shards(folder.path(), made.outputs(), 24);  // 3, then 24, then 16 + 4; what stood there before is gone
  CHECK(names_in(folder.path()) == std::vector<std::string>{"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                                                            "model-00003-of-00003.safetensors", "model.safetensors.index.json"});
  const Json index = parse_json(read_file(folder.path() / "model.safetensors.index.json"), "index");
  CHECK(index["metadata"]["total_size"] == 47);
  CHECK(index["weight_map"]["numbers"] == "model-00002-of-00003.safetensors");
  check_same(Container::folder(folder.path()), made.outputs());
  write_shards(folder.path(), made.outputs(), 1000, "adapter_model");
  check_same(Container::folder(folder.path(), "adapter_model"), made.outputs());
  CHECK(names_in(folder.path()).size() == 5);
  write_shards(folder.path(), made.outputs(), 1000);
  CHECK(names_in(folder.path()) == std::vector<std::string>{"adapter_model.safetensors", "model.safetensors"});
}

TEST_CASE("a folder's torch files are read where it has no safetensors") {
  TempFolder folder;
  CHECK_THAT(failure(folder.path(), [](const fs::path& path) { return Container::folder(path); }), Contains("no weights in") && Contains("'model.safetensors'"));
  CHECK_THAT(failure(folder.path() / "none", [](const fs::path& path) { return Container::folder(path); }), Contains("no such folder"));
  fs::copy_file(fixture("module.bin"), folder.path() / "pytorch_model-00001-of-00002.bin");
  fs::copy_file(fixture("plain.bin"), folder.path() / "pytorch_model-00002-of-00002.bin");
  const Json map = {{"norm.weight", "pytorch_model-00001-of-00002.bin"}, {"base", "pytorch_model-00002-of-00002.bin"}};
  write_file_atomic(folder.path() / "pytorch_model.bin.index.json", Json{{"weight_map", map}}.dump());
  const Container shards = Container::folder(folder.path());
  CHECK(shards.tensors().size() == 2);
  CHECK(floats(shards.tensors().at("norm.weight")) == std::vector<float>{1, 1, 1, 1});
  fs::copy_file(fixture("module.bin"), folder.path() / "pytorch_model.bin");
  CHECK(Container::folder(folder.path()).tensors().size() == 4);
  write_safetensors(folder.path() / "model.safetensors", Made().outputs());
  CHECK(Container::folder(folder.path()).tensors().size() == 5);
}

TEST_CASE("an index that does not fit its shards is refused") {
  TempFolder folder;
  const fs::path index = folder.path() / "model.safetensors.index.json";
  write_safetensors(folder.path() / "a.safetensors", Made().outputs());
  const auto failure_with = [&](const std::string& text) {
    write_file_atomic(index, text);
    return failure(folder.path(), [](const fs::path& path) { return Container::folder(path); });
  };
  CHECK_THAT(failure_with("{"), Contains("the index is not valid JSON") && Contains("model.safetensors.index.json"));
  CHECK_THAT(failure_with("[]"), Contains("no object 'weight_map'"));
  CHECK_THAT(failure_with(R"({"weight_map":{"ids":"b.safetensors"}})"), Contains("cannot read") && Contains("b.safetensors"));
  CHECK_THAT(failure_with(R"({"weight_map":{"nothing":"a.safetensors"}})"), Contains("tensor 'nothing' is not in") && Contains("a.safetensors"));
  for (const char* name : {R"("../a.safetensors")", R"("/a.safetensors")", R"("x/a.safetensors")", R"("")", R"("..")", "7"})
    CHECK_THAT(failure_with(R"({"weight_map":{"ids":)" + std::string(name) + "}}"), Contains("tensor 'ids' is in no file of the folder"));
}

TEST_CASE("blocks of quantised numbers are not written") {
  TempFolder folder;
  const std::vector<std::byte> block(18);
  const Output output{"w", Dtype::q4_0, {32}, block.data(), block.size()};
  CHECK_THROWS_WITH(write_safetensors(folder.path() / "x.safetensors", std::span(&output, 1)), Contains("tensor 'w': numbers of type 'Q4_0' cannot be written"));
}

TEST_CASE("speed of loading 500 MB of safetensors", "[.][speed]") {
  TempFolder folder;
  const fs::path file = folder.path() / "x.safetensors";
  write_half_gigabyte(file);
  float sum = 0;
  const auto load = [&] {
    const Container container = Container::safetensors(file);
    for (const auto& [name, tensor] : container.tensors()) sum += touch(reinterpret_cast<const float*>(tensor.data), tensor.elements());
  };
  WARN("500 MB of safetensors: " << compare_with_plain_read(file, load));
  CHECK(sum > 0);
}
