// Which sample is drawn at which place: a function of (seed, i) without state, so that a run can go on anywhere.
//
// Shares: a source with a share gets that part of the draws, one with a count (samples, or epochs of its own) that many;
// natural sources get what these leave (so the shares must sum to less than 1 beside them), divided in proportion to
// size^(1 / temperature). Without natural sources the shares are scaled to what the counts leave. Among the first n draws
// a source with share w has been chosen n * w times, off by less than 1 (the chairman assignment of Tijdeman, "The
// chairman assignment problem", Discrete Mathematics 32, 1980).
//
// Inside a source every pass is a permutation of its own, keyed by (seed, source name, pass), whatever else is mixed in.
// With order "sequential" the sources, as often as they are drawn, come one after the other, each from its first sample
// to its last.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "modules/data/sample.h"
#include "modules/options/data_options.h"

namespace saucier::data {

struct MixtureSource {
  std::string name;
  std::shared_ptr<const SampleSource> samples;  // after limit_turns
};

struct Draw {
  std::int32_t source = 0;    // index into sources()
  std::int64_t sample = 0;    // index into that source
  std::int64_t pass = 0;      // from 0
};

class Mixture {
 public:
  // options.weights names every source; a share of 0 takes it out. Draws in all: options.samples, or options.epochs
  // (default 1) passes over the natural sources, which is that many times the sum of their sizes, and what the counted
  // sources and the shares have beside that; without natural sources what the counts and the shares beside them make;
  // without counts, too, options.epochs times the sum of all sizes.
  // exhausted = "repeat": a source that ran out begins its next pass. "stop": the mixture ends before the first draw
  // that would need one. "drop": the others share its place, in their proportions, until the draws or all sources end.
  // A source that reached its max_passes is dropped whatever `exhausted` says. A counted one never gets more than its
  // count, so that the draws may end earlier.
  // Error: a weight without a source or the reverse, an empty source, shares or counts that leave nothing, samples with
  // epochs.
  Mixture(std::vector<MixtureSource> sources, const options::MixtureOptions& options, std::uint64_t seed);

  std::int64_t size() const { return static_cast<std::int64_t>(choice_.size()); }
  Draw draw(std::int64_t i) const;  // 0 <= i < size()
  Sample sample(const Draw& draw) const;

  const std::vector<MixtureSource>& sources() const { return sources_; }
  double share(size_t source) const { return share_[source]; }  // as asked for
  std::int64_t drawn(size_t source) const { return drawn_[source]; }  // of size()
  const std::string& order() const { return order_; }

 private:
  void choose(std::int64_t draws, const options::MixtureOptions& options);
  bool divide_again(std::vector<double>& weights, std::int64_t draws) const;

  std::vector<MixtureSource> sources_;
  std::vector<double> share_;
  std::vector<std::int64_t> drawn_;
  std::vector<std::int64_t> count_;        // that a source asks for; 0: none
  std::string order_;
  std::vector<std::uint64_t> order_seed_;
  std::vector<std::uint16_t> choice_;      // source of every draw, in shuffled order
  std::vector<std::int64_t> before_;       // [size / kBlock + 1][sources]: draws of a source before the block
};

}  // namespace saucier::data
