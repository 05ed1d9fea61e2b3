#include "runner/recipe/recipe.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_set>

#include "runner/recipe/check.h"
#include "runner/recipe/compose.h"
#include "runner/recipe/instance.h"
#include "runner/recipe/renamed.h"
#include "runner/recipe/resolve.h"
#include "runner/recipe/sweep.h"

namespace saucier::recipe {
namespace {

// Problems that say something about a value even where a part of the text could not be read.
bool holds_for_a_torn_text(const Diagnostic& problem) {
  static const std::set<std::string> codes = {"syntax", "unknown-key", "wrong-type", "out-of-range", "unknown-choice",
                                              "unsupported-version", "duplicate-stage", "deprecated-key", "missing-file", "extends-cycle", "too-many-files"};
  return codes.count(problem.code) > 0;
}

// The same problem of every trial is said once.
class ProblemSet {
 public:
  void add(const Diagnostics& problems) {
    for (const Diagnostic& problem : problems.list()) {
      const Position& at = problem.position;
      if (seen_.emplace(problem.code, without_rounds(problem.message), at.source.get(), at.line, at.column).second) all_.add(problem);
    }
  }
  void know(const Rounds& rounds) {
    for (const auto& [name, stage] : rounds.stages) rounds_[name] = stage.stage;
    for (const auto& [section, copies] : rounds.copies) rounds_.insert(copies.begin(), copies.end());
  }
  // `torn`: a part of the text could not be read; `lost`: even which table a key belongs to is unsure.
  Diagnostics take(const Parsed& text) {
    Diagnostics out;
    for (const Diagnostic& problem : all_.list()) {
      if (!text.complete && !holds_for_a_torn_text(problem)) continue;
      if (text.header_lost && problem.code == "unknown-key") continue;
      out.add(problem);
    }
    out.sort_by_position();
    return out;
  }
  bool has_errors() const { return all_.has_errors(); }

 private:
  // A problem of a cycle's stage is said of its first round alone.
  std::string without_rounds(std::string message) const {
    for (const auto& [name, stage] : rounds_)
      for (size_t at = message.find("'" + name + "'"); at != std::string::npos; at = message.find("'" + name + "'")) message.replace(at, name.size() + 2, stage);
    return message;
  }

  std::map<std::string, std::string> rounds_;  // name of a round → name in the recipe
  std::set<std::tuple<std::string, std::string, const SourceText*, int, int>> seen_;
  Diagnostics all_;
};

class Loader {
 public:
  Recipe load(const fs::path& file, std::vector<std::string> set, std::vector<std::string> sweep, const Reading& reading) {
    Diagnostics early;
    const Renames& old = reading.renames ? *reading.renames : renames();
    for (std::string& argument : set) argument = renewed_argument("--set", argument, old, early);
    for (std::string& argument : sweep) argument = renewed_argument("--sweep", argument, old, early);
    Parsed text = compose(file, reading, early);
    std::vector<Assignment> sets;
    for (const std::string& argument : set) {
      std::optional<Assignment> one = parse_set(argument, early);
      if (one && assign(text.root, one->parts, one->values[0], early)) sets.push_back(std::move(*one));
    }
    const Sweep points = read_sweep(text.root, sets, sweep, reading.most_trials, early);
    for (const Assignment& axis : points.axes) recipe_.axes.push_back(axis.path);
    problems_.add(early);
    recipe_.file = file;
    Instance instance(text.root, points);
    problems_.know(instance.bound().rounds);
    problems_.add(instance.take_problems());
    if (instance.bound().rounds.broken) {
      recipe_.count = 0;
    } else if (instance.whole()) {
      check_each(instance, points, reading.trials);
    } else {
      check_parts(instance, points);
      if (!problems_.has_errors()) add_trials(instance, points, reading.trials);
    }
    const RecipeOptions& options = instance.bound().options;
    recipe_.name = options.name;
    recipe_.seed = options.seed;
    recipe_.stages = instance.bound().stages.size();
    recipe_.metric = options.sweep.metric;
    recipe_.direction = options.sweep.direction;
    Diagnostics late;
    usage_.missing.report(late);
    use_originals(instance.bound().rounds);
    if (!problems_.has_errors()) check_usage(text.root, usage_, late);  // a wrong name makes something else unused
    problems_.add(late);
    recipe_.problems = problems_.take(text);
    return std::move(recipe_);
  }

