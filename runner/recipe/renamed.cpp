#include "runner/recipe/renamed.h"

#include <algorithm>

#include "runner/recipe/axis.h"
#include "runner/recipe/bound.h"
#include "runner/recipe/path.h"
#include "runner/recipe/recipe_options.h"

namespace saucier::recipe {
namespace {

using options::Field;
using options::Table;
using options::Type;
using Tables = std::vector<const Table*>;

bool was(const Field& field, std::string_view key) {
  return std::find(field.rule.formerly.begin(), field.rule.formerly.end(), key) != field.rule.formerly.end();
}

bool has_old_names(const Table& table) {
  return std::any_of(table.fields.begin(), table.fields.end(), [](const Field& field) {
    return !field.rule.formerly.empty() || (field.table && has_old_names(*field.table));
  });
}

// By its name of today in any of the tables, else by an old one.
const Field* look(const Tables& tables, std::string_view key) {
  for (const Table* table : tables)
    if (const Field* field = table->find(key)) return field;
  for (const Table* table : tables)
    for (const Field& field : table->fields)
      if (was(field, key)) return &field;
  return nullptr;
}

class Renewer {
 public:
  Renewer(const Renames& renames, Diagnostics& problems) : renames_(renames), problems_(problems) {
    for (const auto& [kind, table] : renames_.stages) every_stage_.push_back(table);
  }

  void recipe(Node& root) {
    table(root, {renames_.recipe});
    if (Node* stages = root.find("stage"); stages && stages->is(Kind::kList))
      for (Node& stage : stages->items) table(stage, tables_of(stage));
    if (Node* paths = root.find("remove"))
      for (Node& one : paths->items)
        if (one.is(Kind::kString)) one.scalar = path(one.text(), one.position);
    if (Node* lists = root.find("append")) keys(*lists);
    if (Node* sweep = root.find("sweep")) {
      if (Node* said = sweep->find("axes")) axes(*said, "");
      if (Node* zips = sweep->find("zip"))
        for (Node& zip : zips->items) axes(zip, "");
      if (Node* exclusions = sweep->find("exclude"))
        for (Node& one : exclusions->items) keys(one);
    }
    references(root);
  }

  std::string path(std::string_view text, const Position& at) {
    Tables tables = {renames_.recipe};
    std::string out;
    const std::vector<PathPart> parts = split_path(text, at);
    for (size_t i = 0, names = 0; i < parts.size(); ++i) {  // `names`: parts that are names of the recipe's own
      std::string name = parts[i].name;
      if (i == 0 && name == "stage") {
        tables = every_stage_;
        names = 1;
      } else if (names > 0) {
        --names;
      } else if (const Field* field = look(tables, name)) {
        if (field->rule.key != name) warn(name, *field, parts[i].position);
        name = field->rule.key;
        tables = field->table ? Tables{field->table} : Tables{};
        names = field->type == Type::kTableMap ? 1 : 0;
      } else {
        tables.clear();
      }
      out += (i > 0 ? "." : "") + name;
    }
    return out;
  }

 private:
  // A stage without a kind goes on with an inherited one, which this file does not say.
  Tables tables_of(const Node& stage) const {
    const Node* kind = stage.find("kind");
    const auto it = kind && kind->is(Kind::kString) ? renames_.stages.find(kind->text()) : renames_.stages.end();
    return it == renames_.stages.end() ? every_stage_ : Tables{it->second};
  }

  void warn(std::string_view old, const Field& field, const Position& at) {
    problems_.warning("deprecated-key", at, fmt::format("'{}' is now called '{}'", old, field.rule.key), fmt::format("write {}", field.rule.key));
  }

  void table(Node& node, const Tables& tables) {
    if (!node.is(Kind::kTable)) return;
    std::vector<std::string> twice;
    for (Node& entry : node.items) {
      const Field* field = look(tables, entry.key);
      if (!field) continue;
      if (field->rule.key != entry.key) {
        if (const Node* other = node.find(field->rule.key)) {
          problems_.add({.severity = Severity::kError, .code = "conflicting-keys", .message = fmt::format("'{}' is now called '{}', and both are given", entry.key, field->rule.key),
                         .position = place(entry), .notes = {{"the other one is here", place(*other)}}, .hint = fmt::format("keep '{}'", field->rule.key)});
          twice.push_back(entry.key);
          continue;
        }
        warn(entry.key, *field, place(entry));
        entry.key = field->rule.key;
      }
      if (field->type == Type::kTable) table(entry, {field->table});
      if (field->type == Type::kTableMap)
        for (Node& one : entry.items) table(one, {field->table});
    }
    for (const std::string& key : twice) node.erase(key);
  }

  void keys(Node& table) {
    for (Node& entry : table.items) entry.key = path(entry.key, place(entry));
  }

  void axes(Node& table, const std::string& before) {
    for (Node& entry : table.items) {
      Position at = place(entry);
      at.column -= code_points(before);  // of the whole path, if it stood there
      const std::string full = path(before + entry.key, at);
      entry.key = full.substr(before.size());
      if (!entry.is(Kind::kTable)) continue;
      if (!is_axis_form(entry)) axes(entry, full + ".");
      else if (Node* when = entry.find("when")) keys(*when);
    }
  }

  void references(Node& node) {
    for (Node& item : node.items) references(item);
    if (!node.is(Kind::kString) || node.text().find("${") == std::string::npos) return;
    std::string text = node.text();
    for (size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
      const size_t close = text.find('}', at);
      if (close == std::string::npos) break;
      const std::string said = text.substr(at + 2, close - at - 2);
      const bool escaped = at > 0 && text[at - 1] == '$';
      const std::string now = escaped || said.starts_with("env:") ? said : path(said, node.position);
      text.replace(at + 2, said.size(), now);
      at += 2 + now.size();
    }
    node.scalar = std::move(text);
  }

  const Renames& renames_;
  Diagnostics& problems_;
  Tables every_stage_;
};

}  // namespace

Renames renames_of(const Table& recipe, std::map<std::string, const Table*> stages) {
  bool any = has_old_names(recipe);
  for (const auto& [kind, table] : stages) any = any || has_old_names(*table);
  return {&recipe, std::move(stages), any};
}

const Renames& renames() {
  static const Renames own = [] {
    std::map<std::string, const Table*> stages;
    for (const std::string& kind : options::table_of<StageHead>().find("kind")->rule.choices) stages[kind] = &stage_table(kind);
    return renames_of(options::table_of<RecipeOptions>(), std::move(stages));
  }();
  return own;
}

void renew(Node& root, const Renames& renames, Diagnostics& problems) {
  if (renames.any) Renewer(renames, problems).recipe(root);
}

std::string renewed_argument(const std::string& name, const std::string& argument, const Renames& renames, Diagnostics& problems) {
  if (!renames.any) return argument;
  const size_t begin = std::min(argument.find_first_not_of(' '), argument.size());
  const size_t end = std::min(argument.find_first_of(" =", begin), argument.size());
  const Position at{std::make_shared<const SourceText>(SourceText{name, argument}), 1, static_cast<int>(begin) + 1, 1};
  return argument.substr(0, begin) + Renewer(renames, problems).path(std::string_view(argument).substr(begin, end - begin), at) + argument.substr(end);
}

}  // namespace saucier::recipe
