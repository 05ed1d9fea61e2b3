// One attempt of one stage: its work folder, its worker process, and the artifact that it becomes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "modules/base/process.h"
#include "runner/exec/slots.h"
#include "runner/plan/plan.h"

namespace saucier::exec {

namespace fs = std::filesystem;

class Attempt {
 public:
  // Prepares the work folder (what a resume needs is kept, the rest of an earlier attempt goes), ends a worker that an
  // earlier runner left behind there, writes job.json and starts the worker. `node.job` lacks what is filled in here.
  Attempt(int node, const plan::Plan& plan, const store::Store& store, store::StageRunId run, const Slot& slot,
          std::size_t slot_number, const std::string& worker);

  int node() const { return node_; }
  std::size_t slot() const { return slot_; }
  const store::StageRunId& run() const { return run_; }
  int descriptor() const { return process_->output(); }
  bool output_open() const { return output_open_; }
  double seconds() const;
  void signal(int number) { process_->signal(number); }

  // Events that have come, metrics aside; lines that are none are dropped (they are in no file).
  std::vector<Json> read();
  // Metric events that have come, once they are many or the first has waited that long (0: all of them, now).
  std::vector<Json> take_metrics(double seconds);
  double metrics_due(double seconds) const;  // when (steady seconds); infinity while there are none
  std::optional<ExitStatus> ended();     // set once the worker is gone
  bool said_done() const { return done_.has_value(); }
  std::string problem(const ExitStatus& status) const;  // what its error event says, else how it ended
  std::string log_tail() const;          // last lines of its log

  // Turns WORK/out into the artifact folder: events and manifest go in, then one rename. Returns it.
  fs::path commit(const plan::Node& node, const fs::path& artifacts, const store::Environment& environment);
  const Json& summary() const;
  const fs::path& work() const { return work_; }

 private:
  int node_;
  std::size_t slot_;
  store::StageRunId run_;
  fs::path work_;
  std::optional<Process> process_;
  bool output_open_ = true;
  std::optional<Json> done_, error_;
  std::vector<Json> metrics_;  // not stored yet
  double metrics_since_ = 0;
  double begun_ = 0;
};

}  // namespace saucier::exec
