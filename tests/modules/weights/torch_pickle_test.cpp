// Against what torch.save wrote, in both its formats: the fixtures come from tests/parity/containers.py.
#include "tests/modules/weights/files.h"

using namespace saucier;
using namespace saucier::weights;
using Catch::Matchers::Contains;

namespace {

// The file of the older format whose object is `pickle`, a program without its protocol and stop.
std::string legacy(const std::string& pickle) {
  const std::string protocol = "\x80\x02", little = "}X\x0d" + std::string(3, '\0') + "little_endian\x88s.";
  return protocol + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + protocol + "M\xe9\x03." + protocol + little + protocol + pickle + "." + protocol + "].";
}

std::string text(const std::string& value) { return "X" + std::string(1, static_cast<char>(value.size())) + std::string(3, '\0') + value; }

// A tensor of storage "0", and a file that holds this storage: four floats.
std::string rebuilt(const std::string& offset, const std::string& shape, const std::string& strides) {
  const std::string storage = "(" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") + "K\4tQ";
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + shape + strides + "\x89" "ccollections\nOrderedDict\n)RtR";
}
std::string with_storage(const std::string& object) {
  std::string file = legacy(object);
  file.replace(file.size() - 2, 2, "]" + text("0") + "a.");
  return file + std::string("\4\0\0\0\0\0\0\0", 8) + std::string(16, '\0');
}
const std::string kZero("K\0", 2);

std::string failure_of(const std::string& content) {
  TempFolder folder;
  const fs::path file = folder.path() / "x.bin";
  write_file_atomic(file, content);
  return failure(file, &Container::torch_pickle);
}

}  // namespace

TEST_CASE("what torch.save wrote comes back, in both formats") {
  const Json expected = parse_json(read_file(fixture("torch.json")), "torch.json");
  const std::map<std::string, Dtype> dtypes = {{"float32", Dtype::f32}, {"float64", Dtype::f64}, {"float16", Dtype::f16}, {"bfloat16", Dtype::bf16},
                                               {"int64", Dtype::i64},   {"int32", Dtype::i32},   {"int16", Dtype::i16},   {"int8", Dtype::i8},
                                               {"uint8", Dtype::u8},    {"bool", Dtype::boolean}};
  size_t compared = 0;
  for (const auto& [file, tensors] : expected.items())
    for (const char* ending : {".bin", ".legacy.bin"}) {
      const Container read = Container::torch_pickle(fixture(file + ending));
      CHECK(read.tensors().size() == tensors.size());
      for (const auto& [name, tensor] : tensors.items()) {
        INFO(file << ending << " " << name);
        REQUIRE(read.tensors().contains(name));
        const Tensor& ours = read.tensors().at(name);
        CHECK(ours.dtype == dtypes.at(tensor["dtype"]));
        CHECK(ours.shape == tensor["shape"].get<std::vector<std::int64_t>>());
        CHECK(floats(ours) == tensor["values"].get<std::vector<float>>());
        ++compared;
      }
    }
  CHECK(compared == 2 * (15 + 4 + 4 + 5));
}

TEST_CASE("tensors of one storage stay one") {
  for (const char* file : {"plain.bin", "plain.legacy.bin"}) {
    const Container read = Container::torch_pickle(fixture(file));
    CHECK(read.tensors().at("base").data == read.tensors().at("tied").data);
  }
}

TEST_CASE("the bytes of a file live as long as someone holds them") {
  std::shared_ptr<const void> memory;
  Tensor base, transposed;
  {
    const Container read = Container::torch_pickle(fixture("plain.bin"));
    memory = read.memory();
    base = read.tensors().at("base");
    transposed = read.tensors().at("transposed");
  }
  CHECK(floats(base)[23] == 23.f);
  CHECK(floats(transposed)[1] == 4.f);
}

TEST_CASE("a pickle that imports anything else is refused by the import's name, and nothing is run") {
  CHECK_THAT(failure(fixture("counter.bin"), &Container::torch_pickle), Contains("imports 'collections.Counter'") && Contains("state_dict"));
  TempFolder folder;
  const fs::path trace = folder.path() / "ran";
  const std::string command = "touch " + trace.string();
  CHECK_THAT(failure_of(legacy("cposix\nsystem\n" + text(command) + "\x85R")), Contains("imports 'posix.system'"));
  CHECK_THAT(failure_of(legacy(text("builtins") + text("eval") + "\x93" + text("1") + "\x85R")), Contains("imports 'builtins.eval'"));
  CHECK_THAT(failure_of(legacy("ctorch\nload\n" + text("x") + "\x85R")), Contains("imports 'torch.load'"));
  CHECK_FALSE(fs::exists(trace));
}

