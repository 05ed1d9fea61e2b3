// ask: an answer of a model, or a conversation with it.

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/text/conversation.h"
#include "runner/cli/model_argument.h"

namespace saucier::cli {

int ask(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_model_options(options);
  options.add_options()("image", po::value<std::string>()->value_name("FILE"), "a picture to ask about");
  options.add_options()("template", po::value<std::string>()->value_name("NAME"), "conversation template; default: the trial's, or the one the model's chat template resembles");
  options.add_options()("system", po::value<std::string>()->value_name("TEXT"), "system message in place of the template's, or 'none'");
  options.add_options()("max-new-tokens", po::value<std::int64_t>()->value_name("N")->default_value(256), "longest answer");
  const po::variables_map values = parse("ask", arguments, options, {{"question", -1}});
  options::Request request;
  const NamedModel model = read_model("ask", values);
  request.model = model.reference;
  auto& asked = request.ask.emplace();
  asked.questions = strings(values, "question");
  if (values.count("template")) {
    const std::string name = text_of(values, "template");
    if (!text::find_template(name)) throw Error(fmt::format("unknown template '{}'", name), suggestion(name, text::template_names()));
    if (model.conversation) asked.conversation = *model.conversation;
    asked.conversation.template_name = name;
    asked.conversation.form.reset();
  } else {
    asked.conversation = conversation_of(model);
  }
  if (values.count("system")) {
    asked.conversation.system = text_of(values, "system");
    asked.conversation.systems.clear();
  }
  if (values.count("image")) asked.image = existing(text_of(values, "image"), "image");
  asked.max_new_tokens = values["max-new-tokens"].as<std::int64_t>();
  if (asked.max_new_tokens < 1) throw Error(fmt::format("--max-new-tokens is '{}', not a positive number", asked.max_new_tokens));
  return run_request(std::move(request), values);
}

}  // namespace saucier::cli
