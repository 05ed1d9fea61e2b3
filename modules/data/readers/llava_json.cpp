#include "modules/data/readers/llava_json.h"

#include "modules/base/file.h"
#include "modules/base/json.h"

namespace saucier::data {

void write_llava_json(const std::filesystem::path& file, std::span<const Sample> samples) {
  std::string text = "[";
  for (size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i];
    Json row = {{"id", sample.id}};
    if (!sample.kind.empty()) row["kind"] = sample.kind;
    if (sample.pictures.size() == 1) row["image"] = sample.pictures.front().reference;
    if (sample.pictures.size() > 1)
      for (const PictureRef& picture : sample.pictures) row["image"].push_back(picture.reference);
    for (const Turn& turn : sample.turns)
      row["conversations"].push_back({{"from", turn.role == Role::kUser ? "human" : "gpt"}, {"value", turn.text}});
    text += (i == 0 ? "\n" : ",\n") + row.dump();
  }
  write_file_atomic(file, text + "\n]\n");
}

}  // namespace saucier::data