TEST_CASE("pickles that ask for the impossible are refused with file and place") {
  CHECK(failure_of(legacy("}")) == "no error");
  CHECK_THAT(failure_of("abc"), Contains("no file of torch.save (3 bytes)"));
  CHECK_THAT(failure_of(legacy("]")), Contains("no dict of tensors"));
  CHECK_THAT(failure_of(legacy("")), Contains("a value is missing on the stack"));
  CHECK_THAT(failure_of(legacy("u")), Contains("a mark is missing"));
  CHECK_THAT(failure_of(legacy("h\x05")), Contains("memo number 5 was never set"));
  CHECK_THAT(failure_of(legacy("}r\xff\xff\xff\x7f")), Contains("memo number 2147483647 is too large"));
  CHECK_THAT(failure_of(legacy("}(Nu")), Contains("a key without a value"));
  CHECK_THAT(failure_of(legacy("\xff")), Contains("instruction 0xff"));
  CHECK_THAT(failure_of(legacy("X\xff\xff\xff\x7f")), Contains("takes 2147483647 bytes"));
  CHECK_THAT(failure_of(legacy("NNR")), Contains("what a function is given"));
  CHECK_THAT(failure_of(legacy("NQ")), Contains("a storage's description"));
  CHECK_THAT(failure_of(legacy("\x8a\x09" + std::string(9, '\1'))), Contains("whole number of 9 bytes"));
  CHECK_THAT(failure_of("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe8\x03."), Contains("not torch's 1001"));
  // A dict in itself, and lists in lists: nothing follows them all the way.
  CHECK(failure_of(legacy("}q\1" + text("a") + "h\1s")) == "no error");
  std::string deep = "}" + text("a") + "]";
  for (int i = 0; i < 100'000; ++i) deep += "]";
  for (int i = 0; i < 100'000; ++i) deep += "a";
  CHECK(failure_of(legacy(deep + "s")) == "no error");
  // A dict of 60 names of one tensor, under 100 names: 6000 tensors out of 200 values.
  std::string many = rebuilt(kZero, "K\4\x85", "K\1\x85") + "q\x08}}q\7";
  for (int i = 0; i < 60; ++i) many += text("i" + std::to_string(i)) + "h\x08s";
  std::string uses = "0";
  for (int i = 0; i < 100; ++i) uses += text("o" + std::to_string(i)) + "h\7s";
  CHECK_THAT(failure_of(with_storage(many + uses)), Contains("again and again"));
  CHECK_THAT(failure_of(legacy("}X\xff\xff" + std::string(2, '\0') + std::string(65535, 'n') + "Ns")), Contains("a name of 65535 bytes: 'nnn"));
  CHECK_THAT(failure_of(legacy(std::string(5'000'000, 'N'))), Contains("more than 4000000 values"));
}

TEST_CASE("a tensor's view stays inside of its storage") {
  const auto view = [](const std::string& offset, const std::string& shape, const std::string& strides) {
    return with_storage("}" + text("w") + rebuilt(offset, shape, strides) + "s");
  };
  CHECK(failure_of(view(kZero, "K\4\x85", "K\1\x85")) == "no error");
  CHECK(failure_of(view("K\1", "K\1K\3\x86", "J\xff\xff\xff\x7fK\1\x86")) == "no error");  // a side of one is never walked
  CHECK_THAT(failure_of(view("K\1", "K\4\x85", "K\1\x85")), Contains("tensor 'w'") && Contains("reaches beyond the 4 of storage '0'"));
  CHECK_THAT(failure_of(view(kZero, "K\2\x85", "J\xff\xff\xff\x7f\x85")), Contains("reaches beyond"));
  CHECK_THAT(failure_of(view(kZero, "(" + std::string(130, 'N') + "t", "K\1\x85")), Contains("has 130 sides"));
  CHECK_THAT(failure_of(view("J\xff\xff\xff\xff", "K\4\x85", "K\1\x85")), Contains("a tensor's offset is -1"));
  CHECK_THAT(failure_of(view(kZero, "K\4\x85", "K\1K\1\x86")), Contains("as many strides as sides"));
  const std::string large = "\x8a\x05" + std::string("\0\0\0\0\1", 5);  // 2^32
  CHECK_THAT(failure_of(view(kZero, large + "\x85", kZero + "\x85")), Contains("more than the file is large"));
  CHECK_THAT(failure_of(view(kZero, large + large + "\x86", kZero + "K\1\x86")), Contains("is too large"));
}
