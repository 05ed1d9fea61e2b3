// What torch.save writes. Since torch 1.6 a zip file: NAME/data.pkl, NAME/byteorder, and NAME/data/KEY for each storage.
// Before: five pickles (a magic number, the protocol, the machine, the object, the storages' keys), then each storage as
// u64 elements and its bytes.
#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "modules/weights/cursor.h"
#include "modules/weights/pickle.h"
#include "modules/weights/reading.h"
#include "modules/weights/zip.h"

namespace saucier::weights {
namespace {

using pickle::Id;
using pickle::Program;

constexpr size_t kLongestName = 1000;
constexpr std::string_view kLegacyMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);

// Where the storages' bytes are: the zip file's entries, or what stands behind the older format's pickles.
using Storages = std::map<std::string, std::string_view, std::less<>>;

template <class T>
const T* find(const Program& program, Id id) { return std::get_if<T>(&program.values[id]); }

std::string_view bytes_of(const pickle::Storage& storage, const Storages& storages) {
  const auto found = storages.find(storage.key);
  if (found == storages.end()) throw Error(fmt::format("storage '{}' is not in the file", shown(storage.key)));
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(storage.elements, block_bytes(storage.dtype), &bytes) || bytes > found->second.size())
    throw Error(fmt::format("storage '{}' has {} bytes, its {} numbers of '{}' take more", shown(storage.key), found->second.size(),
                            storage.elements, name_of(storage.dtype)),
                "the file may be cut off: copy it again");
  return found->second.substr(0, bytes);
}

// The elements from the first to one behind the last that a view reaches.
std::uint64_t reach(const pickle::TensorView& view) {
  std::uint64_t out = view.offset;
  for (size_t i = 0; i < view.shape.size(); ++i) {
    std::uint64_t step = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(view.shape[i] - 1), static_cast<std::uint64_t>(view.strides[i]), &step) ||
        __builtin_add_overflow(out, step, &out))
      return UINT64_MAX;
  }
  return out == UINT64_MAX ? out : out + 1;
}

bool is_contiguous(const pickle::TensorView& view) {
  std::int64_t expected = 1;
  for (size_t i = view.shape.size(); i > 0; --i) {
    if (view.shape[i - 1] != 1 && view.strides[i - 1] != expected) return false;
    expected *= view.shape[i - 1];
  }
  return true;
}

void copy_strided(const std::byte* from, size_t size, pickle::TensorView view, std::byte* to) {
  for (size_t i = 0; i < view.shape.size(); ++i)
    if (view.shape[i] == 1) view.strides[i] = 0;  // never walked, so it may be anything
  std::vector<std::int64_t> at(view.shape.size(), 0);
  for (std::int64_t element = 0;;) {
    std::memcpy(to, from + static_cast<size_t>(element) * size, size);
    to += size;
    size_t side = at.size();
    for (; side > 0; --side) {
      element += view.strides[side - 1];
      if (++at[side - 1] < view.shape[side - 1]) break;
      element -= view.strides[side - 1] * view.shape[side - 1];
      at[side - 1] = 0;
    }
    if (side == 0) return;
  }
}

// The mapped file, and the tensors that had to be put in order.
struct Memory {
  explicit Memory(const fs::path& path) : file(path) {}
  MappedFile file;
  std::vector<std::vector<std::byte>> copies;
  size_t copied = 0;
};

class Gatherer {
 public:
  Gatherer(const Program& program, const Storages& storages, Memory& memory) : program_(program), storages_(storages), memory_(memory) {}

  // Dicts in the dict come with their name before their tensors'. What is no tensor (an epoch, say) is left out.
  std::map<std::string, Tensor> gather() {
    const auto* root = find<pickle::Dict>(program_, program_.result);
    if (!root) throw Error("it holds no dict of tensors");
    if (const pickle::Dict* inner = state_dict(*root)) root = inner;
    add(*root, "", true);
    return std::move(tensors_);
  }

 private:
  const pickle::Dict* state_dict(const pickle::Dict& dict) const {
    for (const auto& [key, item] : dict.items)
      if (const auto* name = find<std::string_view>(program_, key); name && *name == "state_dict") return find<pickle::Dict>(program_, item);
    return nullptr;
  }

  void add(const pickle::Dict& dict, const std::string& prefix, bool outermost) {
    for (const auto& [key, item] : dict.items) {
      const auto* name = find<std::string_view>(program_, key);
      if (!name) continue;
      if (name->size() > kLongestName) throw Error(fmt::format("a name of {} bytes: '{}'", name->size(), shown(*name)));
      if (tensors_.size() > program_.values.size()) throw Error("dicts that stand in it again and again");  // a few bytes would become many tensors
      const auto* view = find<pickle::TensorView>(program_, item);
      const auto* inner = find<pickle::Dict>(program_, item);
      const std::string full = prefix + std::string(*name);
      if (view)
        with_context(fmt::format("tensor '{}'", shown(std::string_view(full))), [&] {
          if (!tensors_.emplace(full, tensor_of(*view)).second) throw Error("the name stands in the file twice");
        });
      else if (inner && outermost)
        add(*inner, full + ".", false);
    }
  }

