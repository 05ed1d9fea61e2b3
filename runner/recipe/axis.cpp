#include "runner/recipe/axis.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "modules/base/suggest.h"

namespace saucier::recipe {
namespace {

constexpr double kMostValues = 100'000, kMostWeights = 1'000'000;
constexpr double kLargest = 9'007'199'254'740'992;  // integers up to here are doubles, too
constexpr std::int64_t kShares = 1000;  // a simplex point's weights are thousandths

const std::vector<std::string> kForms = {"values", "range", "linear", "log", "uniform", "loguniform", "int", "choice", "simplex"};

bool is_form_word(const std::string& key) { return std::find(kForms.begin(), kForms.end(), key) != kForms.end(); }

bool is_number(const Node& node) { return node.is(Kind::kInteger) || node.is(Kind::kNumber); }

double number_of(const Node& node) {
  return node.is(Kind::kInteger) ? static_cast<double>(std::get<std::int64_t>(node.scalar)) : std::get<double>(node.scalar);
}

// Six significant digits: 2.15443e-05 on every machine, whatever its exp and log round to.
double short_number(double value) { return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr); }

void relabel(Node& node, const std::shared_ptr<const Origin>& origin) {
  node.origin = origin;
  for (Node& item : node.items) relabel(item, origin);
}

// Of a weight that is a table the share alone is exchanged: its max_passes stays. "natural" is a table without share.
void set_share(Node& weight, Node share) {
  if (!weight.is(Kind::kTable)) {
    weight = std::move(share);
    return;
  }
  weight.erase("share");
  if (share.is(Kind::kString)) return;
  share.key = "share";
  weight.items.push_back(std::move(share));
}

class AxisReader {
 public:
  AxisReader(const Node& root, std::uint64_t seed, Diagnostics& problems) : root_(root), seed_(seed), problems_(problems) {}

  std::optional<Axis> read(const Node& said, std::string path, std::vector<PathPart> parts) {
    axis_ = Axis{};
    axis_.said = said;
    axis_.values.path = std::move(path);
    axis_.values.parts = std::move(parts);
    const bool right = said.is(Kind::kList) ? list(said) : said.is(Kind::kTable) ? form(said) : no_axis(said);
    if (!right) return std::nullopt;
    const auto label = std::make_shared<const Origin>(Origin{"axis", said.origin ? said.origin->folder : fs::path()});
    for (Node& value : axis_.values.values) relabel(value, label);
    for (Node& value : axis_.choices) relabel(value, label);
    relabel(axis_.said, label);
    return std::move(axis_);
  }

 private:
  bool error(std::string code, const Node& at, std::string message, std::string hint = {}) {
    problems_.error(std::move(code), at.position, std::move(message), std::move(hint));
    return false;
  }
  const std::string& path() const { return axis_.values.path; }

  bool no_axis(const Node& said) {
    return error("wrong-type", said, fmt::format("axis '{}' must be a list of values (got {})", path(), kind_name(said.kind)));
  }

  bool list(const Node& values) {
    if (values.items.empty()) return error("empty-axis", values, fmt::format("axis '{}' has no values", path()));
    axis_.values.values = values.items;
    return true;
  }

  bool form(const Node& said) {
    const Node* word = nullptr;
    const Node* prior = nullptr;
    for (const Node& entry : said.items) {
      if (is_form_word(entry.key)) {
        if (word) return error("conflicting-keys", entry, fmt::format("axis '{}' gives both '{}' and '{}'", path(), word->key, entry.key), "keep one of them");
        word = &entry;
      } else if (entry.key == "when") {
        if (!conditions(entry)) return false;
      } else if (entry.key == "prior") {
        prior = &entry;
      } else {
        std::vector<std::string> known = kForms;
        known.insert(known.end(), {"when", "prior"});
        problems_.error("unknown-key", place(entry), fmt::format("unknown key '{}' in axis '{}'", entry.key, path()), suggestion(entry.key, known));
        return false;
      }
    }
    if (!word) return error("missing-key", said, fmt::format("axis '{}' has no values", path()), "write values = [1, 2], or range, linear, log, uniform, loguniform, int, choice, simplex");
    if (prior && word->key != "simplex") return error("useless-key", *prior, fmt::format("'prior' says nothing about '{}'", word->key), "'prior' belongs to 'simplex'");
    if (word->key == "simplex") return simplex(*word, prior);
    if (!word->is(Kind::kList)) return error("wrong-type", *word, fmt::format("'{}' must be a list (got {})", word->key, kind_name(word->kind)));
    if (word->key == "values") return list(*word);
    if (word->key == "choice") {
      if (word->items.empty()) return error("empty-axis", *word, fmt::format("axis '{}' has no values", path()));
      axis_.distribution = Distribution::kChoice;
      axis_.choices = word->items;
      return true;
    }
    return numbers(*word);
  }

