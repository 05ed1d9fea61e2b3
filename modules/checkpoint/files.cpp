#include "modules/checkpoint/files.h"

#include <fstream>

#include "modules/base/error.h"
#include "modules/base/file.h"

namespace saucier::checkpoint {

Json read_json(const fs::path& file) { return parse_json(read_file(file), "'" + file.string() + "'"); }

void write_json(const fs::path& file, const Json& value) { write_file_atomic(file, value.dump(2) + "\n"); }

Json read_config(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(fmt::format("no such folder: '{}'", folder.string()));
  return read_json(folder / kConfig);
}

bool is_gguf(const fs::path& path) {
  if (!fs::is_regular_file(path)) return false;
  std::ifstream file(path, std::ios::binary);
  char magic[4] = {};
  file.read(magic, sizeof magic);
  return file && std::string_view(magic, sizeof magic) == "GGUF";
}

Shelf::Shelf(weights::Container container) : container_(std::move(container)) {
  for (const auto& [name, tensor] : container_.tensors()) {
    const layout::Place place = layout::place_of(name);
    if (place.part == layout::Part::ignored) continue;
    if (!parts_[place.part].emplace(place.name, &tensor).second)
      throw Error(fmt::format("the {}'s tensor '{}' is there twice, once as '{}'", layout::name_of(place.part), place.name, name));
  }
}

Tensors Shelf::take(layout::Part part) const {
  Tensors out;
  const auto found = parts_.find(part);
  if (found == parts_.end()) return out;
  for (const auto& [name, tensor] : found->second) out.emplace(name, to_torch(*tensor, container_.memory()));
  return out;
}

}  // namespace saucier::checkpoint
