#include <cstdio>
#include <map>

#include "modules/base/clock.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "runner/cli/command.h"
#include "runner/cli/progress_line.h"
#include "runner/cli/recipe_argument.h"
#include "runner/exec/execute.h"
#include "runner/report/html.h"
#include "runner/report/results.h"
#include "runner/report/rounds.h"

namespace saucier::cli {
namespace {

// A line per running stage that is drawn over on a terminal; plain lines, a few a minute, elsewhere.
class Progress : public exec::Listener {
 public:
  Progress(const recipe::Recipe& recipe, size_t stages) : recipe_(recipe), stages_(stages) {}

  void started(const plan::Node& node) override { line_.say(fmt::format("{} {}", head(node), node.reason)); }
  void cached(const plan::Node& node) override {
    ++done_;
    ++cached_;
    if (!line_.terminal() || cached_ <= 3) line_.say(fmt::format("{} {}", head(node), node.reason));
  }
  void progress(const plan::Node& node, const Json& event) override {
    const double now = system_clock().steady_seconds();
    if (now - last_[node.key] < line_.seconds_between()) return;
    last_[node.key] = now;
    const std::int64_t step = event.value("step", std::int64_t{0}), steps = event.value("steps", std::int64_t{0});
    std::string text = fmt::format("{} {}/{}  {:.0f} {}/s", head(node), step, steps, event.value("rate", 0.0),
                                   event.value("unit", "steps"));
    if (event.value("loss", 0.0) != 0) text += fmt::format("  loss {:.3f}", event.value("loss", 0.0));
    text += fmt::format("  {} left", format_duration(event.value("seconds_left", 0.0)));
    if (const std::string note = event.value("note", ""); !note.empty()) text += "  " + note;
    line_.draw(text);
  }
  void finished(const plan::Node& node, double seconds) override {
    ++done_;
    line_.say(fmt::format("{} done in {}", head(node), format_duration(seconds)));
  }
  void failed(const plan::Node& node, const std::string& message, const std::string& log_tail) override {
    line_.say(fmt::format("{} failed: {}", head(node), message));
    // A worker that could say what is wrong has written just that to its log, too.
    const auto bare = [](const std::string& text) { return text.substr(0, text.find_last_not_of('\n') + 1); };
    if (!log_tail.empty() && bare(log_tail) != "error: " + bare(message)) line_.say("last lines of its log:\n" + log_tail);
  }
  void message(const std::string& text) override { line_.say(text); }

 private:
  std::string head(const plan::Node& node) const {
    const std::string& trial = recipe_.trials[static_cast<size_t>(node.trials.front())].name;
    const std::string whose = node.trials.size() == recipe_.trials.size() && node.trials.size() > 1 ? "all trials" : trial;
    return fmt::format("[{}/{}] {} {}:", std::min(done_ + 1, stages_), stages_, whose, node.name);
  }

