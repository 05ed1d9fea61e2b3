#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/cli/trial_argument.h"
#include "runner/report/plot.h"

namespace saucier::cli {
namespace {

int terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool utf8_terminal() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return std::string_view(value).find("UTF-8") != std::string_view::npos || std::string_view(value).find("utf8") != std::string_view::npos;
  }
  return isatty(STDOUT_FILENO) == 0;  // a file takes any text
}

// The stage to draw: the one asked for, else the last one of the first trial that has the metric.
std::string stage_of(const store::Store& store, const report::FoundTrial& trial, const std::string& asked, const std::string& metric) {
  const auto found = store.query("SELECT m.stage, m.metric FROM metric_last m JOIN trial_stage ts ON ts.trial_id = m.trial_id AND ts.stage = m.stage"
                                 " WHERE m.trial_id = ?1 ORDER BY ts.position DESC", {trial.id});
  std::vector<std::string> stages, metrics;
  for (const auto& row : found.rows) {
    if (row[1] == metric && (asked.empty() || row[0] == asked)) return row[0].get<std::string>();
    if (row[1] == metric) stages.push_back(row[0].get<std::string>());
    if (asked.empty() || row[0] == asked) metrics.push_back(row[1].get<std::string>());
  }
  if (found.rows.empty()) throw Error(fmt::format("trial '{}' has no metrics yet", trial.name), "'saucier status' shows what runs");
  if (!stages.empty()) throw Error(fmt::format("stage '{}' of trial '{}' has no metric '{}'", asked, trial.name, metric), suggestion(asked, stages));
  throw Error(fmt::format("trial '{}' has no metric '{}'", trial.name, metric), suggestion(metric, metrics));
}

}  // namespace

int curve(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("stage", po::value<std::string>()->value_name("S"), "which stage (default: the last that has the metric)")(
      "metric", po::value<std::string>()->value_name("M")->default_value("loss"), "which metric")(
      "log", "a logarithmic vertical axis")("ascii", "plain characters")(
      "width", po::value<int>()->value_name("COLUMNS"), "width (default: the terminal's)")(
      "height", po::value<int>()->value_name("LINES")->default_value(16), "height of the drawing");
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("curve", arguments, options, {{"trial", -1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto trials = read_trials("curve", *store, values, 1, 0);
  const std::string metric = values["metric"].as<std::string>(), stage = stage_of(*store, trials.front(), text_of(values, "stage"), metric);
  std::vector<report::Line> lines;
  report::Table table;
  for (const report::FoundTrial& trial : trials) {
    const auto rows = store->query("SELECT sweep, trial, stage, metric, step, value, kind FROM curve WHERE trial_id = ?1 AND stage = ?2 AND metric = ?3 ORDER BY step",
                                   {trial.id, stage, metric});
    report::Line line{.name = trial.name, .best = false, .points = {}};
    for (const auto& row : rows.rows)
      line.points.emplace_back(row[4].get<std::int64_t>(), row[5].is_number() ? std::optional(row[5].get<double>()) : std::nullopt);
    lines.push_back(std::move(line));
    table.columns = rows.columns;
    table.rows.insert(table.rows.end(), rows.rows.begin(), rows.rows.end());
  }
  if (for_programs(values)) {
    print_table(table, values);
    return kDone;
  }
  const char* no_colour = std::getenv("NO_COLOR");
  const report::PlotOptions how{.width = values.count("width") ? values["width"].as<int>() : terminal_width(), .height = values["height"].as<int>(),
                                .logarithmic = values.count("log") > 0, .ascii = values.count("ascii") > 0 || !utf8_terminal(),
                                .colour = isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0')};
  if (how.width < 20 || how.width > 500 || how.height < 3 || how.height > 200)
    throw Error(fmt::format("{} x {} is no size for a plot", how.width, how.height), "--width from 20 to 500, --height from 3 to 200");
  const std::string drawn = report::plot(lines, how);
  if (drawn.empty()) throw Error(fmt::format("no value of '{}' can be drawn", metric), "--json prints what is there");
  std::fputs(fmt::format("{} of stage {}{}{}\n{}", metric, stage, trials.size() == 1 ? ", trial " + trials.front().name : "",
                         how.logarithmic ? ", log scale" : "", drawn).c_str(), stdout);
  return kDone;
}

}  // namespace saucier::cli
