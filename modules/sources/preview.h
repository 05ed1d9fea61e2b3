// What a train stage's samples become, looked at without training: text, tokens, what is learned, where pictures stand,
// and why some are left out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "modules/data/conversation_samples.h"
#include "modules/sources/sources.h"

namespace saucier::sources {

struct ShownPicture {
  data::PictureRef picture;
  std::int64_t begin = 0, end = 0;  // positions in ShownSample::ids
};

// One conversation that is trained on, or one that is left out.
struct ShownSample {
  std::string id, source, kind;
  std::string dropped;                // the reason's name; then what follows is empty but for the turns
  std::string dropped_because;        // its meaning
  std::vector<data::Turn> turns;      // of the sample as it was read
  std::vector<text::Piece> pieces;
  std::vector<std::int32_t> ids;      // pictures expanded: their image id as often as they have tokens
  std::vector<std::int32_t> labels;   // text::kIgnore where nothing is learned
  std::int64_t learned = 0;           // tokens
  std::vector<ShownPicture> pictures;
};

// Of many samples of one source.
struct SourceSummary {
  std::string source;
  std::int64_t samples = 0;           // of the source, after its turn limit
  std::int64_t looked_at = 0;         // and of these
  std::int64_t conversations = 0;     // were written out
  std::map<std::string, std::int64_t> dropped;  // by the reason's name
  std::int64_t turns = 0, pictures = 0;
  std::int64_t tokens = 0, learned = 0;
  std::vector<std::int64_t> lengths;  // of each conversation in tokens, ascending
  std::int64_t cut_pairs = 0, cut_answers = 0, split = 0;
};

class Preview {
 public:
  // Opens what the stage reads: `job` is a train stage's, with the artifacts of earlier stages that exist. Error where
  // one that it needs does not, or where the stage has no conversations.
  explicit Preview(const options::Job& job);

  const data::Mixture& mixture() const { return *mixture_; }
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }

  // What becomes of the draw `i` of the mixture, or of sample `index` of a source: one, or more where it is split.
  std::vector<ShownSample> drawn(std::int64_t i) const;
  std::vector<ShownSample> of_source(size_t source, std::int64_t index) const;

  // Of at most `most` samples of a source, spread evenly over it.
  SourceSummary summary(size_t source, std::int64_t most) const;

 private:
  std::vector<ShownSample> show(const data::Sample& sample) const;

  std::shared_ptr<const data::Mixture> mixture_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  image::PictureTokens picture_tokens_;
  std::unique_ptr<data::ConversationWriter> writer_;
};

}  // namespace saucier::sources
