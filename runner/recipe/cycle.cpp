#include "runner/recipe/cycle.h"

#include <algorithm>
#include <array>
#include <climits>
#include <functional>
#include <set>

#include "modules/base/suggest.h"
#include "runner/recipe/assign.h"
#include "runner/recipe/bind.h"
#include "runner/recipe/recipe_options.h"

namespace saucier::recipe {
namespace {

constexpr std::string_view kStage = "stage";
constexpr std::array<std::string_view, 3> kSections = {"data", "mixture", "teacher"};  // tables that rounds may have of their own
constexpr int kAfter = INT_MAX;  // place of the stages behind the cycle

std::string text_of(const Node& node, std::string_view key) {
  const Node* found = node.find(key);
  return found && found->is(Kind::kString) ? found->text() : std::string();
}

std::string round_name(const std::string& name, std::int64_t round) { return fmt::format("{}-{}", name, round); }

// Calls `see(section, name, place)` for each stage, source, mixture and teacher that `node` of `section` names, and puts what
// it returns in the place of the name.
using See = std::function<std::string(std::string_view, const std::string&, const Node&)>;

void references(std::string_view section, Node& node, const See& see) {
  const auto text = [&](Node* holder, std::string_view key, std::string_view to) {
    Node* found = holder ? holder->find(key) : nullptr;
    if (found && found->is(Kind::kString) && !found->text().empty()) found->scalar = see(to, found->text(), *found);
  };
  if (section == "data") {
    text(&node, "stage", kStage);
    if (Node* list = node.find("held_out"))
      for (Node& item : list->items)
        if (item.is(Kind::kString)) item.scalar = see("data", item.text(), item);
  } else if (section == "teacher") {
    text(&node, "stage", kStage);
  } else if (section == "mixture") {
    if (Node* weights = node.find("weights"); weights && weights->is(Kind::kTable))
      for (Node& weight : weights->items) weight.key = see("data", weight.key, weight);
  } else {
    text(&node, "from", kStage);
    text(&node, "source", "data");
    text(&node, "teacher", "teacher");
    text(node.find("filters"), "blind", "teacher");
    text(node.find("filters"), "judge", "teacher");
    for (const char* key : {"data", "validation"}) {
      Node* found = node.find(key);
      if (!found || !found->is(Kind::kString)) continue;
      const size_t dot = found->text().find('.');
      const std::string to = found->text().substr(0, dot);
      if (dot == std::string::npos || (to != "data" && to != "mixture")) continue;
      found->scalar = to + "." + see(to, found->text().substr(dot + 1), *found);
    }
  }
}

class CycleWriter {
 public:
  CycleWriter(Node& root, const Node& said, Rounds& rounds, Diagnostics& problems)
      : root_(root), said_(said), rounds_(rounds), all_problems_(problems) {
    cycle_.name = said.key;
  }

  // False after a problem: then the tree is as it was.
  bool write() {
    if (read() && find_stages() && check()) write_rounds();
    for (const Diagnostic& problem : problems_.list()) all_problems_.add(problem);
    return !problems_.has_errors();
  }

 private:
  using Table = std::pair<std::string, std::string>;  // section, name

  void error(std::string code, const Position& at, std::string message, std::string hint = {}) {
    problems_.error(std::move(code), at, std::move(message), std::move(hint));
  }
  const Position& place_in(std::string_view key) const {
    const Node* found = said_.find(key);
    return found ? found->position : place(said_);
  }
  std::vector<Node>& stages() { return root_.find(kStage)->items; }
  int index_of(const std::string& stage) const {  // in the cycle; -1: not there
    const auto it = std::find(cycle_.stages.begin(), cycle_.stages.end(), stage);
    return it == cycle_.stages.end() ? -1 : static_cast<int>(it - cycle_.stages.begin());
  }