 private:
  // What stands in the recipe is used when one of its rounds is.
  void use_originals(const Rounds& rounds) {
    const auto use = [&](const char* section, std::set<std::string>& used) {
      const auto copies = rounds.copies.find(section);
      if (copies == rounds.copies.end()) return;
      for (const auto& [copy, original] : copies->second)
        if (used.contains(copy)) used.insert(original);
    };
    use("data", usage_.sources);
    use("mixture", usage_.mixtures);
    use("teacher", usage_.teachers);
  }

  void check_each(Instance& instance, const Sweep& sweep, bool expand) {
    for (const Instance::Point& point : sweep.points) {
      instance.put(point, {});
      problems_.know(instance.bound().rounds);
      for (const Part& part : parts_of(instance.bound())) check(instance, part);
      if (!problems_.has_errors()) add_trial(instance, sweep, point, expand);
    }
    if (!problems_.has_errors()) return;
    recipe_.count = 0;
    recipe_.trials.clear();
  }

  // Each part once for each combination of the axes that it looks at.
  void check_parts(Instance& instance, const Sweep& sweep) {
    for (const Part& part : parts_of(instance.bound())) {
      const std::vector<size_t> entries =
          instance.entries_at(looked_at(instance.bound(), part, [&](const std::string& path) { return instance.changes(path); }));
      const std::vector<size_t> axes = instance.axes_of(entries);
      std::set<Instance::Point> seen;
      for (const Instance::Point& point : sweep.points) {
        Instance::Point own;
        own.reserve(axes.size());
        for (const size_t a : axes) own.push_back(point[a]);
        if (!seen.insert(std::move(own)).second) continue;
        instance.put(point, entries);
        check(instance, part);
        if (axes.empty()) break;
      }
    }
  }

  void check(Instance& instance, const Part& part) {
    Diagnostics problems = instance.take_problems();
    Bound& bound = part.kind == Part::Kind::kStage ? instance.bound_for_stage(part.index) : instance.bound();
    check_part(bound, part, problems, usage_);
    problems_.add(problems);
  }

  void add_trials(Instance& instance, const Sweep& sweep, bool expand) {
    const std::vector<size_t> entries = instance.all_entries();
    for (const Instance::Point& point : sweep.points) {
      instance.put(point, entries);
      add_trial(instance, sweep, point, expand);
    }
  }

  void add_trial(Instance& instance, const Sweep& sweep, const Instance::Point& point, bool expand) {
    if (!seen_.insert(instance.identity()).second) return;  // another point resolves to the same
    ++recipe_.count;
    if (!expand) return;
    const Bound& bound = instance.bound_for_all();
    Trial trial;
    for (size_t i = 0; i < point.size(); ++i)
      if (point[i]) trial.parameters[sweep.axes[i].path] = to_json(sweep.axes[i].values[*point[i]]);
    trial.name = fmt::format("{}-{}", bound.options.name, recipe_.count);
    trial.resolved = resolved_recipe(bound);
    trial.stages = resolve_stages(bound);
    trial.origins = bound.origins;
    trial.cycles = bound.rounds.cycles;
    recipe_.trials.push_back(std::move(trial));
  }

  Recipe recipe_;
  ProblemSet problems_;
  Usage usage_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

Recipe load(const fs::path& file, const std::vector<std::string>& set, const std::vector<std::string>& sweep, const Reading& reading) {
  return Loader().load(file, set, sweep, reading);
}

}  // namespace saucier::recipe
