// A cycle of stages: they run several times over, each round with the models and the data that the round before it left.
//
//   [cycle.loop]
//   rounds = 3
//   start = { tune = "instruct", exam = "bench" }   what stands in the place of a stage before its first round
//   accumulate = ["written"]                        sources of which a mixture keeps the earlier rounds
//   stop_without_gain = "exam.scenes-pope"          the last round is the first that a paired test finds no gain in
//   values = { "data.pictures.scenes.first" = [4000, 6000, 8000] }   what differs from round to round
//
//   [[stage]]
//   name = "write"
//   cycle = "loop"
//
// The rounds are written out before anything is checked: `write` becomes write-1, write-2, ..., and so do the sources,
// mixtures and teachers that differ between them. What follows (checks, keys, plans, the store) knows stages alone, so a
// cycle is the same trial, with the same stage keys, as the stages written out by hand.
//
// A stage of the cycle that is named by one below it is that of the same round; named by one above it, or by itself, it is
// that of the round before, in the first round what `start` names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runner/recipe/tree.h"

namespace saucier::recipe {

struct Cycle {
  std::string name;
  std::int64_t rounds = 1;
  std::vector<std::string> stages;            // as the recipe names them, in order
  std::map<std::string, std::string> start;   // stage of the cycle → stage before it
  std::string gain_stage, gain_benchmark;     // whose answers decide whether another round begins; "" for none
  double alpha = 0.05;                        // level of the paired test
  std::optional<double> max_hours;            // of the stages of its rounds

  bool may_end_early() const { return !gain_stage.empty() || max_hours.has_value(); }
};

struct RoundStage {  // what a stage that was written out comes from
  std::string cycle;
  std::int64_t round = 0;  // from 1; 0: of no cycle
  std::string stage;       // its name in the recipe
};

struct Rounds {
  std::vector<Cycle> cycles;
  std::map<std::string, RoundStage> stages;  // by name: "write-2"
  // Sources, mixtures and teachers that were written out: section → name of a round → name in the recipe.
  std::map<std::string, std::map<std::string, std::string>> copies;
  bool broken = false;  // after a problem: the stages stand as they were said, and no check makes sense of them
};

bool has_cycles(const Node& root);

// Writes the rounds out in the tree, which has no [cycle] and no `cycle` afterwards. References are resolved before.
Rounds write_out_cycles(Node& root, Diagnostics& problems);

}  // namespace saucier::recipe
