// Runs a plan: stages whose needs are there, each in a worker process; events into the store; artifacts committed.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "modules/base/clock.h"
#include "runner/exec/slots.h"
#include "runner/plan/plan.h"

namespace saucier::exec {

namespace fs = std::filesystem;

struct RunOptions {
  std::vector<Slot> slots = {{.devices = {"cpu"}}};
  bool keep_going = false;
  std::string worker;  // path of saucier-worker; default: beside saucier
  double metric_seconds = 1;  // how long metrics wait for others to share their transaction
  // Whether the round behind a gate begins; asked once a gate, when what it waits for is done. Unset: every round does.
  std::function<bool(const plan::Gate&)> opens;
  fs::path recipe_file;  // whose folder's git state is recorded; empty: none
};

// What people see while it runs.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void started(const plan::Node& node) = 0;
  virtual void cached(const plan::Node& node) = 0;
  virtual void progress(const plan::Node& node, const Json& event) = 0;
  virtual void finished(const plan::Node& node, double seconds) = 0;
  virtual void failed(const plan::Node& node, const std::string& message, const std::string& log_tail) = 0;
  virtual void message(const std::string& text) = 0;
};

struct Outcome {
  int ran = 0, cached = 0, failed = 0, skipped = 0, closed = 0;  // closed: of rounds that did not begin
  bool interrupted = false;
};

Outcome execute(const plan::Plan& plan, store::Store& store, const RunOptions& options, Listener& listener);

}  // namespace saucier::exec