  bool read() {
    if (!said_.is(Kind::kTable)) {
      error("wrong-type", place(said_), fmt::format("'cycle.{}' must be a table (got {})", said_.key, kind_name(said_.kind)));
      return false;
    }
    std::map<std::string, std::string> origins;
    Binder binder(problems_, origins);
    const Json said = binder.table(said_, options::table_of<CycleOptions>(), fmt::format("[cycle.{}]", said_.key), fmt::format("cycle.{}.", said_.key), {"values"});
    const CycleOptions options = options::from_json<CycleOptions>(said);
    cycle_.rounds = options.rounds;
    cycle_.start = options.start;
    cycle_.alpha = options.alpha;
    cycle_.max_hours = options.max_hours;
    accumulate_.insert(options.accumulate.begin(), options.accumulate.end());
    if (!options.stop_without_gain.empty()) {
      const size_t dot = options.stop_without_gain.find('.');
      cycle_.gain_stage = options.stop_without_gain.substr(0, dot);
      if (dot != std::string::npos) cycle_.gain_benchmark = options.stop_without_gain.substr(dot + 1);
    }
    return !problems_.has_errors();
  }

  bool find_stages() {
    const Node* list = root_.find(kStage);
    if (!list || !list->is(Kind::kList)) return false;  // said elsewhere
    for (size_t i = 0; i < list->items.size(); ++i) {
      const Node& stage = list->items[i];
      if (text_of(stage, "cycle") != cycle_.name) continue;
      if (cycle_.stages.empty()) first_ = i;
      else if (i != first_ + cycle_.stages.size())
        error("torn-cycle", place(*stage.find("cycle")), fmt::format("stage '{}' of cycle '{}' stands apart from the others", text_of(stage, "name"), cycle_.name),
              "let the stages of a cycle follow each other");
      cycle_.stages.push_back(text_of(stage, "name"));
    }
    if (cycle_.stages.empty())
      error("empty-cycle", place(said_), fmt::format("no stage is a part of cycle '{}'", cycle_.name), fmt::format("write cycle = \"{}\" in the stages that it repeats", cycle_.name));
    return !problems_.has_errors();
  }

  bool check() {
    std::vector<std::string> above;
    for (size_t i = 0; i < first_; ++i) above.push_back(text_of(stages()[i], "name"));
    if (const Node* start = said_.find("start"); start && start->is(Kind::kTable))
      for (const Node& entry : start->items) {
        if (index_of(entry.key) < 0)
          error("unknown-stage", place(entry), fmt::format("cycle '{}' has no stage '{}'", cycle_.name, entry.key), suggestion(entry.key, cycle_.stages));
        else if (std::find(above.begin(), above.end(), entry.text()) == above.end())
          error("unknown-stage", entry.position, fmt::format("no stage '{}' stands above cycle '{}'", entry.text(), cycle_.name), suggestion(entry.text(), above));
      }
    check_gain();
    check_values();
    if (problems_.has_errors()) return false;
    find_tables();
    for (const std::string& name : accumulate_)
      if (!differs_.contains({"data", name}))
        error("unknown-source", place_in("accumulate"), fmt::format("no data source '{}' differs from round to round", name),
              "name one that a stage of the cycle writes, or that `values` changes");
    return !problems_.has_errors();
  }

  void check_gain() {
    if (cycle_.gain_stage.empty()) return;
    const Position& at = place_in("stop_without_gain");
    std::vector<std::string> known;
    for (size_t i = first_; i < first_ + cycle_.stages.size(); ++i)
      if (text_of(stages()[i], "kind") == "evaluate") known.push_back(text_of(stages()[i], "name"));
    if (cycle_.gain_benchmark.empty()) {
      error("bad-reference", at, fmt::format("'stop_without_gain' must be 'STAGE.BENCHMARK' (got '{}')", cycle_.gain_stage), "write, say, stop_without_gain = \"exam.scenes-pope\"");
    } else if (std::find(known.begin(), known.end(), cycle_.gain_stage) == known.end()) {
      error("unknown-stage", at, fmt::format("cycle '{}' has no evaluate stage '{}'", cycle_.name, cycle_.gain_stage), suggestion(cycle_.gain_stage, known));
    } else {
      const Node* list = stages()[first_ + static_cast<size_t>(index_of(cycle_.gain_stage))].find("benchmarks");
      std::vector<std::string> scored;
      if (list)
        for (const Node& item : list->items)
          if (item.is(Kind::kString)) scored.push_back(item.text());
      if (std::find(scored.begin(), scored.end(), cycle_.gain_benchmark) == scored.end())
        error("unknown-benchmark", at, fmt::format("stage '{}' does not score '{}'", cycle_.gain_stage, cycle_.gain_benchmark), suggestion(cycle_.gain_benchmark, scored));
    }
  }

