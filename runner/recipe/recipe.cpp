#include "runner/recipe/recipe.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "runner/recipe/check.h"
#include "runner/recipe/compose.h"
#include "runner/recipe/reference.h"
#include "runner/recipe/resolve.h"
#include "runner/recipe/sweep.h"

namespace saucier::recipe {
namespace {

// Problems that say something about a value even where a part of the text could not be read.
bool holds_for_a_torn_text(const Diagnostic& problem) {
  static const std::set<std::string> codes = {"syntax", "unknown-key", "wrong-type", "out-of-range", "unknown-choice",
                                              "unsupported-version", "duplicate-stage", "missing-file", "extends-cycle"};
  return codes.count(problem.code) > 0;
}

// The same problem of every trial is said once.
class ProblemSet {
 public:
  void add(const Diagnostics& problems) {
    for (const Diagnostic& problem : problems.list()) {
      const Position& at = problem.position;
      if (seen_.emplace(problem.code, problem.message, at.source.get(), at.line, at.column).second) all_.add(problem);
    }
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
  std::set<std::tuple<std::string, std::string, const SourceText*, int, int>> seen_;
  Diagnostics all_;
};

class Loader {
 public:
  Recipe load(const fs::path& file, const std::vector<std::string>& set, const std::vector<std::string>& sweep) {
    Diagnostics early;
    Parsed text = compose(file, early);
    std::vector<Assignment> sets;
    for (const std::string& argument : set) {
      std::optional<Assignment> one = parse_set(argument, early);
      if (one && assign(text.root, one->parts, one->values[0], early)) sets.push_back(std::move(*one));
    }
    sweep_ = read_sweep(text.root, sets, sweep, early);
    references_ = has_references(text.root) || std::any_of(sweep_.axes.begin(), sweep_.axes.end(), [](const Assignment& axis) {
      return std::any_of(axis.values.begin(), axis.values.end(), [](const Node& value) { return has_references(value); });
    });
    problems_.add(early);
    recipe_.file = file;
    for (const Assignment& axis : sweep_.axes) recipe_.axes.push_back(axis.path);
    for (const auto& point : sweep_.points) add_trial(text.root, point);
    Diagnostics late;
    usage_.missing.report(late);
    if (!problems_.has_errors()) check_usage(text.root, usage_, late);  // a wrong name makes something else unused
    problems_.add(late);
    recipe_.problems = problems_.take(text);
    if (problems_.has_errors()) recipe_.trials.clear();
    return std::move(recipe_);
  }

 private:
  void add_trial(const Node& base, const std::vector<std::optional<std::uint32_t>>& point) {
    Diagnostics problems;
    Node root = base;
    Trial trial;
    for (size_t i = 0; i < point.size(); ++i) {
      if (!point[i]) continue;
      const Assignment& axis = sweep_.axes[i];
      trial.parameters[axis.path] = to_json(axis.values[*point[i]]);
      assign(root, axis.parts, axis.values[*point[i]], problems);
    }
    if (references_) resolve_references(root, problems);
    Bound bound = bind_recipe(root, problems);
    check(bound, problems, usage_);
    problems_.add(problems);
    recipe_.name = bound.options.name;
    recipe_.seed = bound.options.seed;
    recipe_.metric = bound.options.sweep.metric;
    recipe_.direction = bound.options.sweep.direction;
    if (problems_.has_errors()) return;
    trial.resolved = resolved_recipe(bound);
    if (!seen_.insert(canonical(trial.resolved)).second) return;  // another point resolves to the same
    trial.name = fmt::format("{}-{}", bound.options.name, recipe_.trials.size() + 1);
    trial.stages = resolve_stages(bound);
    trial.origins = std::move(bound.origins);
    recipe_.trials.push_back(std::move(trial));
  }

  Recipe recipe_;
  Sweep sweep_;
  bool references_ = false;
  ProblemSet problems_;
  Usage usage_;
  std::set<std::string> seen_;
};

}  // namespace

Recipe load(const fs::path& file, const std::vector<std::string>& set, const std::vector<std::string>& sweep) {
  return Loader().load(file, set, sweep);
}

}  // namespace saucier::recipe
