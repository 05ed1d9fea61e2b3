#include "modules/data/readers/reason.h"

#include <array>

namespace saucier::data {

std::span<const RowReasonText> row_reasons() {
  static constexpr std::array kReasons = {
      RowReasonText{"broken-row", "a line is not JSON"},
      RowReasonText{"not-an-object", "the row is JSON, but no object"},
      RowReasonText{"field-count", "a line of a table has more or fewer fields than its head"},
      RowReasonText{"not-utf-8", "the text is not UTF-8"},
      RowReasonText{"missing-field", "a field that the format needs is not there"},
      RowReasonText{"wrong-type", "a field holds something else than the format says"},
      RowReasonText{"unknown-role", "a turn is from somebody whom the format does not know"},
      RowReasonText{"tool-turn", "a turn calls a tool or gives a tool's result"},
      RowReasonText{"misplaced-system", "a system message stands behind the first turn"},
      RowReasonText{"no-turns", "the conversation is empty"},
      RowReasonText{"first-turn", "the first turn is not from the user"},
      RowReasonText{"not-alternating", "two turns in a row are from the same side"},
      RowReasonText{"empty-turn", "a turn has no text"},
      RowReasonText{"no-answer", "the last question has no answer"},
      RowReasonText{"picture-count", "the turns say <image> more or less often than there are pictures"},
      RowReasonText{"missing-picture", "a picture is not there"},
      RowReasonText{"picture-outside", "a picture is not a file inside the picture folder"},
      RowReasonText{"undecodable-picture", "a picture cannot be read"},
      RowReasonText{"duplicate", "the same turns and pictures stand in an earlier row"}};
  static_assert(kReasons.size() == static_cast<size_t>(RowReason::kDuplicate) + 1);
  return kReasons;
}

std::string_view name_of(RowReason reason) { return row_reasons()[static_cast<size_t>(reason)].name; }

}  // namespace saucier::data
