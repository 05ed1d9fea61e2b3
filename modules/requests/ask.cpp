#include <cstdio>
#include <iostream>

#include "modules/generate/generate.h"
#include "modules/image/picture.h"
#include "modules/requests/request.h"

namespace saucier::requests {
namespace {

// The one picture that is asked about.
class OnePicture : public data::PictureSource {
 public:
  explicit OnePicture(const std::string& file) : picture_(image::read_picture(file)) {}
  data::Picture load(const std::string&) const override { return picture_; }

 private:
  data::Picture picture_;
};

void say(const std::string& answer) {
  std::puts(answer.c_str());
  std::fflush(stdout);
}

}  // namespace

void ask(const options::Request& request) {
  const options::AskRequest& options = *request.ask;
  model::JoinedModel model = open(request.model);
  model.merge_lora();  // once, not for every turn
  auto conversation = options.conversation;
  conversation.image_aspect = model.aspect;
  std::optional<data::PictureRef> picture;
  if (!options.image.empty()) picture = data::PictureRef{options.image, std::make_shared<OnePicture>(options.image)};
  const generate::GenerateOptions how{.max_new_tokens = options.max_new_tokens, .batch = 8};
  if (!options.questions.empty()) {
    std::vector<generate::Question> questions;
    for (const std::string& text : options.questions) questions.push_back({.text = text, .picture = picture, .before = {}});
    for (const std::string& answer : generate::answer(model, conversation, questions, how)) say(answer);
    return;
  }
  generate::Question question{.text = "", .picture = picture, .before = {}};
  while (std::getline(std::cin, question.text)) {
    if (question.text.empty()) continue;
    const std::string answer = generate::answer(model, conversation, std::span(&question, 1), how).front();
    say(answer);
    question.before.push_back({.assistant = false, .text = question.text});
    question.before.push_back({.assistant = true, .text = answer});
  }
}

}  // namespace saucier::requests
