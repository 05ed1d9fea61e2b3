// GGUF (github.com/ggml-org/ggml, docs/gguf.md): magic, version, counts, keys with typed values, a table of tensors, and
// behind it their data, each at a multiple of the alignment.
#include <algorithm>
#include <bit>
#include <utility>

#include "modules/weights/cursor.h"
#include "modules/weights/reading.h"

namespace saucier::weights {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr const char* kAlignment = "general.alignment";
constexpr std::uint64_t kMostValues = 20'000'000;  // in all arrays: a value takes up to 16 times what it takes in the file
constexpr std::uint32_t kMostSides = 4;            // ggml's own limit

enum class ValueType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };
constexpr std::uint32_t kValueTypes = 13;

// ggml's numbers for its types. Those without a Dtype are known by name only.
struct GgmlType {
  std::uint32_t number;
  std::string_view name;
};
constexpr GgmlType kGgmlTypes[] = {
    {0, "F32"},      {1, "F16"},    {2, "Q4_0"},     {3, "Q4_1"},  {6, "Q5_0"},    {7, "Q5_1"},   {8, "Q8_0"},   {9, "Q8_1"},
    {10, "Q2_K"},    {11, "Q3_K"},  {12, "Q4_K"},    {13, "Q5_K"}, {14, "Q6_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"},  {21, "IQ3_S"}, {22, "IQ2_S"}, {23, "IQ4_XS"}, {24, "I8"},    {25, "I16"},
    {26, "I32"},     {27, "I64"},   {28, "F64"},     {29, "IQ1_M"}, {30, "BF16"},  {34, "TQ1_0"}, {35, "TQ2_0"},  {39, "MXFP4"},
};
constexpr Dtype kRead[] = {Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::f64,  Dtype::i8,   Dtype::i16,  Dtype::i32,
                           Dtype::i64, Dtype::q8_0, Dtype::q4_0, Dtype::q4_1, Dtype::q4_k, Dtype::q6_k};

Dtype dtype_of(std::uint32_t number) {
  const auto type = std::find_if(std::begin(kGgmlTypes), std::end(kGgmlTypes), [&](const GgmlType& t) { return t.number == number; });
  if (type == std::end(kGgmlTypes)) throw Error(fmt::format("number format {} is not known to GGUF", number));
  const auto dtype = std::find_if(std::begin(kRead), std::end(kRead), [&](Dtype d) { return name_of(d) == type->name; });
  if (dtype == std::end(kRead))
    throw Error(fmt::format("number format '{}' is not supported", type->name), "convert the file to one of F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K, Q6_K");
  return *dtype;
}

std::string_view read_text(Cursor& in, std::string_view what) { return in.take(in.number<std::uint64_t>(what), what); }

ValueType read_type(Cursor& in) {
  const auto number = in.number<std::uint32_t>("the type");
  if (number >= kValueTypes) throw Error(fmt::format("value type {} is not known", number));
  return static_cast<ValueType>(number);
}

Json read_scalar(Cursor& in, ValueType type) {
  constexpr const char* kWhat = "the value";
  switch (type) {
    case ValueType::u8: return in.number<std::uint8_t>(kWhat);
    case ValueType::i8: return in.number<std::int8_t>(kWhat);
    case ValueType::u16: return in.number<std::uint16_t>(kWhat);
    case ValueType::i16: return in.number<std::int16_t>(kWhat);
    case ValueType::u32: return in.number<std::uint32_t>(kWhat);
    case ValueType::i32: return in.number<std::int32_t>(kWhat);
    case ValueType::f32: return in.number<float>(kWhat);
    case ValueType::u64: return in.number<std::uint64_t>(kWhat);
    case ValueType::i64: return in.number<std::int64_t>(kWhat);
    case ValueType::f64: return in.number<double>(kWhat);
    case ValueType::text: return std::string(read_text(in, kWhat));
    case ValueType::boolean: {
      const auto value = in.number<std::uint8_t>(kWhat);
      if (value > 1) throw Error(fmt::format("{} is no truth value", value));
      return value == 1;
    }
    case ValueType::array: break;
  }
  throw Error("arrays inside arrays are not supported");
}

Json read_value(Cursor& in, std::uint64_t& values_left) {
  const ValueType type = read_type(in);
  if (type != ValueType::array) return read_scalar(in, type);
  const ValueType inner = read_type(in);
  const auto count = in.number<std::uint64_t>("the array's length");
  if (count > in.left()) throw Error(fmt::format("an array of {} values does not fit into the {} bytes left", count, in.left()));
  if (count > values_left) throw Error(fmt::format("more than {} values in arrays", kMostValues));
  values_left -= count;
  Json out = Json::array();
  for (std::uint64_t i = 0; i < count; ++i) out.push_back(read_scalar(in, inner));
  return out;
}

Json read_keys(Cursor& in, std::uint64_t count) {
  Json out = Json::object();
  std::uint64_t values_left = kMostValues;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string name(read_text(in, fmt::format("the name of key {}", i)));
    with_context(fmt::format("key '{}'", shown(std::string_view(name))), [&] {
      if (out.contains(name)) throw Error("the key stands in the file twice");
      out[name] = read_value(in, values_left);
    });
  }
  return out;
}

