#include "modules/teach/asked_filters.h"

#include <algorithm>
#include <cstdlib>

#include "modules/base/error.h"
#include "modules/data/overlap/questions.h"

namespace saucier::teach {

namespace {

constexpr const char* kBlindSystem = "You are asked about a picture that you cannot see. Give your best guess all the same, as short as the question allows, and nothing else.";
constexpr const char* kJudgeEnd = "\n\nReply with one line:\nScore: a whole number from 1 (worst) to 10 (best)";

void add(Usage& sum, const Usage& more) {
  sum.prompt_tokens += more.prompt_tokens;
  sum.reply_tokens += more.reply_tokens;
  sum.cost += more.cost;
}

Prompt prompt_of(const options::TeacherOptions& options) {
  return {.messages = {}, .temperature = options.temperature, .top_p = options.top_p, .max_tokens = options.max_tokens};
}

bool in_range(double score) { return score >= 1 && score <= 10; }

}  // namespace

Prompt blind_prompt(const std::string& question, const options::TeacherOptions& options) {
  Prompt prompt = prompt_of(options);
  prompt.messages = {{.role = "system", .text = kBlindSystem}, {.role = "user", .text = question}};
  return prompt;
}

Prompt judge_prompt(const Draft& draft, const std::string& rubric, const options::TeacherOptions& options) {
  Prompt prompt = prompt_of(options);
  prompt.messages = {{.role = "system", .text = rubric + kJudgeEnd},
                     {.role = "user", .text = fmt::format("What is known of the picture:\n{}\n\n{}", draft.context.to_text(true), write_pairs(draft.exchanges))}};
  return prompt;
}

bool same_answer(std::string_view kept, std::string_view other) {
  const std::string a = data::question_words(kept), b = data::question_words(other);
  if (a.empty()) return false;
  if (a == b) return true;
  return std::ranges::count(a, ' ') < 3 && b.starts_with(a + " ");
}

double read_score(std::string_view reply) {
  std::string text(reply);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  size_t at = text.find("score");
  at = text.find_first_of("0123456789", at == std::string::npos ? 0 : at);
  if (at == std::string::npos || (at > 0 && text[at - 1] == '-')) return -1;
  const double score = std::strtod(text.c_str() + at, nullptr);
  return in_range(score) ? score : -1;
}

void filter_blind(std::span<Draft*> drafts, const options::FilterOptions& options, const Asked& blind) {
  std::vector<Prompt> prompts;
  std::vector<std::pair<size_t, size_t>> of;  // draft and pair of each prompt
  for (size_t d = 0; d < drafts.size(); ++d)
    for (size_t i = 0; i < drafts[d]->exchanges.size(); ++i) {
      prompts.push_back(blind_prompt(drafts[d]->exchanges[i].question, *blind.options));
      of.emplace_back(d, i);
    }
  std::vector<std::vector<std::string>> answers;
  for (Draft* draft : drafts) answers.emplace_back(draft->exchanges.size());
  std::vector<std::int64_t> right(drafts.size(), 0);
  blind.writer->ask(prompts, [&](size_t p, const Reply& reply) {
    const auto [d, i] = of[p];
    add(drafts[d]->further, reply.usage);
    answers[d][i] = reply.failure.empty() ? reply.text : fmt::format("({})", reply.failure);
    if (reply.failure.empty() && same_answer(drafts[d]->exchanges[i].answer, reply.text)) ++right[d];
  });
  for (size_t d = 0; d < drafts.size(); ++d) {
    const auto asked = static_cast<double>(drafts[d]->exchanges.size());
    drafts[d]->asked["blind"] = {{"answers", answers[d]}, {"right", right[d]}};
    if (asked > 0 && static_cast<double>(right[d]) >= options.blind_share * asked)
      drafts[d]->rejection = rejected("answered-blind", fmt::format("{} of {}", right[d], drafts[d]->exchanges.size()));
  }
}

void filter_judged(std::span<Draft*> drafts, const options::FilterOptions& options, const Asked& judge) {
  std::vector<Prompt> prompts;
  for (const Draft* draft : drafts) prompts.push_back(judge_prompt(*draft, options.rubric, *judge.options));
  judge.writer->ask(prompts, [&](size_t d, const Reply& reply) {
    Draft& draft = *drafts[d];
    add(draft.further, reply.usage);
    const double score = reply.failure.empty() ? read_score(reply.text) : -1;
    draft.asked["judge"] = {{"reply", reply.failure.empty() ? reply.text : reply.failure}, {"score", score < 0 ? Json() : Json(score)}};
    if (score < 0) draft.rejection = rejected("no-score", reply.failure.empty() ? "" : reply.failure);
    else if (score < options.min_score) draft.rejection = rejected("low-score", fmt::format("{} of at least {}", score, options.min_score));
  });
}

}  // namespace saucier::teach
