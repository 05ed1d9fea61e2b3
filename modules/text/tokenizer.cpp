#include "modules/text/tokenizer.h"

#include <algorithm>
#include <optional>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/text/added.h"
#include "modules/text/bpe.h"
#include "modules/text/byte_level.h"
#include "modules/text/learn.h"
#include "modules/text/split.h"

namespace saucier::text {
namespace {

constexpr const char* kTokenizerFile = "tokenizer.json";
constexpr const char* kConfigFile = "tokenizer_config.json";
constexpr const char* kMapFile = "special_tokens_map.json";
constexpr const char* kImage = "<image>";

// The roles that Hugging Face's files name, and the usual tokens, which hold where no such file stands beside.
struct RoleName {
  const char* key;
  const char* usual;
};
constexpr RoleName kBos{"bos_token", "<s>"};
constexpr RoleName kEos{"eos_token", "</s>"};
constexpr RoleName kPad{"pad_token", "<pad>"};

using Merges = std::vector<std::pair<std::string, std::string>>;

Merges read_merges(const Json& list) {
  Merges merges;
  merges.reserve(list.size());
  for (const Json& merge : list) {
    if (merge.is_array() && merge.size() == 2) {
      merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : std::string();
    const size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
      throw Error(fmt::format("merge {} is not a pair: '{}'", merges.size(), merge.dump()));
    merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return merges;
}

// What a byte-level tokenizer.json may not have, since encode would not do the same as `tokenizers`.
void refuse_unsupported(const Json& document) {
  const Json& model = document.at("model");
  const std::string type = model.value("type", model.contains("merges") ? "BPE" : "");
  if (type != "BPE") throw Error(fmt::format("model '{}' is not supported (allowed 'BPE')", type));
  const auto given = [](const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && !found->is_null() && *found != false && *found != "" && *found != 0.0;
  };
  for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"})
    if (given(model, key)) throw Error(fmt::format("model.{} is not supported", key));
  if (given(document, "normalizer"))
    throw Error(fmt::format("normalizer '{}' is not supported", document["normalizer"].value("type", "")));
  const std::string decoder = given(document, "decoder") ? document["decoder"].value("type", "") : "";
  if (decoder != "ByteLevel") throw Error(fmt::format("decoder '{}' is not supported (allowed 'ByteLevel')", decoder));
}

std::string json_pairs(const std::vector<std::string>& tokens) {  // {"a":0,"b":1} in order of ids
  std::string out = "{";
  for (size_t i = 0; i < tokens.size(); ++i) out += fmt::format("{}{}:{}", i ? "," : "", Json(tokens[i]).dump(), i);
  return out + "}";
}

}  // namespace

struct Tokenizer::State {
  std::string document;  // tokenizer.json as it was read or made; saved as it is
  std::string config;    // tokenizer_config.json; empty where there was none
  StringMap<std::int32_t> ids;
  std::vector<std::string> tokens;     // by id, in GPT-2's alphabet; added tokens as they are
  std::vector<std::string> bytes;      // by id, what the token stands for
  std::vector<bool> special;           // by id
  AddedTokens added;
  Splitter splitter{Json()};
  std::optional<Bpe> bpe;
  std::int32_t bos = -1, eos = -1, pad = -1, image = -1;

  std::int32_t id_of(std::string_view token) const {
    const auto found = ids.find(token);
    return found == ids.end() ? -1 : found->second;
  }

  void read(const Json& parsed) {
    refuse_unsupported(parsed);
    const Json& model = parsed.at("model");
    StringMap<std::int32_t> vocab;
    for (const auto& [token, id] : model.at("vocab").items()) vocab.emplace(token, id.get<std::int32_t>());
    bpe.emplace(vocab, read_merges(model.at("merges")), model.value("ignore_merges", false));
    splitter = Splitter(parsed.value("pre_tokenizer", Json()));
    added = AddedTokens::read(parsed.value("added_tokens", Json::array()));
    ids = std::move(vocab);
    for (const AddedToken& token : added.tokens()) ids[token.content] = token.id;
    std::int32_t last = -1;
    for (const auto& [token, id] : ids) {
      if (id < 0) throw Error(fmt::format("token '{}' has the id {}", token, id));
      last = std::max(last, id);
    }
    tokens.resize(static_cast<size_t>(last) + 1);
    bytes.resize(tokens.size());
    special.resize(tokens.size());
    for (const auto& [token, id] : ids) {
      tokens[id] = token;
      bytes[id] = from_byte_characters(token);
    }
    for (const AddedToken& token : added.tokens()) {
      bytes[token.id] = token.content;
      special[token.id] = token.special;
    }
    image = id_of(kImage);
  }

  // `named` has bos_token and so on, as a text or {"content": text}; null where there is no such file.
  void read_roles(const Json& named) {
    const auto role = [&](RoleName name) {
      if (named.is_null()) return id_of(name.usual);
      const Json value = named.value(name.key, Json());
      if (value.is_null()) return -1;
      const std::string token = value.is_object() ? value.at("content").get<std::string>() : value.get<std::string>();
      const std::int32_t id = id_of(token);
      if (id < 0) throw Error(fmt::format("{} '{}' is not in the vocabulary", name.key, token));
      return id;
    };
    bos = role(kBos);
    eos = role(kEos);
    pad = role(kPad);
  }

  Json role_names() const {
    Json out = Json::object();
    if (bos >= 0) out[kBos.key] = tokens[bos];
    if (eos >= 0) out[kEos.key] = tokens[eos];
    if (pad >= 0) out[kPad.key] = tokens[pad];
    return out;
  }
};

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::from_gguf(const GgufVocabulary&) { throw Error("stub"); }
Tokenizer Tokenizer::with_added(std::span<const std::string>) const { throw Error("stub"); }
const std::vector<std::int32_t>& Tokenizer::begin() const { static const std::vector<std::int32_t> none; return none; }
const std::vector<std::int32_t>& Tokenizer::end() const { return begin(); }
std::string Tokenizer::chat_template() const { return {}; }

Tokenizer Tokenizer::load(const std::filesystem::path& given) {
  const std::filesystem::path tokenizer_json = std::filesystem::is_directory(given) ? given / kTokenizerFile : given;
  return with_context(fmt::format("while reading the tokenizer '{}'", tokenizer_json.string()), [&] {
    auto state = std::make_unique<State>();
    state->document = read_file(tokenizer_json);
    const Json parsed = parse_json(state->document, kTokenizerFile);
    Json named;
    for (const char* name : {kConfigFile, kMapFile}) {
      const std::filesystem::path beside = tokenizer_json.parent_path() / name;
      if (!std::filesystem::exists(beside)) continue;
      const std::string text = read_file(beside);
      if (name == kConfigFile) state->config = text;
      const Json values = parse_json(text, name);
      if (named.is_null()) named = Json::object();
      for (const RoleName role : {kBos, kEos, kPad})
        if (!named.contains(role.key) && values.contains(role.key)) named[role.key] = values[role.key];
    }
    try {
      state->read(parsed);
      state->read_roles(named);
    } catch (const Json::exception& error) {
      throw Error(fmt::format("not a tokenizer.json: {}", error.what()));
    }
    return Tokenizer(std::move(state));
  });
}

Tokenizer Tokenizer::learn(std::span<const std::string> texts, const TokenizerTraining& training) {
  const auto specials = static_cast<std::int64_t>(training.special_tokens.size());
  if (training.vocab_size < specials + 256)
    throw Error(fmt::format("a vocabulary of {} tokens is too small", training.vocab_size),
                fmt::format("ask for {} or more: 256 bytes and {} special tokens", specials + 256, specials));
  std::vector<AddedToken> list;
  for (const std::string& token : training.special_tokens) {
    for (const AddedToken& other : list)
      if (other.content == token) throw Error(fmt::format("special token '{}' is named twice", token));
    // "USER: <image>" then leaves no token for the space in front of the picture.
    list.push_back({.id = static_cast<std::int32_t>(list.size()), .content = token, .lstrip = token == kImage, .special = true});
  }
  const AddedTokens added(std::move(list));
  const Splitter splitter(Splitter::gpt2_digits());
  StringMap<std::int64_t> words;
  for (const std::string& text : texts) {
    for (const Part& part : added.split(text, true)) {
      if (part.id >= 0) continue;
      const std::string_view piece = std::string_view(text).substr(part.begin, part.end - part.begin);
      for (const Word& word : splitter.split(piece)) {
        const std::string_view bytes = piece.substr(word.begin, word.end - word.begin);
        const auto found = words.find(bytes);
        if (found == words.end())
          words.emplace(bytes, 1);
        else
          ++found->second;
      }
    }
  }
  const Learned learned = learn_merges(words, training.vocab_size - specials, static_cast<std::int32_t>(specials));

  std::vector<std::string> tokens(static_cast<size_t>(specials) + learned.vocab.size());
  std::copy(training.special_tokens.begin(), training.special_tokens.end(), tokens.begin());
  for (const auto& [token, id] : learned.vocab) tokens[id] = token;
  Json post_processor;  // as text::encode does: the begin token first
  const auto bos = std::find(training.special_tokens.begin(), training.special_tokens.end(), kBos.usual);
  if (bos != training.special_tokens.end()) {
    const Json begin = {{"SpecialToken", {{"id", kBos.usual}, {"type_id", 0}}}};
    const Json first = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
    const Json second = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
    post_processor = {{"type", "TemplateProcessing"},
                      {"single", Json::array({begin, first})},
                      {"pair", Json::array({begin, first, second})},
                      {"special_tokens", {{kBos.usual, {{"id", kBos.usual}, {"ids", {bos - training.special_tokens.begin()}}, {"tokens", {kBos.usual}}}}}}};
  }
  const Json decoder = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", true}};
  auto state = std::make_unique<State>();
  state->document = fmt::format(
      R"({{"version":"1.0","truncation":null,"padding":null,"added_tokens":{},"normalizer":null,"pre_tokenizer":{},)"
      R"("post_processor":{},"decoder":{},"model":{{"type":"BPE","dropout":null,"unk_token":null,)"
      R"("continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,)"
      R"("ignore_merges":false,"vocab":{},"merges":{}}}}})",
      added.write().dump(), Splitter::gpt2_digits().dump(), post_processor.dump(), decoder.dump(), json_pairs(tokens),
      Json(learned.merges).dump());
  state->read(parse_json(state->document, kTokenizerFile));  // what is saved is what is used
  state->read_roles(Json());
  return Tokenizer(std::move(state));
}

void Tokenizer::save(const std::filesystem::path& folder) const {
  make_folders(folder);
  const Json roles = state_->role_names();
  std::string config = state_->config;
  if (config.empty()) {
    Json made = roles;
    made["tokenizer_class"] = "PreTrainedTokenizerFast";
    made["model_max_length"] = 1e30;  // no limit of its own; transformers writes the same
    made["clean_up_tokenization_spaces"] = false;
    made["padding_side"] = "right";
    config = made.dump(2) + "\n";
  }
  write_file_atomic(folder / kTokenizerFile, state_->document);
  write_file_atomic(folder / kConfigFile, config);
  write_file_atomic(folder / kMapFile, roles.dump(2) + "\n");
}

std::vector<Token> Tokenizer::encode(std::string_view text, bool special) const {
  std::vector<Token> tokens;
  std::vector<WordToken> word_tokens;
  for (const Part& part : state_->added.split(text, special)) {
    if (part.id >= 0) {
      tokens.push_back({part.id, static_cast<std::int32_t>(part.begin), static_cast<std::int32_t>(part.end)});
      continue;
    }
    const std::string_view piece = text.substr(part.begin, part.end - part.begin);
    for (const Word& word : state_->splitter.split(piece)) {
      word_tokens.clear();
      state_->bpe->encode(piece.substr(word.begin, word.end - word.begin), word_tokens);
      const auto begin = static_cast<std::int32_t>(part.begin + word.begin);
      std::int32_t from = 0;
      for (const WordToken& token : word_tokens) {
        tokens.push_back({token.id, begin + from, begin + token.end});
        from = token.end;
      }
    }
  }
  return tokens;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::string bytes;
  for (const std::int32_t id : ids) {
    if (id < 0 || id >= vocab_size()) throw Error(fmt::format("token id {} is outside the vocabulary of {}", id, vocab_size()));
    if (!(skip_special && state_->special[id])) bytes += state_->bytes[id];
  }
  return to_valid_utf8(bytes);
}

std::int64_t Tokenizer::vocab_size() const { return static_cast<std::int64_t>(state_->tokens.size()); }
std::int32_t Tokenizer::bos() const { return state_->bos; }
std::int32_t Tokenizer::eos() const { return state_->eos; }
std::int32_t Tokenizer::pad() const { return state_->pad; }
std::int32_t Tokenizer::image() const { return state_->image; }
std::int32_t Tokenizer::id(std::string_view token) const { return state_->id_of(token); }

std::string Tokenizer::token(std::int32_t id) const {
  if (id < 0 || id >= vocab_size()) throw Error(fmt::format("token id {} is outside the vocabulary of {}", id, vocab_size()));
  return state_->tokens[id];
}

}  // namespace saucier::text
