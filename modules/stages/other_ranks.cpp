#include "modules/stages/other_ranks.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/stop.h"

namespace saucier::stages {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kBetweenLooks{50};

// What a rank that failed said last; its exit where it said nothing.
Error what_it_said(const fs::path& folder, std::size_t rank, const ExitStatus& status) {
  std::ifstream in(folder / paths::kEvents);
  std::optional<Json> error;
  for (std::string line; std::getline(in, line);) {
    Json event = Json::parse(line, nullptr, false);
    if (event.is_object() && event.value("event", "") == "error") error = std::move(event);
  }
  if (!error) return Error(fmt::format("rank {} ended with {}", rank, status.to_string()), "see the stage's log");
  Error said = error_of(*error);
  said.add_context(fmt::format("in rank {}", rank));
  return said;
}

}  // namespace

OtherRanks::OtherRanks(const options::Job& job, const std::string& address, EventWriter& events) : job_(job), events_(events) {
  if (job.ranks.count == 1) return;
  SAUCIER_CHECK(static_cast<std::int64_t>(job.ranks.devices.size()) == job.ranks.count, "{} devices for {} ranks", job.ranks.devices.size(), job.ranks.count);
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  for (std::int64_t rank = 1; rank < job.ranks.count; ++rank) {
    const fs::path folder = fs::path(job.work) / paths::rank_folder(rank);
    fs::remove_all(folder);
    make_folders(folder);
    options::Job other = job;
    other.work = folder.string();
    other.device = job.ranks.devices[static_cast<std::size_t>(rank)];
    other.ranks.rank = rank;
    other.ranks.address = address;
    write_file_atomic(folder / paths::kJob, options::to_json(other).dump(1) + "\n");
    folders_.push_back(folder.string());
    processes_.push_back(Process::start({.command = {program, (folder / paths::kJob).string()}, .environment = {}, .log = fs::path(job.work) / paths::kWorkerLog}));
  }
  running_ = processes_.size();
  thread_ = std::thread([this] { watch(); });
}

OtherRanks::~OtherRanks() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void OtherRanks::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0; });
}

void OtherRanks::watch() {
  std::vector<bool> over(processes_.size());
  bool asked = false;
  std::unique_lock lock(mutex_);
  while (running_ > 0 && !stop_) {
    changed_.wait_for(lock, kBetweenLooks);
    if (stop_requested() && !asked) {  // the signal came to this process alone
      asked = true;
      for (std::size_t i = 0; i < processes_.size(); ++i)
        if (!over[i]) processes_[i].signal(SIGTERM);
    }
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      if (over[i]) continue;
      const auto status = processes_[i].poll();
      if (!status) continue;
      if (!status->ok() && status->code != kExitInterrupted) fail(i, *status);
      over[i] = true;
      --running_;
    }
    changed_.notify_all();
  }
}

void OtherRanks::fail(std::size_t which, const ExitStatus& status) {
  Error error = what_it_said(folders_[which], which + 1, status);
  error.add_context(fmt::format("in stage '{}'", job_.stage));
  std::fputs(error.render().c_str(), stderr);
  events_.error(error);
  std::_Exit(1);  // the others wait for a sum that never comes, as this process may
}

}  // namespace saucier::stages
