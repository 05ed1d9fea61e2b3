// Why a row or a sample is left out: one closed list, for readers, the writer of conversations, the loader and the store, so
// that both are counted and limited by name. docs/data.md and docs/conversations.md show it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace saucier::data {

enum class Reason {
  // of a row, up to kOverlapQuestion
  kBrokenRow,
  kNotAnObject,
  kFieldCount,
  kNotUtf8,
  kMissingField,
  kWrongType,
  kUnknownRole,
  kToolTurn,
  kMisplacedSystem,
  kNoTurns,         // this one and the next four also of a sample that is written out
  kFirstTurn,
  kNotAlternating,
  kEmptyTurn,
  kNoAnswer,
  kPictureCount,
  kNoCaption,       // this one and the next four of COCO's pictures and annotations
  kRepeatedId,
  kUnknownPicture,
  kUnknownCategory,
  kBadBox,
  kMissingPicture,
  kPictureOutside,
  kUndecodablePicture,
  kDuplicate,
  kDuplicateElsewhere,  // from here on of a source that is compared with others (overlap/)
  kOverlapPicture,
  kOverlapQuestion,
  // of a sample that is written out
  kMarkerInAnswer,
  kMoreMarkers,
  kFewerMarkers,
  kMarkerWithoutPicture,
  kSpecialToken,
  kSeparator,
  kSeveralAnswers,
  kTooLong,
  kFullyMasked,
};

struct ReasonText {
  Reason reason;
  std::string_view name;     // "empty-turn": what is counted, stored and typed
  std::string_view meaning;  // one line for people
};

std::span<const ReasonText> reasons();      // all of them, each once, in the order of the enum
std::span<const ReasonText> row_reasons();  // those of rows
std::string_view name_of(Reason reason);
std::optional<Reason> reason_named(std::string_view name);  // nothing where no reason is called so
std::string explain(Reason reason);                         // "empty-turn (a turn has no text)"

}  // namespace saucier::data
