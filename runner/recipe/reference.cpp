#include "runner/recipe/reference.h"

#include <algorithm>
#include <cstdlib>

#include "modules/base/suggest.h"
#include "runner/recipe/path.h"

namespace saucier::recipe {
namespace {

constexpr std::string_view kOpen = "${";
constexpr std::string_view kEscaped = "$${";
constexpr std::string_view kEnvironment = "env:";
constexpr std::string_view kOtherwise = ":-";
constexpr std::string_view kSweep = "sweep";
constexpr size_t kDeepest = 64;
constexpr size_t kMostText = 1'000'000;  // characters and values that references of one recipe may put in

size_t size_of(const Node& node) {
  size_t size = node.is(Kind::kString) ? node.text().size() + 1 : 1;
  for (const Node& item : node.items) size += item.key.size() + size_of(item);
  return size;
}

bool may_be_read(std::string_view variable) {
  static constexpr std::string_view kAllowed[] = {"HOME", "USER", "TMPDIR", "SCRATCH", "WORK", "HF_HOME"};
  return variable.starts_with("SAUCIER_") || std::find(std::begin(kAllowed), std::end(kAllowed), variable) != std::end(kAllowed);
}

// [sweep] is left out: its values are resolved where they are put.
bool any(const Node& node) {
  if (node.is(Kind::kString)) return node.text().find(kOpen) != std::string::npos;
  return std::any_of(node.items.begin(), node.items.end(), [&](const Node& item) { return !(node.key.empty() && item.key == kSweep) && any(item); });
}

class Resolver {
 public:
  Resolver(const Node& root, Diagnostics& problems) : root_(root), problems_(problems) {}

  void resolve(Node& node) {
    if (node.is(Kind::kString) && node.text().find(kOpen) != std::string::npos) {
      std::optional<Node> value = value_of(node);
      if (!value) return;
      value->key = node.key;
      value->key_position = node.key_position;
      value->position = node.position;
      node = std::move(*value);
      return;
    }
    for (Node& item : node.items)
      if (&node != &root_ || item.key != kSweep) resolve(item);
  }

 private:
  // A string with references, replaced; nothing after a problem.
  std::optional<Node> value_of(const Node& node) {
    const std::string& text = node.text();
    Node out = node;
    std::string whole;
    for (size_t at = 0; at < text.size();) {
      if (text.compare(at, kEscaped.size(), kEscaped) == 0) {
        whole += kOpen;
        at += kEscaped.size();
      } else if (text.compare(at, kOpen.size(), kOpen) == 0) {
        const size_t close = text.find('}', at);
        if (close == std::string::npos) return wrong(node, "syntax", fmt::format("'{}' is not closed", text.substr(at)), "write ${PATH}, or $${ for the characters themselves");
        std::optional<Node> value = look_up(node, text.substr(at + kOpen.size(), close - at - kOpen.size()));
        if (!value) return std::nullopt;
        if (at == 0 && close + 1 == text.size()) return value;  // alone: with its type
        const std::optional<std::string> spelled = spell(*value);
        if (!spelled)
          return wrong(node, "wrong-type", fmt::format("{} cannot stand inside a text", kind_name(value->kind)), "let the reference be the whole value");
        whole += *spelled;
        at = close + 1;
      } else {
        whole += text[at++];
      }
    }
    out.scalar = std::move(whole);
    return out;
  }

  std::optional<Node> look_up(const Node& node, const std::string& name) {
    if (name.starts_with(kEnvironment)) return environment(node, name.substr(kEnvironment.size()));
    if (const auto loop = std::find(open_.begin(), open_.end(), name); loop != open_.end()) {
      std::string way;
      for (auto it = loop; it != open_.end(); ++it) way += *it + " -> ";
      return wrong(node, "reference-cycle", fmt::format("a value cannot refer to itself: {}{}", way, name), "");
    }
    const Node* found = find_path(root_, name);
    if (!found)
      return wrong(node, "unknown-reference", fmt::format("'${{{}}}' refers to nothing that the recipe says", name), near_paths(root_, name));
    if (open_.size() >= kDeepest)
      return wrong(node, "reference-too-long", fmt::format("more than {} references lead from one to the next", kDeepest), "");
    if (put_in_ > kMostText) return std::nullopt;  // said already
    put_in_ += size_of(*found);
    if (put_in_ > kMostText)
      return wrong(node, "reference-too-long", fmt::format("references put more than {} characters into the recipe", kMostText), "");
    open_.push_back(name);
    std::optional<Node> value = *found;
    if (value->is(Kind::kString) && value->text().find(kOpen) != std::string::npos) {
      value = value_of(*value);
    } else if (any(*value)) {
      resolve(*value);
    }
    open_.pop_back();
    return value;
  }

  std::optional<Node> environment(const Node& node, const std::string& said) {
    const size_t otherwise = said.find(kOtherwise);
    const std::string name = said.substr(0, otherwise);
    if (!may_be_read(name))
      return wrong(node, "forbidden-variable", fmt::format("a recipe may not read the environment variable '{}'", name),
                   "allowed: SAUCIER_*, HOME, USER, TMPDIR, SCRATCH, WORK, HF_HOME");
    const char* value = std::getenv(name.c_str());
    if (!value && otherwise == std::string::npos)
      return wrong(node, "unset-variable", fmt::format("the environment variable '{}' is not set", name),
                   fmt::format("set it, or write ${{env:{}:-VALUE}}", name));
    Node out = node;
    out.scalar = value ? std::string(value) : said.substr(otherwise + kOtherwise.size());
    return out;
  }

  static std::optional<std::string> spell(const Node& node) {
    switch (node.kind) {
      case Kind::kString: return node.text();
      case Kind::kBool: return std::string(std::get<bool>(node.scalar) ? "true" : "false");
      case Kind::kInteger: return fmt::format("{}", std::get<std::int64_t>(node.scalar));
      case Kind::kNumber: return fmt::format("{}", std::get<double>(node.scalar));
      default: return std::nullopt;
    }
  }

  std::nullopt_t wrong(const Node& node, std::string code, std::string message, std::string hint) {
    problems_.error(std::move(code), node.position, std::move(message), std::move(hint));
    return std::nullopt;
  }

  const Node& root_;
  Diagnostics& problems_;
  size_t put_in_ = 0;
  std::vector<std::string> open_;  // the way of references to the one being looked up
};

void add_referred(const Node& value, const Node& root, std::set<std::string>& paths) {
  if (value.is(Kind::kString)) {
    const std::string& text = value.text();
    for (size_t at = text.find(kOpen); at != std::string::npos; at = text.find(kOpen, at + 1)) {
      const std::string path = text.substr(at + kOpen.size(), text.find('}', at) - at - kOpen.size());
      if (path.starts_with(kEnvironment) || !paths.insert(path).second) continue;
      if (const Node* found = find_path(root, path)) add_referred(*found, root, paths);
    }
  }
  for (const Node& item : value.items) add_referred(item, root, paths);
}

}  // namespace

bool has_references(const Node& root) { return any(root); }

void resolve_references(Node& root, Diagnostics& problems) { Resolver(root, problems).resolve(root); }

void resolve_references(Node& value, const Node& root, Diagnostics& problems) { Resolver(root, problems).resolve(value); }

std::set<std::string> referred_paths(const Node& value, const Node& root) {
  std::set<std::string> paths;
  add_referred(value, root, paths);
  return paths;
}

}  // namespace saucier::recipe
