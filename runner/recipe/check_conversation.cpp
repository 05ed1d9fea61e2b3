// How conversations are written: templates, system messages.

#include <algorithm>

#include "modules/base/suggest.h"
#include "runner/recipe/check.h"

namespace saucier::recipe {
namespace {

const std::vector<std::string>& named_templates() {
  return options::table_of<options::ConversationOptions>().find("template")->rule.choices;
}

bool is_named(const std::string& name) {
  const std::vector<std::string>& named = named_templates();
  return std::find(named.begin(), named.end(), name) != named.end();
}

}  // namespace

void check_systems(const Node& table, const Json& said, Diagnostics& problems) {
  const auto weights = said.find("systems");
  if (weights == said.end() || weights->empty()) return;
  double sum = 0;
  for (const auto& [text, weight] : weights->items()) sum += weight.get<double>();
  if (sum == 0) problems.error("no-weight", place_of(table, "systems"), "no system message has a weight above 0", "write \"none\" = 1 for no message");
}

void check_conversation(const Bound& bound, const Node& table, const Json& said, Diagnostics& problems) {
  check_systems(table, said, problems);
  const auto name = said.find("template");
  if (name == said.end() || is_named(*name) || bound.options.templates.contains(*name)) return;
  std::vector<std::string> known = names_of(*bound.root, "template");
  known.insert(known.end(), named_templates().begin(), named_templates().end());
  problems.error("unknown-choice", place_of(table, "template"), fmt::format("unknown template '{}'", name->get<std::string>()),
                 suggestion(name->get<std::string>(), known));
}

void check_template(const Bound& bound, const std::string& name, Diagnostics& problems) {
  const auto it = bound.options.templates.find(name);
  if (it == bound.options.templates.end()) return;
  const Node& node = *bound.root->find("template")->find(name);
  const options::TemplateOptions& form = it->second;
  check_name(node, "template", problems);
  if (is_named(name))
    problems.error("bad-name", place(node), fmt::format("there is a template '{}' already", name), "give yours another name");
  const Json parts = options::to_json(form);
  for (const auto& [key, part] : parts.items())
    if (part.is_string() && part.get<std::string>().find("<image>") != std::string::npos)
      problems.error("marker-in-template", place_of(node, key), fmt::format("'{}' of template '{}' holds a picture marker", key, name),
                     "take '<image>' out of it: pictures stand where the samples have them");
  if (form.assistant_end.empty())
    problems.warning("endless-answers", place(node), fmt::format("template '{}' ends no answer: a model learns from it to go on and on", name),
                     "give 'assistant_end' the token that ends an answer");
}

}  // namespace saucier::recipe
