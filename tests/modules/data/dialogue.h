// Conversations for tests, and what becomes of them.
#pragma once

#include <catch2/catch.hpp>

#include "modules/data/conversation_samples.h"
#include "tests/modules/data/fake_source.h"

namespace saucier::data {

// Bytes are its only tokens, so that every character has tokens of its own.
inline const text::Tokenizer& tokenizer() {
  static const text::Tokenizer value = text::Tokenizer::learn(std::vector<std::string>{"one red apple"}, {.vocab_size = 260});
  return value;
}

inline PictureRef picture(const std::string& name = "7") { return {name, std::make_shared<FakePictures>()}; }

inline Sample dialogue(int pairs, bool with_picture, const std::string& id = "d") {
  Sample sample{.id = id, .source = "s", .kind = "", .system = {}, .turns = {}, .pictures = {}};
  for (int i = 1; i <= pairs; ++i) {
    sample.turns.push_back({Role::kUser, fmt::format("{}Q{}", with_picture && i == 1 ? "<image>\n" : "", i)});
    sample.turns.push_back({Role::kAssistant, fmt::format("A{}", i)});
  }
  if (with_picture) sample.pictures = {picture()};
  return sample;
}

inline WrittenSample write(const Sample& sample, const options::ConversationOptions& options, std::int64_t picture_tokens = 9) {
  return ConversationWriter(tokenizer(), {options, {}}, {.each = picture_tokens}, 1).write(sample);
}

inline Conversation written(const Sample& sample, const options::ConversationOptions& options, std::int64_t picture_tokens = 9) {
  WrittenSample result = write(sample, options, picture_tokens);
  REQUIRE(result.drops.empty());
  REQUIRE(result.conversations.size() == 1);
  return std::move(result.conversations[0]);
}

inline std::string reason(const Sample& sample, const options::ConversationOptions& options = {}) {
  const WrittenSample result = write(sample, options);
  REQUIRE(result.conversations.empty());
  REQUIRE(result.drops.size() == 1);
  CHECK(result.drops[0].id == sample.id);
  return std::string(name_of(result.drops[0].reason));
}

inline std::string whole(const Conversation& conversation) {
  std::string out;
  for (const text::Piece& piece : conversation.pieces) out += piece.text;
  return out;
}

inline const options::ConversationOptions kBare{.system = "none"};

}  // namespace saucier::data
