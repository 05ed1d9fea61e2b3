#include "modules/text/tokenizer.h"

#include <limits>

#include "modules/base/error.h"
#include "modules/text/tokenizer_state.h"
#include "modules/text/utf8.h"

namespace saucier::text {

const Vocabulary& Tokenizer::State::vocabulary() const {
  if (const auto* json = std::get_if<JsonTokenizer>(&engine)) return json->vocabulary();
  return std::get<PieceTokenizer>(engine).vocabulary();
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<Token> Tokenizer::encode(std::string_view text, bool special, bool trim) const {
  if (text.size() >= static_cast<size_t>(std::numeric_limits<std::int32_t>::max()))
    throw Error(fmt::format("a text of {} bytes is too long for one encoding", text.size()), "cut it into parts");
  const auto encode_valid = [&](std::string_view valid) {
    if (const auto* json = std::get_if<JsonTokenizer>(&state_->engine)) return json->encode(valid, special, trim);
    return std::get<PieceTokenizer>(state_->engine).encode(valid, special);
  };
  if (is_valid_utf8(text)) return encode_valid(text);
  const ValidText valid = to_valid_text(text);
  std::vector<Token> tokens = encode_valid(valid.text);
  for (Token& token : tokens) {
    token.begin = valid.place[static_cast<size_t>(token.begin)];
    token.end = valid.place[static_cast<size_t>(token.end)];
  }
  return tokens;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  const Vocabulary& vocabulary = state_->vocabulary();
  std::vector<std::int32_t> kept;
  kept.reserve(ids.size());
  for (const std::int32_t id : ids) {
    if (id == kPicturePlace) continue;
    if (id < 0 || id >= vocab_size()) throw Error(fmt::format("token id {} is outside the vocabulary of {}", id, vocab_size()));
    if (!(skip_special && vocabulary.special(id))) kept.push_back(id);
  }
  if (const auto* json = std::get_if<JsonTokenizer>(&state_->engine)) return json->decode(kept);
  return std::get<PieceTokenizer>(state_->engine).decode(kept, skip_special);
}

std::int64_t Tokenizer::vocab_size() const { return state_->vocabulary().size(); }
std::int32_t Tokenizer::bos() const { return state_->bos; }
std::int32_t Tokenizer::eos() const { return state_->eos; }
std::int32_t Tokenizer::pad() const { return state_->pad; }
std::int32_t Tokenizer::unk() const { return state_->unk; }
const std::vector<std::int32_t>& Tokenizer::begin() const { return state_->begin; }
const std::vector<std::int32_t>& Tokenizer::end() const { return state_->end; }
std::int32_t Tokenizer::image() const { return state_->image; }
std::int32_t Tokenizer::id(std::string_view token) const { return state_->vocabulary().id(token); }
const std::string& Tokenizer::chat_template() const { return state_->chat_template; }

bool Tokenizer::is_special(std::int32_t id) const { return state_->vocabulary().special(id); }

std::string Tokenizer::token(std::int32_t id) const {
  if (id == kPicturePlace) return kImage;
  if (id < 0 || id >= vocab_size()) throw Error(fmt::format("token id {} is outside the vocabulary of {}", id, vocab_size()));
  return state_->vocabulary().token(id);
}

}  // namespace saucier::text
