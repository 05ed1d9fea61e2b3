// The first rank's side of a stage that several processes run: it starts the others and watches them.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "modules/base/process.h"
#include "modules/base/protocol.h"
#include "modules/options/job.h"

namespace saucier::stages {

class OtherRanks {
 public:
  // Starts ranks 1 and on, with jobs that say the address; none in a job of one rank. They end when this process does.
  // When one of them fails, this process has no partner to wait for: what the other said is said here, and the process
  // ends at once.
  OtherRanks(const options::Job& job, const std::string& address, EventWriter& events);
  ~OtherRanks();  // kills those that still run
  OtherRanks(const OtherRanks&) = delete;
  OtherRanks& operator=(const OtherRanks&) = delete;

  void wait();  // until all have ended by themselves

 private:
  void watch();
  [[noreturn]] void fail(std::size_t which, const ExitStatus& status);

  const options::Job& job_;
  EventWriter& events_;
  std::vector<Process> processes_;
  std::vector<std::string> folders_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace saucier::stages
