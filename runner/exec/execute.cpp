#include "runner/exec/execute.h"

#include <signal.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "modules/base/paths.h"
#include "modules/base/protocol.h"
#include "modules/base/stop.h"
#include "runner/exec/attempt.h"
#include "runner/exec/environment.h"
#include "runner/exec/schedule.h"
#include "runner/exec/signals.h"
#include "store/manifest.h"

namespace saucier::exec {

namespace {

constexpr double kHeartbeatsPerLease = 12;           // so that a claim outlives many that come late
constexpr double kGraceSeconds = 30;                 // for workers to write their state when the run cannot go on
constexpr double kFirstRetry = 0.2, kLastRetry = 2;  // how often a stage of another runner is looked at
constexpr double kLongestSleep = 1;                  // also for a worker whose pipe something else keeps open
constexpr double kSleepAtEnd = 0.005;                // a worker that has closed its output is about to end

// Non-finite numbers come as texts ("nan"); listeners get numbers.
Json with_numbers(Json event) {
  for (const char* key : {"rate", "loss", "seconds_left"}) {
    if (auto it = event.find(key); it != event.end()) *it = number_from_json(*it);
  }
  return event;
}

class Run {
 public:
  Run(const plan::Plan& plan, store::Store& store, const RunOptions& options, Listener& listener)
      : plan_(plan), store_(store), options_(options), listener_(listener), schedule_(plan),
        slots_(options.slots), gates_(plan.gates.size()), busy_(slots_.size(), false) {
    worker_ = options.worker.empty() ? (fs::read_symlink("/proc/self/exe").parent_path() / "saucier-worker").string()
                                     : options.worker;
  }

  Outcome run() {
    try {
      start_ready();
      while (!schedule_.over()) {
        sleep();
        look_at_signals();
        look_at_workers();
        beat();
        start_ready();
      }
    } catch (...) {  // the store cannot be written, say: the next run shall not begin from nothing
      stop_workers();
      throw;
    }
    return outcome_;
  }

 private:
  static double now() { return system_clock().steady_seconds(); }
  const plan::Node& node_of(int n) const { return plan_.nodes[static_cast<std::size_t>(n)]; }
  // Of a stage that begins on that slot.
  store::Environment environment_of(int n, std::size_t slot) {
    if (run_environment_.empty()) run_environment_ = run_environment(options_.recipe_file);
    store::Environment out = stage_environment(node_of(n), slots_[slot]);
    out.insert(run_environment_.begin(), run_environment_.end());
    return out;
  }
  bool stopping() const { return outcome_.interrupted || (outcome_.failed > 0 && !options_.keep_going); }

  void pass_messages() {
    for (const std::string& text : store_.take_messages()) listener_.message(text);
  }

  // Starts what can start. Stages that the store has already are done at once, which makes others ready.
  void start_ready() {
    for (bool again = true; again && !stopping();) {
      again = false;
      const std::vector<int> ready = schedule_.ready();
      for (const int n : ready) {
        if (stopping()) break;
        again |= try_start(n);
      }
    }
    pass_messages();
    if (stopping()) outcome_.skipped += schedule_.skip_rest();
  }

  // True when others may have become ready.
  bool try_start(int n) {
    const plan::Node& node = node_of(n);
    if (!node.gates.empty() && std::none_of(node.gates.begin(), node.gates.end(), [&](int gate) { return opens(gate); })) {
      outcome_.closed += 1 + schedule_.close(n);
      return true;
    }
    if (auto it = retry_at_.find(n); it != retry_at_.end() && now() < it->second) return false;
    if (!looked_.contains(n)) {
      if (store_.artifact(node.key)) {
        std::error_code ignored;
        fs::remove_all(store_.work() / node.key, ignored);
        schedule_.done(n);
        ++outcome_.cached;
        listener_.cached(node);
        return true;
      }
      looked_.insert(n);
    }
    const auto slot = std::find(busy_.begin(), busy_.end(), false);
    if (slot == busy_.end()) {
      if (retry_at_.contains(n)) wait_for_other(n);  // is looked at again even without a free slot
      return false;
    }
    const auto run = store_.claim(node.key, node.name, node.kind, node.key_text);
    if (!run) {
      wait_for_other(n);
      return false;
    }
    pass_messages();
    begin(n, *run, static_cast<std::size_t>(slot - busy_.begin()));
    return false;
  }

