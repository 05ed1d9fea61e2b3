// A recipe file, checked and expanded: from text to the fully resolved trials of a sweep.
//
//   text → tree with positions (tree.h) → composed (`extends`, overrides) → bound (types, ranges, names) → trials
//
// Problems are collected in Recipe::problems; trials are there only when none of them is an error.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "modules/base/diagnostic.h"
#include "modules/options/job.h"
#include "runner/recipe/cycle.h"

namespace saucier::recipe {

namespace fs = std::filesystem;

inline constexpr int kLanguageVersion = 1;

// One stage of one trial, resolved. `job` lacks what only a run knows: key, work, from, artifacts, device, threads.
struct Stage {
  std::string name;
  std::string kind;
  std::string from;                 // train stage it goes on from; "" for none
  std::vector<std::string> needs;   // all stages whose artifacts it reads (from, synthesized sources), in recipe order
  RoundStage round;                 // where it is written out of a cycle
  options::Job job;
  std::map<std::string, std::string> origins;  // "learning_rate" → "recipes/x.toml:31", "--set", "axis"; and of
                                               // "model.…", "conversation.…", "data.…", "mixture.…" that it reads
};

struct Trial {
  std::string name;                        // "quickstart-1": the recipe and its place in the grid
  std::map<std::string, Json> parameters;  // axis path → value
  Json resolved;                           // the whole resolved recipe, canonical
  std::map<std::string, std::string> origins;  // of what it says outside of stages: "seed", "data.captions.format"
  std::vector<Stage> stages;               // recipe order, which is a valid order of execution
  std::vector<Cycle> cycles;
};

struct Recipe {
  std::string name;
  fs::path file;
  std::int64_t seed = 0;
  std::string metric;     // what trials are ranked by: "bench.scenes-pope.f1"; "" where the recipe says none
  std::string direction = "maximize";
  std::vector<std::string> axes;
  size_t count = 0;           // of the trials; 0 where a problem is an error
  size_t stages = 0;          // of each trial
  std::vector<Trial> trials;  // all of them, unless only checked
  Diagnostics problems;
};

struct Renames;

inline constexpr size_t kMostTrials = 100'000;

// Where a recipe and what it extends are read, which old names of keys it may use, and how far it is taken. Tests and the
// fuzzer bring their own texts and names.
struct Reading {
  std::function<std::optional<std::string>(const fs::path&)> text_of;  // nullopt: no such file; unset: the disk
  const Renames* renames = nullptr;                                    // unset: renames() of renamed.h
  size_t most_trials = kMostTrials;
  bool trials = true;  // false: the problems and how many trials there are, without making them
};

// `set`: "stage.instruct.learning_rate=1e-4"; `sweep`: "conversation.template=vicuna_v1,plain". Throws Error only when
// the file cannot be read at all.
Recipe load(const fs::path& file, const std::vector<std::string>& set, const std::vector<std::string>& sweep,
            const Reading& reading = {});

}  // namespace saucier::recipe
