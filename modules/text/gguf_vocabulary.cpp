#include "modules/text/gguf_vocabulary.h"

#include <algorithm>
#include <tuple>

#include "modules/base/error.h"
#include "modules/text/known_regex.h"
#include "modules/text/string_map.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

enum TokenType { kUnknown = 2, kControl = 3, kUserDefined = 4 };

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json split_by(std::string_view regex) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", std::string(regex)}}}, {"behavior", "Isolated"}, {"invert", false}},
            byte_level(false)}}};
}

// What llama.cpp knows by these names, written as the models' own tokenizer.json has it.
struct PreTokenizer {
  Json steps;
  bool nfc = false;
  bool ignore_merges = false;
};

PreTokenizer pre_tokenizer(const std::string& name) {
  const Json digits = {{"type", "Digits"}, {"individual_digits", true}};
  if (name == "gpt-2" || name == "default" || name.empty()) return {byte_level(true)};
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") return {split_by(kLlama3Regex), false, true};
  if (name == "qwen2") return {split_by(kQwen2Regex), true, false};
  if (name == "smollm") return {{{"type", "Sequence"}, {"pretokenizers", {digits, byte_level(true)}}}};
  throw Error(fmt::format("'tokenizer.ggml.pre' '{}' is not supported", name),
              "known are 'default', 'gpt-2', 'llama-bpe', 'qwen2' and 'smollm'; take the model's tokenizer.json instead");
}

void check(const GgufVocabulary& vocabulary) {
  if (vocabulary.model != "gpt2" && vocabulary.model != "llama")
    throw Error(fmt::format("'tokenizer.ggml.model' '{}' is not supported (allowed 'gpt2', 'llama')", vocabulary.model));
  const size_t count = vocabulary.tokens.size();
  if (count == 0) throw Error("'tokenizer.ggml.tokens' is empty");
  if (!vocabulary.token_types.empty() && vocabulary.token_types.size() != count)
    throw Error(fmt::format("'tokenizer.ggml.token_type' has {} entries for {} tokens", vocabulary.token_types.size(), count));
  if (vocabulary.model == "llama" && vocabulary.scores.size() != count)
    throw Error(fmt::format("'tokenizer.ggml.scores' has {} entries for {} tokens", vocabulary.scores.size(), count));
  const auto check_id = [&](std::int32_t id, const char* name) {
    if (id >= static_cast<std::int64_t>(count)) throw Error(fmt::format("'tokenizer.ggml.{}_token_id' is {}, but there are {} tokens", name, id, count));
  };
  check_id(vocabulary.bos, "bos");
  check_id(vocabulary.eos, "eos");
  check_id(vocabulary.unk, "unknown");
  check_id(vocabulary.pad, "padding");
  for (const std::string& token : vocabulary.tokens)
    if (!is_valid_utf8(token)) throw Error("'tokenizer.ggml.tokens' has a token that is not UTF-8");
}

// Which two tokens a token is merged from: all ways, the token with the highest score first; of one token's ways the one
// whose parts have lower ids (as transformers converts SentencePiece models).
Json merges_from_scores(const GgufVocabulary& vocabulary, const StringMap<std::int32_t>& ids) {
  struct Merge {
    float score;
    size_t left_size, right_size;
    std::int32_t left, right;
  };
  std::vector<Merge> merges;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& token = vocabulary.tokens[id];
    if (ids.find(token)->second != static_cast<std::int32_t>(id)) continue;
    std::vector<Merge> ways;
    for (size_t at = token.empty() ? 0 : char_at(token, 0).length; at < token.size(); at += char_at(token, at).length) {
      const auto left = ids.find(std::string_view(token).substr(0, at)), right = ids.find(std::string_view(token).substr(at));
      if (left == ids.end() || right == ids.end()) continue;
      ways.push_back({vocabulary.scores[id], count_chars(left->first), count_chars(right->first), left->second, right->second});
    }
    std::sort(ways.begin(), ways.end(), [](const Merge& a, const Merge& b) { return std::tie(a.left, a.right) < std::tie(b.left, b.right); });
    merges.insert(merges.end(), ways.begin(), ways.end());
  }
  // Python's sort with reverse: stable, largest (score, length of the left, length of the right) first.
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(a.score, a.left_size, a.right_size) > std::tie(b.score, b.left_size, b.right_size);
  });
  Json out = Json::array();
  for (const Merge& merge : merges) out.push_back({vocabulary.tokens[merge.left], vocabulary.tokens[merge.right]});
  return out;
}

Json replace(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

}  // namespace

