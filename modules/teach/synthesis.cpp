#include "modules/teach/synthesis.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/teach/teacher.h"

namespace saucier::teach {

namespace {

constexpr std::int64_t kBlock = 512;  // prompts in memory at once: far more than any server works on

std::vector<Draft*> kept_of(std::vector<Draft>& drafts) {
  std::vector<Draft*> kept;
  for (Draft& draft : drafts)
    if (!draft.rejection) kept.push_back(&draft);
  return kept;
}

std::string text_of(const Draft& draft) {
  std::string text;
  for (const Exchange& exchange : draft.exchanges) text += exchange.question + "\n" + exchange.answer + "\n";
  return text;
}

}  // namespace

Synthesis::Synthesis(std::shared_ptr<const data::DescribedPictures> pictures, SynthesisSettings settings)
    : pictures_(std::move(pictures)), settings_(std::move(settings)), filters_(settings_.options.filters, pictures_->categories()) {
  for (const auto& [name, share] : settings_.options.kinds) {
    if (share <= 0) continue;
    const auto own = settings_.kinds.find(name);
    kinds_[name] = std::make_shared<const WritingKind>(writing_kind(name, own == settings_.kinds.end() ? nullptr : &own->second));
  }
}

std::int64_t Synthesis::size() const { return pictures_->size() * settings_.options.samples_per_picture; }

Draft Synthesis::begin(std::int64_t index) const {
  const std::int64_t picture = index / settings_.options.samples_per_picture;
  Draft draft;
  draft.index = index;
  draft.context = pictures_->context(picture);
  draft.id = fmt::format("{}#{}", draft.context.id, index % settings_.options.samples_per_picture);
  draft.picture = pictures_->picture(picture);
  draft.kind = kinds_.at(draw_name(settings_.options.kinds, settings_.seed, index));
  draft.prompt = draft.kind->prompt(draft.context, settings_.options.max_turns);
  if (settings_.teacher.sight) draft.prompt.messages.back().pictures = {settings_.picture_file(draft.picture)};
  draft.prompt.temperature = settings_.teacher.temperature;
  draft.prompt.top_p = settings_.teacher.top_p;
  draft.prompt.max_tokens = settings_.teacher.max_tokens;
  draft.prompt.seed = Rng(settings_.seed, "teach.prompt", static_cast<std::uint64_t>(index)).next32();  // servers take 32 bits
  return draft;
}

void Synthesis::read(Draft& draft, const Reply& reply) const {
  draft.reply = reply;
  draft.rejection = {};
  if (!reply.failure.empty()) {
    draft.rejection = {reply.failure, reply.detail};
    return;
  }
  if (reply.finish == "length") {
    draft.rejection = rejected("cut-off", fmt::format("at {} tokens", draft.prompt.max_tokens));
    return;
  }
  Parsed parsed = parse_reply(draft.kind->layout, reply.text);
  draft.rejection = std::move(parsed.rejection);
  draft.exchanges = std::move(parsed.exchanges);
  if (draft.rejection) return;
  if (draft.kind->layout == Layout::kAnswer)
    draft.exchanges.front().question = Rng(settings_.seed, "teach.question", static_cast<std::uint64_t>(draft.index)).pick(draft.kind->questions);
  // More pairs than were asked for are no fault of those before.
  if (draft.kind->layout == Layout::kDialogue && static_cast<std::int64_t>(draft.exchanges.size()) > settings_.options.max_turns)
    draft.exchanges.resize(static_cast<size_t>(settings_.options.max_turns));
  draft.rejection = filters_.check(draft.kind->layout, draft.context, draft.exchanges);
}

void Synthesis::write(const Asked& teacher, const Asked& blind, const Asked& judge, const std::function<void(std::int64_t)>& replied,
                      const std::function<void(const Draft&)>& each) const {
  const options::FilterOptions& filters = settings_.options.filters;
  NearDuplicates earlier(filters.near_duplicates);
  for (std::int64_t first = 0; first < size(); first += kBlock) {
    std::vector<Draft> drafts;
    std::vector<Prompt> prompts;
    for (std::int64_t i = first; i < std::min(size(), first + kBlock); ++i) {
      drafts.push_back(begin(i));
      prompts.push_back(drafts.back().prompt);
    }
    teacher.writer->ask(prompts, [&](size_t i, const Reply& reply) {
      read(drafts[i], reply);
      replied(1);
    });
    // By number, not as replies came in: the same samples are kept every time. Before anyone is asked, which costs.
    if (filters.near_duplicates > 0)
      for (Draft* draft : kept_of(drafts))
        if (const auto other = earlier.find_or_add(text_of(*draft), draft->index))
          draft->rejection = rejected("near-duplicate", fmt::format("of '{}'", begin(*other).id));
    if (blind.writer) {
      auto kept = kept_of(drafts);
      filter_blind(kept, filters, blind);
    }
    if (judge.writer) {
      auto kept = kept_of(drafts);
      filter_judged(kept, filters, judge);
    }
    for (const Draft& draft : drafts) each(draft);
  }
}

}  // namespace saucier::teach
