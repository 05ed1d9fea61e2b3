#include "store/manifest.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"

namespace saucier::store {

namespace {

bool stays_inside(const fs::path& name) {
  return name.is_relative() && std::find(name.begin(), name.end(), "..") == name.end();
}

}  // namespace

void write_manifest(const fs::path& folder, Json head) {
  Json files = Json::object();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory()) continue;
    const std::string name = fs::relative(entry.path(), folder).generic_string();
    if (name == paths::kManifest) continue;
    files[name] = {{"size", entry.file_size()}, {"sha256", sha256_file(entry.path())}};
  }
  head["files"] = std::move(files);
  write_file_atomic(folder / paths::kManifest, head.dump(1) + "\n");
}

ManifestCheck check_manifest(const fs::path& folder, bool contents) {
  ManifestCheck check;
  std::error_code error;
  if (!fs::exists(folder / paths::kManifest, error)) {
    check.problem = "it has no manifest";
    return check;
  }
  try {
    const std::string text = read_file(folder / paths::kManifest);
    check.digest = sha256(text);
    check.manifest = parse_json(text, "manifest");
    check.bytes = static_cast<std::int64_t>(text.size());
    check.files = 1;
    for (const auto& [name, file] : check.manifest.at("files").items()) {
      if (!stays_inside(name)) {  // the folder may come from elsewhere
        check.problem = fmt::format("its manifest names '{}', which lies outside", name);
        return check;
      }
      const auto size = fs::file_size(folder / name, error);
      if (error) {
        check.problem = fmt::format("'{}' is missing", name);
      } else if (size != file.at("size").get<std::uintmax_t>()) {
        check.problem = fmt::format("'{}' has {} bytes, the manifest says {}", name, size,
                                    file.at("size").get<std::uintmax_t>());
      } else if (contents && sha256_file(folder / name) != file.at("sha256").get<std::string>()) {
        check.problem = fmt::format("'{}' has other contents than the manifest says", name);
      }
      if (!check.problem.empty()) return check;
      check.bytes += static_cast<std::int64_t>(size);
      ++check.files;
    }
  } catch (const Error& e) {
    check.problem = e.what();
  } catch (const Json::exception&) {
    check.problem = "its manifest is damaged";
  }
  return check;
}

std::vector<Json> read_events(const fs::path& file) {
  std::vector<Json> events;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return events;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    Json event = Json::parse(line, nullptr, false);
    if (event.is_object()) events.push_back(std::move(event));
  }
  return events;
}

}  // namespace saucier::store
