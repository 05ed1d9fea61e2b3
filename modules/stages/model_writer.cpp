#include "modules/stages/model_writer.h"

#include <map>

#include "modules/base/error.h"
#include "modules/base/stop.h"
#include "modules/generate/generate.h"
#include "modules/image/picture.h"
#include "modules/text/utf8.h"

namespace saucier::stages {
namespace {

constexpr std::int64_t kBatch = 16;
constexpr size_t kAtOnce = 64;  // replies that a stop may lose

class FilePictures : public data::PictureSource {
 public:
  data::Picture load(const std::string& file) const override { return image::read_picture(file); }
};

generate::Question question_of(const teach::Prompt& prompt, const std::shared_ptr<const data::PictureSource>& files) {
  const teach::Message& last = prompt.messages.back();
  generate::Question out{.text = last.text, .picture = {}, .before = {}};
  if (last.pictures.size() > 1) throw Error(fmt::format("a model on this machine is shown one picture at a time (got {})", last.pictures.size()));
  if (!last.pictures.empty()) out.picture = data::PictureRef{last.pictures.front(), files};
  for (size_t i = 0; i + 1 < prompt.messages.size(); ++i)
    if (const teach::Message& message = prompt.messages[i]; message.role != "system") out.before.push_back({.assistant = message.role == "assistant", .text = message.text});
  return out;
}

std::string system_of(const teach::Prompt& prompt) { return prompt.messages.front().role == "system" ? prompt.messages.front().text : "none"; }

}  // namespace

ModelWriter::ModelWriter(model::JoinedModel model, options::JobConversation conversation, Json what)
    : model_(std::move(model)), conversation_(std::move(conversation)), what_(std::move(what)) {
  model_.merge_lora();
  conversation_.systems.clear();
}

std::string ModelWriter::identity() const {
  Json out = what_;
  out["template"] = conversation_.form ? options::to_json(*conversation_.form) : Json(conversation_.template_name);
  return canonical(out);
}

void ModelWriter::ask(std::span<const teach::Prompt> prompts, const std::function<void(size_t, const teach::Reply&)>& done) {
  std::map<std::pair<std::string, std::int64_t>, std::vector<size_t>> alike;  // by system message and length
  for (size_t i = 0; i < prompts.size(); ++i) {
    SAUCIER_CHECK(!prompts[i].messages.empty(), "a prompt without messages");
    alike[{system_of(prompts[i]), prompts[i].max_tokens}].push_back(i);
  }
  for (const auto& [how, which] : alike)
    for (size_t at = 0; at < which.size(); at += kAtOnce) ask_some(prompts, std::span(which).subspan(at, std::min(kAtOnce, which.size() - at)), done);
}

void ModelWriter::ask_some(std::span<const teach::Prompt> prompts, std::span<const size_t> which, const std::function<void(size_t, const teach::Reply&)>& done) {
  static const auto kFiles = std::make_shared<const FilePictures>();
  std::vector<generate::Question> questions;
  for (const size_t i : which) questions.push_back(question_of(prompts[i], kFiles));
  options::JobConversation conversation = conversation_;
  conversation.system = system_of(prompts[which.front()]);
  const std::int64_t most = prompts[which.front()].max_tokens;
  const auto answers = generate::answers(model_, conversation, questions, {.max_new_tokens = most, .batch = kBatch}, [](std::int64_t) {
    if (stop_requested()) throw Interrupted("stopped while a teacher was writing");
  });
  for (size_t q = 0; q < which.size(); ++q) {
    teach::Reply reply{.text = text::to_valid_utf8(answers[q].text)};
    for (const teach::Message& message : prompts[which[q]].messages) reply.usage.prompt_tokens += tokens_of(message.text);
    reply.usage.reply_tokens = answers[q].tokens;
    reply.finish = reply.usage.reply_tokens >= most ? "length" : "stop";
    if (reply.text.empty()) reply.failure = "empty-reply";
    done(which[q], reply);
  }
}

std::int64_t ModelWriter::tokens_of(const std::string& text) const { return static_cast<std::int64_t>(model_.tokenizer->encode(text, false).size()); }

}  // namespace saucier::stages
