// What the commands that keep a store sound and small, and those that move it, say about what they found and did.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace saucier::store {

// Something that verify found.
struct Finding {
  bool wrong = true;    // false: worth knowing, and nothing is lost
  std::string what;     // "artifact 3c75e719… of stage 'align'"
  std::string problem;
  std::string advice;   // what to do, one action
};

// Something that gc removes.
struct Garbage {
  enum class Kind { kArtifact, kRows, kBroken, kWork, kCache, kTemporary };
  Kind kind = Kind::kArtifact;
  std::string name;     // path beside the database; of rows the stage's name
  std::string key;      // of an artifact, rows, a work folder and a cache
  std::string why;
  std::int64_t bytes = 0;
};
std::string to_string(Garbage::Kind kind);  // "artifact"
inline constexpr double kCacheDays = 30;    // prepared samples that no stage has used for that long are garbage

// What a sweep's artifacts take.
struct Usage {
  std::string sweep;            // "" for artifacts that no sweep refers to
  std::int64_t sweep_id = 0;
  bool pinned = false;          // itself, or one of its trials
  std::int64_t artifacts = 0;
  std::int64_t bytes = 0;
  std::int64_t alone = 0;       // of `bytes`, what no other sweep refers to: what is free once it is dropped
};

struct MergeOptions {
  bool artifacts = true;                  // copy them, too
  bool link = true;                       // by hard link where the file system allows it: the files are never written again
  std::optional<std::int64_t> sweep;      // of the other store, by its id there; none: all, and stage runs of no sweep
};

struct MergeReport {
  std::int64_t sweeps = 0, known_sweeps = 0;   // taken over; here already
  std::int64_t runs = 0, known_runs = 0;       // stage runs
  std::int64_t artifacts = 0, bytes = 0;       // folders that were copied or linked, and their size
  std::vector<std::string> messages;           // what was left out, and why
};

}  // namespace saucier::store
