#include "modules/teach/parse.h"

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/data/sample.h"

namespace saucier::teach {

namespace {

constexpr std::string_view kQuestion = "Question:", kAnswer = "Answer:", kSeparator = "===";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool is_separator(std::string_view line) {
  return line.size() >= kSeparator.size() && line.find_first_not_of('=') == std::string_view::npos;
}

bool labelled(std::string_view line) { return line.starts_with(kQuestion) || line.starts_with(kAnswer); }

// The texts between separators, without those that are blank.
std::vector<std::string_view> blocks_of(std::string_view text) {
  std::vector<std::string_view> blocks;
  size_t begin = 0;
  const auto close = [&](size_t end) {
    if (const std::string_view block = trimmed(text.substr(begin, end - begin)); !block.empty()) blocks.push_back(block);
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (is_separator(trimmed(text.substr(at, end - at)))) {
      close(at);
      begin = end;
    }
    at = end + 1;
  }
  close(text.size());
  return blocks;
}

std::string shortened(std::string_view text) {
  constexpr size_t kLongest = 40;
  std::string out(text.substr(0, text.find('\n')));
  if (out.size() <= kLongest) return out;
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // not inside a letter
  return out.substr(0, end) + "...";
}

Rejection label_inside(std::string_view block, size_t number) {
  for (size_t at = block.find('\n'); at != std::string_view::npos; at = block.find('\n', at + 1))
    if (labelled(trimmed(block.substr(at + 1, block.find('\n', at + 1) - at - 1)))) return rejected("missing-separator", fmt::format("block {} holds two labels", number));
  return {};
}

Parsed parse_pairs(std::string_view text) {
  Parsed out;
  const auto reject = [&](std::string_view reason, std::string detail) {
    out.exchanges.clear();
    out.rejection = rejected(reason, std::move(detail));
    return out;
  };
  bool open = false;  // a question waits for its answer
  size_t number = 0;
  for (const std::string_view block : blocks_of(text)) {
    ++number;
    if (!labelled(block)) return reject("unlabelled", fmt::format("block {} begins with '{}'", number, shortened(block)));
    if (Rejection inside = label_inside(block, number)) return reject(inside.reason, inside.detail);
    const bool question = block.starts_with(kQuestion);
    const std::string_view said = trimmed(block.substr(question ? kQuestion.size() : kAnswer.size()));
    if (question && open) return reject("question-unanswered", fmt::format("block {} is a question behind a question", number));
    if (!question && !open) return reject("answer-unasked", fmt::format("block {} is an answer behind no question", number));
    if (said.empty()) return reject(question ? "empty-question" : "empty-answer", fmt::format("block {} has no text", number));
    if (question) out.exchanges.push_back({std::string(said), {}});
    else out.exchanges.back().answer = said;
    open = question;
  }
  if (open) return reject("question-unanswered", "the last question has no answer");
  return out;
}

}  // namespace

Layout layout_named(std::string_view name) {
  if (name == "dialogue") return Layout::kDialogue;
  if (name == "pair") return Layout::kPair;
  if (name == "answer") return Layout::kAnswer;
  static const std::vector<std::string> kNames = {"dialogue", "pair", "answer"};
  throw Error(fmt::format("unknown layout '{}'", name), suggestion(name, kNames));
}

Parsed parse_reply(Layout layout, std::string_view text) {
  const std::string_view whole = trimmed(text);
  if (whole.empty()) return {{}, rejected("empty-reply")};
  if (whole.find(data::kImageMarker) != std::string_view::npos) return {{}, rejected("picture-marker")};
  if (layout == Layout::kAnswer) return {{{.question = {}, .answer = std::string(whole)}}, {}};
  Parsed out = parse_pairs(whole);
  if (out.rejection) return out;
  if (out.exchanges.empty()) return {{}, rejected("empty-reply", "separators alone")};
  if (layout == Layout::kPair && out.exchanges.size() > 1) return {{}, rejected("several-pairs", fmt::format("there are {}", out.exchanges.size()))};
  return out;
}

std::string write_pairs(const std::vector<Exchange>& exchanges) {
  std::string out;
  for (const Exchange& exchange : exchanges)
    out += fmt::format("{}Question:\n{}\n===\nAnswer:\n{}", out.empty() ? "" : "\n===\n", exchange.question, exchange.answer);
  return out;
}

}  // namespace saucier::teach
