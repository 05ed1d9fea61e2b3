#include "runner/recipe/assign.h"

#include <algorithm>

#include "modules/base/suggest.h"
#include "runner/recipe/compose.h"

namespace saucier::recipe {
namespace {

constexpr size_t kMostParts = 64;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

// Splits at commas outside of brackets and quotes.
std::vector<std::string_view> split_values(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  char quote = 0;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote) {
      if (c == '\\' && quote == '"') ++i;
      else if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      parts.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  parts.push_back(text.substr(start));
  return parts;
}

// An argument taken apart; `name` is how messages call it ("--set").
class ArgumentReader {
 public:
  ArgumentReader(std::string name, const std::string& argument, std::string label, Diagnostics& problems)
      : problems_(problems),
        name_(std::move(name)),
        source_(std::make_shared<const SourceText>(SourceText{name_, argument})),
        origin_(std::make_shared<const Origin>(Origin{std::move(label), fs::path()})) {}

  // The path; what stands behind the equals sign is left for `values`.
  std::optional<Assignment> path() {
    const std::string& text = source_->text;
    if (!is_utf8(text)) {
      problems_.error("syntax", at(0, text.size()), fmt::format("'{}' takes UTF-8, and this is none", name_));
      return std::nullopt;
    }
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      problems_.error("syntax", at(0, text.size()), fmt::format("'{}' needs 'key=value' (got '{}')", name_, text),
                      fmt::format("write {} {}=VALUE", name_, text.empty() ? "KEY" : text));
      return std::nullopt;
    }
    const std::string_view key = trimmed(std::string_view(text).substr(0, equals));
    Assignment out{.path = std::string(key), .parts = split_path(key, at(text.find(key), key.size())), .values = {}};
    if (out.parts.size() > kMostParts) {
      problems_.error("syntax", out.parts[kMostParts].position, fmt::format("the path has more than {} names", kMostParts));
      return std::nullopt;
    }
    for (const PathPart& part : out.parts) {
      if (!part.name.empty()) continue;
      problems_.error("syntax", part.position, fmt::format("an empty name in the path '{}'", out.path));
      return std::nullopt;
    }
    return out;
  }

  std::string_view behind_equals() const {
    return std::string_view(source_->text).substr(source_->text.find('=') + 1);
  }

  Node empty(Kind kind, std::string_view text) const {
    Node node;
    node.kind = kind;
    node.position = at(static_cast<size_t>(text.data() - source_->text.data()), text.size());
    node.origin = origin_;
    return node;
  }

  std::optional<Node> value(std::string_view text) {
    const std::string_view inner = trimmed(text);
    const auto offset = static_cast<size_t>((inner.empty() ? text : inner).data() - source_->text.data());
    if (inner.empty()) {
      problems_.error("syntax", at(offset, 1), fmt::format("'{}' has no value here", name_), "write \"\" for an empty text");
      return std::nullopt;
    }
    return parse_value(source_, inner, at(offset, inner.size()).column, origin_, problems_);
  }

 private:
  Position at(size_t offset, size_t size) const {
    const std::string_view text = source_->text;
    const int column = code_points(text.substr(0, offset)) + 1;
    return {source_, 1, column, column + std::max(1, code_points(text.substr(offset, size)))};
  }

  Diagnostics& problems_;
  std::string name_;
  std::shared_ptr<const SourceText> source_;
  std::shared_ptr<const Origin> origin_;
};

Node* find_stage(Node& root, const PathPart& name, Diagnostics& problems) {
  std::vector<std::string> known;
  if (Node* stages = root.find("stage"); stages && stages->is(Kind::kList)) {
    for (Node& stage : stages->items) {
      const Node* its = stage.find("name");
      if (!its || !its->is(Kind::kString)) continue;
      if (its->text() == name.name) return &stage;
      known.push_back(its->text());
    }
  }
  problems.error("unknown-stage", name.position, fmt::format("no stage '{}' in the recipe", name.name),
                 suggestion(name.name, known));
  return nullptr;
}

// Names that recipes give themselves: a wrong one would only make something new that nothing reads.
bool is_known_part(const Node& root, const std::vector<PathPart>& path, Diagnostics& problems) {
  struct Named {
    std::string_view table, what, code;
  };
  static constexpr Named kNamed[] = {{"data", "data source", "unknown-source"}, {"mixture", "mixture", "unknown-mixture"},
                                     {"teacher", "teacher", "unknown-teacher"}, {"kind", "kind", "unknown-kind"},
                                     {"variables", "variable", "unknown-variable"}};
  const auto named = std::find_if(std::begin(kNamed), std::end(kNamed), [&](const Named& n) { return n.table == path[0].name; });
  if (path.size() < 2 || named == std::end(kNamed)) return true;
  std::vector<std::string> known;
  if (const Node* tables = root.find(path[0].name))
    for (const Node& table : tables->items) known.push_back(table.key);
  if (std::find(known.begin(), known.end(), path[1].name) != known.end()) return true;
  problems.error(std::string(named->code), path[1].position, fmt::format("no {} '{}' in the recipe", named->what, path[1].name),
                 suggestion(path[1].name, known));
  return false;
}

}  // namespace