  bool conditions(const Node& when) {
    if (!when.is(Kind::kTable)) return error("wrong-type", when, fmt::format("'when' must be a table (got {})", kind_name(when.kind)), "write when = { \"PATH.OF.ANOTHER.AXIS\" = VALUE }");
    for (const Node& entry : when.items) {
      std::vector<Json> values;
      if (entry.is(Kind::kList))
        for (const Node& item : entry.items) values.push_back(to_json(item));
      else
        values.push_back(to_json(entry));
      axis_.when.emplace_back(entry.key, std::move(values));
    }
    return true;
  }

  // range = [from, to, step], linear and log = [from, to, points], uniform, loguniform and int = [low, high].
  bool numbers(const Node& word) {
    const std::string& key = word.key;
    const bool points = key == "linear" || key == "log", range = key == "range", logs = key == "log" || key == "loguniform";
    const size_t most = points || range ? 3 : 2, least = range ? 2 : most;
    const bool counted = word.items.size() >= least && word.items.size() <= most;
    const auto no_number = std::find_if_not(word.items.begin(), word.items.end(), is_number);
    if (!counted || no_number != word.items.end())
      return error("wrong-type", word, fmt::format("'{}' must be {} (got {})", key,
                                                   points ? "three numbers: from, to, points" : range ? "two or three numbers: from, to, step" : "two numbers: low, high",
                                                   counted ? std::string(kind_name(no_number->kind)) : fmt::format("{} item{}", word.items.size(), word.items.size() == 1 ? "" : "s")));
    const double from = number_of(word.items[0]), to = number_of(word.items[1]);
    const double third = most == 3 && word.items.size() == 3 ? number_of(word.items[2]) : 1;
    if (!std::isfinite(from) || !std::isfinite(to) || !std::isfinite(third)) return error("out-of-range", word, fmt::format("'{}' takes finite numbers", key));
    const auto too_large = std::find_if(word.items.begin(), word.items.end(), [](const Node& n) { return n.is(Kind::kInteger) && std::abs(number_of(n)) > kLargest; });
    if (too_large != word.items.end()) return error("out-of-range", *too_large, fmt::format("'{}' takes integers up to {:.0f}", key, kLargest));
    if (from > to) return error("out-of-range", word, fmt::format("'{}' goes from {} down to {}", key, from, to), "write the smaller number first");
    if (logs && from <= 0) return error("out-of-range", word.items[0], fmt::format("'{}' must begin above 0 (got {})", key, from));
    const bool whole = word.items[0].is(Kind::kInteger) && word.items[1].is(Kind::kInteger) && (word.items.size() < 3 || word.items[2].is(Kind::kInteger));
    if (points) {
      if (third != std::floor(third) || third < 2 || third > kMostValues) return error("out-of-range", word.items[2], fmt::format("'{}' needs a number of points from 2 to {} (got {})", key, kMostValues, third));
      for (double i = 0; i < third; ++i) {
        const double share = i / (third - 1);
        add(word, false, i == 0 ? from : i == third - 1 ? to : short_number(logs ? std::exp(std::log(from) + share * (std::log(to) - std::log(from))) : from + share * (to - from)));
      }
      return true;
    }
    if (range) {
      if (third <= 0) return error("out-of-range", word.items[2], fmt::format("'range' needs a step above 0 (got {})", third));
      const double count = std::floor((to - from) / third * (1 + 1e-12)) + 1;
      if (count > kMostValues) return error("out-of-range", word, fmt::format("'range' has {:.0f} values (at most {})", count, kMostValues));
      for (double i = 0; i < count; ++i) add(word, whole, whole ? from + i * third : short_number(from + i * third));
      return true;
    }
    axis_.distribution = key == "uniform" ? Distribution::kUniform : key == "int" ? Distribution::kInteger : Distribution::kLogUniform;
    if (key == "int" && !whole) return error("wrong-type", word, "'int' must be two integers: low, high");
    axis_.low = from;
    axis_.high = to;
    return true;
  }

