#include "runner/recipe/canonical.h"

#include <algorithm>

#include "runner/recipe/bound.h"
#include "runner/recipe/recipe_options.h"

namespace saucier::recipe {
namespace {

constexpr size_t kCommentColumn = 60;

std::string text_of(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += {'\\', c};
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\u{:04X}", byte);
    else out += c;
  }
  return out + "\"";
}

std::string key_of(const std::string& key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
  return bare ? key : text_of(key);
}

std::string number_of(double value) {
  std::string out = fmt::format("{}", value);
  return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;
}

// What the text says is no reference any more.
std::string without_references(std::string text) {
  for (size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 3)) text.insert(at, 1, '$');
  return text;
}

std::string value_of(const Json& value) {
  if (value.is_string()) return text_of(without_references(value.get<std::string>()));
  if (value.is_number_float()) return number_of(value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string out;
  for (const Json& item : value) out += (out.empty() ? "" : ", ") + value_of(item);
  return "[" + out + "]";
}

class Writer {
 public:
  Writer(const Trial& trial, bool origins) : trial_(trial), origins_(origins) {}

  // `order`: what the table may hold, which is the order in which it is written; nullptr for names of the user's own.
  void table(const Json& table, const options::Table* order, const std::string& header, const std::string& path) {
    std::vector<std::string> keys;
    if (order) keys = order->keys();
    for (const auto& [key, value] : table.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    for (const std::string& key : keys)
      if (const auto value = table.find(key); value != table.end() && !value->is_null() && !is_table(*value)) line(key, *value, path + key);
    for (const std::string& key : keys) {
      const auto value = table.find(key);
      if (value == table.end() || !is_table(*value)) continue;
      const options::Field* field = order ? order->find(key) : nullptr;
      if (field && value->empty() && field->default_value == *value) continue;
      const std::string full = header.empty() ? key_of(key) : header + "." + key_of(key);
      if (!field || field->type != options::Type::kTableMap) {
        inner(*value, field ? field->table : nullptr, full, path + key + ".");
      } else {
        for (const auto& [name, one] : value->items()) inner(one, field->table, full + "." + key_of(name), path + key + "." + name + ".");
      }
    }
  }

  void stages(const Json& stages) {
    for (const Json& stage : stages) {
      out_ += "\n[[stage]]\n";
      const std::string kind = stage.at("kind").get<std::string>();
      table(stage, &stage_table(kind), "stage", "stage." + stage.at("name").get<std::string>() + ".");
    }
  }

  std::string take() { return std::move(out_); }

 private:
  static bool is_table(const Json& value) { return value.is_object(); }

  void inner(const Json& value, const options::Table* order, const std::string& header, const std::string& path) {
    const bool says_something = value.empty() || std::any_of(value.begin(), value.end(), [](const Json& item) { return !is_table(item) && !item.is_null(); });
    if (says_something) out_ += fmt::format("\n[{}]\n", header);
    table(value, order, header, path);
  }

  void line(const std::string& key, const Json& value, const std::string& path) {
    std::string text = fmt::format("{} = {}", key_of(key), value_of(value));
    if (origins_) {
      text.resize(std::max(text.size() + 2, kCommentColumn), ' ');
      text += "# " + origin(path);
    }
    out_ += text + "\n";
  }

  std::string origin(const std::string& path) const {
    std::string_view rest = path;
    const std::map<std::string, std::string>* origins = &trial_.origins;
    for (const Stage& stage : trial_.stages) {
      const std::string prefix = "stage." + stage.name + ".";
      if (!path.starts_with(prefix)) continue;
      origins = &stage.origins;
      rest.remove_prefix(prefix.size());
    }
    const auto it = origins->find(std::string(rest));
    return it == origins->end() ? "default" : it->second;
  }

  const Trial& trial_;
  bool origins_;
  std::string out_;
};

}  // namespace

std::string to_toml(const Trial& trial, bool origins) {
  Writer writer(trial, origins);
  Json top = trial.resolved;
  const Json stages = top["stage"];
  top.erase("stage");
  top.erase("cycle");  // its rounds are there, stage by stage
  writer.table(top, &options::table_of<RecipeOptions>(), "", "");
  writer.stages(stages);
  return writer.take();
}

}  // namespace saucier::recipe
