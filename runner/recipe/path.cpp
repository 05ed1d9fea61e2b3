#include "runner/recipe/path.h"

#include <algorithm>

#include "modules/base/suggest.h"

namespace saucier::recipe {
namespace {

// A name in double quotes may have dots in it.
std::vector<std::string_view> names_of_path(std::string_view path) {
  std::vector<std::string_view> names;
  for (size_t start = 0; start <= path.size();) {
    const size_t quote = path.substr(start).starts_with('"') ? path.find('"', start + 1) : std::string_view::npos;
    const bool quoted = quote != std::string_view::npos && (quote + 1 == path.size() || path[quote + 1] == '.');
    const size_t end = quoted ? quote + 1 : std::min(path.find('.', start), path.size());
    names.push_back(quoted ? path.substr(start + 1, quote - start - 1) : path.substr(start, end - start));
    start = end + 1;
  }
  return names;
}

std::string_view name_of(const Node& node) {
  const Node* name = node.find("name");
  return name && name->is(Kind::kString) ? std::string_view(name->text()) : std::string_view();
}

// A table's entry, or a stage of the list of stages.
const Node* inside(const Node& node, std::string_view name) {
  if (node.key != "stage" || !node.is(Kind::kList)) return node.find(name);
  const auto it = std::find_if(node.items.begin(), node.items.end(), [&](const Node& stage) { return name_of(stage) == name; });
  return it == node.items.end() ? nullptr : &*it;
}

}  // namespace

std::vector<PathPart> split_path(std::string_view text, const Position& position) {
  // A quoted key of a file: its text begins behind the quote.
  const int quote = position.end_column - position.column == code_points(text) + 2 ? 1 : 0;
  std::vector<PathPart> parts;
  for (const std::string_view name : names_of_path(text)) {
    const int column = position.column + quote + code_points(text.substr(0, static_cast<size_t>(name.data() - text.data())));
    parts.push_back({std::string(name), {position.source, position.line, column, column + std::max(code_points(name), 1)}});
  }
  return parts;
}

const Node* find_path(const Node& root, std::string_view path) {
  const Node* node = &root;
  for (const std::string_view name : names_of_path(path))
    if (!(node = inside(*node, name))) return nullptr;
  return node;
}

Node* find_path(Node& root, std::string_view path) { return const_cast<Node*>(find_path(std::as_const(root), path)); }

bool erase_path(Node& root, std::string_view path) {
  const size_t dot = path.rfind('.');
  Node* holder = dot == std::string_view::npos ? &root : find_path(root, path.substr(0, dot));
  const Node* gone = holder ? inside(*holder, path.substr(dot == std::string_view::npos ? 0 : dot + 1)) : nullptr;
  if (!gone) return false;
  holder->items.erase(holder->items.begin() + (gone - holder->items.data()));
  return true;
}

std::string near_paths(const Node& root, std::string_view path) {
  const Node* node = &root;
  std::string before;
  for (const std::string_view name : names_of_path(path)) {
    if (const Node* next = inside(*node, name)) {
      node = next;
      before += std::string(name) + ".";
      continue;
    }
    std::vector<std::string> known;
    for (const Node& item : node->items) {
      const bool stage = node->key == "stage" && node->is(Kind::kList);
      if (stage || node->is(Kind::kTable)) known.push_back(before + std::string(stage ? name_of(item) : std::string_view(item.key)));
    }
    return suggestion(before + std::string(name), known);
  }
  return "";
}

}  // namespace saucier::recipe
