#include "runner/recipe/missing.h"

#include <algorithm>

#include "modules/base/suggest.h"

namespace saucier::recipe {
namespace {

constexpr const char* kCode = "missing-file";

bool same_place(const Position& a, const Position& b) {
  return a.source == b.source && a.line == b.line && a.column == b.column;
}

// One action: what was meant, where paths start, or to bring the file.
std::string hint_for(const MissingFile& file, const fs::path& wanted) {
  std::error_code error;
  std::vector<std::string> known;
  for (const auto& entry : fs::directory_iterator(wanted.has_parent_path() ? wanted.parent_path() : ".", error))
    known.push_back(entry.path().filename().string());
  std::sort(known.begin(), known.end());
  if (const std::vector<std::string> near = nearest(wanted.filename().string(), known, 1); !near.empty())
    return fmt::format("did you mean '{}'?", (wanted.parent_path() / near.front()).string());
  if (!fs::path(file.said).is_absolute() && fs::exists(file.said, error))
    return fmt::format("paths start from the folder of the file that says them ('{}')", file.folder.string());
  return fmt::format("bring it, or name another place with --set {}=PATH", file.key);
}

}  // namespace

void MissingFiles::add(const MissingFile& file) {
  const auto [it, fresh] = files_.try_emplace((file.folder / file.said).lexically_normal(), Named{file, {}});
  if (fresh) return;
  Named& named = it->second;
  const auto known = [&](const Position& place) { return same_place(place, file.position); };
  if (!known(named.first.position) && std::none_of(named.further.begin(), named.further.end(), known))
    named.further.push_back(file.position);
}

void MissingFiles::report(Diagnostics& problems) const {
  for (const auto& [wanted, named] : files_) {
    const size_t further = named.further.size();
    const std::string places = further == 0 ? "" : fmt::format(" (named in {} more place{})", further, further == 1 ? "" : "s");
    problems.warning(kCode, named.first.position, fmt::format("'{}' is not on this machine{}", wanted.string(), places),
                     hint_for(named.first, wanted));
  }
}

Diagnostics with_files_needed(const Diagnostics& problems) {
  Diagnostics out;
  for (Diagnostic problem : problems.list()) {
    if (problem.code == kCode) problem.severity = Severity::kError;
    out.add(std::move(problem));
  }
  return out;
}

}  // namespace saucier::recipe
