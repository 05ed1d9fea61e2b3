// A store filled by hand, as if three trials had run: align (shared), instruct, bench; and "before", which all share.
#pragma once

#include <string>
#include <vector>

#include "modules/base/file.h"
#include "store/manifest.h"
#include "store/store.h"

namespace saucier {

constexpr int kTestPictures = 40;

// Which questions a trial answers right. Each picture has a question of two benchmarks.
struct Answers {
  int wrong_from = 0, wrong_to = 0;  // pictures whose scenes-pope answer is wrong
};

inline Json score_event(const std::string& benchmark, const std::string& metric, const std::string& condition, double value) {
  return {{"event", "score"}, {"benchmark", benchmark}, {"metric", metric}, {"value", value}, {"stderr", 0.01}, {"n", kTestPictures},
          {"setting", {{"condition", condition}, {"main", true}, {"split", "test"}, {"template", "vicuna_v1"}}}};
}

inline std::string test_picture(int i) { return "scene:test:" + std::to_string(i); }

inline std::vector<Json> bench_events(const Answers& answers, double pope, double count) {
  std::vector<Json> events = {score_event("scenes-pope", "f1", "seen", pope), score_event("scenes-pope", "f1", "blind", 0.66),
                              score_event("scenes-count", "accuracy", "seen", count),
                              score_event("scenes-count", "accuracy", "blind", 0.3)};
  for (const char* benchmark : {"scenes-pope", "scenes-count"}) {
    events.push_back(score_event(benchmark, benchmark[7] == 'p' ? "f1" : "accuracy", "majority", 0.667));
    events.push_back(score_event(benchmark, benchmark[7] == 'p' ? "f1" : "accuracy", "chance", 0.5));
  }
  for (int i = 0; i < kTestPictures; ++i) {
    const bool wrong = i >= answers.wrong_from && i < answers.wrong_to;
    const std::string sample = "test-" + std::to_string(i);
    events.push_back({{"event", "prediction"}, {"benchmark", "scenes-pope"}, {"condition", "seen"}, {"sample", sample + "#0"},
                      {"question", "Is there a <fox> & an owl?"}, {"answer", wrong ? "No" : "Yes"},
                      {"normalised", wrong ? "no" : "yes"}, {"truth", "yes"}, {"correct", !wrong}, {"picture", test_picture(i)}});
    events.push_back({{"event", "prediction"}, {"benchmark", "scenes-count"}, {"condition", "seen"}, {"sample", sample + "#1"},
                      {"question", "How many foxes are there?"}, {"answer", "2"}, {"normalised", "2"}, {"truth", "2"},
                      {"correct", true}, {"picture", test_picture(i)}});
  }
  return events;
}

// A stage run that has come to its end, with an artifact; `files`: name → content.
inline void finish_stage(store::Store& store, const std::string& key, const std::string& name, const std::string& kind,
                         const std::vector<Json>& events, const std::vector<std::pair<std::string, std::string>>& files = {}) {
  const auto run = store.claim(key, name, kind, "{}").value();
  store.write_events(run, events);
  const fs::path folder = store.artifacts() / key;
  make_folders(folder);
  for (const auto& [file, content] : files) {
    make_folders((folder / file).parent_path());
    write_file_atomic(folder / file, content);
  }
  store::write_manifest(folder, {{"key", key}, {"kind", kind}, {"name", name}, {"key_text", "{}"}, {"seconds", 12.5}, {"summary", Json::object()}});
  store.finish(run, folder, Json::object(), 12.5);
}

inline std::vector<Json> loss_events(double from) {
  std::vector<Json> events;
  for (int step = 1; step <= 50; ++step)
    events.push_back({{"event", "metric"}, {"step", step}, {"values", {{"loss", step == 20 ? Json("nan") : Json(from / step)}}}});
  return events;
}

// One source of a drawn event; `dropped`: reason to draws.
inline Json drawn_source(const std::string& name, double share, int size, int draws, const Json& dropped = Json::object()) {
  int kept = draws;
  for (const auto& [reason, count] : dropped.items()) kept -= count.get<int>();
  return {{"source", name}, {"share", share}, {"size", size}, {"draws", draws}, {"samples", kept}, {"tokens", kept * 300},
          {"learned_tokens", kept * 40}, {"pictures", name == "text" ? 0 : kept}, {"cut_pairs", kept / 10}, {"cut_answers", 1}, {"dropped", dropped}};
}

inline Json drawn_event(int from, int step, const Json& sources) {
  return {{"event", "drawn"}, {"from", from}, {"step", step}, {"sources", sources}};
}

inline Json resolved_recipe(int number) {
  const auto stage = [](const char* name, const char* kind, const char* from) {
    return Json{{"name", name}, {"kind", kind}, {"from", from}};
  };
  return {{"number", number}, {"stage", {stage("align", "train", "none"), stage("instruct", "train", "align"),
                                         stage("bench", "evaluate", "instruct"), stage("before", "evaluate", "none")}},
          {"mixture", {{"align", {{"weights", {{"captions", "natural"}, {"extra", 0.3}}}}},
                       {"instruct", {{"weights", {{"conversation", 1.0 * number}, {"detail", 3.0}}}}}}}};
}

// Trial x-1 is wrong on pictures 0 to 19, x-2 on 18 to 21, x-3 on 20 to 22; counting is always right.
inline std::int64_t fill_store(store::Store& store, const std::vector<std::pair<std::string, std::string>>& files = {},
                               const std::string& name = "x<y", const std::string& trial = "x-") {
  std::vector<store::TrialRow> trials;
  for (int i = 1; i <= 3; ++i) {
    const std::string n = std::to_string(i);
    trials.push_back({.name = trial + n,
                      .parameters = {{"stage.instruct.learning_rate", 0.0025 * i}, {"conversation.template", "plain"}},
                      .resolved = canonical(resolved_recipe(i)),
                      .stages = {{"align", "a"}, {"instruct", "i" + n}, {"bench", "b" + n}, {"before", "z"}}});
  }
  const std::int64_t sweep = store.add_sweep(name, "recipes/x.toml", "bench.scenes-pope.f1", "maximize", trials);
  finish_stage(store, "a", "align", "train", loss_events(40));
  finish_stage(store, "z", "before", "evaluate", {score_event("scenes-pope", "f1", "seen", 0.1)});
  const Answers answers[] = {{0, 20}, {18, 22}, {20, 23}};
  const double pope[] = {0.5, 0.9, 0.925}, count[] = {0.7, 0.75, 0.6};
  for (int i = 0; i < 3; ++i) {
    const std::string n = std::to_string(i + 1);
    auto events = loss_events(3 + i);
    events.push_back(drawn_event(0, 50, {drawn_source("conversation", 0.25, 100, 100), drawn_source("detail", 0.75, 200, 300, {{"empty-turn", 2}})}));
    finish_stage(store, "i" + n, "instruct", "train", events);
    finish_stage(store, "b" + n, "bench", "evaluate", bench_events(answers[i], pope[i], count[i]), files);
  }
  return sweep;
}

// The same under the names that the documentation uses.
inline std::int64_t fill_quickstart(store::Store& store) { return fill_store(store, {}, "quickstart", "quickstart-"); }

// A cycle of three rounds of which two have run: bench is wrong on 20 pictures, exam-1 on none, exam-2 on the last two.
inline std::int64_t fill_rounds(store::Store& store) {
  const Json resolved = {{"cycle", {{"loop", {{"rounds", 3}, {"start", {{"exam", "bench"}}}}}}}};
  const std::int64_t sweep = store.add_sweep("c", "c.toml", "exam.scenes-pope.f1", "maximize",
                                             {{.name = "c-1", .parameters = Json::object(), .resolved = canonical(resolved),
                                               .stages = {{"bench", "b"}, {"write-1", "w1", "loop", 1, "write"}, {"exam-1", "e1", "loop", 1, "exam"},
                                                          {"write-2", "w2", "loop", 2, "write"}, {"exam-2", "e2", "loop", 2, "exam"},
                                                          {"write-3", "w3", "loop", 3, "write"}, {"exam-3", "e3", "loop", 3, "exam"}}}});
  const auto written = [](int asked, int samples) {
    return std::vector<Json>{{{"event", "metric"}, {"step", asked}, {"values", {{"asked", asked}, {"samples", samples}}}}};
  };
  finish_stage(store, "b", "bench", "evaluate", bench_events({0, 20}, 0.5, 0.7));
  finish_stage(store, "w1", "write-1", "synthesize", written(50, 30));
  finish_stage(store, "e1", "exam-1", "evaluate", bench_events({0, 0}, 1.0, 0.7));
  finish_stage(store, "w2", "write-2", "synthesize", written(50, 20));
  finish_stage(store, "e2", "exam-2", "evaluate", bench_events({38, 40}, 0.95, 0.7));
  return sweep;
}

}  // namespace saucier
