#include "runner/plan/digests.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "modules/base/clock.h"
#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"

namespace saucier::plan {

namespace {

constexpr std::int64_t kRacyNs = 2'000'000'000;

std::int64_t nanoseconds(const timespec& time) { return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

}  // namespace

ContentDigests::ContentDigests(fs::path cache_file) : cache_file_(std::move(cache_file)) {
  std::error_code ignored;
  if (cache_file_.empty() || !fs::exists(cache_file_, ignored)) return;
  try {
    files_ = parse_json(read_file(cache_file_), "digest cache").get<std::map<std::string, std::string>>();
  } catch (const std::exception&) {  // a damaged cache is an empty one
    files_.clear();
  }
}

ContentDigests::~ContentDigests() {
  if (cache_file_.empty() || !changed_) return;
  try {
    write_file_atomic(cache_file_, Json(files_).dump(0) + "\n");
  } catch (const std::exception&) {  // read-only or full: the next plan hashes again
  }
}

std::string ContentDigests::of(const fs::path& path) {
  auto [it, fresh] = asked_.try_emplace(path);
  if (fresh) {
    try {
      it->second = fs::is_directory(path) ? of_folder(path) : of_file(path);
    } catch (const fs::filesystem_error& error) {
      throw Error(fmt::format("cannot read '{}': {}", path.string(), error.code().message()));
    }
  }
  return it->second;
}

std::string ContentDigests::of_file(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    throw Error(fmt::format("cannot read '{}': {}", path.string(), std::strerror(errno)));
  }
  const std::int64_t changed = nanoseconds(status.st_mtim);
  const std::string identity = fmt::format("{}:{}:{}:{}:{}", status.st_dev, status.st_ino, status.st_size, changed,
                                           nanoseconds(status.st_ctim));
  if (auto it = files_.find(identity); it != files_.end()) return it->second;
  const std::int64_t begun = system_clock().now_us() * 1000;
  const std::string digest = sha256_file(path);
  ++hashed_;
  if (std::max(changed, nanoseconds(status.st_ctim)) + kRacyNs < begun) {
    files_[identity] = digest;
    changed_ = true;
  }
  return digest;
}

std::string ContentDigests::of_folder(const fs::path& path) {
  std::map<std::string, fs::path> files;
  const auto options = fs::directory_options::follow_directory_symlink;
  for (auto it = fs::recursive_directory_iterator(path, options); it != fs::recursive_directory_iterator(); ++it) {
    if (it->path().filename().string().starts_with('.')) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    if (it->is_regular_file()) files[it->path().lexically_relative(path).generic_string()] = it->path();
  }
  Sha256 digest;
  for (const auto& [name, file] : files) digest.update(fmt::format("{} {} {}\n", name.size(), name, of_file(file)));
  return digest.hex();
}

}  // namespace saucier::plan
