#include "modules/teach/draft.h"

#include "modules/base/digest.h"

namespace saucier::teach {

std::vector<data::Turn> turns_of(const std::vector<Exchange>& exchanges) {
  std::vector<data::Turn> turns;
  for (const Exchange& exchange : exchanges) {
    const std::string start = turns.empty() ? std::string(data::kImageMarker) + "\n" : "";
    turns.push_back({.role = data::Role::kUser, .text = start + exchange.question});
    turns.push_back({.role = data::Role::kAssistant, .text = exchange.answer});
  }
  return turns;
}

data::Sample Draft::sample() const {
  return {.id = id, .source = {}, .kind = kind->name, .system = {}, .turns = turns_of(exchanges), .pictures = {picture}};
}

Json Draft::provenance(const Json& teacher) const {
  Json out = {{"id", id},
              {"picture", picture.reference},
              {"context", sha256(context.to_text(true))},
              {"kind", kind->name},
              {"prompt", kind->version()},
              {"teacher", teacher},
              {"seed", prompt.seed},
              {"reply", reply.text},
              {"finish", reply.finish},
              {"model", reply.model},
              {"verdict", rejection ? rejection.reason : "kept"},
              {"tokens", {{"prompt", reply.usage.prompt_tokens + further.prompt_tokens}, {"reply", reply.usage.reply_tokens + further.reply_tokens}}},
              {"cost", reply.usage.cost + further.cost}};
  if (!rejection.detail.empty()) out["detail"] = rejection.detail;
  if (!asked.empty()) out["asked"] = asked;
  return out;
}

}  // namespace saucier::teach
