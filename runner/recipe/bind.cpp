#include "runner/recipe/bind.h"

#include <algorithm>
#include <cmath>

#include "modules/base/suggest.h"

namespace saucier::recipe {
namespace {

using options::Field;
using options::Type;

std::string spell(double value) { return fmt::format("{}", value); }

// "from 0 to 1", "at least 16 tokens", "more than 0"; empty where every number will do.
std::string range_text(const options::Rule& rule) {
  std::string unit = rule.unit.empty() ? "" : " " + rule.unit;
  if (rule.min == 1.0 && !rule.max && unit.ends_with('s')) unit.pop_back();  // "at least 1 sample"
  if (rule.positive && rule.max) return fmt::format("more than 0 and at most {}{}", spell(*rule.max), unit);
  if (rule.positive) return "more than 0";
  if (rule.min && rule.max) return fmt::format("from {} to {}{}", spell(*rule.min), spell(*rule.max), unit);
  if (rule.min) return fmt::format("at least {}{}", spell(*rule.min), unit);
  if (rule.max) return fmt::format("at most {}{}", spell(*rule.max), unit);
  return "";
}

bool in_range(double value, const options::Rule& rule) {
  return !(rule.positive && value <= 0) && !(rule.min && value < *rule.min) && !(rule.max && value > *rule.max);
}

// `add kind = "train" or "evaluate"` where there is a choice, else what the key is for.
std::string how_to_add(const Field& field) {
  const options::Rule& rule = field.rule;
  if (field.type != Type::kString || rule.choices.empty()) {
    std::string help = rule.help.substr(0, rule.help.size() - 1);
    if (help.size() > 1 && std::islower(static_cast<unsigned char>(help[1])))
      help[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(help[0])));
    return fmt::format("add '{}': {}", rule.key, help);
  }
  std::string choices;
  for (size_t i = 0; i < rule.choices.size(); ++i)
    choices += fmt::format("{}\"{}\"", i == 0 ? "" : i + 1 == rule.choices.size() ? " or " : ", ", rule.choices[i]);
  return fmt::format("add {} = {}", rule.key, choices);
}

// How the value reads in the recipe, for "got …".
std::string spell(const Node& node) {
  if (node.is(Kind::kString)) return fmt::format("'{}'", node.text());
  if (node.is(Kind::kNumber) || node.is(Kind::kInteger)) {
    return node.is(Kind::kInteger) ? fmt::format("{}", std::get<std::int64_t>(node.scalar))
                                   : spell(std::get<double>(node.scalar));
  }
  return std::string(kind_name(node.kind));
}

}  // namespace

std::string absolute_path(const Node& node) {
  const fs::path said = node.text();
  const fs::path folder = node.origin ? node.origin->folder : fs::path();
  return fs::absolute(folder / said).lexically_normal().string();
}

Json Binder::table(const Node& node, const options::Table& table, std::string_view what, const std::string& path,
                   const std::vector<std::string>& also) {
  Json out = Json::object();
  for (const Node& item : node.items)
    if (auto bound = entry(item, table, what, path, also)) out[item.key] = std::move(*bound);
  for (const Field& field : table.fields) missing(node, field, what);
  return out;
}

std::optional<Json> Binder::entry(const Node& entry, const options::Table& table, std::string_view what, const std::string& path,
                                  const std::vector<std::string>& also) {
  if (const Field* field = table.find(entry.key)) {
    origins_[path + entry.key] = entry.origin_text();
    return value(entry, *field, path);
  }
  if (std::find(also.begin(), also.end(), entry.key) == also.end()) unknown_key(entry, table, what, also);
  return std::nullopt;
}

void Binder::missing(const Node& node, const Field& field, std::string_view what) {
  if (!field.rule.required || node.find(field.rule.key)) return;
  problems_.error("missing-key", place(node), fmt::format("{} needs '{}'", what, field.rule.key), how_to_add(field));
}

