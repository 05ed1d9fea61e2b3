#include "modules/data/reason.h"

#include <algorithm>

#include "modules/base/error.h"

namespace saucier::data {
namespace {

constexpr ReasonText kReasons[] = {
    {Reason::kBrokenRow, "broken-row", "a line is not JSON"},
    {Reason::kNotAnObject, "not-an-object", "the row is JSON, but no object"},
    {Reason::kFieldCount, "field-count", "a line of a table has more or fewer fields than its head"},
    {Reason::kNotUtf8, "not-utf-8", "the text is not UTF-8"},
    {Reason::kMissingField, "missing-field", "a field that the format needs is not there"},
    {Reason::kWrongType, "wrong-type", "a field holds something else than the format says"},
    {Reason::kUnknownRole, "unknown-role", "a turn is from somebody whom the format does not know"},
    {Reason::kToolTurn, "tool-turn", "a turn calls a tool or gives a tool's result"},
    {Reason::kMisplacedSystem, "misplaced-system", "a system message stands behind the first turn"},
    {Reason::kNoTurns, "no-turns", "the conversation is empty"},
    {Reason::kFirstTurn, "first-turn", "the first turn is not from the user"},
    {Reason::kNotAlternating, "not-alternating", "two turns in a row are from the same side"},
    {Reason::kEmptyTurn, "empty-turn", "a turn has no text"},
    {Reason::kNoAnswer, "no-answer", "the last question has no answer"},
    {Reason::kPictureCount, "picture-count", "the turns say <image> more or less often than there are pictures"},
    {Reason::kNoCaption, "no-caption", "a picture has no caption"},
    {Reason::kRepeatedId, "repeated-id", "two pictures have one id"},
    {Reason::kUnknownPicture, "unknown-picture", "an annotation is of a picture that is not listed"},
    {Reason::kUnknownCategory, "unknown-category", "a box is of a category that is not listed"},
    {Reason::kBadBox, "bad-box", "a box is not [x, y, width, height] with an area"},
    {Reason::kMissingPicture, "missing-picture", "a picture is not there"},
    {Reason::kPictureOutside, "picture-outside", "a picture is not a file inside the picture folder"},
    {Reason::kUndecodablePicture, "undecodable-picture", "a picture cannot be read"},
    {Reason::kDuplicate, "duplicate", "the same turns and pictures stand in an earlier row"},
    {Reason::kDuplicateElsewhere, "duplicate-elsewhere", "the same turns and pictures stand in a source before it"},
    {Reason::kOverlapPicture, "overlap-picture", "a picture stands in a source that is held out"},
    {Reason::kOverlapQuestion, "overlap-question", "a question stands in a source that is held out, about the same picture where it has one"},
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

std::span<const ReasonText> row_reasons() { return std::span(kReasons).first(static_cast<size_t>(Reason::kOverlapQuestion) + 1); }

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