  const recipe::Recipe& recipe_;
  size_t stages_, done_ = 0;
  int cached_ = 0;
  ProgressLine line_;
  std::map<std::string, double> last_;
};

std::string same_command(const std::vector<std::string>& arguments) {
  std::string out = "saucier run";
  for (const std::string& argument : arguments)
    out += " " + (argument.find_first_of(" '\"{}[]()*;&|$") == std::string::npos ? argument : "'" + argument + "'");
  return out;
}

report::RoundQuestion question_of(const plan::Gate& gate, const plan::Plan& plan, std::int64_t sweep) {
  report::RoundQuestion question{.sweep = sweep, .number = gate.trial + 1, .cycle = gate.cycle, .round = gate.round, .stage = gate.stage,
                                 .stage_before = gate.stage_before, .benchmark = gate.benchmark, .alpha = gate.alpha, .max_hours = gate.max_hours, .keys = {}};
  for (const int node : gate.rounds) question.keys.push_back(plan.nodes[static_cast<size_t>(node)].key);
  return question;
}

void show_results(const recipe::Recipe& recipe, store::Store& store, std::int64_t sweep) {
  const auto results = report::results(store, sweep);
  if (!results) return;
  std::fputs(("\n" + report::to_text(*results)).c_str(), stdout);
  if (const report::Table rounds = report::rounds(store, sweep); !rounds.rows.empty()) std::fputs(("\nrounds:\n" + report::to_text(rounds)).c_str(), stdout);
  const std::filesystem::path page = store.file().parent_path() / (recipe.name + ".html");
  report::write_html(store, sweep, page);
  std::string flag;
  if (store.file() != std::filesystem::path(paths::kDefaultStore)) flag = " --store " + store.file().string();
  std::fputs(fmt::format("\nnext:\n"
                         "  {}   pictures, answers and curves\n"
                         "  saucier compare {}{}\n"
                         "  saucier query{} \"select trial, benchmark, value, stderr from trial_score where condition = 'seen' and main\"\n"
                         "  saucier run {} --sweep stage.instruct.learning_rate=1e-3,4e-3\n",
                         page.string(), recipe.name, flag, flag, recipe.file.string()).c_str(), stdout);
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_recipe_options(options);
  add_store_option(options);
  options.add_options()("devices", po::value<std::string>()->value_name("LIST")->default_value("cpu"),
                        "cpu, or CUDA devices: 0,1; 0+1,2+3: two stages at once, each on two")(
      "threads", po::value<std::int64_t>()->value_name("N")->default_value(0), "CPU threads of a stage (default: all cores)")(
      "keep-going", "after a failure, run what does not depend on it");
  const po::variables_map values = parse("run", arguments, options, {{"recipe", 1}});
  const recipe::Recipe recipe = read_recipe("run", values);
  if (!report_problems(recipe, Files::kNeeded)) return kUsage;
  const std::string text = read_file(recipe.file);  // now: to hash large models takes minutes, and people go on editing

  exec::RunOptions how;
  how.recipe_file = recipe.file;
  how.slots = exec::read_slots(values["devices"].as<std::string>(), values["threads"].as<std::int64_t>());
  how.keep_going = values.count("keep-going") > 0;

  plan::check_machine(recipe);
  const auto store = store::Store::open(values["store"].as<std::string>());
  const plan::Plan plan = plan::make_plan(recipe, store.get());
  plan::check_keys(plan);
  std::vector<store::TrialRow> rows;
  for (size_t t = 0; t < recipe.trials.size(); ++t) {
    store::TrialRow row{.name = recipe.trials[t].name, .parameters = recipe.trials[t].parameters,
                        .resolved = canonical(recipe.trials[t].resolved), .stages = {}};
    for (size_t s = 0; s < recipe.trials[t].stages.size(); ++s) {
      const recipe::Stage& stage = recipe.trials[t].stages[s];
      row.stages.push_back({.stage = stage.name, .key = plan.nodes[static_cast<size_t>(plan.trial_nodes[t][s])].key,
                            .cycle = stage.round.cycle, .round = stage.round.round, .part = stage.round.stage});
    }
    rows.push_back(std::move(row));
  }
  const std::int64_t sweep = store->add_sweep(recipe.name, recipe.file.string(), recipe.metric, recipe.direction, rows, text);

  Progress progress(recipe, plan.nodes.size());
  how.opens = [&](const plan::Gate& gate) {
    const store::RoundVerdict verdict = report::judge_round(*store, question_of(gate, plan, sweep));
    store->add_verdict(verdict);
    progress.message(fmt::format("{}: round {} of cycle '{}' {} ({})", recipe.trials[static_cast<size_t>(gate.trial)].name, gate.round, gate.cycle,
                                 verdict.goes_on ? "leads to another" : "is the last", verdict.reason));
    return verdict.goes_on;
  };
  exec::Outcome outcome;
  try {
    outcome = exec::execute(plan, *store, how, progress);
  } catch (const Error& error) {  // what no single stage can fail of: the store cannot be written, say
    std::fputs(fmt::format("{}to go on: {}\n", error.render(), same_command(arguments)).c_str(), stderr);
    return kFailed;
  }
  if (!outcome.interrupted) show_results(recipe, *store, sweep);
  if (outcome.interrupted || outcome.failed) {
    std::fputs(fmt::format("{} stages done, {} failed, {} not run; to go on: {}\n", outcome.ran + outcome.cached,
                           outcome.failed, outcome.skipped, same_command(arguments)).c_str(), stderr);
  }
  return outcome.interrupted ? kInterrupted : outcome.failed ? kFailed : kDone;
}

}  // namespace saucier::cli