  void check_values() {
    const Node* values = said_.find("values");
    if (!values) return;
    if (!values->is(Kind::kTable)) return error("wrong-type", place(*values), fmt::format("'values' must be a table (got {})", kind_name(values->kind)));
    for (const Node& entry : values->items) {
      const std::vector<PathPart> parts = split_path(entry.key, place(entry));
      const std::string& section = parts[0].name;
      const bool of_table = std::find(kSections.begin(), kSections.end(), section) != kSections.end();
      if (parts.size() < 3 || !(of_table || (section == kStage && index_of(parts[1].name) >= 0))) {
        error("bad-reference", place(entry), fmt::format("'values' may change stages of the cycle, data sources, mixtures and teachers (got '{}')", entry.key),
              "write a whole path in quotes: \"data.pictures.scenes.first\" = [0, 2000]");
      } else if (!entry.is(Kind::kList) || static_cast<std::int64_t>(entry.items.size()) != cycle_.rounds) {
        error("bad-values", place(entry),
              fmt::format("'{}' must be a list with a value for each of the {} rounds (got {})", entry.key, cycle_.rounds,
                          entry.is(Kind::kList) ? std::to_string(entry.items.size()) : std::string(kind_name(entry.kind))));
      }
    }
  }

  // Which tables differ between the rounds, and from where they are used.
  void find_tables() {
    if (const Node* values = said_.find("values"))
      for (const Node& entry : values->items) {
        const std::vector<PathPart> parts = split_path(entry.key, place(entry));
        if (parts[0].name != kStage) differs_.insert({parts[0].name, parts[1].name});
      }
    for (size_t before = SIZE_MAX; before != differs_.size();) {  // until nothing more refers to what differs
      before = differs_.size();
      for (const std::string_view section : kSections) {
        Node* tables = root_.find(section);
        if (!tables || !tables->is(Kind::kTable)) continue;
        for (Node& table : tables->items)
          references(section, table, [&](std::string_view to, const std::string& name, const Node&) {
            if (to == kStage ? index_of(name) >= 0 : differs_.contains({std::string(to), name})) differs_.insert({std::string(section), table.key});
            return name;
          });
      }
    }
    for (size_t i = first_; i < stages().size(); ++i)
      find_users(kStage, stages()[i], i < first_ + cycle_.stages.size() ? static_cast<int>(i - first_) : kAfter);
  }

  void find_users(std::string_view section, Node& node, int stage) {
    references(section, node, [&](std::string_view to, const std::string& name, const Node&) {
      const Table table(std::string(to), name);
      if (to != kStage && differs_.contains(table) && users_[table].insert(stage).second) {
        Node* tables = root_.find(to);
        if (Node* next = tables ? tables->find(name) : nullptr) find_users(to, *next, stage);
      }
      return name;
    });
  }

  // Is stage `index` of the cycle, named from place `from`, that of the round before?
  static bool of_round_before(int index, int from) { return index >= from; }

  // The same for a stage that a table names, by the stages that use it.
  bool of_round_before(int index, const Table& table, const Node& at) {
    std::optional<bool> before;
    int first = kAfter;
    for (const int user : users_[table]) {
      if (before && *before != of_round_before(index, user)) {
        error("two-rounds", at.position,
              fmt::format("{} '{}' is of another round for stage '{}' than for {}", table.first, table.second, cycle_.stages[static_cast<size_t>(first)],
                          user == kAfter ? std::string("those behind the cycle") : fmt::format("stage '{}'", cycle_.stages[static_cast<size_t>(user)])),
              fmt::format("give each a {} of its own", table.first));
        break;
      }
      if (!before) first = user;
      before = of_round_before(index, user);
    }
    return before.value_or(false);
  }

  std::string stage_in(std::int64_t round, const std::string& name, bool before, const Node& at) {
    if (!before) return round_name(name, round);
    if (round > 1) return round_name(name, round - 1);
    if (const auto it = cycle_.start.find(name); it != cycle_.start.end()) return it->second;
    error("missing-start", at.position, fmt::format("the first round of cycle '{}' begins with what stage '{}' leaves, which runs only later", cycle_.name, name),
          fmt::format("name the stage above that stands in its place: start = {{ {} = \"...\" }}", name));
    return name;
  }