void Binder::unknown_key(const Node& entry, const options::Table& table, std::string_view what,
                         const std::vector<std::string>& also) {
  std::vector<std::string> known = table.keys();
  known.insert(known.end(), also.begin(), also.end());
  std::string hint;
  if (nearest(entry.key, known).empty()) {
    for (const auto& [other, other_table] : others_)
      if (other_table != &table && other_table->find(entry.key))
        hint = fmt::format("'{}' is a key of {}", entry.key, other);
  }
  if (hint.empty()) hint = suggestion(entry.key, known);
  problems_.error("unknown-key", place(entry), fmt::format("unknown key '{}' in {}", entry.key, what), hint);
}

std::optional<Json> Binder::value(const Node& entry, const Field& field, const std::string& path) {
  const std::string full = path + entry.key;
  switch (field.type) {
    case Type::kBool:
      if (!entry.is(Kind::kBool)) return wrong_type(entry, field, "true or false");
      return Json(std::get<bool>(entry.scalar));
    case Type::kInteger: return number(entry, field, true);
    case Type::kNumber: return number(entry, field, false);
    case Type::kString: return text(entry, field, full);
    case Type::kStringList:
    case Type::kIntegerList: return list(entry, field);
    case Type::kNumberMap:
    case Type::kWeightMap:
    case Type::kStringMap: return map(entry, field, full);
    case Type::kTable:
      if (!entry.is(Kind::kTable)) return wrong_type(entry, field, "a table");
      return table(entry, *field.table, fmt::format("'{}'", full), full + ".",
                   full == "sweep" ? std::vector<std::string>{"axes", "zip", "exclude"} : std::vector<std::string>{});
    case Type::kTableMap: {
      if (!entry.is(Kind::kTable)) return wrong_type(entry, field, "a table");
      Json out = Json::object();
      for (const Node& item : entry.items) {
        const std::string name = fmt::format("{}.{}", full, item.key);
        if (item.is(Kind::kTable)) {
          out[item.key] = table(item, *field.table, fmt::format("'{}'", name), name + ".");
        } else {
          problems_.error("wrong-type", item.position,
                          fmt::format("'{}' must be a table (got {})", name, kind_name(item.kind)));
        }
      }
      return out;
    }
  }
  return std::nullopt;
}

std::optional<Json> Binder::number(const Node& node, const Field& field, bool integer) {
  std::string_view name = node.key.empty() ? std::string_view(field.rule.key) : std::string_view(node.key);
  if (!node.is(Kind::kInteger) && (integer || !node.is(Kind::kNumber))) {
    std::string hint;
    if (node.is(Kind::kNumber)) {
      const double said = std::get<double>(node.scalar);
      if (said == std::floor(said) && std::abs(said) < 1e15)
        hint = fmt::format("write {}", static_cast<std::int64_t>(said));
    } else if (node.is(Kind::kString)) {
      char* end = nullptr;
      std::strtod(node.text().c_str(), &end);
      if (!node.text().empty() && *end == '\0') hint = "write it without quotes";
    }
    return wrong_type(node, field, integer ? "an integer" : "a number", hint);
  }
  const double said = node.is(Kind::kInteger) ? static_cast<double>(std::get<std::int64_t>(node.scalar))
                                              : std::get<double>(node.scalar);
  if (!std::isfinite(said)) {
    problems_.error("out-of-range", node.position, fmt::format("'{}' must be finite (got {})", name, spell(node)));
    return std::nullopt;
  }
  if (!in_range(said, field.rule)) {
    problems_.error("out-of-range", node.position,
                    fmt::format("'{}' must be {} (got {})", name, range_text(field.rule), spell(node)));
    return std::nullopt;
  }
  return integer ? Json(std::get<std::int64_t>(node.scalar)) : Json(said);
}

