#include "store/owner.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

namespace saucier::store {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("unknown");
}

std::string boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  in >> id;
  return id;
}

// Field 22 of /proc/PID/stat; the second field holds the program's name in brackets and may hold spaces. 0 for a
// process that is gone or only waits to be reaped.
std::int64_t start_time(std::int64_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return 0;
  const auto bracket = line.rfind(')');
  if (bracket == std::string::npos) return 0;
  std::istringstream rest(line.substr(bracket + 1));
  std::string field;
  std::int64_t start = 0;
  for (int number = 3; number <= 22 && rest >> field; ++number) {
    if (number == 3 && (field == "Z" || field == "X")) return 0;
    if (number == 22) start = std::stoll(field);
  }
  return start;
}

}  // namespace

Owner owner_of(pid_t pid) {
  return {.host = host_name(), .boot = boot_id(), .pid = pid, .start = start_time(pid)};
}

Owner this_process() { return owner_of(::getpid()); }

bool gone(const Owner& owner) {
  if (owner.host != host_name()) return false;
  if (owner.boot != boot_id()) return true;
  return start_time(owner.pid) != owner.start;
}

}  // namespace saucier::store
