#include "runner/exec/environment.h"

#include <sqlite3.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "modules/base/process.h"
#include "store/owner.h"

namespace saucier::exec {

namespace {

// What follows `key` on its line: "model name : X", "PRETTY_NAME="X"", "Model: X".
std::string field(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const auto begin = line.find_first_not_of(" \t:=\"", key.size());
    if (begin == std::string::npos) return {};
    return line.substr(begin, line.find_last_not_of(" \t\"") + 1 - begin);
  }
  return {};
}

std::string gpus() {
  std::map<std::string, int> models;
  std::error_code error;
  for (const auto& gpu : fs::directory_iterator("/proc/driver/nvidia/gpus", error)) ++models[field(gpu.path() / "information", "Model")];
  std::string out;
  for (const auto& [model, count] : models) out += fmt::format("{}{} x {}", out.empty() ? "" : ", ", count, model);
  return out;
}

// Of the folder that the file lies in; nothing without git or outside of a repository.
void add_git(store::Environment& out, const fs::path& file) {
  const fs::path whole = fs::absolute(file);
  // A repository may name programs for git to run; a look at its state needs none of them.
  const auto git = [&](std::vector<std::string> arguments) {
    std::vector<std::string> command{"git", "-C", whole.parent_path().string(), "--no-optional-locks", "-c", "core.fsmonitor=false"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_and_capture(command, "/dev/null");
  };
  try {
    const std::string commit = git({"rev-parse", "HEAD"});
    const bool changed = !git({"status", "--porcelain", "--untracked-files=no"}).empty() ||
                         !git({"status", "--porcelain", "--untracked-files=all", "--ignored", "--", whole.string()}).empty();
    out["recipe_commit"] = commit.substr(0, commit.find('\n'));
    out["recipe_changed"] = changed ? "yes" : "no";
  } catch (const Error&) {
  }
}

void add_contents(store::Environment& out, const std::string& path, const Json& value) {
  if (!value.is_object()) return;
  const auto content = value.find("content");
  if (value.size() == 1 && content != value.end() && content->is_string()) {
    out["content" + path] = content->get<std::string>();
    return;
  }
  for (const auto& [key, inner] : value.items()) add_contents(out, path + "." + key, inner);
}

}  // namespace

store::Environment run_environment(const fs::path& recipe_file) {
  store::Environment out{{"saucier", SAUCIER_VERSION},
                         {"sqlite", sqlite3_libversion()},
                         {"host", store::this_process().host},
                         {"os", field("/etc/os-release", "PRETTY_NAME")},
                         {"cpu", field("/proc/cpuinfo", "model name")},
                         {"cpus", std::to_string(std::thread::hardware_concurrency())},
                         {"gpus", gpus()},
                         {"gpu_driver", field("/proc/driver/nvidia/version", "NVRM version")}};
  if (const long pages = ::sysconf(_SC_PHYS_PAGES); pages > 0)
    out["memory_bytes"] = std::to_string(static_cast<std::int64_t>(pages) * ::sysconf(_SC_PAGESIZE));
  struct utsname name {};
  if (::uname(&name) == 0) out["kernel"] = fmt::format("{} {} {}", name.sysname, name.release, name.machine);
  if (!recipe_file.empty()) add_git(out, recipe_file);
  std::erase_if(out, [](const auto& entry) { return entry.second.empty(); });
  return out;
}

store::Environment stage_environment(const plan::Node& node, const Slot& slot) {
  store::Environment out{{"device", fmt::format("{}", fmt::join(slot.devices, "+"))}, {"seed", std::to_string(node.job.seed)}};
  if (!slot.visible.empty()) out["visible_devices"] = slot.visible;
  add_contents(out, "", Json::parse(node.key_text, nullptr, false));
  return out;
}

}  // namespace saucier::exec
