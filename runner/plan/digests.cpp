#include "runner/plan/digests.h"

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"

namespace saucier::plan {

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
  const std::string identity = identity_of_file(path);
  if (auto it = files_.find(identity); it != files_.end()) return it->second;
  const std::string digest = sha256_file(path);
  ++hashed_;
  if (!identity.empty()) {
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
