// What has to run: stage keys over all trials, what the store has already, and why the rest must run.
//
// A stage key is the SHA-256 of a canonical text: stage kind and its version, the options that matter and differ from
// their defaults, the keys of the stages it reads, the content hashes of models and files it reads, the seed. Equal keys
// are one node, so trials share stages.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "modules/base/scene_files.h"
#include "runner/recipe/recipe.h"
#include "store/store.h"

namespace saucier::plan {

// What is asked when a round of a cycle has run: does another one begin? Nothing of it is part of a key.
struct Gate {
  int trial = 0;
  std::string cycle;
  std::int64_t round = 1;                  // that has run
  std::string stage, stage_before;         // whose answers are compared: "exam-2", "exam-1"; "" where nothing is
  std::string benchmark;
  double alpha = 0.05;
  std::optional<double> max_hours;
  std::vector<int> rounds;                 // nodes of the rounds so far
  std::vector<int> waits;                  // nodes that must be over before it can be asked
};

struct Node {  // one stage key
  std::string key;
  std::string key_text;            // canonical JSON that the key is the hash of
  std::string name;                // the stage's name in its first trial
  std::string kind;
  std::vector<int> needs;          // nodes
  std::vector<int> trials;         // trials that use it
  std::vector<int> gates;          // it runs only if one of them opens; none: whatever happens
  bool cached = false;
  std::string reason;              // "cached (from quickstart-1)", "to run: first time", "to run: learning_rate 0.0001 → 0.0002"
  options::Job job;                // with key and, once planned, artifact paths of its needs
  std::map<std::string, int> need_of;  // stage name → node, for job.from and job.artifacts
  std::string from;                // stage name behind job.from
};

struct Plan {
  std::vector<Node> nodes;                // an order in which needs come first
  std::vector<std::vector<int>> trial_nodes;  // trial → its nodes in stage order
  std::vector<Gate> gates;
};

// What a run of the recipe reads of this machine beside the files it names: the font and tables that scenes are drawn from.
// Throws Error with the package to install. Before a store is opened, so that nothing is left half-written.
void check_machine(const recipe::Recipe& recipe, std::span<const SceneFile> files = kSceneFiles);

// The store may be absent (nullptr): then nothing is cached. `scene_files` are part of the keys of stages that draw scenes.
Plan make_plan(const recipe::Recipe& recipe, store::Store* store, std::span<const SceneFile> scene_files = kSceneFiles);

// Whether the environment has the keys of the teachers that stages which have to run ask. Throws Error naming the first that
// it lacks.
void check_keys(const Plan& plan);

// The text that a stage key is the hash of, for one stage.
Json key_text(const recipe::Stage& stage, const std::map<std::string, std::string>& need_keys);

}  // namespace saucier::plan
