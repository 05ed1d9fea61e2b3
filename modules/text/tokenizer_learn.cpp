// Tokenizers learned from texts.

#include <algorithm>

#include "modules/base/error.h"
#include "modules/text/added.h"
#include "modules/text/learn.h"
#include "modules/text/split.h"
#include "modules/text/tokenizer.h"
#include "modules/text/tokenizer_state.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

std::string json_pairs(const std::vector<std::string>& tokens) {  // {"a":0,"b":1} in order of ids
  std::string out = "{";
  for (size_t i = 0; i < tokens.size(); ++i) out += fmt::format("{}{}:{}", i ? "," : "", Json(tokens[i]).dump(), i);
  return out + "}";
}

}  // namespace

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
  std::vector<std::string> contents;
  Json added_tokens = Json::array();
  for (const AddedToken& token : list) {
    contents.push_back(token.content);
    added_tokens.push_back({{"id", token.id}, {"content", token.content}, {"single_word", false}, {"lstrip", token.lstrip},
                            {"rstrip", false}, {"normalized", false}, {"special", true}});
  }
  const AddedTokens added(std::move(list), contents);
  const Splitter splitter(Splitter::gpt2_digits());
  StringMap<std::int64_t> words;
  for (const std::string& text : texts) {
    const std::string valid = to_valid_utf8(text);
    for (const Part& part : added.split(valid, true)) {
      if (part.token) continue;
      const Words found = splitter.split(Aligned(std::string_view(valid).substr(part.begin, part.end - part.begin), part.begin));
      for (const Word& word : found.words) {
        const std::string_view bytes = found.text.text().substr(word.begin, word.end - word.begin);
        const auto known = words.find(bytes);
        if (known == words.end())
          words.emplace(bytes, 1);
        else
          ++known->second;
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
      added_tokens.dump(), Splitter::gpt2_digits().dump(), post_processor.dump(), decoder.dump(), json_pairs(tokens),
      Json(learned.merges).dump());
  state->read_json(parse_json(state->document, kTokenizerFile));  // what is saved is what is used
  state->read_roles(Json());
  return Tokenizer(std::move(state));
}

}  // namespace saucier::text
