#include "runner/recipe/sweep.h"

#include <algorithm>

namespace saucier::recipe {
namespace {

class AxisReader {
 public:
  explicit AxisReader(Diagnostics& problems) : problems_(problems) {}

  void table(const Node& node, const std::string& path, const std::vector<PathPart>& parts) {
    for (const Node& entry : node.items) {
      const std::string full = path.empty() ? entry.key : path + "." + entry.key;
      std::vector<PathPart> way = parts;
      for (PathPart& part : split_path(entry.key, entry.key_position)) way.push_back(std::move(part));
      if (entry.is(Kind::kTable)) table(entry, full, way);
      else if (entry.is(Kind::kList)) axis(entry, full, std::move(way));
      else
        problems_.error("wrong-type", entry.position,
                        fmt::format("axis '{}' must be a list of values (got {})", full, kind_name(entry.kind)));
    }
  }

  std::vector<Assignment> take() { return std::move(axes_); }

 private:
  void axis(const Node& list, const std::string& path, std::vector<PathPart> way) {
    if (list.items.empty()) {
      problems_.error("empty-axis", list.position, fmt::format("axis '{}' has no values", path));
      return;
    }
    Assignment axis{.path = path, .parts = std::move(way), .values = list.items};
    const Origin& said = *list.origin;
    const auto label = std::make_shared<const Origin>(Origin{"axis", said.folder});
    for (Node& value : axis.values) relabel(value, label);
    axes_.push_back(std::move(axis));
  }

  static void relabel(Node& node, const std::shared_ptr<const Origin>& origin) {
    node.origin = origin;
    for (Node& item : node.items) relabel(item, origin);
  }

  Diagnostics& problems_;
  std::vector<Assignment> axes_;
};

}  // namespace

std::vector<Assignment> sweep_axes(const Node& root, const std::vector<Assignment>& set,
                                   const std::vector<std::string>& sweep, Diagnostics& problems) {
  AxisReader reader(problems);
  if (const Node* table = root.find("sweep")) {
    if (const Node* axes = table->find("axes")) {
      if (axes->is(Kind::kTable)) reader.table(*axes, "", {});
      else problems.error("wrong-type", axes->position, fmt::format("'sweep.axes' must be a table (got {})", kind_name(axes->kind)));
    }
  }
  std::vector<Assignment> axes = reader.take();
  std::erase_if(axes, [&](const Assignment& axis) {
    return std::any_of(set.begin(), set.end(), [&](const Assignment& s) { return s.path == axis.path; });
  });
  for (const std::string& argument : sweep) {
    std::optional<Assignment> axis = parse_sweep(argument, problems);
    if (!axis) continue;
    if (axis->values.empty()) {
      problems.error("empty-axis", axis->parts[0].position, fmt::format("axis '{}' has no values", axis->path));
      continue;
    }
    auto same = std::find_if(axes.begin(), axes.end(), [&](const Assignment& a) { return a.path == axis->path; });
    if (same != axes.end()) *same = std::move(*axis);
    else axes.push_back(std::move(*axis));
  }
  double points = 1;
  for (const Assignment& axis : axes) points *= static_cast<double>(axis.values.size());
  if (points > static_cast<double>(kMostTrials)) {
    problems.error("too-many-trials", axes[0].parts[0].position,
                   fmt::format("the axes span {:.0f} trials (at most {})", points, kMostTrials), "give the axes fewer values");
    axes.clear();
  }
  return axes;
}

std::vector<std::vector<size_t>> grid(const std::vector<Assignment>& axes) {
  std::vector<std::vector<size_t>> points = {{}};
  for (const Assignment& axis : axes) {
    std::vector<std::vector<size_t>> longer;
    for (const auto& point : points) {
      for (size_t i = 0; i < axis.values.size(); ++i) {
        longer.push_back(point);
        longer.back().push_back(i);
      }
    }
    points = std::move(longer);
  }
  return points;
}

}  // namespace saucier::recipe