  Tensor tensor_of(const pickle::TensorView& view) {
    const auto& storage = std::get<pickle::Storage>(program_.values[view.storage]);
    const std::string_view bytes = bytes_of(storage, storages_);
    Tensor out{.dtype = storage.dtype, .shape = view.shape, .bytes = weights::bytes_of(storage.dtype, view.shape)};
    if (out.bytes == 0) return out;
    if (reach(view) > storage.elements)
      throw Error(fmt::format("shape '{}' with strides '{}' from number {} reaches beyond the {} of storage '{}'", shown(Json(view.shape)),
                              shown(Json(view.strides)), view.offset, storage.elements, shown(storage.key)));
    const size_t size = block_bytes(storage.dtype);
    const auto* from = reinterpret_cast<const std::byte*>(bytes.data()) + view.offset * size;
    out.data = is_contiguous(view) ? from : copy(view, from, size, out.bytes);
    return out;
  }

  const std::byte* copy(const pickle::TensorView& view, const std::byte* from, size_t size, size_t bytes) {
    auto& known = copies_[{from, view.shape, view.strides}];
    if (known) return known;
    // A stride of 0 makes much of little: no more than the file could hold as it is.
    memory_.copied += bytes;
    if (bytes > memory_.file.size() || memory_.copied > memory_.file.size())
      throw Error("its strides use numbers again and again, more than the file is large", "save it with .contiguous()");
    std::vector<std::byte> out(bytes);
    copy_strided(from, size, view, out.data());
    memory_.copies.push_back(std::move(out));
    return known = memory_.copies.back().data();
  }

  const Program& program_;
  const Storages& storages_;
  Memory& memory_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::tuple<const std::byte*, std::vector<std::int64_t>, std::vector<std::int64_t>>, const std::byte*> copies_;
};

std::map<std::string, Tensor> read_zip(Memory& memory) {
  const auto entries = zip_entries(memory.file.text());
  constexpr std::string_view kPickle = "/data.pkl";
  const auto object = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first.ends_with(kPickle); });
  if (object == entries.end()) throw Error("the zip file has no entry 'data.pkl': torch.save did not write it");
  const std::string front = object->first.substr(0, object->first.size() - kPickle.size());
  const auto order = entries.find(front + "/byteorder");
  if (order != entries.end() && order->second != "little") throw Error(fmt::format("byte order '{}' is not supported", shown(order->second)));
  Storages storages;
  const std::string data = front + "/data/";
  for (const auto& [name, bytes] : entries)
    if (name.starts_with(data)) storages.emplace(name.substr(data.size()), bytes);
  const Program program = with_context("in 'data.pkl'", [&] { return pickle::run(object->second); });
  return Gatherer(program, storages, memory).gather();
}

void check_machine(const Program& program) {
  const auto* dict = find<pickle::Dict>(program, program.result);
  for (const auto& [key, item] : dict ? dict->items : std::vector<std::pair<Id, Id>>{})
    if (const auto* name = find<std::string_view>(program, key); name && *name == "little_endian")
      if (const bool* little = find<bool>(program, item); little && *little) return;
  throw Error("the file was not written on a little-endian machine");
}

std::map<std::string, Tensor> read_legacy(Memory& memory) {
  const std::string_view file = memory.file.text();
  size_t at = kLegacyMagic.size();
  const auto next = [&](std::string_view what) {
    return with_context(fmt::format("in {} at byte {}", what, at), [&] {
      Program out = pickle::run(file.substr(at));
      at += out.size;
      return out;
    });
  };
  const Program protocol = next("the protocol's number");
  if (const auto* number = find<std::int64_t>(protocol, protocol.result); !number || *number != 1001) throw Error("its protocol is not torch's 1001");
  check_machine(next("the machine's description"));
  const Program program = next("the object"), keys = next("the storages' keys");
  std::map<std::string_view, Dtype> dtypes;
  for (const pickle::Value& value : program.values)
    if (const auto* storage = std::get_if<pickle::Storage>(&value)) dtypes.emplace(storage->key, storage->dtype);
  const auto* list = find<pickle::Sequence>(keys, keys.result);
  if (!list) throw Error("the storages' keys are no list");
  Storages storages;
  Cursor in(file, at);
  for (const Id id : list->items) {
    const auto* key = find<std::string_view>(keys, id);
    const auto dtype = key ? dtypes.find(*key) : dtypes.end();
    if (dtype == dtypes.end()) throw Error("a storage that no tensor uses");
    const std::string what = fmt::format("storage '{}'", shown(*key));
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(in.number<std::uint64_t>(what), block_bytes(dtype->second), &bytes)) throw Error(fmt::format("{} is too large", what));
    if (!storages.emplace(*key, in.take(bytes, what)).second) throw Error(fmt::format("{} stands in the file twice", what));
  }
  return Gatherer(program, storages, memory).gather();
}

}  // namespace

Container Container::torch_pickle(const fs::path& file) {
  return with_context(fmt::format("in '{}'", file.string()), [&] {
    const auto memory = std::make_shared<Memory>(file);
    const std::string_view text = memory->file.text();
    const bool zip = text.starts_with("PK"), legacy = text.starts_with(kLegacyMagic);
    if (!zip && !legacy) throw Error(fmt::format("no file of torch.save ({} bytes)", text.size()));
    std::map<std::string, Tensor> tensors = zip ? read_zip(*memory) : read_legacy(*memory);
    return Builder::build(std::move(tensors), Json::object(), memory);
  });
}

}  // namespace saucier::weights
