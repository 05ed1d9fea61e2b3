// Data sources and mixtures.

#include <algorithm>

#include "modules/base/suggest.h"
#include "runner/recipe/check.h"

namespace saucier::recipe {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_';
  });
}

// What a source of any format may say.
constexpr std::string_view kOfAnyFormat[] = {"format", "max_turns", "turn_overflow", "turn_order", "system", "systems", "image_position", "expected_samples", "held_out", "overlap"};

// What each format reads of a source's table beside those, and of its 'columns'.
struct FormatKeys {
  std::string_view format;
  std::vector<std::string_view> keys, columns;
};

const std::vector<FormatKeys>& format_keys() {
  static const std::vector<FormatKeys> kFormats = [] {
    const std::vector<std::string_view> rows = {"mode", "tolerate", "tolerate_reason", "check_pictures", "duplicates"};
    const std::vector<std::string_view> turns = {"id", "image", "image_name", "system", "conversations", "from", "value", "user", "assistant"};
    const auto with = [](std::vector<std::string_view> all, std::initializer_list<std::string_view> more) {
      all.insert(all.end(), more);
      return all;
    };
    const std::vector<std::string_view> files = with(rows, {"path", "images", "columns"});
    return std::vector<FormatKeys>{
        {"scenes", {"content", "picture", "kinds", "scenes"}, {}},
        {"synthesized", with(rows, {"stage", "picture", "kinds"}), {}},
        {"llava", with(files, {"kinds"}), turns},
        {"sharegpt", files, turns},
        {"openai", files, turns},
        {"coco", with(rows, {"path", "images", "content"}), {}},
        {"captions", files, {"id", "image", "image_name", "system", "caption", "question"}},
        {"vqa", with(files, {"annotations", "question_suffix"}), {"id", "image", "image_name", "system", "question", "answer"}},
        {"webdataset", with(rows, {"path", "shards", "columns"}), {"id", "conversations", "from", "value", "user", "assistant", "caption", "question", "answer", "system"}}};
  }();
  return kFormats;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class SourceChecks {
 public:
  SourceChecks(const Bound& bound, Diagnostics& problems) : bound_(bound), problems_(problems) {}

  void check(const Node& node, const options::DataOptions& source) {
    check_name(node, "data source", problems_);
    check_systems(node, bound_.said["data"][node.key], problems_);
    check_keys(node, source);
    if (source.mode == "strict" && source.format != "scenes" && !drops_overlap(source)) check_limits(node, source);
    check_held_out(node, source);
    if (source.format == "synthesized") {
      if (need(node, source, "stage")) check_stage(node, source);
    } else if (source.format != "scenes") {
      if (!source.format.empty()) need(node, source, "path");
      if (source.format == "captions" || source.format == "vqa") need(node, source, "images");
      if (source.format == "coco" && source.content == "instruct")
        problems_.error("wrong-source", place_of(node, "content"), fmt::format("data source '{}' cannot say instructions: its pictures are no scenes", node.key),
                        "remove 'content', or use format 'scenes'");
    } else if (source.format == "scenes" && source.scenes.min_objects > source.scenes.max_objects) {
      const Node* scenes = node.find("scenes");
      problems_.error("out-of-range", place_of(scenes ? *scenes : node, "min_objects"),
                      fmt::format("'min_objects' must not exceed 'max_objects' (got {} and {})",
                                  source.scenes.min_objects, source.scenes.max_objects));
    }
  }

 private:
  // Keys that the format would not look at, so that nobody waits for their effect. A resolved recipe says the defaults of
  // all keys, which is no wish.
  void check_keys(const Node& node, const options::DataOptions& source) {
    const auto format = std::find_if(format_keys().begin(), format_keys().end(), [&](const FormatKeys& f) { return f.format == source.format; });
    if (format == format_keys().end()) return;  // no format, which is an error already
    const options::Table& known = options::table_of<options::DataOptions>();
    for (const Node& item : node.items) {
      const options::Field* field = known.find(item.key);
      if (!field || std::ranges::find(kOfAnyFormat, item.key) != std::end(kOfAnyFormat)) continue;
      if (options::key_to_json(source, item.key) == field->default_value) continue;
      if (drops_overlap(source) && item.key.starts_with("tolerate")) continue;
      if (!contains(format->keys, item.key)) {
        unused(item, node, source, [&](const FormatKeys& f) { return contains(f.keys, item.key); }, item.key);
      } else if (item.key == "columns" && item.is(Kind::kTable)) {
        for (const Node& column : item.items)
          if (field->table->find(column.key) && !contains(format->columns, column.key) && options::key_to_json(source.columns, column.key) != "")
            unused(column, node, source, [&](const FormatKeys& f) { return contains(f.columns, column.key); }, "columns." + column.key);
      }
    }
  }

  template <class Uses>
  void unused(const Node& item, const Node& node, const options::DataOptions& source, Uses uses, const std::string& key) {
    std::string others;
    for (const FormatKeys& format : format_keys())
      if (uses(format)) others += fmt::format("{}'{}'", others.empty() ? "" : ", ", format.format);
    problems_.error("unused-key", place(item), fmt::format("data source '{}' does not use '{}' (format '{}')", node.key, key, source.format),
                    fmt::format("remove it; it is for {}", others));
  }

  static bool drops_overlap(const options::DataOptions& source) { return !source.held_out.empty() && source.overlap == "drop"; }

  void check_held_out(const Node& node, const options::DataOptions& source) {
    if (const Node* said = node.find("overlap"); said && source.held_out.empty() && source.overlap != options::table_of<options::DataOptions>().find("overlap")->default_value)
      problems_.error("unused-key", place(*said), fmt::format("data source '{}' holds nothing out that could overlap", node.key), "name the sources: held_out = [\"NAME\"]");
    const Node* list = node.find("held_out");
    if (!list || !list->is(Kind::kList)) return;
    const std::vector<std::string> known = names_of(*bound_.root, "data");
    for (size_t i = 0; i < source.held_out.size() && i < list->items.size(); ++i) {
      const std::string& other = source.held_out[i];
      if (std::find(known.begin(), known.end(), other) == known.end()) {
        problems_.error("unknown-source", place(list->items[i]), fmt::format("no data source '{}' in the recipe", other), suggestion(other, known));
        continue;
      }
      const auto held = bound_.options.data.find(other);
      if (other == node.key)
        problems_.error("bad-reference", place(list->items[i]), fmt::format("data source '{}' cannot be held out from itself", other), "name other sources");
      else if (held != bound_.options.data.end() && std::ranges::find(held->second.held_out, node.key) != held->second.held_out.end() && node.key < other)
        problems_.error("bad-reference", place(list->items[i]), fmt::format("data sources '{}' and '{}' hold each other out", node.key, other),
                        "name only the one that the model is judged by");
    }
  }

  void check_limits(const Node& node, const options::DataOptions& source) {
    if (const Node* mode = node.find("mode"); mode && !(mode->is(Kind::kString) && mode->text() == source.mode)) return;  // an error already
    const options::Table& known = options::table_of<options::DataOptions>();
    for (const char* key : {"tolerate", "tolerate_reason"})
      if (const Node* said = node.find(key); said && options::key_to_json(source, key) != known.find(key)->default_value)
        problems_.error("unused-key", place(*said), fmt::format("data source '{}' tolerates nothing: its mode is 'strict'", node.key), "set mode = \"lenient\"");
  }

  bool need(const Node& node, const options::DataOptions& source, const char* key) {
    if (node.find(key)) return true;
    problems_.error("missing-key", place(node),
                    fmt::format("data source '{}' needs '{}' (format '{}')", node.key, key, source.format));
    return false;
  }

  void check_stage(const Node& node, const options::DataOptions& source) {
    const Node* said = node.find("stage");
    if (!said->is(Kind::kString)) return;
    if (const BoundStage* stage = bound_.stage(source.stage)) {
      if (stage->kind.empty() || stage->kind == "synthesize") return;
      problems_.error("wrong-stage-kind", said->position,
                      fmt::format("stage '{}' writes no data: it is a stage of kind '{}'", stage->name, stage->kind),
                      "name a stage of kind 'synthesize'");
      return;
    }
    std::vector<std::string> known;
    for (const BoundStage& stage : bound_.stages)
      if (stage.kind == "synthesize") known.push_back(stage.name);
    problems_.error("unknown-stage", said->position, fmt::format("no stage '{}' in the recipe", source.stage),
                    suggestion(source.stage, known));
  }

  const Bound& bound_;
  Diagnostics& problems_;
};

// What the weights of a mixture ask for together.
struct Asked {
  explicit Asked(const options::MixtureOptions& mixture) {
    for (const auto& [name, weight] : mixture.weights) {
      natural = natural || weight.natural;
      counted = counted || weight.counted();
      if (!weight.natural && !weight.counted()) shares += weight.share;
      samples += weight.samples.value_or(0);
    }
  }
  bool natural = false, counted = false;
  double shares = 0;
  std::int64_t samples = 0;  // of the sources that count samples
};

void check_sums(const Node& node, const Node& weights, const options::MixtureOptions& mixture, Diagnostics& problems) {
  bool negative = false;
  for (const auto& [name, weight] : mixture.weights) {
    if (weight.share >= 0) continue;
    negative = true;
    problems.error("out-of-range", place_of(weights, name),
                   fmt::format("the weight of '{}' must be at least 0 (got {})", name, weight.share));
  }
  if (negative) return;
  const Asked asked(mixture);
  const bool others = asked.natural || asked.shares > 0;
  if (!asked.counted && !others)
    problems.error("no-weight", weights.position, fmt::format("mixture '{}' draws from no source: every weight is 0", node.key),
                   "give at least one source a weight above 0, or \"natural\"");
  if (asked.natural && asked.shares >= 1)
    problems.error("shares-too-large", weights.position,
                   fmt::format("the shares sum to {:.6g}: nothing is left for the sources with weight 'natural'", asked.shares),
                   "keep the sum of the numbers below 1");
  if (asked.counted && !asked.natural && asked.shares >= 1 && !mixture.samples)
    problems.error("shares-too-large", weights.position,
                   fmt::format("the shares sum to {:.6g}: nothing is left for the sources with a count", asked.shares),
                   "keep the sum of the shares below 1, or say 'samples'");
  if (mixture.samples && others && asked.samples >= *mixture.samples)
    problems.error("counts-too-large", weights.position,
                   fmt::format("the sources count {} samples and mixture '{}' draws {}: nothing is left for the others", asked.samples, node.key, *mixture.samples),
                   "raise 'samples', or lower the counts");
  if (!asked.natural && (asked.counted || others) && mixture.epochs)
    problems.error("epochs-without-natural", place_of(node, "epochs"),
                   fmt::format("mixture '{}' has no source with weight 'natural' to count epochs by", node.key),
                   asked.counted ? "remove 'epochs'" : "give 'samples' in the place of 'epochs'");
  if (!asked.natural && mixture.temperature != 1)
    problems.warning("unused", place_of(node, "temperature"),
                     fmt::format("'temperature' changes nothing in mixture '{}': no source has weight 'natural'", node.key));
}

void check_weights(const Bound& bound, const Node& node, const options::MixtureOptions& mixture, Diagnostics& problems) {
  const Node* weights = node.find("weights");
  if (!weights || !weights->is(Kind::kTable)) return;
  const std::vector<std::string> known = names_of(*bound.root, "data");
  for (const Node& weight : weights->items) {
    if (std::find(known.begin(), known.end(), weight.key) == known.end())
      problems.error("unknown-source", place(weight), fmt::format("no data source '{}' in the recipe", weight.key),
                     suggestion(weight.key, known));
  }
  for (const Node& weight : weights->items) {
    if (!weight.is(Kind::kTable)) continue;
    const Node* first = nullptr;
    for (const char* key : {"share", "samples", "epochs"}) {
      const Node* one = weight.find(key);
      if (one && first) {
        problems.add({.severity = Severity::kError,
                      .code = "conflicting-keys",
                      .message = fmt::format("the weight of '{}' gives both '{}' and '{}'", weight.key, first->key, key),
                      .position = place(*one),
                      .notes = {{fmt::format("'{}' is here", first->key), place(*first)}},
                      .hint = "keep one of them"});
      } else if (one) {
        first = one;
      }
    }
  }
  if (bound.said["mixture"][node.key].contains("weights")) check_sums(node, *weights, mixture, problems);
}

void check_length(const Node& node, const options::MixtureOptions& mixture, Diagnostics& problems) {
  const Node* samples = node.find("samples");
  const Node* epochs = node.find("epochs");
  const Asked asked(mixture);
  if (samples && epochs) {
    problems.add({.severity = Severity::kError,
                  .code = "conflicting-keys",
                  .message = fmt::format("mixture '{}' gives both 'samples' and 'epochs'", node.key),
                  .position = place(*epochs),
                  .notes = {{"'samples' is here", place(*samples)}},
                  .hint = "keep one of them"});
  } else if (samples && asked.counted && !asked.natural && asked.shares == 0) {
    problems.error("useless-key", place(*samples), fmt::format("'samples' says nothing: every source of mixture '{}' has a count of its own", node.key),
                   "remove 'samples'");
  } else if (!samples && !epochs && (asked.natural || !asked.counted)) {
    problems.error("missing-key", place(node), fmt::format("mixture '{}' needs 'samples' or 'epochs'", node.key),
                   "write how long it lasts: epochs = 1");
  }
}

// Does any text in the tree refer to ${variables.NAME}?
bool refers_to(const Node& node, const std::string& start) {
  if (node.is(Kind::kString)) {
    const size_t at = node.text().find(start);
    return at != std::string::npos && at + start.size() < node.text().size() && std::string_view("}.").find(node.text()[at + start.size()]) != std::string_view::npos;
  }
  return std::any_of(node.items.begin(), node.items.end(), [&](const Node& item) { return refers_to(item, start); });
}

}  // namespace

