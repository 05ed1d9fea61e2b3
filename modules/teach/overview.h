// What a stage's samples came to, for its report: how many of each verdict and kind, how long, and some of them to look at.
#pragma once

#include <map>
#include <vector>

#include "modules/base/rng.h"
#include "modules/teach/draft.h"

namespace saucier::teach {

class Overview {
 public:
  static constexpr size_t kShown = 10;  // of the kept and of the rejected ones each

  explicit Overview(std::uint64_t seed);
  void add(const Draft& draft);

  // Drawn evenly (Vitter's algorithm R), the same for the same samples and seed.
  const std::vector<Draft>& kept() const { return kept_.drawn; }
  const std::vector<Draft>& rejected() const { return rejected_.drawn; }
  const std::map<std::string, std::int64_t>& verdicts() const { return verdicts_; }

  // {"verdicts": {reason: count}, "kinds": {kind: {samples, pairs, question_words, answer_words}}, "shown": [{id, kind, verdict,
  // detail, picture, reply, turns}]}; words are sums over the kept samples.
  Json json() const;

 private:
  struct Draw {
    std::vector<Draft> drawn;
    std::int64_t seen = 0;
  };
  struct Lengths {
    std::int64_t samples = 0, pairs = 0, question_words = 0, answer_words = 0;
  };
  Rng rng_;
  Draw kept_, rejected_;
  std::map<std::string, std::int64_t> verdicts_;
  std::map<std::string, Lengths> kinds_;
};

}  // namespace saucier::teach