std::optional<Assignment> parse_set(const std::string& argument, Diagnostics& problems) {
  ArgumentReader reader("--set", argument, "--set", problems);
  std::optional<Assignment> out = reader.path();
  if (!out) return out;
  if (out->path == "stage" || is_composition_key(out->parts[0].name)) {
    problems.error("unknown-key", out->parts[0].position, fmt::format("'{}' cannot be set from the command line", out->path));
    return std::nullopt;
  }
  std::optional<Node> value = reader.value(reader.behind_equals());
  if (!value) return std::nullopt;
  out->values.push_back(std::move(*value));
  return out;
}

std::optional<SweepArgument> parse_sweep(const std::string& argument, Diagnostics& problems) {
  ArgumentReader reader("--sweep", argument, "axis", problems);
  std::optional<Assignment> at = reader.path();
  if (!at) return std::nullopt;
  std::string_view text = trimmed(reader.behind_equals());
  const size_t open = text.find('(');
  const bool form = open != std::string_view::npos && text.ends_with(')') &&
                    std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(open), [](unsigned char c) { return std::islower(c); });
  SweepArgument out{.at = std::move(*at), .said = reader.empty(form ? Kind::kTable : Kind::kList, text)};
  Node list = reader.empty(Kind::kList, text);
  for (std::string_view item : split_values(form ? text.substr(open + 1, text.size() - open - 2) : text)) {
    std::optional<Node> value = reader.value(item);
    if (!value) return std::nullopt;
    list.items.push_back(std::move(*value));
  }
  if (!form) {
    out.said = list.items.size() == 1 && list.items[0].is(Kind::kList) ? std::move(list.items[0]) : std::move(list);
    return out;
  }
  const std::string word(text.substr(0, open));
  const auto put = [&](std::string key, Node node) {
    node.key = std::move(key);
    node.key_position = out.said.position;
    out.said.items.push_back(std::move(node));
  };
  if (word != "simplex") {
    put(word, std::move(list));
  } else {
    put(word, list.items[0]);
    if (list.items.size() > 1) put("prior", list.items[1]);
  }
  return out;
}

bool assign(Node& root, const std::vector<PathPart>& path, Node value, Diagnostics& problems) {
  if (!is_known_part(root, path, problems)) return false;
  Node* table = &root;
  size_t next = 0;
  if (path[0].name == "stage" && path.size() >= 2) {
    table = find_stage(root, path[1], problems);
    if (!table) return false;
    next = 2;
    if (path.size() == 2) {
      problems.error("wrong-type", path[1].position, fmt::format("stage '{}' is not a value", path[1].name),
                     fmt::format("name one of its keys: stage.{}.KEY", path[1].name));
      return false;
    }
  }
  for (; next + 1 < path.size(); ++next) {
    Node* inner = table->find(path[next].name);
    if (!inner) {
      Node made;
      made.key = path[next].name;
      made.key_position = made.position = path[next].position;
      made.origin = value.origin;
      table->items.push_back(std::move(made));
      inner = &table->items.back();
    } else if (!inner->is(Kind::kTable)) {
      problems.error("wrong-type", path[next].position,
                     fmt::format("'{}' is no table (it is {})", path[next].name, kind_name(inner->kind)));
      return false;
    }
    table = inner;
  }
  if (path[0].name == "mixture" && path.size() == 3) {  // samples or epochs: the later word counts
    if (path[2].name == "samples") table->erase("epochs");
    if (path[2].name == "epochs") table->erase("samples");
  }
  value.key = path.back().name;
  value.key_position = path.back().position;
  if (Node* old = table->find(value.key)) *old = std::move(value);
  else table->items.push_back(std::move(value));
  return true;
}

}  // namespace saucier::recipe