  bool opens(int gate) {
    std::optional<bool>& open = gates_[static_cast<std::size_t>(gate)];
    const plan::Gate& of = plan_.gates[static_cast<std::size_t>(gate)];
    const auto over = [&](int n) { return schedule_.state(n) == State::kDone; };  // a round before may not have begun
    if (!open) open = std::all_of(of.waits.begin(), of.waits.end(), over) && (!options_.opens || options_.opens(of));
    return *open;
  }

  void wait_for_other(int n) {
    if (!pause_.contains(n)) {
      pause_[n] = kFirstRetry;
      listener_.message(fmt::format("stage '{}' runs in another process; waiting for it", node_of(n).name));
    }
    retry_at_[n] = now() + pause_[n];
    pause_[n] = std::min(pause_[n] * 1.5, kLastRetry);
    looked_.erase(n);
  }

  void begin(int n, store::StageRunId run, std::size_t slot) {
    schedule_.start(n);
    store_.add_environment(run, environment_of(n, slot));
    try {
      attempts_.push_back(std::make_unique<Attempt>(n, plan_, store_, run, slots_[slot], slot, worker_));
    } catch (const std::exception& error) {
      failed(n, run, error.what(), "", "");
      return;
    }
    busy_[slot] = true;
    listener_.started(node_of(n));
  }

  void sleep() {
    double until = now() + kLongestSleep;
    std::vector<int> descriptors{signals_.descriptor()};
    for (const auto& attempt : attempts_) {
      until = std::min(until, attempt->metrics_due(options_.metric_seconds));
      if (attempt->output_open()) descriptors.push_back(attempt->descriptor());
      else until = std::min(until, now() + kSleepAtEnd);
    }
    for (const int n : schedule_.ready()) {
      if (auto it = retry_at_.find(n); it != retry_at_.end()) until = std::min(until, it->second);
    }
    const auto left = std::max(0.0, until - now());
    wait_readable(descriptors, std::chrono::milliseconds(static_cast<std::int64_t>(left * 1000) + 1));
  }

  void look_at_signals() {
    const int asked = signals_.count();
    if (asked >= 1 && !outcome_.interrupted) {
      outcome_.interrupted = true;
      if (!attempts_.empty()) listener_.message("stopping: running stages write their state; once more ends them at once");
      for (const auto& attempt : attempts_) attempt->signal(SIGTERM);
    }
    if (asked >= 2 && !killed_) {
      killed_ = true;
      for (const auto& attempt : attempts_) attempt->signal(SIGKILL);
    }
  }

  void look_at_workers() {
    for (std::size_t i = 0; i < attempts_.size();) {
      Attempt& attempt = *attempts_[i];
      for (const Json& event : attempt.read()) tell(attempt, event);
      if (!lost_.contains(attempt.node()) && !store_metrics(attempt, options_.metric_seconds)) fence(attempt);
      const auto status = attempt.ended();
      if (!status) {
        ++i;
        continue;
      }
      const std::unique_ptr<Attempt> over = std::move(attempts_[i]);
      attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(i));
      busy_[over->slot()] = false;
      end(*over, *status);
    }
  }

  // What a worker has measured so far; the replay of its events has the last word. False when the attempt is fenced.
  bool store_metrics(Attempt& attempt, double seconds) {
    const std::vector<Json> batch = attempt.take_metrics(seconds);
    return batch.empty() || store_.add_metrics(attempt.run(), batch);
  }

  void fence(Attempt& attempt) {
    lost_.insert(attempt.node());
    attempt.signal(SIGKILL);
  }

  void stop_workers() {
    if (attempts_.empty()) return;
    listener_.message("the run cannot go on; running stages write their state");
    for (const auto& attempt : attempts_) attempt->signal(SIGTERM);
    for (const double end = now() + kGraceSeconds; now() < end && !attempts_.empty();) {
      wait_readable({}, std::chrono::milliseconds(10));
      std::erase_if(attempts_, [](const auto& attempt) {
        attempt->read();  // a worker that waits for room in its pipe never ends
        return attempt->ended().has_value();
      });
    }
  }

