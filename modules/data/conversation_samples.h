// From samples to what the model is trained on: turn limits, the place of the picture, tokens, labels, lengths.
//
// A sample that cannot be used is never bent until it fits: it is dropped with a reason from a closed list, which the
// loader counts and names. One that is too long loses whole question-answer pairs from its end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "modules/data/sample.h"
#include "modules/image/anyres.h"
#include "modules/options/data_options.h"
#include "modules/text/conversation.h"
#include "modules/text/tokenizer.h"

namespace saucier::data {

// A sample cut after every `max_turns` question-answer pairs (0: no limit). With "split" each cut begins a further
// sample, named ID#2, ID#3 …, that keeps the pictures shown so far and gets an "<image>\n" for each in front of its
// first question; with "truncate" the pairs behind the first cut are gone, and the pictures that only they show. Error
// on another overflow.
std::vector<Sample> limit_turns(const Sample& sample, std::int64_t max_turns, std::string_view overflow);

// The same for a whole source. "split" reads every sample once, here, to count its parts, so that size() is known.
std::shared_ptr<const SampleSource> limit_turns(std::shared_ptr<const SampleSource> source, std::int64_t max_turns,
                                                std::string_view overflow);

struct Conversation {
  std::string id;
  std::vector<text::Message> messages;  // as written out, the picture's marker in its place
  std::vector<text::Piece> pieces;
  text::Encoded encoded;
  std::vector<PictureRef> pictures;  // one for each image id
  std::int64_t length = 0;     // tokens after the pictures are expanded
  std::int64_t cut_pairs = 0;  // question-answer pairs lost to max_length
};

struct Drop {
  std::string id;
  std::string source;
  std::string reason;  // one of drop_reasons()
};

const std::vector<std::string>& drop_reasons();

class ConversationWriter {
 public:
  // `picture_tokens`: positions that a picture takes in place of its image id. `tokenizer` must outlive this object.
  // Error where the template or the image position is unknown, naming the nearest.
  ConversationWriter(const text::Tokenizer& tokenizer, const options::ConversationOptions& options,
                     image::PictureTokens picture_tokens, std::uint64_t seed);

  // Thread-safe, a function of the sample. options.max_turns is not applied here: see limit_turns. Pictures that no
  // turn mentions go to the first question ("as_is" puts them in front there). Error where a picture's size is needed
  // and cannot be read.
  std::variant<Conversation, Drop> write(const Sample& sample) const;

 private:
  std::string check(const Sample& sample) const;  // the reason to drop it, or ""
  std::vector<text::Message> messages_of(const Sample& sample) const;
  std::int64_t length_of(const Conversation& conversation) const;

  const text::Tokenizer& tokenizer_;
  options::ConversationOptions options_;
  const text::Template* form_;
  image::PictureTokens picture_tokens_;
  std::uint64_t seed_;
  std::vector<std::string> reserved_;  // special tokens that no turn may hold
};

}  // namespace saucier::data
