// The commands that keep a store sound and small: verify, gc, usage, pin and unpin.

#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/report/find.h"
#include "store/store.h"

namespace saucier::cli {
namespace {

// Not made anew where there is none.
std::unique_ptr<store::Store> open_to_write(const po::variables_map& values) {
  const std::string file = values["store"].as<std::string>();
  if (!std::filesystem::exists(file)) store::Store::open_read_only(file);  // says what is missing
  return store::Store::open(file);
}

std::string only(const po::variables_map& values, const std::string& name) {
  const auto given = strings(values, name);
  return given.empty() ? "" : given.front();
}

int set_pin(const std::string& name, const std::vector<std::string>& arguments, bool pinned) {
  po::options_description options;
  add_store_option(options);
  const po::variables_map values = parse(name, arguments, options, {{"what", 1}});
  const std::string what = only(values, "what");
  if (what.empty()) throw Error(fmt::format("'saucier {}' needs a sweep or a trial", name), command(name).example);
  const auto store = open_to_write(values);
  const auto sweeps = store->query("SELECT count(*) FROM sweep WHERE name = ?1", {what});
  if (sweeps.rows[0][0] != 0 || what.starts_with('@')) {
    store->pin_sweep(report::find_sweep(*store, what), pinned);
  } else {
    const report::FoundTrial trial = report::find_trial(*store, what);
    if (!trial.note.empty()) std::fprintf(stderr, "%s\n", trial.note.c_str());
    store->pin_trial(trial.id, pinned);
  }
  return kDone;
}

}  // namespace

int verify(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  options.add_options()("quick", "compare names and sizes, not contents");
  add_format_options(options);
  const po::variables_map values = parse("verify", arguments, options, {{"sweep", 1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  std::optional<std::int64_t> sweep;
  if (const std::string name = only(values, "sweep"); !name.empty()) sweep = report::find_sweep(*store, name);
  report::Table table{{"severity", "what", "problem", "advice"}, {}};
  std::int64_t wrong = 0;
  for (const store::Finding& one : store->verify(!values.count("quick"), sweep)) {
    wrong += one.wrong;
    table.rows.push_back({one.wrong ? "error" : "note", one.what, one.problem, one.advice});
  }
  if (!table.rows.empty() || values.count("json") || values.count("csv")) print_table(table, values);
  const auto artifacts = store->query("SELECT count(*) FROM artifact");
  std::fputs(fmt::format("{} artifact{} recorded, {}\n", artifacts.rows[0][0].get<std::int64_t>(),
                         artifacts.rows[0][0] == 1 ? "" : "s",
                         wrong == 0 ? "nothing is wrong" : fmt::format("{} thing{} wrong", wrong, wrong == 1 ? "" : "s")).c_str(), stderr);
  return wrong == 0 ? kDone : kFailed;
}

int collect(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  options.add_options()("apply", "remove what is listed; without it nothing changes")(
      "drop", po::value<std::string>()->value_name("SWEEP"), "forget this sweep, its trials and results, first");
  options.add_options()("cache", po::value<double>()->value_name("DAYS")->default_value(store::kCacheDays, "30"),
                        "prepared samples that no stage has read for that long go, too (0: all)");
  add_format_options(options);
  const po::variables_map values = parse("gc", arguments, options, {});
  const bool apply = values.count("apply") > 0;
  const double days = values["cache"].as<double>();
  if (!(days >= 0)) throw Error(fmt::format("'--cache' must be 0 days or more (got {:g})", days), "saucier gc --cache 7");
  const auto store = apply ? open_to_write(values) : store::Store::open_read_only(values["store"].as<std::string>());
  std::optional<std::int64_t> drop;
  if (values.count("drop")) drop = report::find_sweep(*store, values["drop"].as<std::string>());
  if (apply && drop) store->drop_sweep(*drop);
  const std::vector<store::Garbage> garbage = apply ? store->collect(days) : store->garbage(drop, days);
  report::Table table{{"kind", "name", "bytes", "why"}, {}};
  std::int64_t bytes = 0;
  for (const store::Garbage& one : garbage) {
    bytes += one.bytes;
    table.rows.push_back({to_string(one.kind), one.name, one.bytes, one.why});
  }
  if (!table.rows.empty() || values.count("json") || values.count("csv")) print_sizes(table, values);
  std::string again = "saucier gc --apply";
  if (!values["cache"].defaulted()) again += fmt::format(" --cache {:g}", days);
  if (drop) again += " --drop " + values["drop"].as<std::string>();
  std::fputs(fmt::format("{} thing{}, {}{}\n", garbage.size(), garbage.size() == 1 ? "" : "s", show_bytes(bytes),
                         apply ? " removed" : garbage.empty() && !drop ? "" : "; to remove: " + again).c_str(), stderr);
  return kDone;
}

int usage(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("usage", arguments, options, {});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  report::Table table{{"sweep", "artifacts", "bytes", "alone", "pinned", "sweep_id"}, {}};
  for (const store::Usage& one : store->usage()) {
    const bool none = one.sweep_id == 0;
    table.rows.push_back({none ? Json() : Json(one.sweep), one.artifacts, one.bytes, one.alone, one.pinned ? 1 : 0,
                          none ? Json() : Json(one.sweep_id)});
  }
  print_sizes(table, values);
  return kDone;
}

int pin(const std::vector<std::string>& arguments) { return set_pin("pin", arguments, true); }
int unpin(const std::vector<std::string>& arguments) { return set_pin("unpin", arguments, false); }

}  // namespace saucier::cli
