#include "runner/recipe/sweep.h"

#include <algorithm>

#include "modules/base/suggest.h"
#include "runner/recipe/axis.h"

namespace saucier::recipe {
namespace {

using Index = std::optional<std::uint32_t>;

constexpr size_t kMostValues = 1'000'000;  // of all axes together

class SweepReader {
 public:
  SweepReader(const Node& root, const std::vector<Assignment>& set, size_t most_trials, Diagnostics& problems)
      : root_(root), set_(set), most_trials_(most_trials), problems_(problems), sweep_(root.find("sweep")), seed_(static_cast<std::uint64_t>(integer(&root, "seed", 0))) {
    if (sweep_ && !sweep_->is(Kind::kTable)) sweep_ = nullptr;  // reported when it is bound
  }

  Sweep read(const std::vector<std::string>& arguments) {
    if (const Node* axes = entry("axes")) {
      if (axes->is(Kind::kTable)) table(*axes, "", {});
      else wrong_type(*axes, "sweep.axes", "a table");
    }
    zips();
    for (const std::string& argument : arguments) {
      std::optional<Axis> axis = read_axis_argument(argument, root_, seed_, problems_);
      if (axis) replace_or_add(std::move(*axis));
    }
    repeats();
    check_conditions();
    exclusions();
    Sweep out;
    if (!refused()) {
      random() ? draw() : grid();
      out.points = std::move(points_);
    }
    for (Axis& axis : axes_) out.axes.push_back(std::move(axis.values));
    if (out.points.empty()) out = Sweep{.axes = {}, .points = {{}}};  // after a problem: the recipe itself is still looked at
    return out;
  }

 private:
  // ---- reading

  static std::int64_t integer(const Node* table, std::string_view key, std::int64_t otherwise) {
    const Node* node = table ? table->find(key) : nullptr;
    return node && node->is(Kind::kInteger) ? std::get<std::int64_t>(node->scalar) : otherwise;
  }
  const Node* entry(std::string_view key) const { return sweep_ ? sweep_->find(key) : nullptr; }
  bool random() const {
    const Node* method = entry("method");
    return method && method->is(Kind::kString) && method->text() == "random";
  }
  void wrong_type(const Node& node, std::string_view what, std::string_view wanted) {
    problems_.error("wrong-type", node.position, fmt::format("'{}' must be {} (got {})", what, wanted, kind_name(node.kind)));
  }

  void table(const Node& node, const std::string& path, const std::vector<PathPart>& parts) {
    for (const Node& entry : node.items) {
      const std::string full = path.empty() ? entry.key : path + "." + entry.key;
      std::vector<PathPart> way = parts;
      for (PathPart& part : split_path(entry.key, entry.key_position)) way.push_back(std::move(part));
      if (entry.is(Kind::kTable) && !is_axis_form(entry)) table(entry, full, way);
      else add(entry, full, std::move(way));
    }
  }

  // The index of the new axis; none after a problem, or where --set fixes its path.
  std::optional<size_t> add(const Node& said, const std::string& path, std::vector<PathPart> parts) {
    if (std::any_of(set_.begin(), set_.end(), [&](const Assignment& s) { return s.path == path; })) return std::nullopt;
    if (const auto other = index_of(path)) {
      problems_.add({.severity = Severity::kError, .code = "duplicate-axis", .message = fmt::format("a second axis '{}'", path), .position = parts[0].position,
                     .notes = {{"the first one is here", axes_[*other].values.parts[0].position}}, .hint = "keep one of them"});
      return std::nullopt;
    }
    if (values_ > kMostValues) return std::nullopt;  // said already
    std::optional<Axis> axis = read_axis(said, path, std::move(parts), root_, seed_, problems_);
    if (!axis) return std::nullopt;
    values_ += axis->values.values.size();
    if (values_ > kMostValues) problems_.error("too-many-trials", axis->said.position, fmt::format("the axes of the sweep have more than {} values", kMostValues));
    axes_.push_back(std::move(*axis));
    groups_.push_back({axes_.size() - 1});
    return axes_.size() - 1;
  }

  std::optional<size_t> index_of(std::string_view path) const {
    const auto it = std::find_if(axes_.begin(), axes_.end(), [&](const Axis& axis) { return axis.values.path == path; });
    return it == axes_.end() ? std::nullopt : std::optional<size_t>(static_cast<size_t>(it - axes_.begin()));
  }

  void replace_or_add(Axis axis) {
    if (const auto same = index_of(axis.values.path)) {
      for (auto& group : groups_)
        if (group.size() > 1 && std::find(group.begin(), group.end(), *same) != group.end()) {
          problems_.error("duplicate-axis", axis.values.parts[0].position, fmt::format("axis '{}' moves together with others in [[sweep.zip]]", axis.values.path),
                          "change it in the file, or fix it with --set");
          return;
        }
      axes_[*same] = std::move(axis);
    } else {
      axes_.push_back(std::move(axis));
      groups_.push_back({axes_.size() - 1});
    }
  }

