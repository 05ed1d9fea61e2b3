// What modules/text makes of conversations, for tests/parity/conversations.py and chat_templates.py: conversation_texts TOKENIZER < JOBS, or
// - in place of the tokenizer for the texts alone. A job a line, as JSON:
//   {"template": NAME, or the parts of one, "system": S, "learn": L, "messages": [question, answer, question …]}
// The answer a line: {"text": T, "learned": [[begin, end] in bytes …]} or {"ids": […], "labels": […]}. A job with
// "image_position" and without "messages" is answered by {"chat_template": JINJA}.
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include "modules/base/error.h"
#include "modules/text/chat_template.h"

using namespace saucier;

namespace {

text::Template form_of(const Json& said) {
  options::JobConversation conversation;
  if (said.is_string()) conversation.template_name = said.get<std::string>();
  else conversation.form = options::from_json<options::TemplateOptions>(said);
  return text::template_of(conversation);
}

std::vector<text::Piece> pieces_of(const Json& job) {
  const text::Template form = form_of(job.at("template"));
  std::vector<text::Message> messages;
  for (const Json& message : job.at("messages")) messages.push_back({messages.size() % 2 == 1, message.get<std::string>()});
  return text::write_out(form, text::system_text(form, job.at("system").get<std::string>()), messages, text::learn_of(job.at("learn").get<std::string>()));
}

Json spans(const std::vector<text::Piece>& pieces) {
  std::string all;
  Json learned = Json::array();
  for (const text::Piece& piece : pieces) {
    if (piece.learned) learned.push_back({all.size(), all.size() + piece.text.size()});
    all += piece.text;
  }
  return {{"text", all}, {"learned", learned}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: conversation_texts TOKENIZER|- < JOBS\n", stderr), 2;
  try {
    std::optional<text::Tokenizer> tokenizer;
    if (argv[1] != std::string("-")) tokenizer = text::Tokenizer::load(argv[1]);
    for (std::string line; std::getline(std::cin, line);) {
      const Json job = parse_json(line, "job");
      if (!job.contains("messages")) {
        const text::Template form = form_of(job.at("template"));
        const std::string system = text::system_text(form, job.at("system").get<std::string>());
        std::printf("%s\n", Json{{"chat_template", text::chat_template(form, system, job.at("image_position").get<std::string>())}}.dump().c_str());
        continue;
      }
      const std::vector<text::Piece> pieces = pieces_of(job);
      Json out = spans(pieces);
      if (tokenizer) {
        const text::Encoded encoded = text::encode(*tokenizer, pieces);
        out = {{"ids", encoded.ids}, {"labels", encoded.labels}};
      }
      std::printf("%s\n", out.dump().c_str());
    }
  } catch (const Error& error) {
    return std::fputs(error.render().c_str(), stderr), 1;
  }
}
