// From samples to what the model is trained on: system message, place of the picture, tokens, labels, length.
//
// A sample that cannot be used is never bent until it fits: it is left out with a reason (reason.h), which the loader
// counts and names. What is longer than max_length is truncated, split or left out, as length_overflow says.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "modules/data/reason.h"
#include "modules/data/sample.h"
#include "modules/data/turn_limit.h"
#include "modules/image/anyres.h"
#include "modules/text/conversation.h"
#include "modules/text/tokenizer.h"

namespace saucier::data {

struct Conversation {
  std::string id;                    // the sample's; its second part that split made is ID~2, and so on
  std::vector<text::Message> messages;  // as written out, the picture's marker in its place
  std::vector<text::Piece> pieces;
  text::Encoded encoded;
  std::vector<PictureRef> pictures;  // one for each image id
  std::int64_t length = 0;           // tokens after the pictures are expanded
};

struct Drop {
  std::string id;
  std::string source;
  Reason reason = Reason::kNoTurns;
};

// What became of one sample: one conversation, or one drop, or with length_overflow = "split" one or the other for
// each part of it.
struct WrittenSample {
  std::vector<Conversation> conversations;
  std::vector<Drop> drops;
  std::int64_t cut_pairs = 0;    // question-answer pairs that max_length cost
  std::int64_t cut_answers = 0;  // answers that lost their end to it; they learn no end token
  std::int64_t parts = 1;        // that the sample was split into
};

class ConversationWriter {
 public:
  // `picture_tokens`: positions that a picture takes in place of its image id. `sources`: the data sources by name, for
  // what they say otherwise (conversation_for). `tokenizer` must outlive this object.
  // Error where the template or another word is unknown, naming the nearest.
  ConversationWriter(const text::Tokenizer& tokenizer, const options::JobConversation& conversation,
                     image::PictureTokens picture_tokens, std::uint64_t seed,
                     const std::map<std::string, options::DataOptions>& sources = {});
  ConversationWriter(const ConversationWriter&) = delete;  // it points into itself
  ConversationWriter& operator=(const ConversationWriter&) = delete;

  // Thread-safe, a function of the sample. Turn limits are not applied here: see limit_turns. Pictures that no turn
  // mentions go to the first question ("as_is" puts them in front there). Error where a picture's size is needed and
  // cannot be read.
  WrittenSample write(const Sample& sample) const;

 private:
  // Texts that no turn may hold, found in one pass.
  struct Reserved {
    std::vector<std::pair<std::string, Reason>> texts;
    std::array<bool, 256> begins = {};
    void add(std::string text, Reason reason);
    std::optional<Reason> find(std::string_view text) const;
  };
  struct Setting;  // of one sample: its options, and the system message

  Setting setting_of(const Sample& sample) const;
  std::optional<Reason> check(const Sample& sample, const Setting& setting) const;
  Conversation encode(const Sample& sample, size_t pairs, const Setting& setting) const;
  size_t pairs_that_fit(const Sample& sample, const Setting& setting, Conversation& fitting) const;
  std::optional<Conversation> with_cut_answer(const Sample& sample, const Setting& setting) const;
  void keep(Conversation made, const Sample& sample, WrittenSample& out) const;  // or not, where nothing of it is learned
  // As many pairs from the sample's front as fit, or one with its answer cut; 0 where not even that fits.
  size_t take(const Sample& sample, const Setting& setting, WrittenSample& out) const;
  std::int64_t expansion(const std::vector<PictureRef>& pictures) const;

  const text::Tokenizer& tokenizer_;
  options::JobConversation options_;
  std::map<std::string, options::JobConversation> by_source_;  // of every source
  const text::Template* form_;
  text::Learn learn_;
  image::PictureTokens picture_tokens_;
  std::uint64_t seed_;
  Reserved reserved_;
};

}  // namespace saucier::data