struct Entry {
  std::string name;
  Tensor tensor;
  std::uint64_t offset = 0;
};

Entry read_entry(Cursor& in, std::uint64_t number) {
  Entry out;
  out.name = read_text(in, fmt::format("the name of tensor {}", number));
  with_context(fmt::format("tensor '{}'", shown(std::string_view(out.name))), [&] {
    const auto sides = in.number<std::uint32_t>("the number of sides");
    if (sides > kMostSides) throw Error(fmt::format("{} sides, at most {} are allowed", sides, kMostSides));
    for (std::uint32_t i = 0; i < sides; ++i) {
      const auto side = in.number<std::uint64_t>("a side");
      if (side > INT64_MAX) throw Error(fmt::format("a side of {} is too large", side));
      out.tensor.shape.insert(out.tensor.shape.begin(), static_cast<std::int64_t>(side));
    }
    out.tensor.dtype = dtype_of(in.number<std::uint32_t>("the number format"));
    out.offset = in.number<std::uint64_t>("the offset");
    out.tensor.bytes = bytes_of(out.tensor.dtype, out.tensor.shape);
  });
  return out;
}

std::uint64_t alignment_of(const Json& keys) {
  const auto found = keys.find(kAlignment);
  if (found == keys.end()) return 32;
  if (!found->is_number_unsigned() || !std::has_single_bit(found->get<std::uint64_t>()) || found->get<std::uint64_t>() > UINT32_MAX)
    throw Error(fmt::format("key '{}' is '{}', not a power of two", kAlignment, shown(*found)));
  return found->get<std::uint64_t>();
}

// Sets the tensors' data: inside of the file, aligned, none inside another.
void place(std::vector<Entry>& entries, std::string_view data, std::uint64_t alignment) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
  std::uint64_t at = 0;
  for (Entry& entry : entries)
    with_context(fmt::format("tensor '{}'", shown(std::string_view(entry.name))), [&] {
      if (entry.offset % alignment != 0) throw Error(fmt::format("offset {} is no multiple of the alignment {}", entry.offset, alignment));
      if (entry.offset > data.size() || entry.tensor.bytes > data.size() - entry.offset)
        throw Error(fmt::format("{} bytes at {} are outside of the data ({} bytes)", entry.tensor.bytes, entry.offset, data.size()),
                    "the file may be cut off: copy it again");
      if (entry.tensor.bytes > 0 && entry.offset < at) throw Error(fmt::format("offset {} is inside the tensor before it, which ends at {}", entry.offset, at));
      at = std::max(at, entry.offset + entry.tensor.bytes);
      entry.tensor.data = reinterpret_cast<const std::byte*>(data.data()) + entry.offset;
    });
}

void check_front(Cursor& in, std::string_view file) {
  if (!file.starts_with(kMagic)) throw Error(fmt::format("no GGUF file ({} bytes)", file.size()));
  in.take(kMagic.size(), "the magic");
  const auto version = in.number<std::uint32_t>("the version");
  if (version != 0 && (version & 0xffff) == 0) throw Error("a big-endian GGUF file is not supported");
  if (version != 2 && version != 3) throw Error(fmt::format("GGUF version {} is not supported (2 and 3 are)", version));
}

std::uint64_t read_count(Cursor& in, std::string_view what, std::uint64_t least_bytes) {
  const auto count = in.number<std::uint64_t>(fmt::format("the number of {}", what));
  if (count > in.left() / least_bytes) throw Error(fmt::format("{} {} do not fit into the {} bytes left", count, what, in.left()));
  return count;
}

void check_whole(const Json& keys) {
  const auto parts = keys.find("split.count");
  if (parts != keys.end() && *parts != 0 && *parts != 1)
    throw Error(fmt::format("one of {} files that a model was split into", shown(*parts)), "join them with llama.cpp's 'llama-gguf-split --merge'");
}

}  // namespace

Container Container::gguf(const fs::path& file) {
  return with_context(fmt::format("in '{}'", file.string()), [&] {
    const auto mapped = std::make_shared<const MappedFile>(file);
    Cursor in(mapped->text());
    check_front(in, mapped->text());
    const std::uint64_t tensor_count = read_count(in, "tensors", 24), key_count = read_count(in, "keys", 13);
    Json keys = read_keys(in, key_count);
    check_whole(keys);
    const std::uint64_t alignment = alignment_of(keys);
    std::vector<Entry> entries;
    for (std::uint64_t i = 0; i < tensor_count; ++i) entries.push_back(read_entry(in, i));
    const std::uint64_t padding = (alignment - in.at() % alignment) % alignment;
    const std::string_view data = mapped->text().substr(std::min<std::uint64_t>(in.at() + padding, mapped->size()));
    place(entries, data, alignment);
    std::map<std::string, Tensor> tensors;
    for (Entry& entry : entries) {
      const bool fresh = tensors.emplace(entry.name, std::move(entry.tensor)).second;
      if (!fresh) throw Error(fmt::format("tensor '{}' stands in the file twice", shown(std::string_view(entry.name))));
    }
    return Builder::build(std::move(tensors), std::move(keys), mapped);
  });
}

}  // namespace saucier::weights
