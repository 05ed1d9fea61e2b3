// The names of everything on disk, in one place.
//
//   STORE.db                       the results database (default results/saucier.db)
//   results/artifacts/KEY/         a finished stage run: manifest.json (last), events.jsonl, and what the stage made
//   results/cache/KEY/             prepared samples: key.json (what they were made from; its time is the last use), N.rows; one
//                                  folder holds marks of pictures in their place (data/overlap)
//   results/cache/replies/         what teachers have replied (teach/reply_cache.h); not thrown away: it was paid for
//   results/work/KEY/              one that runs or was cut off: job.json, events.jsonl, resume/, out/
//   results/NAME.html              a report
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace saucier::paths {

namespace fs = std::filesystem;

inline constexpr std::string_view kDefaultStore = "results/saucier.db";
inline constexpr std::string_view kManifest = "manifest.json";
inline constexpr std::string_view kEvents = "events.jsonl";
inline constexpr std::string_view kJob = "job.json";
inline constexpr std::string_view kWorker = "worker.json";  // which process works in a work folder
inline constexpr std::string_view kCacheKey = "key.json";
inline constexpr std::string_view kPictureMarks = "marks";  // in a folder of the cache of its own
inline constexpr std::string_view kReplies = "replies";     // in the cache
inline constexpr std::string_view kWorkerLog = "worker.log";
inline constexpr std::string_view kResume = "resume";  // training state inside a work folder
inline constexpr std::string_view kOutput = "out";     // becomes the artifact
inline std::string rank_folder(std::int64_t rank) { return "rank-" + std::to_string(rank); }  // in a work folder: the work folder of another process of the stage

inline fs::path artifacts(const fs::path& store_file) { return store_file.parent_path() / "artifacts"; }
inline fs::path cache(const fs::path& store_file) { return store_file.parent_path() / "cache"; }
inline fs::path work(const fs::path& store_file) { return store_file.parent_path() / "work"; }

// Inside artifacts, by stage kind:
inline constexpr std::string_view kSynthesized = "samples.json";     // synthesize: LLaVA JSON
inline constexpr std::string_view kProvenance = "provenance.jsonl";  // synthesize, of a teacher in words: where each sample is from
inline constexpr std::string_view kOverview = "overview.json";       // the same: what came of them, for the report
inline constexpr std::string_view kPictures = "pictures";            // synthesize, evaluate: pictures that reports show
inline constexpr std::string_view kModelFolder = "model";            // train: what was trained, Hugging Face layout
inline constexpr std::string_view kProjectorFile = "projector.safetensors";  // train, in model/: the projector alone
inline constexpr std::string_view kAdapterFolder = "adapter";        // train, in model/: PEFT LoRA adapter
inline constexpr std::string_view kTowerAdapterFolder = "tower_adapter";  // train, in model/: the same of the vision tower
inline constexpr std::string_view kLanguageFolder = "language";    // train, in model/: the whole language model
inline constexpr std::string_view kTowerFolder = "tower";          // train, in model/: the vision tower
inline constexpr std::string_view kPredictions = "predictions.jsonl";  // evaluate
inline constexpr std::string_view kSubmissions = "submissions";        // evaluate: what the servers of benchmarks take
inline constexpr std::string_view kScores = "scores.json";             // evaluate

// In the folder of pictures: "scene:test:3" → "scene-test-3.png".
inline std::string picture_file(std::string reference) {
  for (char& c : reference)
    if (c == ':' || c == '/') c = '-';
  return reference + ".png";
}

// Files of others:
inline constexpr std::string_view kGgufMagic = "GGUF";  // how a GGUF file begins
inline constexpr const char* kModelConfig = "config.json";
inline constexpr const char* kPreprocessorConfig = "preprocessor_config.json";
inline constexpr const char* kAdapterConfig = "adapter_config.json";
inline constexpr std::string_view kAdapterWeights = "adapter_model";  // without .safetensors or .bin

}  // namespace saucier::paths