  // [[sweep.zip]]: lists of one length; the first value of each, then the second of each …
  void zips() {
    const Node* zips = entry("zip");
    if (!zips) return;
    if (!zips->is(Kind::kList)) return wrong_type(*zips, "sweep.zip", "a list of tables");
    for (const Node& zip : zips->items) {
      if (!zip.is(Kind::kTable)) {
        wrong_type(zip, "sweep.zip", "a list of tables");
        continue;
      }
      const size_t first_group = groups_.size();
      table(zip, "", {});
      std::vector<size_t> together;
      for (size_t g = first_group; g < groups_.size(); ++g) together.push_back(groups_[g][0]);
      groups_.resize(first_group);
      if (together.empty()) continue;
      for (const size_t a : together) {
        const Axis& axis = axes_[a];
        const Axis& first = axes_[together[0]];
        if (first.distribution != Distribution::kNone && a != together[0]) continue;
        if (axis.distribution != Distribution::kNone)
          problems_.error("wrong-type", axis.said.position, fmt::format("axis '{}' cannot move together with others: it is drawn", axis.values.path), "give it a list of values");
        else if (axis.values.values.size() != first.values.values.size())
          problems_.add({.severity = Severity::kError, .code = "zip-length",
                         .message = fmt::format("axes that move together have as many values: '{}' has {}, '{}' has {}", axis.values.path, axis.values.values.size(),
                                                first.values.path, first.values.values.size()),
                         .position = axis.said.position, .notes = {{"the other one is here", first.said.position}}, .hint = ""});
      }
      groups_.push_back(std::move(together));
    }
  }

  // repeats = 3 is an axis of three seeds, innermost.
  void repeats() {
    const Node* said = entry("repeats");
    const std::int64_t count = integer(sweep_, "repeats", 1);
    if (!said || count < 2 || count > static_cast<std::int64_t>(most_trials_)) return;  // its range is checked when it is bound
    if (const auto other = index_of("seed")) {
      problems_.error("conflicting-keys", place(*said), "'repeats' and an axis 'seed' both choose seeds", "keep one of them");
      return;
    }
    Node seeds = *said;
    seeds.kind = Kind::kList;
    for (std::int64_t i = 0; i < count; ++i) {
      Node seed;
      seed.kind = Kind::kInteger;
      seed.scalar = static_cast<std::int64_t>(seed_ + static_cast<std::uint64_t>(i));
      seed.position = said->position;
      seeds.items.push_back(std::move(seed));
    }
    std::optional<Axis> axis = read_axis(seeds, "seed", split_path("seed", place(*said)), root_, seed_, problems_);
    axes_.push_back(std::move(*axis));
    repeats_ = axes_.size() - 1;
  }

  bool known_axis(const Node& at, const std::string& path) {
    if (index_of(path)) return true;
    std::vector<std::string> known;
    for (const Axis& axis : axes_) known.push_back(axis.values.path);
    problems_.error("unknown-axis", place(at), fmt::format("no axis '{}' in the sweep", path), suggestion(path, known));
    return false;
  }

  void check_conditions() {
    for (const Axis& axis : axes_) {
      const Node* when = axis.said.find("when");
      if (!when) continue;
      for (const Node& condition : when->items) {
        if (!known_axis(condition, condition.key)) continue;
        if (*index_of(condition.key) >= *index_of(axis.values.path))
          problems_.error("axis-order", place(condition), fmt::format("axis '{}' can only hang on an axis above it", axis.values.path), fmt::format("move '{}' up", condition.key));
      }
    }
  }

  void exclusions() {
    const Node* list = entry("exclude");
    if (!list) return;
    if (!list->is(Kind::kList)) return wrong_type(*list, "sweep.exclude", "a list of tables");
    for (const Node& table : list->items) {
      if (!table.is(Kind::kTable) || table.items.empty()) {
        wrong_type(table, "sweep.exclude", "a list of tables that name axes");
        continue;
      }
      Conditions all;
      for (const Node& entry : table.items) {
        if (!known_axis(entry, entry.key)) continue;
        std::vector<Json> values;
        if (entry.is(Kind::kList))
          for (const Node& item : entry.items) values.push_back(to_json(item));
        else
          values.push_back(to_json(entry));
        all.emplace_back(*index_of(entry.key), std::move(values));
      }
      if (all.size() == table.items.size()) excluded_.push_back(std::move(all));
    }
  }

  // ---- points

  using Conditions = std::vector<std::pair<size_t, std::vector<Json>>>;

