// Tokenizers from files, and back into files.

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/text/gguf_vocabulary.h"
#include "modules/text/tokenizer.h"
#include "modules/text/tokenizer_state.h"

namespace saucier::text {
namespace {

constexpr RoleName kRoles[] = {kBos, kEos, kPad, kUnk};

// A token as a text or as {"content": text}.
std::string content_of(const Json& value, const char* key) {
  const Json* content = &value;
  if (value.is_object() && value.contains("content")) content = &value["content"];
  if (!content->is_string()) throw Error(fmt::format("'{}' is not a token", key));
  return content->get<std::string>();
}

Json parse_object(const std::string& text, const char* name) {
  Json parsed = parse_json(text, name);
  if (!parsed.is_object()) throw Error(fmt::format("'{}' is not an object", name));
  return parsed;
}

// Errors of nlohmann's own, where a field has another type than it should.
template <class Body>
void named(const char* file, Body&& body) {
  try {
    body();
  } catch (const Json::exception& error) {
    throw Error(fmt::format("not a {}: {}", file, error.what()));
  }
}

}  // namespace

void Tokenizer::State::read_json(const Json& parsed) {
  const JsonTokenizer& read = engine.emplace<JsonTokenizer>(parsed);
  begin = read.around().begin;
  end = read.around().end;
  for (const auto& ids : {begin, end})
    for (const std::int32_t id : ids)
      if (!read.vocabulary().has(id)) throw Error(fmt::format("'post_processor' has the id {}, which is not in the vocabulary", id));
  const std::int32_t found = vocabulary().id(kImage);
  image = found >= 0 ? found : kPicturePlace;
}

void Tokenizer::State::read_model(Json names, const Json& added_tokens) {
  if (names.is_null()) names = Json::object();
  const PieceTokenizer& read = engine.emplace<PieceTokenizer>(document, names, added_tokens);
  for (const RoleName role : {kBos, kEos, kUnk})
    if (!names.contains(role.key)) names[role.key] = role.usual;
  read_roles(names);
  if (read.adds_bos() && bos >= 0) begin = {bos};
  if (read.adds_eos() && eos >= 0) end = {eos};
  const std::int32_t found = vocabulary().id(kImage);
  image = found >= 0 ? found : kPicturePlace;
}

void Tokenizer::State::read_roles(const Json& names) {
  const auto role = [&](RoleName name) {
    if (names.is_null()) return vocabulary().id(name.usual);
    const Json value = names.value(name.key, Json());
    if (value.is_null()) return -1;
    const std::string token = content_of(value, name.key);
    const std::int32_t id = vocabulary().id(token);
    if (id < 0) throw Error(fmt::format("{} '{}' is not in the vocabulary", name.key, token));
    return id;
  };
  bos = role(kBos);
  eos = role(kEos);
  pad = role(kPad);
  unk = role(kUnk);
}

void Tokenizer::State::read_template() {
  chat_template = jinja.value_or("");
  if (jinja || config.empty()) return;
  const Json parsed = parse_object(config, kConfigFile);
  const Json value = parsed.value("chat_template", Json());
  if (value.is_string()) chat_template = value.get<std::string>();
  if (!value.is_array()) return;
  for (const Json& each : value)  // [{"name": "default", "template": …}]
    if (each.is_object() && each.value("name", Json()) == "default" && each.contains("template") && each["template"].is_string())
      chat_template = each["template"].get<std::string>();
}

Json Tokenizer::State::role_names() const {
  Json out = Json::object();
  for (const auto& [role, id] : {std::pair(kBos, bos), std::pair(kEos, eos), std::pair(kPad, pad), std::pair(kUnk, unk)})
    if (id >= 0) out[role.key] = vocabulary().token(id);
  return out;
}

Tokenizer Tokenizer::load(const std::filesystem::path& folder_or_file) {
  std::filesystem::path file = folder_or_file;
  if (std::filesystem::is_directory(file)) {
    file = folder_or_file / kTokenizerFile;
    if (!std::filesystem::exists(file)) file = folder_or_file / kModelFile;
    if (!std::filesystem::exists(file))
      throw Error(fmt::format("'{}' has neither {} nor {}", folder_or_file.string(), kTokenizerFile, kModelFile));
  }
  if (begins_with(file, paths::kGgufMagic))
    return with_context(fmt::format("while reading the tokenizer of '{}'", file.string()), [&] { return from_gguf(read_gguf_vocabulary(file)); });
  const bool is_model = file.extension() == ".model";
  return with_context(fmt::format("while reading the tokenizer '{}'", file.string()), [&] {
    auto state = std::make_unique<State>();
    state->document = read_file(file);
    const auto beside = [&](const char* name) { return file.parent_path() / name; };
    Json names, added;
    for (const char* name : {kConfigFile, kMapFile}) {
      if (!std::filesystem::exists(beside(name))) continue;
      const std::string text = read_file(beside(name));
      if (name == kConfigFile) state->config = text;
      const Json values = parse_object(text, name);
      if (names.is_null()) names = Json::object();
      if (is_model && name == kConfigFile) names = values;
      for (const RoleName role : kRoles)
        if (!names.contains(role.key) && values.contains(role.key)) names[role.key] = values[role.key];
      // Beside a tokenizer_config.json of old, which has no added tokens, transformers takes this file's word.
      if (is_model && name == kMapFile && !names.contains("added_tokens_decoder")) names.update(values);
    }
    if (is_model && std::filesystem::exists(beside(kAddedFile))) added = parse_object(read_file(beside(kAddedFile)), kAddedFile);
    if (std::filesystem::exists(beside(kTemplateFile))) state->jinja = read_file(beside(kTemplateFile));
    named(is_model ? kModelFile : kTokenizerFile, [&] {
      if (is_model) {
        state->read_model(names, added);
      } else {
        state->read_json(parse_json(state->document, kTokenizerFile));
        state->read_roles(names);
      }
      state->read_template();
    });
    return Tokenizer(std::move(state));
  });
}

Tokenizer Tokenizer::from_gguf(const GgufVocabulary& vocabulary) {
  auto state = std::make_unique<State>();
  const GgufDocuments documents = documents_of(vocabulary);
  state->document = documents.tokenizer.dump();
  state->config = documents.config.dump(2) + "\n";
  state->read_json(documents.tokenizer);
  state->read_roles(documents.config);
  return Tokenizer(std::move(state));
}

Tokenizer Tokenizer::with_added(std::span<const std::string> special_tokens) const {
  auto state = std::make_unique<State>();
  state->jinja = state_->jinja;
  Json config = state_->config.empty() ? Json::object() : parse_object(state_->config, kConfigFile);
  const Json roles = state_->role_names();
  for (const auto& [key, token] : roles.items())
    if (!config.contains(key)) config[key] = token;
  for (const RoleName role : kRoles)
    if (!config.contains(role.key) && !roles.contains(role.key) && !state_->is_model()) config[role.key] = nullptr;
  std::int64_t next = vocab_size();
  const auto each_new = [&](const auto& add) {
    for (const std::string& token : special_tokens) {
      if (token.empty()) throw Error("a special token is empty");
      if (token == kPad.usual) config[kPad.key] = token;
      const std::int32_t known = id(token);
      add(token, known >= 0 ? known : next++);
    }
  };
  if (const auto* pieces = std::get_if<PieceTokenizer>(&state_->engine)) {
    Json decoder = pieces->added_tokens_decoder();
    each_new([&](const std::string& token, std::int64_t id) {
      if (!decoder.contains(std::to_string(id)))
        decoder[std::to_string(id)] = {{"content", token}, {"lstrip", false}, {"normalized", false}, {"rstrip", false}, {"single_word", false}, {"special", true}};
    });
    config["added_tokens_decoder"] = decoder;
    if (!config.contains("tokenizer_class")) config["tokenizer_class"] = "LlamaTokenizer";
    state->document = state_->document;
    state->config = config.dump(2) + "\n";
    state->read_model(config, Json());
  } else {
    Json document = parse_json(state_->document, kTokenizerFile);
    Json& added = document["added_tokens"];
    if (added.is_null()) added = Json::array();
    each_new([&](const std::string& token, std::int64_t id) {
      for (Json& other : added)
        if (other.at("content") == token) {
          other["special"] = true;
          return;
        }
      added.push_back({{"id", id}, {"content", token}, {"single_word", false}, {"lstrip", false}, {"rstrip", false}, {"normalized", false}, {"special", true}});
    });
    if (!config.contains("tokenizer_class")) config["tokenizer_class"] = "PreTrainedTokenizerFast";
    config.erase("added_tokens_decoder");  // transformers takes them from tokenizer.json then
    state->document = document.dump();
    state->config = config.dump(2) + "\n";
    state->read_json(document);
    state->read_roles(config);
    for (const std::string& token : special_tokens)
      if (state_->vocabulary().id(token) < 0 && state->vocabulary().id(token) < vocab_size())
        throw Error(fmt::format("'{}' cannot be added: the vocabulary has ids that no token uses", token));
  }
  state->read_template();
  return Tokenizer(std::move(state));
}

std::string Tokenizer::fingerprint() const {
  Json roles = state_->role_names();
  for (const auto& [name, ids] : {std::pair("begin", state_->begin), std::pair("end", state_->end)}) roles[name] = ids;
  roles["image"] = state_->image;
  if (const auto* pieces = std::get_if<PieceTokenizer>(&state_->engine))
    roles.update({{"added", pieces->added_tokens_decoder()}, {"legacy", pieces->legacy()}, {"prefix_space", pieces->prefix_space()}});
  Sha256 digest;
  digest.update(state_->is_model() ? "model\n" : "json\n");
  digest.update(roles.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  digest.update(state_->document);
  return digest.hex();
}

void Tokenizer::save(const std::filesystem::path& folder) const {
  make_folders(folder);
  const Json roles = state_->role_names();
  Json made = state_->config.empty() ? Json::object() : parse_object(state_->config, kConfigFile);
  bool changed = state_->config.empty();
  if (changed) {
    made = roles;
    made["tokenizer_class"] = state_->is_model() ? "LlamaTokenizer" : "PreTrainedTokenizerFast";
    made["model_max_length"] = 1e30;  // no limit of its own; transformers writes the same
    made["clean_up_tokenization_spaces"] = false;
    made["padding_side"] = "right";
  }
  if (const auto* pieces = std::get_if<PieceTokenizer>(&state_->engine); pieces && !made.contains("added_tokens_decoder")) {
    made["added_tokens_decoder"] = pieces->added_tokens_decoder();
    made.update(roles);  // with that field there, special_tokens_map.json no longer counts
    changed = true;
  }
  write_file_atomic(folder / (state_->is_model() ? kModelFile : kTokenizerFile), state_->document);
  write_file_atomic(folder / kConfigFile, changed ? made.dump(2) + "\n" : state_->config);
  write_file_atomic(folder / kMapFile, roles.dump(2) + "\n");
  if (state_->jinja) write_file_atomic(folder / kTemplateFile, *state_->jinja);
}

}  // namespace saucier::text
