#include "runner/recipe/schema.h"

#include <algorithm>

#include "runner/recipe/bound.h"
#include "runner/recipe/recipe_options.h"

namespace saucier::recipe {
namespace {

using options::Field;
using options::Table;
using options::table_of;
using options::Type;

// Keys with a shape of their own, which no options struct declares.
struct Special {
  std::string_view key, type, help;
};
constexpr Special kHead[] = {
    {"extends", "file or list of files", "Recipes that this one starts from; later ones win, and this file wins over all."},
    {"remove", "list of paths", "Inherited values and stages that are taken out."},
    {"append", "table of lists", "Items put behind inherited lists, by their paths."},
    {"variables", "table", "Values under names of your own, for `${variables.NAME}`."},
};
constexpr Special kSweep[] = {
    {"axes", "table of axes", "Values to try at a path: a list, or a form (range, linear, log, simplex, uniform, loguniform, int, choice)."},
    {"zip", "list of tables of axes", "Axes that move together."},
    {"exclude", "list of tables", "Combinations that are left out: path to value, or to a list of values."},
};
constexpr Special kCycle[] = {
    {"values", "table of lists", "What differs from round to round: a path of its stages, sources, mixtures or teachers, and a value for each round."},
};
constexpr const char* kKinds[] = {"train", "synthesize", "evaluate"};

// ---- JSON Schema

Json or_reference(Json schema) { return {{"anyOf", {std::move(schema), {{"$ref", "#/definitions/reference"}}}}}; }

Json number_schema(const options::Rule& rule, bool integer) {
  Json out = {{"type", integer ? "integer" : "number"}};
  const auto bound = [&](const char* key, double value) { out[key] = integer ? Json(static_cast<std::int64_t>(value)) : Json(value); };
  if (rule.min) bound("minimum", *rule.min);
  if (rule.max) bound("maximum", *rule.max);
  if (rule.positive) bound("exclusiveMinimum", 0);
  return out;
}

Json word_schema(const options::Rule& rule) {
  if (rule.choices.empty()) return {{"type", "string"}};
  if (rule.open) return {{"anyOf", {{{"enum", rule.choices}}, {{"type", "string"}}}}};
  return or_reference({{"enum", rule.choices}});
}

// Names to values: any names, or those of the rule's choices and, where it is open, others beside them.
Json map_schema(const options::Rule& rule, const Json& value) {
  if (rule.choices.empty()) return {{"type", "object"}, {"additionalProperties", value}};
  Json properties = Json::object();
  for (const std::string& name : rule.choices) properties[name] = value;
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", rule.open ? value : Json(false)}};
}

Json field_schema(const Field& field) {
  const options::Rule& rule = field.rule;
  const auto body = [&]() -> Json {
    switch (field.type) {
      case Type::kBool: return or_reference({{"type", "boolean"}});
      case Type::kInteger: return or_reference(number_schema(rule, true));
      case Type::kNumber: return or_reference(number_schema(rule, false));
      case Type::kString: return word_schema(rule);
      case Type::kStringList: return or_reference({{"type", "array"}, {"items", word_schema(rule)}});
      case Type::kIntegerList: return or_reference({{"type", "array"}, {"items", number_schema(rule, true)}});
      case Type::kNumberMap: return or_reference(map_schema(rule, or_reference(number_schema(rule, false))));
      case Type::kWeightMap: return or_reference(map_schema(rule, {{"anyOf", {{{"type", "number"}, {"minimum", 0}}, {{"const", "natural"}}, schema_of(options::table_of<options::WeightTable>()), {{"$ref", "#/definitions/reference"}}}}}));
      case Type::kStringMap: return or_reference(map_schema(rule, {{"type", "string"}}));
      case Type::kTable: return schema_of(*field.table);
      case Type::kTableMap: return {{"type", "object"}, {"additionalProperties", schema_of(*field.table)}};
    }
    return {};
  };
  Json out = body();
  out["description"] = rule.help + (rule.unit.empty() ? "" : fmt::format(" In {}.", rule.unit));
  const bool table = field.type == Type::kTable || field.type == Type::kTableMap;
  if (!table && !field.default_value.is_null()) out["default"] = field.default_value;
  return out;
}

Json properties_of(const Table& table) {
  Json out = Json::object();
  for (const Field& field : table.fields) {
    out[field.rule.key] = field_schema(field);
    for (const std::string& old : field.rule.formerly) {
      out[old] = out[field.rule.key];
      out[old]["deprecated"] = true;
      out[old]["description"] = fmt::format("Now called '{}'.", field.rule.key);
    }
  }
  return out;
}

Json stage_schema() {
  const Json has_kind = {{"required", {"kind"}}};
  Json every = Json::object();  // a stage without a kind goes on with an inherited one
  Json rules = Json::array();
  for (const char* kind : kKinds) {
    Json properties = properties_of(stage_table(kind));
    every.update(properties);
    rules.push_back({{"if", {{"properties", {{"kind", {{"const", kind}}}}}, {"required", {"kind"}}}},
                     {"then", {{"properties", std::move(properties)}, {"additionalProperties", false}}}});
  }
  rules.push_back({{"if", {{"not", has_kind}}}, {"then", {{"properties", every}, {"additionalProperties", false}}}});
  return {{"type", "array"},
          {"items", {{"type", "object"}, {"required", {"name"}}, {"properties", properties_of(table_of<StageHead>())}, {"allOf", std::move(rules)}}}};
}

Json axis_definitions() {
  const Json numbers = {{"type", "array"}, {"items", {{"type", "number"}}}, {"minItems", 2}, {"maxItems", 3}};
  const Json values = {{"type", "array"}, {"minItems", 1}};
  const Json form = {{"type", "object"},
                     {"minProperties", 1},
                     {"properties", {{"values", values}, {"choice", values}, {"range", numbers}, {"linear", numbers}, {"log", numbers}, {"uniform", numbers},
                                     {"loguniform", numbers}, {"int", numbers}, {"simplex", {{"type", "integer"}, {"minimum", 1}}},
                                     {"prior", {{"anyOf", {{{"const", "natural"}}, {{"type", "object"}}}}}}, {"when", {{"type", "object"}}}}},
                     {"additionalProperties", false}};
  const Json axes = {{"type", "object"}, {"additionalProperties", {{"anyOf", {values, {{"$ref", "#/definitions/axis"}}, {{"$ref", "#/definitions/axes"}}}}}}};
  return {{"reference", {{"type", "string"}, {"pattern", "\\$\\{"}}}, {"axis", form}, {"axes", axes}};
}

// ---- Markdown

std::string type_text(const Field& field) {
  switch (field.type) {
    case Type::kBool: return "true or false";
    case Type::kInteger: return "integer";
    case Type::kNumber: return "number";
    case Type::kString: return field.rule.path ? "path" : "string";
    case Type::kStringList: return "list of strings";
    case Type::kIntegerList: return "list of integers";
    case Type::kNumberMap: return "table of numbers";
    case Type::kWeightMap: return "table of weights";
    case Type::kStringMap: return "table of strings";
    case Type::kTable:
    case Type::kTableMap: return "table";
  }
  return "";
}

std::string allowed_text(const options::Rule& rule) {
  std::vector<std::string> parts;
  if (!rule.choices.empty()) {
    std::string words;
    for (const std::string& word : rule.choices) words += fmt::format("{}`{}`", words.empty() ? "" : " ", word);
    parts.push_back(words);
  }
  if (rule.positive) parts.push_back("> 0");
  if (rule.min) parts.push_back(fmt::format("≥ {}", *rule.min));
  if (rule.max) parts.push_back(fmt::format("≤ {}", *rule.max));
  if (!rule.unit.empty()) parts.push_back(rule.unit);
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

// `outer`: what the table that holds the field's table has there by default, which wins over the field's own.
std::string default_text(const Field& field, const Json& outer) {
  if (field.rule.required) return "required";
  const Json value = outer.is_object() ? outer.value(field.rule.key, field.default_value) : field.default_value;
  if (value.is_null() || value == "") return "";
  return "`" + value.dump() + "`";
}

std::string formerly_text(const options::Rule& rule) {
  std::string out;
  for (const std::string& old : rule.formerly) out += (out.empty() ? " Formerly `" : ", `") + old + "`";
  return out.empty() ? "" : out + ".";
}

std::string cell(std::string text) {
  for (size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

class Reference {
 public:
  void section(const std::string& title, const std::string& help, const Table& table, std::span<const Special> special = {},
               const Json& defaults = {}) {
    out_ += fmt::format("\n## {}\n\n{}\n", title, help);
    if (!special.empty() || std::any_of(table.fields.begin(), table.fields.end(), [](const Field& field) { return !field.table; }))
      out_ += "\n| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
    for (const Special& one : special) out_ += fmt::format("| `{}` | {} | | | {} |\n", one.key, one.type, one.help);
    std::vector<const Field*> inner;
    const auto below = [&](const Field& field) {
      std::string name = title.starts_with("[") ? title.substr(1, title.find(']') - 1) + "." : title == "The recipe" ? "" : title + ": ";
      if (title.starts_with("[[")) name = "stage.";
      return name + field.rule.key;
    };
    for (const Field& field : table.fields) {
      if (field.table) {
        inner.push_back(&field);
        continue;
      }
      out_ += fmt::format("| `{}` | {} | {} | {} | {}{} |\n", field.rule.key, type_text(field), default_text(field, defaults), cell(allowed_text(field.rule)), cell(field.rule.help),
                          (field.rule.operational ? " Does not change results." : "") + formerly_text(field.rule));
    }
    for (const Field* field : inner) {
      const std::string name = below(*field) + (field->type == Type::kTableMap ? ".NAME" : "");
      if (field->rule.key == "conversation" && title != "The recipe") continue;  // the same keys again
      section(title == "The recipe" || title.starts_with("[") ? "[" + name + "]" : name, field->rule.help, *field->table,
              name == "sweep" ? std::span<const Special>(kSweep) : name == "cycle.NAME" ? std::span<const Special>(kCycle) : std::span<const Special>(), field->default_value);
    }
    for (const Field& field : table.fields)
      if (field.type == Type::kWeightMap)
        section("[" + below(field) + ".SOURCE]", "A weight that is a table: one of share, samples and epochs; without them the source is 'natural'.",
                table_of<options::WeightTable>());
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void keys_of(const Json& value, const std::string& path, std::vector<std::string>& out) {
  for (const auto& [key, inner] : value.items()) {
    const std::string full = path.empty() ? key : path + "." + key;
    if (inner.is_object() && !inner.empty() && key != "weights" && key != "kinds" && key != "systems") keys_of(inner, full, out);
    else if (key != "name" && key != "recipe") out.push_back(full);
  }
}

}  // namespace

Json schema_of(const Table& table) { return {{"type", "object"}, {"properties", properties_of(table)}, {"additionalProperties", false}}; }

std::string reference_of(const std::string& title, const std::string& help, const Table& table) {
  Reference reference;
  reference.section(title, help, table);
  return reference.take();
}

Json recipe_schema() {
  Json properties = properties_of(table_of<RecipeOptions>());
  properties["recipe"] = {{"const", kLanguageVersion}, {"description", table_of<RecipeOptions>().find("recipe")->rule.help}};
  const Json files = {{"type", "array"}, {"items", {{"type", "string"}}}};
  properties["extends"] = {{"anyOf", {{{"type", "string"}}, files}}};
  properties["remove"] = files;
  properties["append"] = {{"type", "object"}, {"additionalProperties", {{"type", "array"}}}};
  properties["variables"] = {{"type", "object"}};
  for (const Special& one : kHead) properties[std::string(one.key)]["description"] = one.help;
  properties["stage"] = stage_schema();
  properties["stage"]["description"] = "What is done, in order.";
  Json& sweep = properties["sweep"]["properties"];
  sweep["axes"] = {{"$ref", "#/definitions/axes"}};
  sweep["zip"] = {{"type", "array"}, {"items", {{"$ref", "#/definitions/axes"}}}};
  sweep["exclude"] = {{"type", "array"}, {"items", {{"type", "object"}, {"minProperties", 1}}}};
  properties["cycle"]["additionalProperties"]["properties"]["values"] = {{"type", "object"}, {"additionalProperties", {{"type", "array"}}}, {"description", kCycle[0].help}};
  return {{"$schema", "http://json-schema.org/draft-07/schema#"},
          {"title", "saucier recipe"},
          {"type", "object"},
          {"definitions", axis_definitions()},
          {"properties", std::move(properties)},
          {"additionalProperties", false}};
}

std::string recipe_reference() {
  Reference reference;
  reference.section("The recipe", "The top of the file. Every value may also be a reference: `\"${PATH}\"`, `\"${env:NAME}\"`.", table_of<RecipeOptions>(), kHead);
  reference.section("[[stage]]", "What every stage has; `[stage.conversation]` takes the keys of [conversation].", table_of<StageHead>());
  reference.section("Stages of kind train", "Beside the keys of every stage.", table_of<options::TrainOptions>());
  reference.section("Stages of kind synthesize", "Beside the keys of every stage.", table_of<options::SynthesizeOptions>());
  reference.section("Stages of kind evaluate", "Beside the keys of every stage.", table_of<options::EvaluateOptions>());
  return "# Recipe reference\n\nEvery key of a recipe. Written by `saucier docs recipe` from the declarations in the code; [recipes.md](recipes.md) explains them by example.\n" + reference.take();
}

std::vector<std::string> settable_keys(const Trial& trial) {
  std::vector<std::string> out;
  Json top = trial.resolved;
  const Json stages = top["stage"];
  top.erase("stage");
  top.erase("cycle");
  keys_of(top, "", out);
  for (const Json& stage : stages) {
    const std::string prefix = "stage." + stage.at("name").get<std::string>();
    keys_of(stage, prefix, out);
  }
  return out;
}

}  // namespace saucier::recipe
