// What a Tokenizer holds. For tokenizer*.cpp alone.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "modules/base/json.h"
#include "modules/text/json_tokenizer.h"
#include "modules/text/piece_tokenizer.h"
#include "modules/text/tokenizer.h"

namespace saucier::text {

inline constexpr const char* kTokenizerFile = "tokenizer.json";
inline constexpr const char* kModelFile = "tokenizer.model";
inline constexpr const char* kConfigFile = "tokenizer_config.json";
inline constexpr const char* kMapFile = "special_tokens_map.json";
inline constexpr const char* kAddedFile = "added_tokens.json";
inline constexpr const char* kTemplateFile = "chat_template.jinja";

// The roles that Hugging Face's files name, and the usual tokens, which hold where no such file stands beside.
struct RoleName {
  const char* key;
  const char* usual;
};
inline constexpr RoleName kBos{"bos_token", "<s>"};
inline constexpr RoleName kEos{"eos_token", "</s>"};
inline constexpr RoleName kPad{"pad_token", "<pad>"};
inline constexpr RoleName kUnk{"unk_token", "<unk>"};

struct Tokenizer::State {
  std::string document;                 // tokenizer.json or tokenizer.model as it was read or made; saved as it is
  std::string config;                   // tokenizer_config.json; empty where there was none
  std::optional<std::string> jinja;     // chat_template.jinja
  std::string chat_template;
  std::variant<std::monostate, JsonTokenizer, PieceTokenizer> engine;
  std::int32_t bos = -1, eos = -1, pad = -1, unk = -1, image = kPicturePlace;
  std::vector<std::int32_t> begin, end;

  const Vocabulary& vocabulary() const;
  bool is_model() const { return std::holds_alternative<PieceTokenizer>(engine); }

  void read_json(const Json& parsed);
  // named: bos_token and so on, as a text or {"content": text}; null where no file names any. A model's tokens have
  // their usual roles unless the files say otherwise.
  void read_model(Json named, const Json& added_tokens);
  void read_roles(const Json& named);
  void read_template();
  Json role_names() const;
};

}  // namespace saucier::text
