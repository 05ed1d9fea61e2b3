// What only the runner reads of a recipe, declared like every other option: its head, [sweep], [cycle.NAME], and the head of a
// stage.
// (`extends`, `remove` and `append` are gone by the time options are bound; `stage`, `variables`, what [sweep] tries and the
// `values` of a cycle have shapes of their own: bound.h, reference.h, sweep.h, cycle.h.)
#pragma once

#include "modules/options/benchmark_options.h"
#include "modules/options/data_options.h"
#include "modules/options/kind_options.h"
#include "modules/options/model_options.h"
#include "modules/options/table.h"
#include "modules/options/teacher_options.h"

namespace saucier::recipe {

struct SweepOptions {
  std::string method = "grid";
  std::optional<std::int64_t> trials;
  std::int64_t repeats = 1;
  std::string metric;
  std::string direction = "maximize";

  template <class Visitor>
  void declare(Visitor& v) {
    v(method, {.key = "method", .help = "How points are chosen: 'grid' takes every combination of the axes, 'random' draws `trials` points.", .choices = {"grid", "random"}});
    v(trials, {.key = "trials", .help = "Points that method 'random' draws.", .unit = "trials", .min = 1, .max = 100'000});
    v(repeats, {.key = "repeats", .help = "Times each point is run, each time with the next seed.", .unit = "repeats", .min = 1, .max = 1'000});
    v(metric, {.key = "metric", .help = "What trials are ranked by: STAGE.BENCHMARK.METRIC, as in 'bench.scenes-pope.f1'."});
    v(direction, {.key = "direction", .help = "Which end of the metric is good.", .choices = {"maximize", "minimize"}});
  }
};

struct CycleOptions {
  std::int64_t rounds = 1;
  std::map<std::string, std::string> start;
  std::vector<std::string> accumulate;
  std::string stop_without_gain;
  double alpha = 0.05;
  std::optional<double> max_hours;

  template <class Visitor>
  void declare(Visitor& v) {
    v(rounds, {.key = "rounds", .help = "Most times that the stages with this cycle run.", .unit = "rounds", .min = 1, .max = 100, .required = true});
    v(start, {.key = "start", .help = "Stages that stand in the place of those of the cycle before its first round: { tune = \"instruct\" }."});
    v(accumulate, {.key = "accumulate", .help = "Data sources of which a mixture draws from the rounds before, too: these divide its weight; 'natural' stays 'natural'."});
    v(stop_without_gain, {.key = "stop_without_gain", .help = "STAGE.BENCHMARK: the cycle ends with the first round whose answers are not better than those of the round before, by a paired test over pictures. Empty: all rounds run."});
    v(alpha, {.key = "alpha", .help = "Level of that test: a p-value from here on is no gain.", .max = 1, .positive = true});
    v(max_hours, {.key = "max_hours", .help = "Hours that the stages of its rounds may take together: once they have, no further round begins.", .unit = "hours", .positive = true});
  }
};

struct RecipeOptions {
  std::int64_t recipe = 0;
  std::string name;
  std::int64_t seed = 0;
  options::ModelOptions model;
  options::ConversationOptions conversation;
  std::map<std::string, options::TemplateOptions> templates;
  std::map<std::string, options::DataOptions> data;
  std::map<std::string, options::MixtureOptions> mixture;
  std::map<std::string, options::TeacherOptions> teachers;
  std::map<std::string, options::KindOptions> kinds;
  std::map<std::string, options::BenchmarkOptions> benchmarks;
  std::map<std::string, CycleOptions> cycles;  // in a file; the rounds are written out before it is bound: cycle.h
  SweepOptions sweep;

  template <class Visitor>
  void declare(Visitor& v) {
    v(recipe, {.key = "recipe", .help = "Version of the recipe language.", .required = true});
    v(name, {.key = "name", .help = "Name of the recipe: lower-case letters, digits, '-', '.', '_'.", .required = true});
    v(seed, {.key = "seed", .help = "Every random choice of every stage follows from it.", .min = 0});
    v(model, {.key = "model", .help = "Which parts are joined."});
    v(conversation, {.key = "conversation", .help = "How a conversation is written out; a stage may say otherwise."});
    v(templates, {.key = "template", .help = "Conversation templates of your own by name, for conversation.template: what stands around the texts. `system_start` SYSTEM `system_end`, then each pair: `user` QUESTION `user_end` `assistant` `answer_start` ANSWER `assistant_end` `turn_end`."});
    v(data, {.key = "data", .help = "Data sources by name."});
    v(mixture, {.key = "mixture", .help = "Mixtures of data sources by name."});
    v(teachers, {.key = "teacher", .help = "Teachers by name, for the `teacher` of a synthesize stage, its filters, or the `judge` of a benchmark."});
    v(kinds, {.key = "kind", .help = "Kinds of sample of your own by name, for the `kinds` of a synthesize stage with such a teacher; conversation, detail and reasoning are there already, and a table of that name changes them."});
    v(benchmarks, {.key = "benchmark", .help = "Benchmarks over files by name, for the `benchmarks` of an evaluate stage (docs/benchmarks.md)."});
    v(cycles, {.key = "cycle", .help = "Stages that run several times over, each round with the models and data of the round before: those with `cycle = NAME`, which stand together. Their rounds are called NAME-1, NAME-2 (docs/cycles.md)."});
    v(sweep, {.key = "sweep", .help = "Which values are tried, and what ranks the trials."});
  }
};

// What every [[stage]] has beside the table of its kind.
struct StageHead {
  std::string name;
  std::string kind;
  std::optional<std::string> from;
  std::string cycle;
  options::ConversationOptions conversation;

  template <class Visitor>
  void declare(Visitor& v) {
    v(name, {.key = "name", .help = "Name of the stage: letters, digits, '-', '_'.", .required = true});
    v(kind, {.key = "kind", .help = "What the stage does.", .choices = {"train", "synthesize", "evaluate"}, .required = true});
    v(from, {.key = "from", .help = "Train stage it goes on from, or 'none'; default: the train stage above."});
    v(cycle, {.key = "cycle", .help = "The [cycle.NAME] that the stage is a part of."});
    v(conversation, {.key = "conversation", .help = "What this stage says otherwise than [conversation]."});
  }
};

}  // namespace saucier::recipe
