// What the readers of model folders share.
#pragma once

#include "modules/checkpoint/tensors.h"
#include "modules/layout/names.h"
#include "modules/model/parts.h"

namespace saucier::checkpoint {

inline constexpr const char* kConfig = "config.json";
inline constexpr const char* kPreprocessor = "preprocessor_config.json";

Json read_json(const fs::path& file);
void write_json(const fs::path& file, const Json& value);
Json read_config(const fs::path& folder);  // Error where there is no folder or no config.json

Json generation_config(const layout::LanguageConfig& config);

bool is_gguf(const fs::path& path);  // by its first bytes

// A tower's tensors and what transformers' class has beside those that features come from.
Tensors with_unused(const model::VisionTower& tower);

// The tensors of a container by the part they belong to, under the part's own names.
class Shelf {
 public:
  explicit Shelf(weights::Container container);
  bool has(layout::Part part) const { return parts_.contains(part); }
  Tensors take(layout::Part part) const;  // as libtorch's

 private:
  weights::Container container_;
  std::map<layout::Part, std::map<std::string, const weights::Tensor*>> parts_;
};

}  // namespace saucier::checkpoint
