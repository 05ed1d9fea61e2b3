// What the runner hands to a worker: one stage of one trial, everything resolved, paths absolute.
#pragma once

#include "modules/options/benchmark_options.h"
#include "modules/options/kind_options.h"
#include "modules/options/stage_options.h"
#include "modules/options/teacher_options.h"

namespace saucier::options {

// The processes that run one stage together, of which this job is for one.
struct JobRanks {
  std::int64_t count = 1;
  std::int64_t rank = 0;
  std::string address;               // HOST:PORT where rank 0 waits; empty for rank 0
  std::vector<std::string> devices;  // of all ranks: rank 0 starts the others

  template <class Visitor>
  void declare(Visitor& v) {
    v(count, {.key = "count", .help = "Processes."});
    v(rank, {.key = "rank", .help = "Which of them this is."});
    v(address, {.key = "address", .help = "Where rank 0 waits for the others."});
    v(devices, {.key = "devices", .help = "Devices of all ranks."});
  }
};

struct Job {
  std::int64_t protocol = 1;
  std::string stage;                             // its name in the recipe
  std::string kind;                              // train | synthesize | evaluate
  std::string key;                               // stage key, 64 hex digits
  std::int64_t seed = 0;                         // of the recipe; the stage derives its own streams from (seed, stage)
  std::string work;                              // work folder: events.jsonl, resume/, out/
  std::string from;                              // artifact of the train stage this one goes on from; empty: none
  std::map<std::string, std::string> artifacts;  // stage name → artifact folder, for sources that read a stage's output
  std::string cache;                             // folder of prepared samples; empty: none
  std::map<std::string, std::string> contents;   // source name → what its samples are (JSON), for data::prepared_key
  std::string device = "cpu";                    // cpu | cuda:0
  std::int64_t threads = 0;                      // of this process; 0: as many as cores
  JobRanks ranks;
  ModelOptions model;
  JobConversation conversation;                  // the stage's own overrides already merged in
  std::map<std::string, DataOptions> data;       // only the sources the stage uses
  std::map<std::string, MixtureOptions> mixture; // only the mixtures it uses
  std::map<std::string, TeacherOptions> teachers;  // only those that the stage asks
  std::map<std::string, KindOptions> kinds;      // only those of the recipe's own that it writes
  std::map<std::string, BenchmarkOptions> benchmarks;  // only those of the recipe's own that it scores
  std::optional<TrainOptions> train;             // exactly one of these three
  std::optional<SynthesizeOptions> synthesize;
  std::optional<EvaluateOptions> evaluate;

  template <class Visitor>
  void declare(Visitor& v) {
    v(protocol, {.key = "protocol", .help = "Version of the worker protocol."});
    v(stage, {.key = "stage", .help = "Stage name."});
    v(kind, {.key = "kind", .help = "Stage kind."});
    v(key, {.key = "key", .help = "Stage key."});
    v(seed, {.key = "seed", .help = "Seed of the recipe."});
    v(work, {.key = "work", .help = "Work folder."});
    v(from, {.key = "from", .help = "Artifact of the stage this one goes on from."});
    v(artifacts, {.key = "artifacts", .help = "Stage name to artifact folder."});
    v(cache, {.key = "cache", .help = "Folder of prepared samples."});
    v(contents, {.key = "contents", .help = "Source name to what its samples are."});
    v(device, {.key = "device", .help = "Device to run on."});
    v(threads, {.key = "threads", .help = "CPU threads; 0: as many as cores."});
    v(ranks, {.key = "ranks", .help = "The processes that run the stage."});
    v(model, {.key = "model", .help = "The model."});
    v(conversation, {.key = "conversation", .help = "The conversation format."});
    v(data, {.key = "data", .help = "Data sources by name."});
    v(mixture, {.key = "mixture", .help = "Mixtures by name."});
    v(teachers, {.key = "teacher", .help = "Teachers by name."});
    v(kinds, {.key = "kinds", .help = "Kinds of sample by name."});
    v(benchmarks, {.key = "benchmark", .help = "Benchmarks over files by name."});
    v(train, {.key = "train", .help = "Options of a train stage."});
    v(synthesize, {.key = "synthesize", .help = "Options of a synthesize stage."});
    v(evaluate, {.key = "evaluate", .help = "Options of an evaluate stage."});
  }
};

}  // namespace saucier::options
