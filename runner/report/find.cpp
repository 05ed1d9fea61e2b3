#include "runner/report/find.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "modules/base/error.h"
#include "modules/base/suggest.h"

namespace saucier::report {
namespace {

constexpr const char* kFirstRun = "saucier run recipes/quickstart.toml";

// "@12" → 12; nothing for another text.
std::optional<std::int64_t> id_in(const std::string& name) {
  std::int64_t id = 0;
  if (!name.starts_with('@')) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), id);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(id) : std::nullopt;
}

std::vector<std::string> different(const store::Result& result, size_t column) {
  std::vector<std::string> out;
  for (const auto& row : result.rows)
    if (std::find(out.begin(), out.end(), row[column]) == out.end()) out.push_back(row[column].get<std::string>());
  return out;
}

[[noreturn]] void no_trial(const store::Store& store, const std::string& name) {
  const auto all = store.query("SELECT t.name, s.name FROM trial t JOIN sweep s ON s.id = t.sweep_id ORDER BY s.id DESC, t.number LIMIT 5000");
  if (all.rows.empty()) throw Error("no sweep has been run yet", kFirstRun);
  const std::string bare = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
  const std::string hint = suggestion(bare, different(all, 0));
  throw Error(fmt::format("no trial '{}'", name), hint.empty() ? "'saucier trials' lists them" : hint);
}

}  // namespace

std::int64_t find_sweep(const store::Store& store, const std::string& name) {
  const auto all = store.query("SELECT id, name FROM sweep ORDER BY id DESC");
  const auto id = id_in(name);
  for (const auto& row : all.rows)
    if (name.empty() || row[1] == name || row[0] == id.value_or(0)) return row[0].get<std::int64_t>();
  if (all.rows.empty()) throw Error("no sweep has been run yet", kFirstRun);
  throw Error(fmt::format("no sweep '{}'", name), suggestion(name, different(all, 1)));
}

FoundTrial find_trial(const store::Store& store, const std::string& name) {
  const auto id = id_in(name);
  const size_t slash = name.find('/');
  const std::string sweep = slash == std::string::npos ? "" : name.substr(0, slash);
  const std::string bare = slash == std::string::npos ? name : name.substr(slash + 1);
  const auto found = store.query("SELECT t.id, t.sweep_id, s.name, t.name FROM trial t JOIN sweep s ON s.id = t.sweep_id"
                                 " WHERE CASE WHEN ?1 > 0 THEN t.id = ?1 ELSE t.name = ?2 AND (?3 = '' OR s.name = ?3) END"
                                 " ORDER BY t.sweep_id DESC", {id.value_or(0), bare, sweep});
  if (found.rows.empty()) no_trial(store, name);
  const auto& first = found.rows.front();
  FoundTrial out{first[0].get<std::int64_t>(), first[1].get<std::int64_t>(), first[2].get<std::string>(), first[3].get<std::string>(), {}};
  if (found.rows.size() == 1) return out;
  std::string others;
  for (size_t i = 1; i < found.rows.size() && i <= 3; ++i) others += fmt::format("{}@{}", i == 1 ? "" : ", ", found.rows[i][0].get<std::int64_t>());
  out.note = fmt::format("{} sweeps have a trial '{}'; this is the newest, @{}. Earlier: {}{}", found.rows.size(), name, out.id, others,
                         found.rows.size() > 4 ? ", …" : "");
  return out;
}

}  // namespace saucier::report
