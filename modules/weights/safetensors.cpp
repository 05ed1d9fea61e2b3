// The safetensors container: u64 length of the header, a JSON header {name: {dtype, shape, data_offsets}}, the data.
#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "modules/base/suggest.h"
#include "modules/weights/reading.h"
#include "modules/weights/safetensors.h"

namespace saucier::weights {
namespace {

constexpr std::uint64_t kLongestHeader = 100'000'000;  // the format's own limit

Dtype dtype_of(const std::string& name) {
  std::vector<std::string> known;
  for (const Dtype dtype : kSafetensorsDtypes) {
    if (name == name_of(dtype)) return dtype;
    known.emplace_back(name_of(dtype));
  }
  throw Error(fmt::format("number format '{}' is not supported", shown(std::string_view(name))), suggestion(name, known));
}

struct Entry {
  std::string name;
  Tensor tensor;
  std::uint64_t begin = 0, end = 0;
};

std::uint64_t whole_number(const Json& value, const char* what) {
  if (!value.is_number_unsigned()) throw Error(fmt::format("{} is '{}', not a whole number", what, shown(value)));
  return value.get<std::uint64_t>();
}

Entry read_entry(const std::string& name, const Json& json, std::uint64_t data_size) {
  Entry entry;
  entry.name = name;
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!json.is_object() || !json.contains(key)) throw Error(fmt::format("field '{}' is missing", key));
  if (!json["dtype"].is_string()) throw Error("field 'dtype' is not a text");
  Tensor& tensor = entry.tensor;
  tensor.dtype = dtype_of(json["dtype"].get<std::string>());
  if (!json["shape"].is_array()) throw Error("field 'shape' is not a list");
  for (const Json& side : json["shape"]) {
    const std::uint64_t length = whole_number(side, "a side of 'shape'");
    if (length > INT64_MAX) throw Error(fmt::format("shape '{}' is too large", shown(json["shape"])));
    tensor.shape.push_back(static_cast<std::int64_t>(length));
  }
  tensor.bytes = bytes_of(tensor.dtype, tensor.shape);
  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) throw Error("field 'data_offsets' is not a pair");
  entry.begin = whole_number(offsets[0], "an offset");
  entry.end = whole_number(offsets[1], "an offset");
  if (entry.begin > entry.end || entry.end > data_size)
    throw Error(fmt::format("offsets {} to {} are outside of the data ({} bytes)", entry.begin, entry.end, data_size),
                "the file may be cut off: copy it again");
  if (entry.end - entry.begin != tensor.bytes)
    throw Error(fmt::format("offsets {} to {} hold {} bytes, shape '{}' of '{}' takes {}", entry.begin, entry.end,
                            entry.end - entry.begin, shown(json["shape"]), name_of(tensor.dtype), tensor.bytes));
  return entry;
}

std::string_view header_of(std::string_view file) {
  std::uint64_t length = 0;
  if (file.size() < sizeof length) throw Error(fmt::format("no safetensors file ({} bytes)", file.size()));
  std::memcpy(&length, file.data(), sizeof length);
  if (length > kLongestHeader || length > file.size() - sizeof length)
    throw Error(fmt::format("no safetensors file, or a cut-off one: its header of {} bytes does not fit into {} bytes",
                            length, file.size()));
  return file.substr(sizeof length, length);
}

std::vector<Entry> read_entries(const Json& header, std::uint64_t data_size) {
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == kMetadataKey) continue;
    entries.push_back(with_context(fmt::format("tensor '{}'", shown(std::string_view(name))),
                                   [&, &name = name, &json = json] { return read_entry(name, json, data_size); }));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at)
      throw Error(fmt::format("tensor '{}' begins at byte {} of the data, {} {}", shown(std::string_view(entry.name)), entry.begin,
                              entry.begin < at ? "inside the tensor before it, which ends at" : "behind a hole from", at));
    at = entry.end;
  }
  if (at != data_size) throw Error(fmt::format("the tensors end at byte {} of {} bytes of data", at, data_size));
  return entries;
}

}  // namespace

Container Container::safetensors(const fs::path& file) {
  return with_context(fmt::format("in '{}'", file.string()), [&] {
    const auto mapped = std::make_shared<const MappedFile>(file);
    const std::string_view text = header_of(mapped->text());
    Json header = checked_json(text, "the header", "tensor");
    if (!header.is_object()) throw Error("the header is not a JSON object");
    const size_t front = sizeof(std::uint64_t) + text.size();
    std::map<std::string, Tensor> tensors;
    for (Entry& entry : read_entries(header, mapped->size() - front)) {
      entry.tensor.data = mapped->data() + front + entry.begin;
      tensors.emplace(std::move(entry.name), std::move(entry.tensor));
    }
    Json metadata = header.contains(kMetadataKey) ? std::move(header[kMetadataKey]) : Json::object();
    if (!metadata.is_object()) throw Error(fmt::format("field '{}' is not an object", kMetadataKey));
    return Builder::build(std::move(tensors), std::move(metadata), mapped);
  });
}

}  // namespace saucier::weights