void check_name(const Node& entry, std::string_view what, Diagnostics& problems) {
  if (is_name(entry.key)) return;
  problems.error("bad-name", place(entry), fmt::format("'{}' cannot be the name of a {}", entry.key, what),
                 "use letters, digits, '-' and '_'");
}

std::vector<std::string> names_of(const Node& root, std::string_view table) {
  std::vector<std::string> names;
  if (const Node* entries = root.find(table); entries && entries->is(Kind::kTable))
    for (const Node& entry : entries->items) names.push_back(entry.key);
  return names;
}

void check_source(const Bound& bound, const std::string& name, Diagnostics& problems) {
  const auto it = bound.options.data.find(name);
  if (it != bound.options.data.end()) SourceChecks(bound, problems).check(*bound.root->find("data")->find(name), it->second);
}

void check_mixture(const Bound& bound, const std::string& name, Diagnostics& problems) {
  const auto it = bound.options.mixture.find(name);
  if (it == bound.options.mixture.end()) return;
  const Node& node = *bound.root->find("mixture")->find(name);
  check_name(node, "mixture", problems);
  check_weights(bound, node, it->second, problems);
  check_length(node, it->second, problems);
}

void check_usage(const Node& root, const Usage& usage, Diagnostics& problems) {
  const auto warn = [&](std::string_view table, const std::set<std::string>& used, std::string_view what) {
    const Node* entries = root.find(table);
    if (!entries || !entries->is(Kind::kTable)) return;
    for (const Node& entry : entries->items)
      if (!used.count(entry.key))
        problems.warning("unused", place(entry), fmt::format("{} '{}' is never used", what, entry.key));
  };
  warn("data", usage.sources, "data source");
  warn("mixture", usage.mixtures, "mixture");
  warn("template", usage.templates, "template");
  warn("teacher", usage.teachers, "teacher");
  warn("kind", usage.kinds, "kind");
  warn("benchmark", usage.benchmarks, "benchmark");
  if (const Node* variables = root.find("variables"))
    for (const Node& variable : variables->items)
      if (!refers_to(root, "${variables." + variable.key))
        problems.warning("unused", place(variable), fmt::format("variable '{}' is never used", variable.key));
}

}  // namespace saucier::recipe
