#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/cli/trial_argument.h"
#include "runner/plan/key.h"

namespace saucier::cli {
namespace {

constexpr int kEarlier = 50;  // runs of the stage that are looked through for the nearest

struct Run {
  std::string key;
  Json text;
  std::int64_t id = 0;
};

Run run_of(const store::Store& store, const report::FoundTrial& trial, const std::string& stage) {
  const auto found = store.query("SELECT ts.stage, ts.key, r.key_text, r.id FROM trial_stage ts LEFT JOIN stage_run r ON r.key = ts.key"
                                 " WHERE ts.trial_id = ?1 ORDER BY ts.position", {trial.id});
  std::vector<std::string> known;
  for (const auto& row : found.rows) {
    known.push_back(row[0].get<std::string>());
    if (row[0] != stage) continue;
    if (row[2].is_null()) throw Error(fmt::format("stage '{}' of trial '{}' has not run yet", stage, trial.name), "'saucier plan RECIPE' says what runs and why");
    return {row[1].get<std::string>(), parse_json(row[2].get<std::string>(), "key text of a stage"), row[3].get<std::int64_t>()};
  }
  throw Error(fmt::format("trial '{}' has no stage '{}'", trial.name, stage), suggestion(stage, known));
}

struct Nearest {
  std::string key, trial, started;
  std::vector<plan::Difference> differences;
};

std::optional<Nearest> nearest_earlier(const store::Store& store, const Run& run) {
  const auto earlier = store.query(
      "SELECT o.key, o.key_text, datetime(o.started_us / 1000000, 'unixepoch'), (SELECT t.name FROM trial_stage ts JOIN trial t ON t.id = ts.trial_id"
      " WHERE ts.key = o.key ORDER BY t.id LIMIT 1) FROM stage_run r JOIN stage_run o ON o.name = r.name AND o.kind = r.kind AND o.id <> r.id"
      " AND (o.started_us, o.id) < (r.started_us, r.id) WHERE r.id = ?1 ORDER BY o.started_us DESC LIMIT ?2", {run.id, kEarlier});
  std::optional<Nearest> out;
  for (const auto& row : earlier.rows) {
    const Json text = Json::parse(row[1].get<std::string>(), nullptr, false);
    if (text.is_discarded()) continue;
    auto differences = plan::differences(text, run.text);
    if (out && out->differences.size() <= differences.size()) continue;
    out = Nearest{row[0].get<std::string>(), row[3].is_null() ? "" : row[3].get<std::string>(), row[2].get<std::string>(), std::move(differences)};
  }
  return out;
}

// Another stage by its name: "align 81f74276".
Json stage_of(const store::Store& store, const Json& key) {
  if (!key.is_string()) return key;
  const auto found = store.query("SELECT name FROM stage_run WHERE key = ?1", {key});
  const std::string head = key.get<std::string>().substr(0, 8);
  return found.rows.empty() ? head : found.rows[0][0].get<std::string>() + " " + head;
}

// `exact`: values as they are; else as people read them, with all their digits.
report::Table table_of(const store::Store& store, const Nearest& nearest, bool exact) {
  report::Table table{{"what", "before", "after"}, {}};
  for (const plan::Difference& one : nearest.differences) {
    const auto head = [&](const Json& digest) { return digest.is_object() ? Json(digest.value("content", "").substr(0, 12)) : digest; };
    const auto plain = [&](const Json& value) { return !exact && (value.is_number() || value.is_structured()) ? Json(value.dump()) : value; };
    if (one.need && one.before.is_array() && one.after.is_array() && one.before.size() == one.after.size()) {
      for (size_t i = 0; i < one.before.size(); ++i)
        if (one.before[i] != one.after[i]) table.rows.push_back({"a stage it reads", stage_of(store, one.before[i]), stage_of(store, one.after[i])});
    } else if (one.need) {
      table.rows.push_back({"a stage it reads", stage_of(store, one.before), stage_of(store, one.after)});
    } else if (one.content) {
      table.rows.push_back({"contents of " + one.path, head(one.before), head(one.after)});
    } else {
      table.rows.push_back({one.path, plain(one.before), plain(one.after)});
    }
  }
  // `from` and `needs` name one stage twice.
  std::sort(table.rows.begin(), table.rows.end());
  table.rows.erase(std::unique(table.rows.begin(), table.rows.end()), table.rows.end());
  return table;
}

}  // namespace

int why(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("why", arguments, options, {{"trial", 1}, {"stage", 1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto stages = strings(values, "stage");
  if (stages.empty()) throw Error("'saucier why' needs a trial and a stage", command("why").example);
  const report::FoundTrial trial = read_trials("why", *store, values, 1, 1).front();
  const Run run = run_of(*store, trial, stages.front());
  const auto nearest = nearest_earlier(*store, run);
  const report::Table table = nearest ? table_of(*store, *nearest, for_programs(values)) : report::Table{{"what", "before", "after"}, {}};
  if (values.count("json")) {
    Json out = {{"trial", trial.name}, {"stage", stages.front()}, {"key", run.key}, {"key_text", run.text}, {"differences", report::to_json(table)}};
    out["nearest"] = nearest ? Json{{"key", nearest->key}, {"trial", nearest->trial}, {"started", nearest->started}} : Json();
    std::puts(out.dump().c_str());
    return kDone;
  }
  if (for_programs(values)) {
    print_table(table, values);
    return kDone;
  }
  std::string out = fmt::format("stage {} of {}: key {}\n", stages.front(), trial.name, run.key.substr(0, 8));
  if (nearest) {
    out += fmt::format("nearest earlier run: key {}{}, {} UTC\n\n", nearest->key.substr(0, 8), nearest->trial.empty() ? "" : " of " + nearest->trial, nearest->started);
    out += report::to_text(table);
  } else {
    out += "no earlier run of a stage of this name\n";
  }
  out += "\nthe key is the SHA-256 of this, in one line:\n" + run.text.dump(2) + "\n";
  std::fputs(out.c_str(), stdout);
  return kDone;
}

}  // namespace saucier::cli
