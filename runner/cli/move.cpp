// The commands that take up what others have: merge and import. import also says what a model's folder is.

#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/describe_model.h"
#include "runner/cli/table_output.h"
#include "store/store.h"

namespace saucier::cli {
namespace {

int merge_from(const std::filesystem::path& other, const po::variables_map& values) {
  const std::string file = values["store"].as<std::string>();
  // Before a store is made here for nothing.
  if (!std::filesystem::exists(other)) throw Error(fmt::format("there is no store at '{}'", other.string()));
  const auto store = store::Store::open(file);
  const store::MergeReport report = store->merge(other, {.artifacts = values.count("no-artifacts") == 0, .link = true, .sweep = {}});
  for (const std::string& text : report.messages) std::fprintf(stderr, "%s\n", text.c_str());
  const auto count = [](std::int64_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); };
  if (values.count("json")) {
    std::puts(Json{{"sweeps", report.sweeps}, {"known_sweeps", report.known_sweeps}, {"runs", report.runs},
                   {"known_runs", report.known_runs}, {"artifacts", report.artifacts}, {"bytes", report.bytes},
                   {"messages", report.messages}}.dump().c_str());
  } else {
    std::puts(fmt::format("taken over: {}, {}, {} ({}); here already: {}, {}", count(report.sweeps, "sweep"),
                          count(report.runs, "stage run"), count(report.artifacts, "artifact"), show_bytes(report.bytes),
                          count(report.known_sweeps, "sweep"), count(report.known_runs, "stage run")).c_str());
  }
  return kDone;
}

}  // namespace

int merge(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  options.add_options()("no-artifacts", "take over the rows alone")("json", "what was taken over as one JSON object");
  const po::variables_map values = parse("merge", arguments, options, {{"from", 1}});
  const auto from = strings(values, "from");
  if (from.empty()) throw Error("'saucier merge' needs the database of another store", command("merge").example);
  return merge_from(from.front(), values);
}

int import_folder(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_store_option(options);
  options.add_options()("no-artifacts", "of a sweep: take over the rows alone");
  add_format_options(options);
  const po::variables_map values = parse("import", arguments, options, {{"from", 1}});
  const auto from = strings(values, "from");
  if (from.empty()) throw Error("'saucier import' needs a model, or a folder that 'saucier export' wrote", command("import").example);
  const std::filesystem::path path = from.front();
  if (!std::filesystem::exists(path)) throw Error(fmt::format("there is no '{}'", from.front()));
  if (std::filesystem::exists(path / kExportedStore)) return merge_from(path / kExportedStore, values);
  if (values.count("no-artifacts")) throw Error("--no-artifacts goes with a sweep, not with a model");
  const ModelDescription model = describe_model(path);
  if (values.count("json")) {
    std::puts(Json{{"kind", model.kind}, {"parts", report::to_json(model.parts)}, {"problems", model.problems}}.dump().c_str());
  } else {
    if (!for_programs(values)) std::puts((model.kind + "\n").c_str());
    print_sizes(model.parts, values);
    if (!for_programs(values) && !model.problems.empty()) std::puts("");
    for (const std::string& problem : model.problems) std::fputs((problem + "\n").c_str(), for_programs(values) ? stderr : stdout);
  }
  return kDone;
}

}  // namespace saucier::cli
