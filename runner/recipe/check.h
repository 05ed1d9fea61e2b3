// What types and ranges cannot say: names that must exist, keys that exclude each other, stages that make no sense.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "runner/recipe/bound.h"

namespace saucier::recipe {

// What some stage of some trial reads, collected over all trials for the warnings.
struct Usage {
  std::set<std::string> sources;
  std::set<std::string> mixtures;
  std::set<std::string> templates;
  std::set<std::string> teachers;
  std::set<std::string> kinds;
  std::set<std::string> benchmarks;
  MissingFiles missing;
};

// A part that is checked on its own.
struct Part {
  enum class Kind { kHead, kModel, kConversation, kTemplate, kSource, kMixture, kTeacher, kKind, kBenchmark, kStage, kMetric };
  Kind kind = Kind::kHead;
  std::string name = {};  // of a template, a source, a mixture, a teacher, a kind, a benchmark or a stage
  size_t index = 0;       // of a stage
};
std::vector<Part> parts_of(const Bound& bound);

// Its checks; of a stage also BoundStage::goes_on_from and what it reads, into `usage`.
void check_part(Bound& bound, const Part& part, Diagnostics& problems, Usage& usage);

// Paths of the recipe that its checks look at beside the names and kinds of stages: "conversation", "data.captions".
// `changes` tells of a path whether some trial says it otherwise than `bound` does.
std::vector<std::string> looked_at(const Bound& bound, const Part& part, const std::function<bool(const std::string&)>& changes);

// What the parts call.
void check_source(const Bound& bound, const std::string& name, Diagnostics& problems);
void check_mixture(const Bound& bound, const std::string& name, Diagnostics& problems);
void check_stage(Bound& bound, BoundStage& stage, Diagnostics& problems);
void check_train(const Bound& bound, const BoundStage& stage, Diagnostics& problems);
void check_model(const Bound& bound, Diagnostics& problems);
void check_teacher(const Bound& bound, const std::string& name, Diagnostics& problems);
void check_kind(const Bound& bound, const std::string& name, Diagnostics& problems);
void check_benchmark(const Bound& bound, const std::string& name, Diagnostics& problems);
void check_evaluate(const Bound& bound, const BoundStage& stage, Diagnostics& problems);
void check_synthesize(const Bound& bound, const BoundStage& stage, Diagnostics& problems);
void check_template(const Bound& bound, const std::string& name, Diagnostics& problems);
// [conversation], or a stage's own: the table and what of it is right. Systems: of a data source too.
void check_conversation(const Bound& bound, const Node& table, const Json& said, Diagnostics& problems);
void check_systems(const Node& table, const Json& said, Diagnostics& problems);
void check_name(const Node& entry, std::string_view what, Diagnostics& problems);

// The warnings.
void check_usage(const Node& root, const Usage& usage, Diagnostics& problems);

// Mixture names and data sources that a stage reads; empty where the recipe's names are wrong. With `zeros` also the
// sources that a mixture gives the weight 0. Those that the sources of a train stage hold out come behind them.
std::vector<std::string> mixtures_of(const Bound& bound, const BoundStage& stage);
std::vector<std::string> sources_of(const Bound& bound, const BoundStage& stage, bool zeros);

// Teachers that a stage asks, kinds of the recipe's own that it writes, and benchmarks of its own that it scores.
std::vector<std::string> teachers_of(const Bound& bound, const BoundStage& stage);
std::vector<std::string> kinds_of(const Bound& bound, const BoundStage& stage);
std::vector<std::string> benchmarks_of(const Bound& bound, const BoundStage& stage);
// A teacher that an earlier stage of the recipe trains, named at `at` for `stage`.
void check_trained_before(const Bound& bound, const BoundStage& stage, const Position& at, const std::string& teacher, Diagnostics& problems);

// Names of the entries of a table: data sources, mixtures.
std::vector<std::string> names_of(const Node& root, std::string_view table);

}  // namespace saucier::recipe
