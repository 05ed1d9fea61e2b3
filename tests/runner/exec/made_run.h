// Runs of made recipes with the fake worker, for the tests of exec and of faults.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "modules/base/file.h"
#include "runner/exec/execute.h"
#include "tests/runner/made_recipe.h"
#include "tests/store/processes.h"
#include "tests/temp_folder.h"

namespace saucier {

struct Heard : exec::Listener {
  std::vector<std::string> lines;
  std::string failure, tail;
  double loss = 0;
  void started(const plan::Node& node) override { lines.push_back("start " + node.name); }
  void cached(const plan::Node& node) override { lines.push_back("cached " + node.name); }
  void progress(const plan::Node&, const Json& event) override { loss = event.value("loss", 0.0); }
  void finished(const plan::Node& node, double) override { lines.push_back("done " + node.name); }
  void failed(const plan::Node& node, const std::string& message, const std::string& log_tail) override {
    lines.push_back("failed " + node.name);
    failure = message;
    tail = log_tail;
  }
  void message(const std::string& text) override { messages.push_back(text); }
  std::vector<std::string> messages;
};

struct Place {
  TempFolder temp;
  fs::path control = temp.path() / "control", file = temp.path() / "results" / "s.db";
  Place() {
    fs::create_directories(control);
    ::setenv("SAUCIER_FAKE", control.c_str(), 1);
    ::unsetenv("CUDA_VISIBLE_DEVICES");
  }
  void order(const std::string& stage, const std::string& what) { write_file_atomic(control / (stage + ".do"), what); }
  std::vector<std::string> lines(const char* log) const {
    std::vector<std::string> out;
    if (!fs::exists(control / log)) return out;
    std::istringstream in(read_file(control / log));
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  long count(const char* log, const std::string& stage) const {
    const auto all = lines(log);
    return std::count(all.begin(), all.end(), stage);
  }
};

inline exec::Outcome run(const fs::path& file, const recipe::Recipe& recipe, exec::Listener& listener, exec::RunOptions options = {},
                         const store::StoreOptions& store_options = {}) {
  if (options.worker.empty()) options.worker = SAUCIER_BINARY_DIR "/saucier_fake_worker";
  const auto store = store::Store::open(file, store_options);
  const auto plan = plan::make_plan(recipe, store.get());
  std::vector<store::TrialRow> rows;
  for (std::size_t t = 0; t < recipe.trials.size(); ++t) {
    store::TrialRow row{.name = recipe.trials[t].name, .parameters = Json::object(), .resolved = recipe.trials[t].resolved.dump(), .stages = {}};
    for (const int n : plan.trial_nodes[t]) row.stages.push_back({.stage = plan.nodes[n].name, .key = plan.nodes[n].key});
    rows.push_back(row);
  }
  store->add_sweep(recipe.name, "made.toml", "", "maximize", rows);
  return exec::execute(plan, *store, options, listener);
}

inline pid_t run_in_child(const fs::path& file, const recipe::Recipe& recipe, const exec::RunOptions& options = {}) {
  return in_child([&] {
    Heard heard;
    const auto outcome = run(file, recipe, heard, options);
    return outcome.interrupted ? 50 : outcome.failed;
  });
}

// All rows that a run leaves, times and attempts aside.
inline std::string rows(const fs::path& file) {
  const auto store = store::Store::open_read_only(file);
  std::string out;
  for (const char* sql : {"SELECT trial, stage, state, shared_by, summary FROM stage_cost ORDER BY number, position",
                          "SELECT trial, stage, metric, step, value, kind FROM curve ORDER BY 1, 2, 3, 4",
                          "SELECT trial, stage, metric, last, min, max, n FROM metric_last ORDER BY 1, 2, 3",
                          "SELECT trial, stage, benchmark, condition, metric, value, main FROM trial_score ORDER BY 1, 2, 3, 4, 5",
                          "SELECT trial, stage, sample, answer FROM prediction_detail ORDER BY 1, 2, 3"}) {
    for (const auto& row : store->query(sql).rows) out += Json(row).dump() + "\n";
  }
  return out;
}

}  // namespace saucier
