#include "modules/teach/writing_kind.h"

#include <algorithm>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/base/suggest.h"
#include "modules/data/scenes/words.h"

namespace saucier::teach {

namespace {

constexpr std::string_view kTurns = "{turns}";
constexpr std::string_view kSystemFile = "system_message.txt", kQuestionsFile = "questions.txt", kContextEnd = "_caps.txt", kReplyEnd = "_conv.txt";

std::string without_end(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

// As many pairs as are asked for, so that the examples do not say otherwise.
std::string cut_to(const std::string& reply, Layout layout, std::int64_t turns) {
  if (layout != Layout::kDialogue || turns < 1) return reply;
  Parsed parsed = parse_reply(layout, reply);
  if (parsed.rejection || static_cast<std::int64_t>(parsed.exchanges.size()) <= turns) return reply;
  parsed.exchanges.resize(static_cast<size_t>(turns));
  return write_pairs(parsed.exchanges);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (std::string line = without_end(text.substr(at, end - at)); !line.empty()) lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

std::vector<WritingKind::Example> read_examples(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const std::string file = entry.path().filename().string(); file.ends_with(kContextEnd)) names.push_back(file.substr(0, file.size() - kContextEnd.size()));
  std::sort(names.begin(), names.end());
  std::vector<WritingKind::Example> examples;
  for (const std::string& name : names)
    examples.push_back({without_end(read_file(folder / (name + std::string(kContextEnd)))), without_end(read_file(folder / (name + std::string(kReplyEnd))))});
  return examples;
}

void read_folder(const fs::path& folder, WritingKind& kind) {
  if (!fs::is_directory(folder)) throw Error(fmt::format("'{}' is not a folder of prompts", folder.string()), "name a folder with system_message.txt");
  if (fs::exists(folder / kSystemFile)) kind.system = without_end(read_file(folder / kSystemFile));
  if (fs::exists(folder / kQuestionsFile)) kind.questions = lines_of(read_file(folder / kQuestionsFile));
  if (auto examples = read_examples(folder); !examples.empty()) kind.examples = std::move(examples);
}

}  // namespace

std::string WritingKind::version() const {
  Json text = {{"system", system}, {"layout", static_cast<int>(layout)}, {"boxes", boxes}, {"questions", questions}, {"examples", Json::array()}};
  for (const Example& example : examples) text["examples"].push_back({example.context, example.reply});
  return sha256(canonical(text)).substr(0, 16);
}

Prompt WritingKind::prompt(const data::CaptionsAndBoxes& context, std::int64_t turns) const {
  std::string told = system;
  for (size_t at = told.find(kTurns); at != std::string::npos; at = told.find(kTurns, at)) told.replace(at, kTurns.size(), data::number_word(turns));
  Prompt out;
  if (!told.empty()) out.messages.push_back({.role = "system", .text = std::move(told)});
  for (const Example& example : examples) {
    out.messages.push_back({.role = "user", .text = example.context});
    out.messages.push_back({.role = "assistant", .text = cut_to(example.reply, layout, turns)});
  }
  out.messages.push_back({.role = "user", .text = context.to_text(boxes)});
  return out;
}

WritingKind writing_kind(const std::string& name, const options::KindOptions* options) {
  return with_context(fmt::format("in kind '{}'", name), [&] {
    const auto ready = std::ranges::find(ready_kinds(), name, &WritingKind::name);
    if (!options) {
      std::vector<std::string> known;
      for (const WritingKind& kind : ready_kinds()) known.push_back(kind.name);
      if (ready == ready_kinds().end()) throw Error(fmt::format("there is no kind '{}'", name), suggestion(name, known));
      return *ready;
    }
    WritingKind kind;
    if (ready != ready_kinds().end()) kind = *ready;
    kind.name = name;
    if (!options->prompts.empty()) read_folder(options->prompts, kind);
    if (!options->system.empty()) kind.system = options->system;
    if (options->layout) kind.layout = layout_named(*options->layout);
    if (options->boxes) kind.boxes = *options->boxes;
    if (!options->questions.empty()) kind.questions = options->questions;
    if (kind.system.empty() && kind.examples.empty()) throw Error("nothing says what is to be written", fmt::format("give kind.{}.system, or a folder with system_message.txt", name));
    if (kind.layout == Layout::kAnswer && kind.questions.empty()) throw Error("its answers have no questions", fmt::format("give kind.{}.questions", name));
    return kind;
  });
}

}  // namespace saucier::teach
