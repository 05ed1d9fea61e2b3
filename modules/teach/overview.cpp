#include "modules/teach/overview.h"

#include "modules/teach/filters.h"

namespace saucier::teach {

Overview::Overview(std::uint64_t seed) : rng_(seed, "teach.overview") {}

void Overview::add(const Draft& draft) {
  ++verdicts_[draft.rejection ? draft.rejection.reason : "kept"];
  if (!draft.rejection) {
    Lengths& lengths = kinds_[draft.kind->name];
    ++lengths.samples;
    for (const Exchange& exchange : draft.exchanges) {
      ++lengths.pairs;
      lengths.question_words += count_words(exchange.question);
      lengths.answer_words += count_words(exchange.answer);
    }
  }
  Draw& draw = draft.rejection ? rejected_ : kept_;
  ++draw.seen;
  if (draw.drawn.size() < kShown) {
    draw.drawn.push_back(draft);
  } else if (const std::int64_t at = rng_.integer(0, draw.seen - 1); at < static_cast<std::int64_t>(kShown)) {
    draw.drawn[static_cast<size_t>(at)] = draft;
  }
}

Json Overview::json() const {
  Json out = {{"verdicts", verdicts_}, {"kinds", Json::object()}, {"shown", Json::array()}};
  for (const auto& [kind, l] : kinds_)
    out["kinds"][kind] = {{"samples", l.samples}, {"pairs", l.pairs}, {"question_words", l.question_words}, {"answer_words", l.answer_words}};
  for (const Draw* draw : {&kept_, &rejected_})
    for (const Draft& draft : draw->drawn) {
      Json turns = Json::array();
      for (const Exchange& exchange : draft.exchanges) turns.push_back({exchange.question, exchange.answer});
      out["shown"].push_back({{"id", draft.id}, {"kind", draft.kind->name}, {"verdict", draft.rejection ? draft.rejection.reason : "kept"}, {"detail", draft.rejection.detail},
                              {"picture", draft.picture.reference}, {"reply", draft.reply.text}, {"turns", turns}});
    }
  return out;
}

}  // namespace saucier::teach
