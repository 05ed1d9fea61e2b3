// The tokenizer that a GGUF file brings with its language model.

#include "modules/base/error.h"
#include "modules/text/gguf_vocabulary.h"
#include "modules/weights/container.h"

namespace saucier::text {
namespace {

template <class Value>
std::vector<Value> list(const Json& metadata, const char* key) {
  if (!metadata.contains(key)) return {};
  const Json& value = metadata.at(key);
  if (!value.is_array()) throw Error(fmt::format("key '{}' is not a list", key));
  try {
    return value.get<std::vector<Value>>();
  } catch (const Json::exception&) {
    throw Error(fmt::format("key '{}' holds other things than it should", key));
  }
}

}  // namespace

GgufVocabulary read_gguf_vocabulary(const std::filesystem::path& file) {
  const weights::Container container = weights::Container::gguf(file);
  const Json& metadata = container.metadata();
  const auto text = [&](const char* key) {
    return metadata.contains(key) && metadata.at(key).is_string() ? metadata.at(key).get<std::string>() : std::string();
  };
  const auto id = [&](const char* key) {
    return metadata.contains(key) && metadata.at(key).is_number_integer() ? metadata.at(key).get<std::int32_t>() : -1;
  };
  const auto flag = [&](const char* key) -> std::optional<bool> {
    return metadata.contains(key) && metadata.at(key).is_boolean() ? std::optional(metadata.at(key).get<bool>()) : std::nullopt;
  };
  return {.model = text("tokenizer.ggml.model"),
          .pre = text("tokenizer.ggml.pre"),
          .tokens = list<std::string>(metadata, "tokenizer.ggml.tokens"),
          .scores = list<float>(metadata, "tokenizer.ggml.scores"),
          .token_types = list<std::int32_t>(metadata, "tokenizer.ggml.token_type"),
          .merges = list<std::string>(metadata, "tokenizer.ggml.merges"),
          .bos = id("tokenizer.ggml.bos_token_id"),
          .eos = id("tokenizer.ggml.eos_token_id"),
          .unk = id("tokenizer.ggml.unknown_token_id"),
          .pad = id("tokenizer.ggml.padding_token_id"),
          .add_bos = flag("tokenizer.ggml.add_bos_token"),
          .add_eos = flag("tokenizer.ggml.add_eos_token"),
          .add_space_prefix = flag("tokenizer.ggml.add_space_prefix")};
}

}  // namespace saucier::text
