// Benchmarks: tables of their own, and the names in the `benchmarks` of an evaluate stage.

#include <algorithm>

#include "modules/base/suggest.h"
#include "runner/recipe/check.h"

namespace saucier::recipe {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

const std::vector<std::string>& scene_benchmarks() { return options::table_of<options::EvaluateOptions>().find("benchmarks")->rule.choices; }

class BenchmarkChecks {
 public:
  BenchmarkChecks(const Bound& bound, const std::string& name, const Node& node, const options::BenchmarkOptions& options, Diagnostics& problems)
      : bound_(bound), name_(name), node_(node), options_(options), protocol_(options::find_protocol(options.kind)), problems_(problems) {}

  void check() {
    check_name(node_, "benchmark", problems_);
    if (contains(scene_benchmarks(), name_))
      error("bad-name", node_, fmt::format("'{}' is a benchmark that comes with the program", name_), "give the table another name");
    if (!protocol_) return;  // the kind is wrong, said already
    check_word("split", options_.split, protocol_->splits);
    check_word("variant", options_.variant.value_or(""), protocol_->variants);
    const bool custom = options_.kind == "custom";
    if (!custom && node_.find("scorer"))
      error("unused-key", *node_.find("scorer"), fmt::format("benchmark '{}' says itself how its answers are scored: 'scorer' belongs to kind 'custom'", options_.kind), "remove 'scorer'");
    check_judge(custom);
  }

 private:
  void error(std::string code, const Node& at, std::string message, std::string hint = {}) {
    problems_.error(std::move(code), place(at), std::move(message), std::move(hint));
  }

  void check_word(const char* key, const std::string& said, const std::vector<std::string>& known) {
    const Node* node = node_.find(key);
    if (!node || said.empty() || contains(known, said)) return;
    problems_.error("unknown-choice", node->position, fmt::format("benchmark '{}' has no {} '{}'", options_.kind, key, said), suggestion(said, known));
  }

  void check_judge(bool custom) {
    const Node* said = node_.find("judge");
    if (protocol_->judged && options_.judge.empty()) {
      if (!said || said->is(Kind::kString))
        error("missing-key", node_, fmt::format("benchmark '{}' needs 'judge': a language model scores its answers", options_.kind), "name a [teacher.NAME]");
      return;
    }
    if (!said || options_.judge.empty()) return;
    if (!protocol_->judged && !custom) {
      error("unused-key", *said, fmt::format("nobody judges the answers of benchmark '{}'", options_.kind), "remove 'judge'");
      return;
    }
    const std::vector<std::string> known = names_of(*bound_.root, "teacher");
    if (!contains(known, options_.judge)) problems_.error("unknown-teacher", said->position, fmt::format("no teacher '{}' in the recipe", options_.judge), suggestion(options_.judge, known));
  }

  const Bound& bound_;
  const std::string& name_;
  const Node& node_;
  const options::BenchmarkOptions& options_;
  const options::BenchmarkProtocol* protocol_;
  Diagnostics& problems_;
};

}  // namespace

void check_benchmark(const Bound& bound, const std::string& name, Diagnostics& problems) {
  if (const auto it = bound.options.benchmarks.find(name); it != bound.options.benchmarks.end())
    BenchmarkChecks(bound, name, *bound.root->find("benchmark")->find(name), it->second, problems).check();
}

void check_evaluate(const Bound& bound, const BoundStage& stage, Diagnostics& problems) {
  if (!stage.said.contains("benchmarks")) return;
  const Node& list = *stage.node->find("benchmarks");
  if (stage.evaluate->benchmarks.empty())
    problems.error("no-benchmarks", list.position, fmt::format("{} scores no benchmark", stage.what));
  std::vector<std::string> known = names_of(*bound.root, "benchmark");
  known.insert(known.end(), scene_benchmarks().begin(), scene_benchmarks().end());
  for (size_t i = 0; i < stage.evaluate->benchmarks.size(); ++i) {
    const std::string& name = stage.evaluate->benchmarks[i];
    const Position& at = i < list.items.size() ? list.items[i].position : list.position;
    if (!contains(known, name)) problems.error("unknown-benchmark", at, fmt::format("no benchmark '{}' in the recipe", name), suggestion(name, known));
    else if (const auto it = bound.options.benchmarks.find(name); it != bound.options.benchmarks.end() && !it->second.judge.empty())
      check_trained_before(bound, stage, at, it->second.judge, problems);
  }
}

std::vector<std::string> benchmarks_of(const Bound& bound, const BoundStage& stage) {
  std::vector<std::string> names;
  if (!stage.evaluate) return names;
  for (const std::string& name : stage.evaluate->benchmarks)
    if (bound.options.benchmarks.contains(name) && !contains(names, name)) names.push_back(name);
  return names;
}

}  // namespace saucier::recipe