  void rename_in_round(std::string_view section, Node& node, std::int64_t round, const std::function<bool(int, const Node&)>& before) {
    references(section, node, [&](std::string_view to, const std::string& name, const Node& at) {
      if (to != kStage) return differs_.contains({std::string(to), name}) ? round_name(name, round) : name;
      const int index = index_of(name);
      return index < 0 ? name : stage_in(round, name, before(index, at), at);
    });
  }

  void write_rounds() {
    std::vector<Node> before(stages().begin(), stages().begin() + static_cast<std::ptrdiff_t>(first_));
    std::vector<Node> after(stages().begin() + static_cast<std::ptrdiff_t>(first_ + cycle_.stages.size()), stages().end());
    std::vector<Node> written;
    std::map<std::string, std::vector<Node>> tables;
    for (std::int64_t round = 1; round <= cycle_.rounds; ++round) {
      Node copy = root_;
      if (const Node* values = said_.find("values"))
        for (const Node& entry : values->items) assign(copy, split_path(entry.key, place(entry)), entry.items[static_cast<size_t>(round - 1)], problems_);
      for (size_t i = 0; i < cycle_.stages.size(); ++i) written.push_back(stage_of_round(copy.find(kStage)->items[first_ + i], static_cast<int>(i), round));
      for (const Table& table : differs_)
        if (Node* all = copy.find(table.first); Node* one = all ? all->find(table.second) : nullptr) tables[table.first].push_back(table_of_round(*one, table, round));
    }
    for (Node& stage : before) rename_outside(stage, 1);
    for (Node& stage : after) rename_outside(stage, cycle_.rounds);
    take_names(before, after);
    if (problems_.has_errors()) return;

    stages() = std::move(before);
    stages().insert(stages().end(), written.begin(), written.end());
    stages().insert(stages().end(), after.begin(), after.end());
    for (const Table& table : differs_)
      if (Node* all = root_.find(table.first)) all->erase(table.second);
    for (auto& [section, nodes] : tables) {
      std::vector<Node>& items = root_.find(section)->items;
      items.insert(items.end(), nodes.begin(), nodes.end());
    }
    rounds_.cycles.push_back(cycle_);
  }

  Node stage_of_round(Node stage, int index, std::int64_t round) {
    const std::string name = text_of(stage, "name");
    stage.erase("cycle");
    if (Node* own = stage.find("name")) own->scalar = round_name(name, round);
    rename_in_round(kStage, stage, round, [&](int named, const Node&) { return of_round_before(named, index); });
    for (const char* key : {"data", "validation"})
      if (const std::string data = text_of(*find_stage(name), key); data.starts_with("data.") && accumulate_.contains(data.substr(5)))
        error("not-a-mixture", stage.find(key)->position, fmt::format("only a mixture can draw from all rounds of '{}'", data.substr(5)), "let the stage read a mixture with this source");
    return stage;
  }

  const Node* find_stage(const std::string& name) { return &stages()[first_ + static_cast<size_t>(index_of(name))]; }

  Node table_of_round(Node table, const Table& name, std::int64_t round) {
    table.key = round_name(name.second, round);
    if (name.first == "mixture") accumulate(table, round);
    rename_in_round(name.first, table, round, [&](int named, const Node& at) { return of_round_before(named, name, at); });
    rounds_.copies[name.first][table.key] = name.second;
    return table;
  }

  // Sources whose earlier rounds stay: what names one of the earlier ones ends in its round here and is not renamed again.
  void accumulate(Node& mixture, std::int64_t round) const {
    Node* weights = mixture.find("weights");
    if (!weights || !weights->is(Kind::kTable)) return;
    std::vector<Node> out;
    for (Node& weight : weights->items) {
      if (!accumulate_.contains(weight.key)) {
        out.push_back(std::move(weight));
        continue;
      }
      for (std::int64_t r = 1; r <= round; ++r) {
        Node part = weight;
        if (r < round) part.key = round_name(weight.key, r);
        divide(part, round);
        out.push_back(std::move(part));
      }
    }
    weights->items = std::move(out);
  }

