#include "modules/weights/container.h"

#include <iterator>
#include <utility>

#include "modules/base/file.h"
#include "modules/weights/reading.h"

namespace saucier::weights {
namespace {

struct Facts {
  Dtype dtype;
  std::string_view name;
  size_t elements, bytes;  // of a block
};
constexpr Facts kFacts[] = {
    {Dtype::f64, "F64", 1, 8},    {Dtype::f32, "F32", 1, 4},      {Dtype::f16, "F16", 1, 2},      {Dtype::bf16, "BF16", 1, 2},
    {Dtype::i64, "I64", 1, 8},    {Dtype::i32, "I32", 1, 4},      {Dtype::i16, "I16", 1, 2},      {Dtype::i8, "I8", 1, 1},
    {Dtype::u8, "U8", 1, 1},      {Dtype::boolean, "BOOL", 1, 1}, {Dtype::q8_0, "Q8_0", 32, 34},  {Dtype::q4_0, "Q4_0", 32, 18},
    {Dtype::q4_1, "Q4_1", 32, 20}, {Dtype::q4_k, "Q4_K", 256, 144}, {Dtype::q6_k, "Q6_K", 256, 210},
};
constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kFacts); ++i)
    if (static_cast<size_t>(kFacts[i].dtype) != i) return false;
  return true;
}
static_assert(in_order());

const Facts& facts(Dtype dtype) { return kFacts[static_cast<size_t>(dtype)]; }

using Reader = Container (*)(const fs::path&);

// The shards that an index names, each tensor from the one it is said to be in.
Container read_shards(const fs::path& folder, const fs::path& index_file, Reader read) {
  const Json index = with_context(fmt::format("in '{}'", index_file.string()), [&] {
    Json json = checked_json(read_file(index_file), "the index", "key");
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) throw Error("no object 'weight_map'");
    return json;
  });
  std::map<std::string, Container> shards;
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, file] : index["weight_map"].items()) {
    const std::string shard = file.is_string() ? file.get<std::string>() : "";
    if (shard.empty() || fs::path(shard) != fs::path(shard).filename() || shard == "." || shard == "..")
      throw Error(fmt::format("'{}': tensor '{}' is in no file of the folder (got '{}')", index_file.string(), shown(std::string_view(name)), shown(file)));
    auto found = shards.find(shard);
    if (found == shards.end())
      found = shards.emplace(shard, with_context(fmt::format("in the shards of '{}'", index_file.string()), [&] { return read(folder / shard); })).first;
    const auto tensor = found->second.tensors().find(name);
    if (tensor == found->second.tensors().end())
      throw Error(fmt::format("tensor '{}' is not in '{}'", shown(std::string_view(name)), (folder / shard).string()),
                  fmt::format("'{}' says it is: copy the folder again", index_file.filename().string()));
    tensors.emplace(name, tensor->second);
  }
  auto memory = std::make_shared<std::vector<std::shared_ptr<const void>>>();
  Json metadata = Json::object();
  for (const auto& [name, shard] : shards) {
    memory->push_back(shard.memory());
    metadata.update(shard.metadata());
  }
  return Builder::build(std::move(tensors), std::move(metadata), std::move(memory));
}

}  // namespace

std::string_view name_of(Dtype dtype) { return facts(dtype).name; }
size_t block_elements(Dtype dtype) { return facts(dtype).elements; }
size_t block_bytes(Dtype dtype) { return facts(dtype).bytes; }

size_t Tensor::elements() const { return bytes / block_bytes(dtype) * block_elements(dtype); }

Container Container::folder(const fs::path& folder, std::string_view stem) {
  const std::string safe = fmt::format("{}.safetensors", stem), torch = fmt::format("{}.bin", stem == "model" ? "pytorch_model" : stem);
  for (const auto& [file, read] : {std::pair<const std::string&, Reader>(safe, &Container::safetensors), std::pair<const std::string&, Reader>(torch, &Container::torch_pickle)}) {
    if (fs::exists(folder / file)) return read(folder / file);
    const fs::path index = folder / (file + ".index.json");
    if (fs::exists(index)) return read_shards(folder, index, read);
  }
  if (!fs::is_directory(folder)) throw Error(fmt::format("no such folder: '{}'", folder.string()));
  throw Error(fmt::format("no weights in '{}'", folder.string()), fmt::format("it needs '{}' or its shards and their index", safe));
}

}  // namespace saucier::weights
