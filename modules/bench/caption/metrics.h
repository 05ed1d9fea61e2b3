// How captions are scored against references: CIDEr-D, BLEU and ROUGE-L, each exactly as pycocoevalcap 1.2 computes it, from the
// tokens of modules/bench/caption/ptb.h. METEOR and SPICE are left out: they are Java programs with data of their own.
//
// CIDEr-D: Vedantam et al., "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015; BLEU: Papineni et al., ACL 2002, over
// the corpus, reference length the closest one; ROUGE-L: Lin 2004, with beta 1.2, the best precision and the best recall over the
// references.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::bench {

inline constexpr size_t kMaxNgram = 4;

// What BLEU needs of a caption; of several captions it is the sum.
struct BleuCounts {
  double length = 0;     // tokens
  double reference = 0;  // tokens of the reference that is closest in length, the shorter of two
  std::array<double, kMaxNgram> guesses = {}, correct = {};  // n-grams of the caption; those in a reference, clipped
};
// BLEU-1 to BLEU-4. A precision of zero counts as 1e-15, as in the original, so that the result is never quite 0.
std::array<double, kMaxNgram> bleu(const BleuCounts& sums);

struct CaptionScore {
  double cider = 0;    // 0 to 10
  double rouge_l = 0;  // 0 to 1
  BleuCounts bleu;
};

// The references of some pictures, from which n-grams get their weights: log of how many pictures there are to one whose
// references have it.
class CaptionReferences {
 public:
  // One list of references a picture, none of them empty of references.
  explicit CaptionReferences(std::span<const std::vector<std::string>> references);
  ~CaptionReferences();
  CaptionReferences(CaptionReferences&&) noexcept;

  size_t size() const;
  // One caption a picture, in the order of the pictures.
  std::vector<CaptionScore> score(std::span<const std::string> captions) const;
  // Of one caption of that picture, tokenised alone.
  CaptionScore score_one(size_t picture, std::string_view caption) const;
  // Mean CIDEr of one caption for all pictures.
  double constant_cider(std::string_view caption) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace saucier::bench