  static void divide(Node& weight, std::int64_t by) {
    if (weight.is(Kind::kTable)) {
      for (Node& entry : weight.items)
        if (entry.key == "share" || entry.key == "samples") divide(entry, by);
    } else if (weight.key == "samples" && weight.is(Kind::kInteger)) {
      weight.scalar = std::max<std::int64_t>(1, std::get<std::int64_t>(weight.scalar) / by);
    } else if (weight.is(Kind::kInteger) || weight.is(Kind::kNumber)) {
      const double value = weight.is(Kind::kInteger) ? static_cast<double>(std::get<std::int64_t>(weight.scalar)) : std::get<double>(weight.scalar);
      weight.kind = Kind::kNumber;
      weight.scalar = value / static_cast<double>(by);
    }
  }

  void rename_outside(Node& stage, std::int64_t round) {
    references(kStage, stage, [&](std::string_view to, const std::string& name, const Node& at) {
      const bool ours = to == kStage ? index_of(name) >= 0 : differs_.contains({std::string(to), name});
      if (!ours) return name;
      if (round > 1 && cycle_.may_end_early())
        error("open-end", at.position, fmt::format("which round of cycle '{}' is the last is known only when it has run, so nothing behind it can go on from '{}'", cycle_.name, name),
              "take stop_without_gain and max_hours out, or let another recipe go on from the model of the last round");
      return round_name(name, round);
    });
  }

  void take_names(const std::vector<Node>& before, const std::vector<Node>& after) {
    std::set<std::string> taken;
    for (const std::vector<Node>* list : {&before, &after})
      for (const Node& stage : *list) taken.insert(text_of(stage, "name"));
    for (size_t i = 0; i < cycle_.stages.size(); ++i)
      for (std::int64_t round = 1; round <= cycle_.rounds; ++round) {
        const std::string name = round_name(cycle_.stages[i], round);
        if (taken.contains(name))
          error("duplicate-stage", place(stages()[first_ + i]), fmt::format("round {} of stage '{}' is called '{}', as another stage is", round, cycle_.stages[i], name), "give one another name");
        rounds_.stages[name] = {cycle_.name, round, cycle_.stages[i]};
      }
    for (const Table& table : differs_)
      for (std::int64_t round = 1; round <= cycle_.rounds; ++round)
        if (const Node* all = root_.find(table.first); const Node* one = all ? all->find(round_name(table.second, round)) : nullptr)
          error("duplicate-name", place(*one), fmt::format("'{}' is also round {} of {} '{}'", one->key, round, table.first, table.second), "give one another name");
  }

  Node& root_;
  const Node said_;
  Rounds& rounds_;
  Diagnostics& all_problems_;
  Diagnostics problems_;
  Cycle cycle_;
  size_t first_ = 0;  // of its stages
  std::set<std::string> accumulate_;
  std::set<Table> differs_;
  std::map<Table, std::set<int>> users_;
};

}  // namespace

bool has_cycles(const Node& root) {
  if (root.find("cycle")) return true;
  const Node* stages = root.find(kStage);
  return stages && std::any_of(stages->items.begin(), stages->items.end(), [](const Node& stage) { return stage.find("cycle") != nullptr; });
}

Rounds write_out_cycles(Node& root, Diagnostics& problems) {
  Rounds rounds;
  const Node* found = root.find("cycle");
  const Node cycles = found ? *found : Node();
  root.erase("cycle");
  if (!cycles.is(Kind::kTable)) {
    problems.error("wrong-type", place(cycles), fmt::format("'cycle' must be a table (got {})", kind_name(cycles.kind)), "write [cycle.NAME]");
    rounds.broken = true;
    return rounds;
  }
  std::vector<std::string> names;
  for (const Node& cycle : cycles.items) names.push_back(cycle.key);
  if (const Node* stages = root.find(kStage))
    for (const Node& stage : stages->items)
      if (const std::string name = text_of(stage, "cycle"); !name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
        problems.error("unknown-cycle", stage.find("cycle")->position, fmt::format("no cycle '{}' in the recipe", name), suggestion(name, names));
        rounds.broken = true;
      }
  for (const Node& cycle : cycles.items)
    if (!CycleWriter(root, cycle, rounds, problems).write()) rounds.broken = true;  // all problems at once
  return rounds;
}

}  // namespace saucier::recipe
