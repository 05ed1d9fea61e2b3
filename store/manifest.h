// manifest.json: what an artifact folder holds. It is written last, so a folder with one is complete.
//
//   {"key": …, "kind": …, "name": …, "key_text": …, "seconds": …, "summary": {…},
//    "files": {"model/config.json": {"size": 812, "sha256": …}, …}}
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "modules/base/json.h"

namespace saucier::store {

namespace fs = std::filesystem;

// Hashes every file below `folder` and writes the manifest: `head` (the fields above but files) and the files.
void write_manifest(const fs::path& folder, Json head);

struct ManifestCheck {
  std::string problem;  // empty: the folder is whole
  Json manifest;
  std::string digest;   // of manifest.json
  std::int64_t bytes = 0, files = 0;  // of all files, the manifest too
};

// Compares the files with the manifest: names and sizes, with `contents` also every hash.
ManifestCheck check_manifest(const fs::path& folder, bool contents);

// The lines of an events.jsonl; none where there is no such file, and without a torn last line.
std::vector<Json> read_events(const fs::path& file);

}  // namespace saucier::store