  void tell(Attempt& attempt, const Json& event) {
    const std::string type = event.value("event", "");
    if (type == "environment" && !store_.add_environment(attempt.run(), store::environment_of(event))) fence(attempt);
    if (type == "progress") listener_.progress(node_of(attempt.node()), with_numbers(event));
    if (type == "log" && event.value("level", "") == "warning") {
      listener_.message(fmt::format("{}: {}", node_of(attempt.node()).name, event.value("text", "")));
    }
  }

  void end(Attempt& attempt, const ExitStatus& status) {
    const int n = attempt.node();
    if (lost_.erase(n) > 0 || !store_.heartbeat(attempt.run())) return lose(n);
    if (status.ok() && attempt.said_done()) return complete(attempt);
    if (!store_metrics(attempt, 0)) return lose(n);
    if (status.code == kExitInterrupted || outcome_.interrupted) {
      // Not a failure: its training state is in the work folder, and the next run goes on from there.
      store_.release(attempt.run(), outcome_.interrupted ? "interrupted" : "its worker was asked to stop", status.to_string());
      if (!outcome_.interrupted) {
        listener_.message(fmt::format("stage '{}' was asked to stop from outside; its state is kept", node_of(n).name));
        outcome_.interrupted = true;
        for (const auto& other : attempts_) other->signal(SIGTERM);
      }
      schedule_.put_back(n);  // counted with what was skipped
      return;
    }
    failed(n, attempt.run(), attempt.problem(status), attempt.log_tail(), status.to_string());
  }

  void complete(Attempt& attempt) {
    const int n = attempt.node();
    const plan::Node& node = node_of(n);
    const double seconds = attempt.seconds();
    try {
      const fs::path artifact = attempt.commit(node, store_.artifacts(), environment_of(n, attempt.slot()));
      // From here on the artifact is there: whoever comes next adopts it, should this process end now.
      if (!store_.write_events(attempt.run(), store::read_events(artifact / paths::kEvents)) ||
          !store_.finish(attempt.run(), artifact, attempt.summary(), seconds)) {
        return lose(n);
      }
    } catch (const std::exception& error) {
      return failed(n, attempt.run(), error.what(), attempt.log_tail(), ExitStatus().to_string());
    }
    std::error_code ignored;
    fs::remove_all(attempt.work(), ignored);
    schedule_.done(n);
    ++outcome_.ran;
    listener_.finished(node, seconds);
  }

  void failed(int n, const store::StageRunId& run, const std::string& message, const std::string& log_tail,
              const std::string& exit_status) {
    ++outcome_.failed;
    outcome_.skipped += schedule_.fail(n);
    listener_.failed(node_of(n), message, log_tail);  // first: the store may be what has failed
    store_.fail(run, message, log_tail, exit_status);
  }

  // Another process has taken the stage over (this one slept for over a minute, say). Its result counts.
  void lose(int n) {
    listener_.message(fmt::format("stage '{}' was taken over by another process; what it did here since then is not kept",
                                  node_of(n).name));
    schedule_.put_back(n);
    pause_[n] = kFirstRetry;
    wait_for_other(n);
  }

  void beat() {
    if (attempts_.empty() || now() < next_beat_) return;
    next_beat_ = now() + store_.lease_seconds() / kHeartbeatsPerLease;
    for (const auto& attempt : attempts_) {
      if (!store_.heartbeat(attempt->run())) fence(*attempt);
    }
  }

  const plan::Plan& plan_;
  store::Store& store_;
  const RunOptions& options_;
  Listener& listener_;
  Schedule schedule_;
  const std::vector<Slot>& slots_;
  std::vector<std::optional<bool>> gates_;  // open, once asked
  std::vector<bool> busy_;
  std::string worker_;
  store::Environment run_environment_;
  StopSignals signals_;
  std::vector<std::unique_ptr<Attempt>> attempts_;  // their destructors end the workers
  std::set<int> looked_, lost_;
  std::map<int, double> retry_at_, pause_;
  double next_beat_ = 0;
  bool killed_ = false;
  Outcome outcome_;
};

}  // namespace

Outcome execute(const plan::Plan& plan, store::Store& store, const RunOptions& options, Listener& listener) {
  return Run(plan, store, options, listener).run();
}

}  // namespace saucier::exec
