#include "modules/teach/teacher.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/base/suggest.h"
#include "modules/teach/draft.h"
#include "modules/teach/facts.h"

namespace saucier::teach {

namespace {

constexpr std::int64_t kMostTurns = 6;  // of a conversation without a limit

const std::vector<std::string> kKinds = {"conversation", "detail", "reasoning", "checklist"};

[[noreturn]] void unknown_kind(const std::string& kind) {
  throw Error(fmt::format("a teacher writes no samples of kind '{}'", kind), suggestion(kind, kKinds));
}

}  // namespace

TemplateTeacher::TemplateTeacher(std::vector<data::Kind> kinds) : kinds_(std::move(kinds)) {}

std::vector<data::Turn> TemplateTeacher::write(const Request& request) const {
  Rng rng(request.seed, "teach." + request.kind + "." + request.context.id, static_cast<std::uint64_t>(request.number));
  const Facts facts(kinds_, request.context);
  std::vector<Exchange> exchanges;
  if (request.kind == "conversation")
    exchanges = write_conversation(facts, rng.integer(1, request.max_turns > 0 ? request.max_turns : kMostTurns), rng);
  else if (request.kind == "checklist")
    exchanges = write_checklist(facts, request.max_turns == 1 ? 1 : 2, rng);
  else if (request.kind == "detail")
    exchanges = {write_detail(facts, rng)};
  else if (request.kind == "reasoning")
    exchanges = {write_reasoning(facts, rng)};
  else
    unknown_kind(request.kind);

  return turns_of(exchanges);
}

std::string draw_kind(const std::map<std::string, double>& proportions, std::uint64_t seed, std::int64_t index) {
  double sum = 0;
  for (const auto& [kind, weight] : proportions) {
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) unknown_kind(kind);
    if (!(weight >= 0)) throw Error(fmt::format("the proportion of '{}' is '{}'", kind, weight), "give numbers from 0 up");
    sum += weight;
  }
  if (!(sum > 0)) throw Error("no kind of sample has a proportion above 0", "give one to conversation, detail, reasoning or checklist");
  return draw_name(proportions, seed, index);
}

const std::string& draw_name(const std::map<std::string, double>& proportions, std::uint64_t seed, std::int64_t index) {
  std::vector<double> weights;
  for (const auto& [name, weight] : proportions) weights.push_back(weight);
  return std::next(proportions.begin(), static_cast<std::ptrdiff_t>(Rng(seed, "teach.kind", static_cast<std::uint64_t>(index)).weighted(weights)))->first;
}

}  // namespace saucier::teach
