#include "runner/exec/attempt.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <thread>

#include "modules/base/clock.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/protocol.h"
#include "runner/plan/key.h"
#include "store/manifest.h"
#include "store/owner.h"

namespace saucier::exec {

namespace {

constexpr std::size_t kTailLines = 20;
constexpr std::streamoff kTailBytes = 16'384;
constexpr std::size_t kManyMetrics = 2'000;  // events, enough for a transaction

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw Error(fmt::format("cannot remove '{}': {}", path.string(), error.message()));
}

// A runner that was killed takes its worker with it, but the kernel may need a moment for that, and two workers in one
// folder would mix their files.
void end_leftover(const fs::path& work) {
  std::error_code ignored;
  if (!fs::exists(work / paths::kWorker, ignored)) return;
  const Json said = Json::parse(read_file(work / paths::kWorker), nullptr, false);
  if (!said.is_object()) return;
  const store::Owner worker{.host = said.value("host", ""), .boot = said.value("boot", ""),
                            .pid = said.value("pid", std::int64_t{0}), .start = said.value("start", std::int64_t{0})};
  if (worker.host != store::this_process().host || worker.pid <= 1 || worker.start == 0 || store::gone(worker)) return;
  ::kill(-static_cast<pid_t>(worker.pid), SIGKILL);
  for (int i = 0; i < 500 && !store::gone(worker); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (!store::gone(worker)) {
    throw Error(fmt::format("process {} of an earlier run still works in '{}'", worker.pid, work.string()),
                fmt::format("end it: kill -9 {}", worker.pid));
  }
}

void prepare_work(const fs::path& work) {
  make_folders(work);
  end_leftover(work);
  remove_tree(work / paths::kOutput);
  std::error_code ignored;
  if (!fs::exists(work / paths::kResume, ignored)) {
    // Nothing to go on from: its events must not stand beside the new ones.
    remove_tree(work / paths::kEvents);
    remove_tree(work / paths::kWorkerLog);
  }
  make_folders(work / paths::kOutput);
}

}  // namespace

Attempt::Attempt(int node, const plan::Plan& plan, const store::Store& store, store::StageRunId run, const Slot& slot,
                 std::size_t slot_number, const std::string& worker)
    : node_(node), slot_(slot_number), run_(run) {
  const plan::Node& planned = plan.nodes[static_cast<std::size_t>(node)];
  work_ = store.work() / planned.key;
  prepare_work(work_);

  options::Job job = planned.job;
  job.protocol = kProtocolVersion;
  job.key = planned.key;
  job.work = work_.string();
  job.device = slot.devices.front();
  job.threads = slot.threads;
  job.ranks.count = static_cast<std::int64_t>(slot.devices.size());
  if (job.ranks.count > 1) job.ranks.devices = slot.devices;
  for (const auto& [name, need] : planned.need_of) {
    const std::string folder = (store.artifacts() / plan.nodes[static_cast<std::size_t>(need)].key).string();
    job.artifacts[name] = folder;
    if (name == planned.from) job.from = folder;
  }
  job.cache = paths::cache(store.file()).string();
  job.contents = plan::contents_of(job, planned.key_text);
  const fs::path job_file = work_ / paths::kJob;
  write_file_atomic(job_file, options::to_json(job).dump(1) + "\n");

  begun_ = system_clock().steady_seconds();
  process_ = Process::start({.command = {worker, job_file.string()},
                             .environment = {{"CUDA_VISIBLE_DEVICES", slot.visible}},
                             .log = work_ / paths::kWorkerLog});
  const store::Owner owner = store::owner_of(process_->pid());
  write_file_atomic(work_ / paths::kWorker, Json{{"host", owner.host}, {"boot", owner.boot}, {"pid", owner.pid},
                                              {"start", owner.start}}.dump() + "\n");
}

double Attempt::seconds() const { return system_clock().steady_seconds() - begun_; }

std::vector<Json> Attempt::read() {
  std::vector<std::string> lines;
  if (output_open_) output_open_ = process_->read_lines(lines);
  std::vector<Json> events;
  for (const std::string& line : lines) {
    Json event = Json::parse(line, nullptr, false);
    if (!event.is_object()) continue;
    const std::string type = event.value("event", "");
    if (type == "done") done_ = event;
    if (type == "error") error_ = event;
    if (type != "metric") {
      events.push_back(std::move(event));
      continue;
    }
    if (metrics_.empty()) metrics_since_ = system_clock().steady_seconds();
    metrics_.push_back(std::move(event));
  }
  return events;
}

double Attempt::metrics_due(double seconds) const {
  return metrics_.empty() ? std::numeric_limits<double>::infinity() : metrics_since_ + seconds;
}

std::vector<Json> Attempt::take_metrics(double seconds) {
  if (metrics_.size() < kManyMetrics && system_clock().steady_seconds() < metrics_due(seconds)) return {};
  return std::exchange(metrics_, {});
}

std::optional<ExitStatus> Attempt::ended() {
  const auto status = process_->poll();
  if (status) read();  // what it said last is still in the pipe, which holds less than one read takes
  return status;
}

std::string Attempt::problem(const ExitStatus& status) const {
  if (error_) {
    const Error error = error_of(*error_);
    std::string text = error.what();
    for (const std::string& line : error.context()) text += "\nnote: " + line;
    if (!error.hint().empty()) text += "\nhint: " + error.hint();
    return text;
  }
  if (status.ok()) return "the worker ended without saying that it is done";
  return fmt::format("the worker ended with {}", status.to_string());
}

std::string Attempt::log_tail() const {
  std::ifstream in(work_ / paths::kWorkerLog, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kTailBytes));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  std::string out;
  for (std::size_t i = lines.size() - std::min(lines.size(), kTailLines); i < lines.size(); ++i) out += lines[i] + "\n";
  return out;
}

fs::path Attempt::commit(const plan::Node& node, const fs::path& artifacts, const store::Environment& environment) {
  const fs::path out = work_ / paths::kOutput;
  const fs::path target = artifacts / node.key;
  std::error_code error;
  fs::copy_file(work_ / paths::kEvents, out / paths::kEvents, fs::copy_options::overwrite_existing, error);
  if (error) throw Error(fmt::format("cannot copy the events of stage '{}': {}", node.name, error.message()));
  store::write_manifest(out, {{"key", node.key}, {"kind", node.kind}, {"name", node.name}, {"key_text", node.key_text},
                              {"seconds", seconds()}, {"summary", summary()}, {"environment", environment}});
  make_folders(artifacts);
  commit_folder(out, target);
  return target;
}

const Json& Attempt::summary() const {
  static const Json empty = Json::object();
  if (!done_) return empty;
  const auto it = done_->find("summary");
  return it != done_->end() ? *it : empty;
}

}  // namespace saucier::exec
