// The safetensors container: u64 length of the header, a JSON header {name: {dtype, shape, data_offsets}}, the data.
#include <ATen/ops/empty.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/base/suggest.h"
#include "modules/checkpoint/checkpoint.h"

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian and are copied as they are");

namespace saucier::checkpoint {
namespace {

constexpr std::uint64_t kLongestHeader = 100'000'000;  // the format's own limit
constexpr const char* kMetadata = "__metadata__";

struct Dtype {
  const char* name;
  at::ScalarType type;
};
constexpr Dtype kDtypes[] = {{"F64", at::kDouble}, {"F32", at::kFloat},  {"F16", at::kHalf},  {"BF16", at::kBFloat16},
                             {"I64", at::kLong},   {"I32", at::kInt},    {"I16", at::kShort}, {"I8", at::kChar},
                             {"U8", at::kByte},    {"BOOL", at::kBool}};

at::ScalarType dtype_of(const std::string& name) {
  std::vector<std::string> known;
  for (const Dtype& dtype : kDtypes) {
    if (name == dtype.name) return dtype.type;
    known.emplace_back(dtype.name);
  }
  throw Error(fmt::format("number format '{}' is not supported", name), suggestion(name, known));
}

const char* name_of(at::ScalarType type) {
  for (const Dtype& dtype : kDtypes)
    if (type == dtype.type) return dtype.name;
  throw Error(fmt::format("tensors of type '{}' cannot be written", at::toString(type)));
}

class MappedFile {
 public:
  explicit MappedFile(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw Error(fmt::format("cannot read '{}': {}", path.string(), std::strerror(errno)));
    struct stat status {};
    const bool known = ::fstat(fd, &status) == 0;
    size_ = known ? static_cast<size_t>(status.st_size) : 0;
    if (known && size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    const int error = errno;
    ::close(fd);
    if (!known || data_ == MAP_FAILED)
      throw Error(fmt::format("cannot read '{}': {}", path.string(), std::strerror(error)));
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  const char* data() const { return static_cast<const char*>(data_); }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

struct Entry {
  std::string name;
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

std::uint64_t whole_number(const Json& value, const char* what) {
  if (!value.is_number_unsigned() && !(value.is_number_integer() && value.get<std::int64_t>() >= 0))
    throw Error(fmt::format("{} is '{}', not a whole number", what, value.dump()));
  return value.get<std::uint64_t>();
}

Entry read_entry(const std::string& name, const Json& json, std::uint64_t data_size) {
  Entry entry;
  entry.name = name;
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!json.is_object() || !json.contains(key)) throw Error(fmt::format("field '{}' is missing", key));
  if (!json["dtype"].is_string()) throw Error("field 'dtype' is not a text");
  entry.type = dtype_of(json["dtype"].get<std::string>());
  if (!json["shape"].is_array()) throw Error("field 'shape' is not a list");
  std::uint64_t bytes = at::elementSize(entry.type);
  for (const Json& side : json["shape"]) {
    const std::uint64_t length = whole_number(side, "a side of 'shape'");
    if (__builtin_mul_overflow(bytes, length, &bytes) || length > INT64_MAX)
      throw Error(fmt::format("shape '{}' is too large", json["shape"].dump()));
    entry.shape.push_back(static_cast<std::int64_t>(length));
  }
  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) throw Error("field 'data_offsets' is not a pair");
  entry.begin = whole_number(offsets[0], "an offset");
  entry.end = whole_number(offsets[1], "an offset");
  if (entry.begin > entry.end || entry.end > data_size)
    throw Error(fmt::format("offsets {} to {} are outside of the data ({} bytes)", entry.begin, entry.end, data_size),
                "the file may be cut off: copy it again");
  if (entry.end - entry.begin != bytes)
    throw Error(fmt::format("offsets {} to {} hold {} bytes, shape '{}' of '{}' takes {}", entry.begin, entry.end,
                            entry.end - entry.begin, json["shape"].dump(), json["dtype"].get<std::string>(), bytes));
  return entry;
}

Json read_header(const MappedFile& file) {
  std::uint64_t length = 0;
  if (file.size() < sizeof length) throw Error(fmt::format("no safetensors file ({} bytes)", file.size()));
  std::memcpy(&length, file.data(), sizeof length);
  if (length > kLongestHeader || length > file.size() - sizeof length)
    throw Error(fmt::format("no safetensors file, or a cut-off one: its header of {} bytes does not fit into {} bytes",
                            length, file.size()));
  const char* begin = file.data() + sizeof length;
  const Json header = parse_json(std::string_view(begin, length), "the header");
  if (!header.is_object()) throw Error("the header is not a JSON object");
  // Of two equal names the parser keeps one: a tensor would be hidden.
  std::set<std::string> names;
  const auto note_name = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second)
      throw Error(fmt::format("tensor '{}' stands in the header twice", parsed.get<std::string>()));
    return true;
  };
  static_cast<void>(Json::parse(begin, begin + length, note_name).is_null());
  return header;
}

std::vector<Entry> read_entries(const Json& header, std::uint64_t data_size) {
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == kMetadata) continue;
    entries.push_back(with_context(fmt::format("tensor '{}'", name), [&, &name = name, &json = json] {
      return read_entry(name, json, data_size);
    }));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at)
      throw Error(fmt::format("tensor '{}' begins at byte {} of the data, {} {}", entry.name, entry.begin,
                              entry.begin < at ? "inside the tensor before it, which ends at" : "behind a hole from", at));
    at = entry.end;
  }
  if (at != data_size) throw Error(fmt::format("the tensors end at byte {} of {} bytes of data", at, data_size));
  return entries;
}

