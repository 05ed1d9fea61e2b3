// Sweeps of a made-up store whose stages have finished: keys are 64 hex digits, as the real ones.
#pragma once

#include "modules/base/digest.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "store/manifest.h"
#include "store/store.h"

namespace saucier {

inline std::string made_key(const std::string& name) { return sha256(name); }

// A sweep of one trial for each list of stages; a stage's name is also what its key is made from.
inline std::int64_t made_sweep(store::Store& store, const std::string& name, const std::vector<std::vector<std::string>>& trials) {
  std::vector<store::TrialRow> rows;
  for (const auto& stages : trials) {
    store::TrialRow& row = rows.emplace_back();
    row.name = name + "-" + std::to_string(rows.size());
    row.parameters = {{"n", rows.size()}};
    row.resolved = Json{{"trial", row.name}}.dump();
    for (const std::string& stage : stages) row.stages.push_back({.stage = stage, .key = made_key(stage)});
  }
  return store.add_sweep(name, name + ".toml", "", "maximize", rows);
}

inline std::vector<Json> made_events(const std::string& stage) {
  return {{{"event", "metric"}, {"step", 1}, {"values", {{"loss", 2.5}, {"rate", "-inf"}}}},
          {{"event", "metric"}, {"step", 2}, {"values", {{"loss", "nan"}}}},
          {{"event", "score"}, {"benchmark", "pope"}, {"metric", "f1"}, {"value", 0.75}, {"n", 8}, {"setting", {{"main", true}}}},
          {{"event", "prediction"}, {"benchmark", "pope"}, {"sample", "1"}, {"question", "q?"}, {"answer", stage}},
          {{"event", "log"}, {"level", "warning"}, {"text", "two samples dropped"}},
          {{"event", "environment"}, {"values", {{"torch", "2.13.0"}}}}};
}

inline fs::path made_artifact(const store::Store& store, const std::string& stage, const std::string& content = "weights") {
  const fs::path folder = store.artifacts() / made_key(stage);
  make_folders(folder / "model");
  write_file_atomic(folder / "model" / "w", content + " of " + stage);
  std::string lines;
  for (const Json& event : made_events(stage)) lines += event.dump() + "\n";
  write_file_atomic(folder / paths::kEvents, lines);
  store::write_manifest(folder, {{"key", made_key(stage)}, {"kind", "train"}, {"name", stage}, {"key_text", "{}"}});
  return folder;
}

inline bool finish_made(store::Store& store, const std::string& stage, const std::string& content = "weights") {
  const auto run = store.claim(made_key(stage), stage, "train", "{}");
  if (!run || !store.write_events(*run, made_events(stage))) return false;
  return store.finish(*run, made_artifact(store, stage, content), {{"from", content}}, 2.5);
}

inline Json one_value(const store::Store& store, const std::string& sql) { return store.query(sql).rows.at(0).at(0); }

}  // namespace saucier