  bool holds(const std::vector<Index>& point, size_t axis, const std::vector<Json>& values) const {
    return point[axis] && std::find(values.begin(), values.end(), to_json(axes_[axis].values.values[*point[axis]])) != values.end();
  }

  void keep(std::vector<Index> point) {
    for (size_t a = 0; a < axes_.size(); ++a)
      for (const auto& [path, values] : axes_[a].when)
        if (const auto other = index_of(path); other && !holds(point, *other, values)) point[a].reset();
    for (const Conditions& all : excluded_)
      if (std::all_of(all.begin(), all.end(), [&](const auto& c) { return holds(point, c.first, c.second); })) return;
    points_.push_back(std::move(point));
  }

  void with_repeats(std::vector<Index>& point) {
    if (!repeats_) return keep(point);
    for (std::uint32_t i = 0; i < axes_[*repeats_].values.values.size(); ++i) {
      point[*repeats_] = i;
      keep(point);
    }
  }

  // Axes that the method cannot take, or more trials than anyone means.
  bool refused() {
    for (const Axis& axis : axes_) {
      if (axis.distribution == Distribution::kNone || random()) continue;
      problems_.error("drawn-axis", axis.said.position, fmt::format("axis '{}' is drawn, and a grid takes every value", axis.values.path),
                      "write method = \"random\" and trials = N in [sweep], or give it values");
      return true;
    }
    const std::int64_t trials = integer(sweep_, "trials", 0);
    if (random() && !entry("trials")) {
      problems_.error("missing-key", entry("method")->position, "a sweep with method 'random' needs 'trials'", "write how many points are drawn: trials = 20");
      return true;
    }
    double points = repeats_ ? static_cast<double>(axes_[*repeats_].values.values.size()) : 1;
    if (random()) points *= static_cast<double>(trials);
    else
      for (const auto& group : groups_) points *= static_cast<double>(axes_[group[0]].values.values.size());
    if (random() && points * static_cast<double>(axes_.size()) > static_cast<double>(kMostValues)) {
      problems_.error("too-many-trials", place(*sweep_), fmt::format("{:.0f} trials draw from {} axes (at most {} values)", points, axes_.size(), kMostValues), "draw fewer trials");
      return true;
    }
    if (points <= static_cast<double>(most_trials_)) return problems_.has_errors();
    problems_.error("too-many-trials", axes_.empty() ? place(*sweep_) : axes_[0].values.parts[0].position,
                    fmt::format("the sweep spans {:.0f} trials (at most {})", points, most_trials_), "give the axes fewer values");
    return true;
  }

  void grid() {
    std::vector<Index> point(axes_.size());
    const auto walk = [&](const auto& self, size_t group) -> void {
      if (group == groups_.size()) return with_repeats(point);
      for (std::uint32_t i = 0; i < axes_[groups_[group][0]].values.values.size(); ++i) {
        for (const size_t axis : groups_[group]) point[axis] = i;
        self(self, group + 1);
      }
    };
    walk(walk, 0);
    none_left();
  }

  void draw() {
    for (std::int64_t trial = 0; trial < integer(sweep_, "trials", 0); ++trial) {
      std::vector<Index> point(axes_.size());
      for (const auto& group : groups_) {
        Axis& first = axes_[group[0]];
        // A stream of its own for each axis: another axis does not change what this one draws.
        Rng rng(seed_, "sweep." + first.values.path, static_cast<std::uint64_t>(trial));
        if (first.distribution != Distribution::kNone) first.values.values.push_back(first.draw(rng));
        const auto size = static_cast<std::int64_t>(first.values.values.size());
        const auto chosen = static_cast<std::uint32_t>(first.distribution != Distribution::kNone ? size - 1 : rng.integer(0, size - 1));
        for (const size_t axis : group) point[axis] = chosen;
      }
      with_repeats(point);
    }
    none_left();
  }

  void none_left() {
    if (points_.empty() && sweep_) problems_.error("no-trials", place(*sweep_), "the sweep leaves no trial: every combination is excluded");
  }

  const Node& root_;
  const std::vector<Assignment>& set_;
  size_t most_trials_;
  Diagnostics& problems_;
  const Node* sweep_;
  std::uint64_t seed_;
  std::vector<Axis> axes_;
  std::vector<std::vector<size_t>> groups_;  // axes that move together; most alone
  size_t values_ = 0;  // of the axes of the file
  std::optional<size_t> repeats_;
  std::vector<Conditions> excluded_;
  std::vector<std::vector<Index>> points_;
};

}  // namespace

Sweep read_sweep(const Node& root, const std::vector<Assignment>& set, const std::vector<std::string>& arguments,
                 size_t most_trials, Diagnostics& problems) {
  return SweepReader(root, set, most_trials, problems).read(arguments);
}

}  // namespace saucier::recipe