bool Binder::allowed(const std::string& word, const Position& at, const Field& field) {
  const std::vector<std::string>& choices = field.rule.choices;
  if (choices.empty() || field.rule.open || std::find(choices.begin(), choices.end(), word) != choices.end()) return true;
  const bool one = field.type == Type::kString;
  problems_.error("unknown-choice", at,
                  one ? fmt::format("unknown {} '{}'", field.rule.key, word)
                      : fmt::format("unknown word '{}' in '{}'", word, field.rule.key),
                  suggestion(word, choices));
  return false;
}

std::optional<Json> Binder::text(const Node& node, const Field& field, const std::string& path) {
  if (!node.is(Kind::kString)) return wrong_type(node, field, "a string");
  if (!allowed(node.text(), node.position, field)) return std::nullopt;
  if (!field.rule.path || node.text().empty()) return Json(node.text());
  std::string full = absolute_path(node);
  std::error_code failed;  // a name too long for the disk is not there either
  if (!fs::exists(full, failed))
    missing_.push_back({.key = path, .said = node.text(), .folder = node.origin ? node.origin->folder : fs::path(), .position = node.position});
  return Json(std::move(full));
}

std::optional<Json> Binder::list(const Node& node, const Field& field) {
  const bool words = field.type == Type::kStringList;
  if (!node.is(Kind::kList)) {
    const std::string hint = words && node.is(Kind::kString) ? fmt::format("write [\"{}\"]", node.text()) : "";
    return wrong_type(node, field, words ? "a list of strings" : "a list of integers", hint);
  }
  Json out = Json::array();
  bool right = true;
  for (const Node& item : node.items) {
    if (!words) {
      auto bound = number(item, field, true);
      if (bound) out.push_back(std::move(*bound));
      right = right && bound;
    } else if (!item.is(Kind::kString)) {
      problems_.error("wrong-type", item.position,
                      fmt::format("'{}' must hold strings (got {})", field.rule.key, kind_name(item.kind)));
      right = false;
    } else {
      right = allowed(item.text(), item.position, field) && right;
      out.push_back(item.text());
    }
  }
  return right ? std::optional<Json>(std::move(out)) : std::nullopt;
}

std::optional<Json> Binder::map(const Node& node, const Field& field, const std::string& path) {
  if (!node.is(Kind::kTable)) return wrong_type(node, field, "a table");
  Json out = Json::object();
  bool right = true;
  for (const Node& item : node.items) {
    origins_[fmt::format("{}.{}", path, item.key)] = item.origin_text();
    right = allowed(item.key, place(item), field) && right;
    std::optional<Json> bound;
    if (field.type == Type::kWeightMap && item.is(Kind::kString) && item.text() == "natural") {
      bound = Json("natural");
    } else if (field.type == Type::kStringMap) {
      bound = text(item, field, path);
    } else if (field.type == Type::kWeightMap && item.is(Kind::kTable)) {
      bound = Json::object();
      for (const Node& said : item.items)
        if (auto one = entry(said, options::table_of<options::WeightTable>(), fmt::format("the weight of '{}'", item.key), fmt::format("{}.{}.", path, item.key)))
          (*bound)[said.key] = std::move(*one);
    } else if (field.type == Type::kWeightMap && !item.is(Kind::kInteger) && !item.is(Kind::kNumber)) {
      problems_.error("wrong-type", item.position,
                      fmt::format("the weight of '{}' must be a number, \"natural\" or a table (got {})", item.key, spell(item)));
    } else {
      bound = number(item, field, false);
    }
    if (bound) out[item.key] = std::move(*bound);
    right = right && bound;
  }
  return right ? std::optional<Json>(std::move(out)) : std::nullopt;
}

std::nullopt_t Binder::wrong_type(const Node& node, const Field& field, std::string_view wanted, std::string hint) {
  const std::string_view name = node.key.empty() ? std::string_view(field.rule.key) : std::string_view(node.key);
  problems_.error("wrong-type", node.position, fmt::format("'{}' must be {} (got {})", name, wanted, kind_name(node.kind)),
                  std::move(hint));
  return std::nullopt;
}

}  // namespace saucier::recipe
