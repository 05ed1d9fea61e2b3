#include "runner/plan/plan.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "modules/base/digest.h"
#include "runner/plan/key.h"

namespace saucier::plan {

namespace {

constexpr int kEarlierTexts = 20;  // how many earlier runs of a stage are looked through for the nearest one

class Planner {
 public:
  Planner(const recipe::Recipe& recipe, store::Store* store, std::span<const SceneFile> scene_files)
      : recipe_(recipe), store_(store), scene_files_(scene_files),
        digests_(store != nullptr ? store->file().parent_path() / (store->file().stem().string() + ".digests.json")
                                  : fs::path()) {}

  Plan run() {
    for (std::size_t t = 0; t < recipe_.trials.size(); ++t) {
      with_context(fmt::format("in trial '{}'", recipe_.trials[t].name), [&] { add_trial(static_cast<int>(t)); });
    }
    for (std::size_t t = 0; t < recipe_.trials.size(); ++t) add_gates(static_cast<int>(t));
    if (store_ != nullptr) {
      for (Node& node : plan_.nodes) look_up(node);
    }
    for (std::size_t n = 0; n < plan_.nodes.size(); ++n) explain(plan_.nodes[n], stages_[n]);
    return std::move(plan_);
  }

 private:
  void add_trial(int trial) {
    std::map<std::string, std::string> keys;
    std::map<std::string, int> nodes;
    std::vector<int>& order = plan_.trial_nodes.emplace_back();
    for (const recipe::Stage& stage : recipe_.trials[static_cast<std::size_t>(trial)].stages) {
      const std::string text = canonical(key_text(stage, keys, digests_, scene_files_));
      const std::string key = sha256(text);
      const auto [it, fresh] = by_key_.try_emplace(key, static_cast<int>(plan_.nodes.size()));
      if (fresh) add_node(stage, key, text, nodes);
      plan_.nodes[static_cast<std::size_t>(it->second)].trials.push_back(trial);
      keys[stage.name] = key;
      nodes[stage.name] = it->second;
      order.push_back(it->second);
    }
  }

  void add_node(const recipe::Stage& stage, const std::string& key, const std::string& text,
                const std::map<std::string, int>& nodes) {
    Node node{.key = key, .key_text = text, .name = stage.name, .kind = stage.kind, .needs = {}, .trials = {}, .gates = {},
              .cached = false, .reason = {}, .job = stage.job, .need_of = {}, .from = stage.from};
    node.job.key = key;
    node.job.stage = stage.name;
    node.job.kind = stage.kind;
    std::vector<std::string> needs = stage.needs;
    if (!stage.from.empty()) needs.push_back(stage.from);
    for (const std::string& name : needs) {
      const int need = nodes.at(name);
      if (!node.need_of.emplace(name, need).second) continue;
      node.needs.push_back(need);
      if (store_ == nullptr) continue;
      const std::string folder = (store_->artifacts() / plan_.nodes[static_cast<std::size_t>(need)].key).string();
      node.job.artifacts[name] = folder;
      if (name == stage.from) node.job.from = folder;
    }
    std::sort(node.needs.begin(), node.needs.end());
    node.needs.erase(std::unique(node.needs.begin(), node.needs.end()), node.needs.end());
    plan_.nodes.push_back(std::move(node));
    stages_.push_back(&stage);
  }

  // A gate before each further round of a cycle that may end early.
  void add_gates(int trial) {
    const recipe::Trial& of = recipe_.trials[static_cast<std::size_t>(trial)];
    const std::vector<int>& order = plan_.trial_nodes[static_cast<std::size_t>(trial)];
    const auto node_called = [&](const std::string& stage) {
      const auto it = std::find_if(of.stages.begin(), of.stages.end(), [&](const recipe::Stage& s) { return s.name == stage; });
      return order[static_cast<std::size_t>(it - of.stages.begin())];
    };
    std::map<std::pair<std::string, std::int64_t>, int> gates;  // cycle and round that would begin
    for (const recipe::Cycle& cycle : of.cycles)
      for (std::int64_t round = 1; cycle.may_end_early() && round < cycle.rounds; ++round) {
        Gate gate{.trial = trial, .cycle = cycle.name, .round = round, .stage = {}, .stage_before = {}, .benchmark = {}, .alpha = cycle.alpha,
                  .max_hours = cycle.max_hours, .rounds = {}, .waits = {}};
        for (const recipe::Stage& stage : of.stages) {
          if (stage.round.cycle != cycle.name || stage.round.round > round) continue;
          gate.rounds.push_back(node_called(stage.name));
          if (stage.round.stage != cycle.gain_stage || stage.round.stage.empty()) continue;
          gate.stage_before = gate.stage;
          gate.stage = stage.name;
          gate.benchmark = cycle.gain_benchmark;
        }
        const auto start = cycle.start.find(cycle.gain_stage);
        if (round == 1 && start != cycle.start.end()) gate.stage_before = start->second;
        gate.waits = gate.rounds;
        if (!gate.stage_before.empty()) gate.waits.push_back(node_called(gate.stage_before));
        gates[{cycle.name, round + 1}] = static_cast<int>(plan_.gates.size());
        plan_.gates.push_back(std::move(gate));
      }
    for (std::size_t s = 0; s < of.stages.size(); ++s) {
      const auto gate = gates.find({of.stages[s].round.cycle, of.stages[s].round.round});
      Node& node = plan_.nodes[static_cast<std::size_t>(order[s])];
      if (gate != gates.end()) node.gates.push_back(gate->second);
      else free_.insert(order[s]);
      if (free_.contains(order[s])) node.gates.clear();
    }
  }

