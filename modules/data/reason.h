// Why a sample is left out: one closed list, for readers, the writer of conversations, the loader and the store.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace saucier::data {

enum class Reason {
  kNoTurns,
  kRoles,
  kNoAnswer,
  kEmptyTurn,
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

std::span<const ReasonText> reasons();  // all of them, each once, in the order of the enum
std::string_view name_of(Reason reason);
std::optional<Reason> reason_named(std::string_view name);  // nothing where no reason is called so
std::string explain(Reason reason);  // "empty-turn (a turn without text)"

}  // namespace saucier::data
