#include "modules/text/chat_template.h"

#include "modules/base/error.h"
#include "modules/base/json.h"

namespace saucier::text {
namespace {

std::string literal(std::string_view text) { return Json(text).dump(); }  // Jinja's escapes are JSON's

// "{{ "text" }}", or nothing.
std::string put(std::string_view text) { return text.empty() ? "" : fmt::format("{{{{ {} }}}}", literal(text)); }

// What a message's content says as one text.
std::string words(bool pictures_behind) {
  const std::string marker(kImage);
  const auto parts = [](const std::string& type, const std::string& each) {
    return "{% for part in message['content'] %}{% if part['type'] == '" + type + "' %}" + each + "{% endif %}{% endfor %}";
  };
  const std::string texts = parts("text", "{{ part['text'] }}");
  const std::string pictures = parts("image", put(pictures_behind ? "\n" + marker : marker + "\n"));
  return "{% macro words(message) %}{% if message['content'] is string %}{{ message['content'] }}{% else %}" +
         (pictures_behind ? texts + pictures : pictures + texts) + "{% endif %}{% endmacro %}";
}

}  // namespace

std::string chat_template(const Template& form, std::string_view system, std::string_view image_position) {
  const std::string trim = form.trim ? " | trim" : "", marker(kImage), shown = form.picture_start + marker + form.picture_end;
  const std::string said = "words(message)" + trim;
  std::string question = fmt::format("{{{{ {} }}}}", said);
  if (!form.questions) question = fmt::format("{{{{ {} * (words(message).count({})) }}}}", literal(shown), literal(marker));
  else if (shown != marker) question = fmt::format("{{{{ ({}).replace({}, {}) }}}}", said, literal(marker), literal(shown));
  const std::string with_system = form.questions ? "{% if system %}" + put(form.system_start) + "{{ system }}" + put(form.system_end) + "{% endif %}" : "";
  const std::string in_first = form.system_in_user && !with_system.empty() ? "{% if loop.first %}" + with_system + "{% endif %}" : "";

  std::string out = words(image_position == "back");
  out += fmt::format("{{% if messages and messages[0]['role'] == 'system' %}}{{% set system = words(messages[0]){} %}}{{% set turns = messages[1:] %}}"
                     "{{% else %}}{{% set system = {} %}}{{% set turns = messages %}}{{% endif %}}",
                     trim, literal(form.trim ? strip(system) : system));
  if (!form.system_in_user) out += with_system;
  out += "{% for message in turns %}{% if message['role'] == 'assistant' %}";
  out += put(form.assistant + form.answer_start) + fmt::format("{{{{ {} }}}}", said) + put(form.assistant_end + form.turn_end);
  out += "{% else %}";
  if (!form.between.empty()) out += "{% if not loop.first %}" + put(form.between) + "{% endif %}";
  out += form.questions ? put(form.user) + in_first + question + put(form.user_end) : question;
  out += "{% endif %}{% endfor %}";
  if (!form.closing.empty()) out += "{% if turns and turns[-1]['role'] == 'assistant' %}" + put(form.closing) + "{% endif %}";
  if (!form.assistant.empty()) out += "{% if add_generation_prompt and not (turns and turns[-1]['role'] == 'assistant') %}" + put(form.assistant) + "{% endif %}";
  return out;
}

}  // namespace saucier::text