GgufDocuments documents_of(const GgufVocabulary& vocabulary) {
  check(vocabulary);
  const bool bytes = vocabulary.model == "gpt2";
  const auto type_of = [&](size_t id) { return vocabulary.token_types.empty() ? 1 : vocabulary.token_types[id]; };
  StringMap<std::int32_t> ids;
  Json vocab = Json::object(), added = Json::array();
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& token = vocabulary.tokens[id];
    if (!ids.emplace(token, static_cast<std::int32_t>(id)).second) {
      if (bytes) throw Error(fmt::format("'tokenizer.ggml.tokens' has '{}' twice", token));
      continue;  // padding of converted models
    }
    vocab[token] = id;
    const int type = type_of(id);
    if (type != kControl && type != kUserDefined && type != kUnknown) continue;
    added.push_back({{"id", id}, {"content", token}, {"single_word", false}, {"lstrip", false}, {"rstrip", false},
                     {"normalized", false}, {"special", type != kUserDefined}});
  }
  GgufDocuments out;
  Json merges = Json::array();
  Json& tokenizer = out.tokenizer;
  tokenizer = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", added}, {"normalizer", nullptr},
               {"pre_tokenizer", nullptr}, {"post_processor", nullptr}, {"decoder", nullptr}};
  bool ignore_merges = false;
  if (bytes) {
    const PreTokenizer pre = pre_tokenizer(vocabulary.pre);
    if (pre.nfc) tokenizer["normalizer"] = {{"type", "NFC"}};
    tokenizer["pre_tokenizer"] = pre.steps;
    tokenizer["decoder"] = byte_level(true);
    ignore_merges = pre.ignore_merges;
    for (const std::string& merge : vocabulary.merges) {
      const size_t space = merge.find(' ', 1);
      if (space == std::string::npos) throw Error(fmt::format("'tokenizer.ggml.merges' has '{}', which is not a pair", merge));
      merges.push_back({merge.substr(0, space), merge.substr(space + 1)});
    }
  } else {
    merges = merges_from_scores(vocabulary, ids);
    Json normalizers = Json::array({replace(" ", "▁")});
    Json decoders = Json::array({replace("▁", " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
    if (vocabulary.add_space_prefix.value_or(true)) {
      normalizers.insert(normalizers.begin(), Json{{"type", "Prepend"}, {"prepend", "▁"}});
      decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    }
    tokenizer["normalizer"] = {{"type", "Sequence"}, {"normalizers", normalizers}};
    tokenizer["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
  }
  // Where a byte has no token it vanishes, as in the models' own tokenizer.json; the role is there all the same.
  const std::int32_t unk = vocabulary.unk >= 0 ? vocabulary.unk : bytes ? -1 : 0;
  const Json none;
  tokenizer["model"] = {{"type", "BPE"}, {"dropout", nullptr}, {"unk_token", bytes ? none : Json(vocabulary.tokens[unk])},
                        {"continuing_subword_prefix", nullptr}, {"end_of_word_suffix", nullptr}, {"fuse_unk", !bytes},
                        {"byte_fallback", !bytes}, {"ignore_merges", ignore_merges}, {"vocab", vocab}, {"merges", merges}};

  // What llama.cpp puts around a text; a byte-level model says so itself.
  const bool begins = vocabulary.bos >= 0 && vocabulary.add_bos.value_or(!bytes || vocabulary.pre == "llama-bpe");
  const bool ends = vocabulary.eos >= 0 && vocabulary.add_eos.value_or(false);
  if (begins || ends) {
    Json single = Json::array(), pair = Json::array(), special = Json::object();
    const auto around = [&](std::int32_t id, int type) {
      const std::string& token = vocabulary.tokens[id];
      special[token] = {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
      return Json{{"SpecialToken", {{"id", token}, {"type_id", type}}}};
    };
    for (const int text : {0, 1}) {
      Json parts = Json::array();
      if (begins) parts.push_back(around(vocabulary.bos, text));
      parts.push_back({{"Sequence", {{"id", text ? "B" : "A"}, {"type_id", text}}}});
      if (ends) parts.push_back(around(vocabulary.eos, text));
      if (text == 0) single = parts;
      pair.insert(pair.end(), parts.begin(), parts.end());
    }
    tokenizer["post_processor"] = {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
  }
  out.config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"model_max_length", 1e30}, {"clean_up_tokenization_spaces", false},
                {"padding_side", "right"}};
  const auto role = [&](const char* key, std::int32_t id) {
    if (id >= 0) out.config[key] = vocabulary.tokens[id];
  };
  role("bos_token", vocabulary.bos);
  role("eos_token", vocabulary.eos);
  role("unk_token", unk);
  role("pad_token", vocabulary.pad);
  return out;
}

}  // namespace saucier::text