at::Tensor read_tensor(const Entry& entry, const char* data) {
  at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.type));
  if (entry.end > entry.begin) std::memcpy(tensor.mutable_data_ptr(), data + entry.begin, entry.end - entry.begin);
  return entry.type == at::kHalf || entry.type == at::kBFloat16 ? tensor.to(at::kFloat) : tensor;
}

[[noreturn]] void fail_writing(const fs::path& path, int error) {
  throw Error(fmt::format("cannot write '{}': {}", path.string(), std::strerror(error)),
              error == ENOSPC ? "free some space" : "");
}

}  // namespace

std::map<std::string, at::Tensor> read_safetensors(const fs::path& file) {
  return with_context(fmt::format("in '{}'", file.string()), [&] {
    const MappedFile mapped(file);
    const Json header = read_header(mapped);
    std::uint64_t length = 0;
    std::memcpy(&length, mapped.data(), sizeof length);
    const char* data = mapped.data() + sizeof length + length;
    std::map<std::string, at::Tensor> tensors;
    for (const Entry& entry : read_entries(header, mapped.size() - sizeof length - length))
      tensors.emplace(entry.name, read_tensor(entry, data));
    return tensors;
  });
}

void write_safetensors(const fs::path& file, const std::map<std::string, at::Tensor>& tensors, bool bfloat16) {
  std::vector<std::pair<std::string, at::Tensor>> order;
  for (const auto& [name, tensor] : tensors) {
    const bool narrow = bfloat16 && at::isFloatingType(tensor.scalar_type());
    order.emplace_back(name, tensor.detach().cpu().to(narrow ? at::kBFloat16 : tensor.scalar_type()).contiguous());
  }
  // Wide numbers first, so that every tensor stands on a multiple of its number's size.
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second.element_size() > b.second.element_size(); });
  Json header = {{kMetadata, {{"format", "pt"}}}};  // transformers refuses files that do not say where they come from
  std::uint64_t at = 0;
  for (const auto& [name, tensor] : order) {
    const std::uint64_t bytes = tensor.nbytes();
    header[name] = {{"dtype", name_of(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();

  // Tensor by tensor, so that no copy of the whole model is needed.
  fs::path temporary = file;
  temporary += fmt::format(".{}.tmp", ::getpid());
  errno = 0;
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  if (!out) fail_writing(file, errno);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const auto& [name, tensor] : order)
    out.write(static_cast<const char*>(tensor.const_data_ptr()), static_cast<std::streamsize>(tensor.nbytes()));
  out.close();
  std::error_code failed;
  if (!out) {
    const int error = errno;
    fs::remove(temporary, failed);
    fail_writing(file, error);
  }
  fsync_path(temporary);
  fs::rename(temporary, file, failed);
  if (failed) {
    const int error = failed.value();
    fs::remove(temporary, failed);
    fail_writing(file, error);
  }
  fsync_path(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

}  // namespace saucier::checkpoint
