#include "modules/data/reason.h"

#include <algorithm>

#include "modules/base/error.h"

namespace saucier::data {
namespace {

constexpr ReasonText kReasons[] = {
    {Reason::kNoTurns, "no-turns", "nothing is said"},
    {Reason::kRoles, "roles-do-not-alternate", "turns do not alternate from user to assistant"},
    {Reason::kNoAnswer, "no-answer", "the last question has no answer"},
    {Reason::kEmptyTurn, "empty-turn", "a turn without text"},
    {Reason::kMarkerInAnswer, "marker-in-answer", "a picture marker in an answer or a system message"},
    {Reason::kMoreMarkers, "more-markers-than-pictures", "more picture markers than pictures"},
    {Reason::kFewerMarkers, "fewer-markers-than-pictures", "fewer picture markers than pictures"},
    {Reason::kMarkerWithoutPicture, "marker-without-picture", "a picture marker, and no picture"},
    {Reason::kSpecialToken, "special-token-in-text", "a special token of the tokenizer in a text"},
    {Reason::kSeparator, "template-separator-in-text", "a part of the template in a text, which would begin or end a turn"},
    {Reason::kSeveralAnswers, "several-answers", "more than one answer for a template without questions"},
    {Reason::kTooLong, "too-long", "longer than max_length"},
    {Reason::kFullyMasked, "fully-masked", "nothing that is learned"},
};

}  // namespace

std::span<const ReasonText> reasons() { return kReasons; }

std::string_view name_of(Reason reason) {
  const auto at = static_cast<size_t>(reason);
  SAUCIER_CHECK(at < std::size(kReasons) && kReasons[at].reason == reason, "reason {}", at);
  return kReasons[at].name;
}

std::optional<Reason> reason_named(std::string_view name) {
  const auto* at = std::find_if(std::begin(kReasons), std::end(kReasons), [&](const ReasonText& one) { return one.name == name; });
  return at == std::end(kReasons) ? std::nullopt : std::optional(at->reason);
}

std::string explain(Reason reason) { return fmt::format("{} ({})", name_of(reason), kReasons[static_cast<size_t>(reason)].meaning); }

}  // namespace saucier::data
