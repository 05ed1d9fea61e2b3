#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/weights/container.h"
#include "modules/weights/safetensors.h"

namespace saucier::weights {
namespace {

[[noreturn]] void fail_writing(const fs::path& path, int error) {
  throw Error(fmt::format("cannot write '{}': {}", path.string(), std::strerror(error)),
              error == ENOSPC ? "free some space" : "");
}

void check(const Output& tensor) {
  if (std::find(std::begin(kSafetensorsDtypes), std::end(kSafetensorsDtypes), tensor.dtype) == std::end(kSafetensorsDtypes))
    throw Error(fmt::format("tensor '{}': numbers of type '{}' cannot be written", tensor.name, name_of(tensor.dtype)));
  size_t bytes = block_bytes(tensor.dtype);
  for (const std::int64_t side : tensor.shape) bytes *= static_cast<size_t>(side);
  SAUCIER_CHECK(bytes == tensor.bytes, "tensor '{}'", tensor.name);
}

std::string header_of(std::span<const Output* const> order, const Metadata& metadata) {
  Json header = {{kMetadataKey, metadata}};
  std::uint64_t at = 0;
  for (const Output* tensor : order) {
    const bool fresh = !header.contains(tensor->name);
    SAUCIER_CHECK(fresh, "tensor '{}' twice", tensor->name);
    header[tensor->name] = {{"dtype", name_of(tensor->dtype)}, {"shape", tensor->shape}, {"data_offsets", {at, at + tensor->bytes}}};
    at += tensor->bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// NAME-00001-of-00003.safetensors and the like.
bool is_shard_of(std::string_view stem, std::string_view name) {
  constexpr std::string_view kPattern = "-#####-of-#####.safetensors";
  if (!name.starts_with(stem) || name.size() != stem.size() + kPattern.size()) return false;
  name.remove_prefix(stem.size());
  return std::equal(name.begin(), name.end(), kPattern.begin(), [](char c, char p) { return p == '#' ? c >= '0' && c <= '9' : c == p; });
}

}  // namespace

void write_safetensors(const fs::path& file, std::span<const Output> tensors, const Metadata& metadata) {
  std::vector<const Output*> order;
  for (const Output& tensor : tensors) {
    check(tensor);
    order.push_back(&tensor);
  }
  // Wide numbers first, so that every tensor stands on a multiple of its number's size.
  std::stable_sort(order.begin(), order.end(), [](const Output* a, const Output* b) { return block_bytes(a->dtype) > block_bytes(b->dtype); });
  const std::string text = header_of(order, metadata);
  const std::uint64_t length = text.size();

  fs::path temporary = file;
  temporary += fmt::format(".{}.tmp", ::getpid());
  errno = 0;
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  if (!out) fail_writing(file, errno);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const Output* tensor : order) out.write(static_cast<const char*>(tensor->data), static_cast<std::streamsize>(tensor->bytes));
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

void write_shards(const fs::path& folder, std::span<const Output> tensors, size_t shard_bytes, std::string_view stem, const Metadata& metadata) {
  std::vector<std::span<const Output>> shards;
  size_t begin = 0, held = 0, total = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (i > begin && held + tensors[i].bytes > shard_bytes) {
      shards.push_back(tensors.subspan(begin, i - begin));
      begin = i;
      held = 0;
    }
    held += tensors[i].bytes;
    total += tensors[i].bytes;
  }
  shards.push_back(tensors.subspan(begin));

  const std::string whole = fmt::format("{}.safetensors", stem), index = whole + ".index.json";
  std::set<std::string> written;
  Json map = Json::object();
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shards.size() == 1 ? whole : fmt::format("{}-{:05}-of-{:05}.safetensors", stem, i + 1, shards.size());
    write_safetensors(folder / name, shards[i], metadata);
    written.insert(name);
    for (const Output& tensor : shards[i]) map[tensor.name] = name;
  }
  if (shards.size() > 1) {
    write_file_atomic(folder / index, Json{{"metadata", {{"total_size", total}}}, {"weight_map", map}}.dump(2) + "\n");
    written.insert(index);
  }
  std::vector<fs::path> stale;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!written.contains(name) && (name == whole || name == index || is_shard_of(stem, name))) stale.push_back(entry.path());
  }
  for (const fs::path& file : stale) fs::remove(file);
}

}  // namespace saucier::weights
