// A small store with something in every table, made through the Store's own calls: what a layout's test asset holds.
#pragma once

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "store/database.h"
#include "store/manifest.h"
#include "store/store.h"

namespace saucier {

inline std::vector<Json> sample_events() {
  return {{{"event", "metric"}, {"step", 1}, {"values", {{"loss", 2.0}}}},
          {{"event", "metric"}, {"step", 2}, {"values", {{"loss", "nan"}}}},
          {{"event", "metric"}, {"step", 3}, {"values", {{"loss", 0.5}, {"rate", "-inf"}}}},
          {{"event", "metric"}, {"step", 4}, {"values", {{"loss", 1.0}}}},
          {{"event", "score"}, {"benchmark", "pope"}, {"metric", "f1"}, {"value", 0.75}, {"stderr", 0.01}, {"n", 8},
           {"setting", {{"main", true}}}},
          {{"event", "score"}, {"benchmark", "pope"}, {"metric", "f1"}, {"value", 0.25}, {"stderr", 0.01}, {"n", 8},
           {"setting", {{"condition", "blind"}}}},
          {{"event", "prediction"}, {"benchmark", "pope"}, {"condition", "seen"}, {"sample", "t#1"}, {"question", "q?"},
           {"answer", "Yes"}, {"normalised", "yes"}, {"truth", "no"}, {"correct", false}, {"picture", "scene:test:1"}},
          {{"event", "drawn"}, {"from", 0}, {"step", 4},
           {"sources", {{{"source", "talk"}, {"share", 1.0}, {"size", 8}, {"draws", 16}, {"samples", 14}, {"tokens", 700},
                         {"learned_tokens", 90}, {"pictures", 14}, {"cut_pairs", 1}, {"cut_answers", 0}, {"dropped", {{"empty-turn", 2}}}}}}},
          {{"event", "log"}, {"level", "warning"}, {"text", "two samples dropped"}},
          {{"event", "environment"}, {"values", {{"torch", "2.13.0"}}}},
          {{"event", "progress"}, {"step", 4}},
          {{"event", "done"}, {"summary", Json::object()}}};
}

inline fs::path sample_artifact(const store::Store& store, const std::string& key, const std::string& content = "weights") {
  const fs::path folder = store.artifacts() / key;
  fs::create_directories(folder / "model");
  write_file_atomic(folder / "model" / "w", content);
  std::string lines;
  for (const Json& event : sample_events()) lines += event.dump() + "\n";
  write_file_atomic(folder / paths::kEvents, lines);
  store::write_manifest(folder, {{"key", key}, {"kind", "train"}, {"name", "align"}, {"key_text", "{}"}, {"seconds", 2.5},
                                 {"summary", {{"loss", 1.0}}}});
  return folder;
}

// One stage run in every state, the done one after a lost and a failed attempt, another left running.
inline void fill_sample_store(const fs::path& file) {
  const auto store = store::Store::open(file);
  const auto key = [](char letter) { return std::string(64, letter); };
  store->add_sweep("old", "old.toml", "bench.pope.f1", "maximize",
                   {{.name = "old-1", .parameters = {{"seed", 1}}, .resolved = R"({"seed":1})",
                     .stages = {{"align", key('a')}, {"bench", key('b')}}},
                    {.name = "old-2", .parameters = {{"seed", 2}}, .resolved = R"({"seed":2})",
                     .stages = {{"align", key('c')}, {"bench", key('d')}}}});
  const auto claim = [&](char letter) { return store->claim(key(letter), "align", "train", R"({"kind":"train"})").value(); };
  claim('a');
  store::Database(file, store::Database::Mode::kWrite).execute("UPDATE stage_run SET heartbeat_us = 0");
  store->fail(claim('a'), "out of memory", "the last line\n");
  const auto done = claim('a');
  store->write_events(done, sample_events());
  store->finish(done, sample_artifact(*store, key('a')), {{"loss", 1}}, 2.5);
  store->fail(claim('b'), "no data", "");
  store->release(claim('c'), "interrupted");
  claim('d');
  // Which machine made it, and when, is nobody's business.
  store::Database(file, store::Database::Mode::kWrite).execute(R"(
    UPDATE stage_run SET owner_host = 'host', owner_boot = 'boot', owner_pid = 7, owner_start = 1,
      heartbeat_us = 1700000000000000 + id, started_us = 1700000000000000 + id,
      finished_us = CASE WHEN finished_us IS NOT NULL THEN 1700000001000000 + id END;
    UPDATE event SET time_us = 1700000000000000 + id,
      text = CASE kind WHEN 'claimed' THEN 'process 7 on ''host''' WHEN 'lost' THEN 'by process 7 on ''host''' ELSE text END;
    UPDATE sweep SET created_us = 1700000000000000 + id;
    UPDATE attempt SET owner_host = 'host', owner_boot = 'boot', owner_pid = 7, owner_start = 1,
      started_us = 1700000000000000 + number, finished_us = CASE WHEN finished_us IS NOT NULL THEN 1700000001000000 + number END,
      message = iif(state = 'lost', 'by process 7 on ''host''', message);)");
}

}  // namespace saucier