  void look_up(Node& node) {
    node.cached = store_->artifact(node.key).has_value();
    if (!node.cached) return;
    const auto trial = store_->first_trial_of(node.key);
    node.reason = trial ? fmt::format("cached (from {})", *trial) : "cached";
  }

  void explain(Node& node, const recipe::Stage* stage) {
    if (node.cached) return;
    node.reason = "to run: " + why(node, *stage);
  }

  std::string why(const Node& node, const recipe::Stage& stage) {
    const std::vector<std::string>& texts = earlier(node);
    if (texts.empty()) return "first time";
    if (std::find(texts.begin(), texts.end(), node.key_text) != texts.end()) {
      const std::string state = store_->state_of(node.key).value_or("");
      if (state == "failed") return "it failed before";
      if (state == "done") return "its artifact is gone";
      return "it did not end before";
    }
    const Json now = Json::parse(node.key_text);
    std::vector<Difference> nearest;
    bool found = false;
    for (const std::string& text : texts) {
      const Json before = Json::parse(text, nullptr, false);
      if (before.is_discarded()) continue;
      std::vector<Difference> some = differences(before, now);
      if (!found || some.size() < nearest.size()) nearest = std::move(some), found = true;
    }
    std::string own = describe(nearest, stage.origins);
    if (!own.empty()) return own;
    for (const auto& [name, need] : node.need_of) {
      if (!plan_.nodes[static_cast<std::size_t>(need)].cached) return name + " runs again";
    }
    return node.need_of.empty() ? "first time" : fmt::format("{} is another one", node.need_of.begin()->first);
  }

  // Key texts that runs of a stage of this name had; read once a stage name.
  const std::vector<std::string>& earlier(const Node& node) {
    auto [it, fresh] = earlier_.try_emplace({node.name, node.kind});
    if (fresh && store_ != nullptr) it->second = store_->key_texts(node.name, node.kind, kEarlierTexts);
    return it->second;
  }

  const recipe::Recipe& recipe_;
  store::Store* store_;
  std::span<const SceneFile> scene_files_;
  ContentDigests digests_;
  Plan plan_;
  std::vector<const recipe::Stage*> stages_;  // of each node, in its first trial
  std::map<std::string, int> by_key_;
  std::set<int> free_;  // nodes that some trial runs whatever a gate says
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> earlier_;
};

}  // namespace

void check_machine(const recipe::Recipe& recipe, std::span<const SceneFile> files) {
  for (const recipe::Trial& trial : recipe.trials)
    for (const recipe::Stage& stage : trial.stages) {
      if (!draws_scenes(stage)) continue;
      for (const SceneFile& file : files)
        if (!fs::exists(file.path))
          throw Error(fmt::format("scenes need '{}', which is not there", file.path), fmt::format("install the package {}: sudo apt-get install {}", file.package, file.package));
      return;
    }
}

void check_keys(const Plan& plan) {
  for (const Node& node : plan.nodes)
    for (const auto& [name, teacher] : node.job.teachers)
      if (!node.cached && !teacher.key.empty() && !std::getenv(teacher.key.c_str()))
        throw Error(fmt::format("stage '{}' asks teacher '{}', whose key should be in the environment variable '{}', which is not set", node.name, name, teacher.key),
                    fmt::format("set it: export {}=...", teacher.key));
}

Plan make_plan(const recipe::Recipe& recipe, store::Store* store, std::span<const SceneFile> scene_files) {
  return Planner(recipe, store, scene_files).run();
}

}  // namespace saucier::plan