  // Points drawn evenly from the simplex: the gaps between sorted cuts of 1,000 thousandths. Whole numbers all the way.
  bool simplex(const Node& word, const Node* prior) {
    if (!word.is(Kind::kInteger) || std::get<std::int64_t>(word.scalar) < 1 || std::get<std::int64_t>(word.scalar) > static_cast<std::int64_t>(kMostValues))
      return error("out-of-range", word, fmt::format("'simplex' must be a number of points from 1 to {}", kMostValues));
    const Node* weights = find_path(root_, path());
    if (!weights || !weights->is(Kind::kTable) || weights->items.empty())
      return error("unknown-reference", word, fmt::format("a simplex needs the sources that '{}' names, and it names none", path()), fmt::format("write the sources with any weights in '{}'", path()));
    Node sorted = *weights;  // the order in which a recipe names its sources changes no point
    Node counted = sorted;   // a source with a count of its own keeps it: it has no share to vary
    const auto has_count = [](const Node& weight) { return weight.is(Kind::kTable) && (weight.find("samples") || weight.find("epochs")); };
    std::erase_if(sorted.items, has_count);
    std::erase_if(counted.items, [&](const Node& weight) { return !has_count(weight); });
    if (sorted.items.empty())
      return error("unknown-reference", word, fmt::format("a simplex needs sources with a share, and every source of '{}' has a count", path()), "remove the axis, or a count");
    std::sort(sorted.items.begin(), sorted.items.end(), [](const Node& a, const Node& b) { return a.key < b.key; });
    const size_t sources = sorted.items.size();
    const std::int64_t count = std::get<std::int64_t>(word.scalar);
    if (static_cast<double>(count) * static_cast<double>(sources) > kMostWeights)
      return error("out-of-range", word, fmt::format("'simplex' has {} points of {} weights (at most {} weights)", count, sources, kMostWeights));
    const auto point = [&](auto value_of) {
      Node table = sorted;
      for (size_t i = 0; i < sources; ++i) {
        Node weight;
        weight.kind = Kind::kNumber;
        weight.key = table.items[i].key;
        weight.key_position = table.items[i].key_position;
        weight.position = word.position;
        value_of(weight, i);
        set_share(table.items[i], std::move(weight));
      }
      table.items.insert(table.items.end(), counted.items.begin(), counted.items.end());
      table.position = word.position;
      axis_.values.values.push_back(std::move(table));
    };
    std::int64_t drawn = 0;
    if (!prior) {
      point([&](Node& weight, size_t) { weight.scalar = short_number(1.0 / static_cast<double>(sources)); });
    } else if (prior->is(Kind::kString) && prior->text() == "natural") {
      point([](Node& weight, size_t) {
        weight.kind = Kind::kString;
        weight.scalar = std::string("natural");
      });
    } else if (prior->is(Kind::kTable)) {
      axis_.values.values.push_back(*prior);
    } else {
      return error("wrong-type", *prior, fmt::format("'prior' must be \"natural\" or a table of weights (got {})", kind_name(prior->kind)));
    }
    for (; drawn + 1 < count; ++drawn) {
      Rng rng(seed_, "simplex." + path(), static_cast<std::uint64_t>(drawn));
      std::vector<std::int64_t> cuts = {0, kShares};
      for (size_t i = 1; i < sources; ++i) cuts.push_back(rng.integer(0, kShares));
      std::sort(cuts.begin(), cuts.end());
      point([&](Node& weight, size_t i) { weight.scalar = static_cast<double>(cuts[i + 1] - cuts[i]) / static_cast<double>(kShares); });
    }
    return true;
  }

  void add(const Node& word, bool whole, double value) {
    Node node;
    node.kind = whole ? Kind::kInteger : Kind::kNumber;
    if (whole) node.scalar = static_cast<std::int64_t>(value);
    else node.scalar = value;
    node.position = word.position;
    axis_.values.values.push_back(std::move(node));
  }

  const Node& root_;
  std::uint64_t seed_;
  Diagnostics& problems_;
  Axis axis_;
};

}  // namespace

Node Axis::draw(Rng& rng) const {
  if (distribution == Distribution::kChoice) return rng.pick(choices);
  Node node;
  node.position = said.position;
  node.origin = said.origin;
  if (distribution == Distribution::kInteger) {
    node.kind = Kind::kInteger;
    node.scalar = rng.integer(static_cast<std::int64_t>(low), static_cast<std::int64_t>(high));
  } else {
    const bool logs = distribution == Distribution::kLogUniform;
    node.kind = Kind::kNumber;
    node.scalar = short_number(logs ? std::exp(rng.uniform(std::log(low), std::log(high))) : rng.uniform(low, high));
  }
  return node;
}

bool is_axis_form(const Node& table) {
  return table.is(Kind::kTable) && std::any_of(table.items.begin(), table.items.end(), [](const Node& entry) { return is_form_word(entry.key) || entry.key == "when"; });
}

std::optional<Axis> read_axis(const Node& said, std::string path, std::vector<PathPart> parts, const Node& root, std::uint64_t seed,
                              Diagnostics& problems) {
  return AxisReader(root, seed, problems).read(said, std::move(path), std::move(parts));
}

std::optional<Axis> read_axis_argument(const std::string& argument, const Node& root, std::uint64_t seed, Diagnostics& problems) {
  std::optional<SweepArgument> said = parse_sweep(argument, problems);
  if (!said) return std::nullopt;
  if (said->said.is(Kind::kTable) && !is_axis_form(said->said)) {
    const Node& word = said->said.items[0];
    problems.error("unknown-choice", said->said.position, fmt::format("unknown word '{}' in axis '{}'", word.key, said->at.path), suggestion(word.key, kForms));
    return std::nullopt;
  }
  return read_axis(said->said, said->at.path, said->at.parts, root, seed, problems);
}

}  // namespace saucier::recipe
