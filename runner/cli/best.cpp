#include <algorithm>
#include <cstdio>

#include "modules/base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/table_output.h"
#include "runner/report/find.h"
#include "runner/report/results.h"
#include "runner/report/trials.h"

namespace saucier::cli {
namespace {

// "bench.scenes-pope.f1": a score; "instruct.loss": a training metric.
bool is_score(const std::string& metric) { return std::count(metric.begin(), metric.end(), '.') == 2; }

size_t place_of(const report::Table& table, const std::string& column) {
  return static_cast<size_t>(std::find(table.columns.begin(), table.columns.end(), column) - table.columns.begin());
}

// The best two by the answers behind the score.
std::string in_words(const store::Store& store, std::int64_t sweep, const std::string& metric, const std::string& first, const std::string& second) {
  const size_t dot = metric.find('.'), next = metric.find('.', dot + 1);
  const auto answers = [&](const std::string& trial) {
    const auto found = store.query("SELECT id FROM trial WHERE sweep_id = ?1 AND name = ?2", {sweep, trial});
    return report::Answerer{found.rows.at(0)[0].get<std::int64_t>(), metric.substr(0, dot)};
  };
  const report::Paired pair = report::paired_answers(store, answers(first), answers(second), metric.substr(dot + 1, next - dot - 1));
  if (pair.questions == 0) return "";
  return fmt::format("{} over {}: {}\n", first, second, report::significance_in_words(pair));
}

}  // namespace

int best(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("metric", po::value<std::string>()->value_name("M"), "a score or a training metric, as 'trials' names them (default: the recipe's)")(
      "minimize", "the smallest is best (default for training metrics)")("maximize", "the largest is best (default for scores)")(
      "top", po::value<std::int64_t>()->value_name("N")->default_value(1), "the best N");
  add_store_option(options);
  add_format_options(options);
  const po::variables_map values = parse("best", arguments, options, {{"sweep", 1}});
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const auto names = strings(values, "sweep");
  const std::int64_t sweep = report::find_sweep(*store, names.empty() ? "" : names.front()), top = values["top"].as<std::int64_t>();
  if (top < 1) throw Error("--top is from 1", "--top 5");
  if (values.count("minimize") && values.count("maximize")) throw Error("--minimize and --maximize exclude each other", "leave one out");
  const auto head = store->query("SELECT metric, direction FROM sweep WHERE id = ?1", {sweep});
  std::string metric = text_of(values, "metric"), direction = head.rows[0][1].get<std::string>();
  report::TrialQuery query{.where = {}, .sort = {}, .top = std::max<std::int64_t>(top, 2), .columns = {}, .all = false};
  if (metric.empty()) {
    metric = head.rows[0][0].get<std::string>();
  } else {
    metric = report::trial_column(*store, sweep, metric);
    direction = is_score(metric) ? "maximize" : "minimize";
  }
  if (values.count("minimize")) direction = "minimize";
  if (values.count("maximize")) direction = "maximize";
  const std::string column = metric.empty() ? "rank" : metric;
  query.where = "\"" + column + "\" is not null";
  query.sort = column + (column != "rank" && direction == "maximize" ? ":desc" : "");
  if (!metric.empty()) query.columns.push_back(metric);
  if (is_score(metric)) query.columns.push_back(metric + ".stderr");
  report::Table table = report::trials(*store, sweep, query);
  if (table.rows.empty()) throw Error("no trial of this sweep is judged yet", "'saucier status' shows what runs");
  const size_t trial = place_of(table, "trial");
  const std::string first = table.rows[0][trial].get<std::string>();
  const std::string second = table.rows.size() > 1 ? table.rows[1][trial].get<std::string>() : "";
  if (static_cast<std::int64_t>(table.rows.size()) > top) table.rows.resize(static_cast<size_t>(top));
  print_table(table, values);
  if (for_programs(values)) return kDone;
  std::fputs(fmt::format("\nbest trial by {}, {}d: {}\n", metric.empty() ? "the mean of main scores" : metric, direction, first).c_str(), stdout);
  if (!second.empty() && is_score(metric)) std::fputs(in_words(*store, sweep, metric, first, second).c_str(), stdout);
  return kDone;
}

}  // namespace saucier::cli
