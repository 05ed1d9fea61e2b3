#include "modules/teach/budget.h"

namespace saucier::teach {
namespace {

std::int64_t all(const Usage& usage) { return usage.prompt_tokens + usage.reply_tokens; }

Usage operator+(const Usage& a, const Usage& b) {
  return {.prompt_tokens = a.prompt_tokens + b.prompt_tokens, .reply_tokens = a.reply_tokens + b.reply_tokens, .cost = a.cost + b.cost};
}

}  // namespace

Budget::Budget(const options::TeacherOptions& options)
    : tokens_(options.budget_tokens), money_(options.budget), price_prompt_(options.price_prompt), price_reply_(options.price_reply) {
  if (money_ && price_prompt_ == 0 && price_reply_ == 0)
    throw Error(fmt::format("a teacher has a budget of '{}' and no price that it could be used up by", *money_), "set 'price_prompt' and 'price_reply', or 'budget_tokens' in the place of 'budget'");
}

double Budget::cost(const Usage& usage) const {
  return (price_prompt_ * static_cast<double>(usage.prompt_tokens) + price_reply_ * static_cast<double>(usage.reply_tokens)) * 1e-6;
}

void Budget::spend(const Usage& usage) { spent_ = spent_ + usage; }

bool Budget::tokens_left(const Usage& more) const { return !tokens_ || all(spent_) + all(more) <= *tokens_; }

bool Budget::allows(const Usage& under_way, const Usage& next) const {
  const Usage more = under_way + next;
  return tokens_left(more) && (!money_ || spent_.cost + more.cost <= *money_);
}

Error Budget::used_up(const Usage& next) const {
  const bool tokens = !tokens_left(next);
  return Error(tokens ? fmt::format("the teacher's budget of '{}' tokens is used up: {} are spent, and the next reply may take {}", *tokens_, all(spent_), all(next))
                      : fmt::format("the teacher's budget of '{}' is used up: {:.4f} are spent, and the next reply may cost {:.4f}", *money_, spent_.cost, next.cost),
               fmt::format("raise '{}' and run the same command again: what was answered is kept and not asked again", tokens ? "budget_tokens" : "budget"));
}

}  // namespace saucier::teach
