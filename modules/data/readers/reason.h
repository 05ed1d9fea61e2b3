// Why a row of a source cannot be used: a closed list, so that rows can be counted and limits set by name.
// docs/data.md shows it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "modules/base/error.h"

namespace saucier::data {

enum class RowReason {
  kBrokenRow, kNotAnObject, kFieldCount, kNotUtf8, kMissingField, kWrongType, kUnknownRole, kToolTurn, kMisplacedSystem,
  kNoTurns, kFirstTurn, kNotAlternating, kEmptyTurn, kNoAnswer, kPictureCount, kMissingPicture, kPictureOutside,
  kUndecodablePicture, kDuplicate
};

struct RowReasonText {
  std::string_view name;         // kebab-case, as reports and recipes say it
  std::string_view explanation;  // one line
};

std::span<const RowReasonText> row_reasons();  // in the order of RowReason
std::string_view name_of(RowReason reason);

// Thrown for a row that cannot be used; the message is about this row: "turn 2 is empty".
class BadRow : public Error {
 public:
  BadRow(RowReason reason, std::string message, std::string hint = {}) : Error(std::move(message), std::move(hint)), reason_(reason) {}
  RowReason reason() const { return reason_; }
  const std::string& id() const { return id_; }  // of the sample; empty where it is not known
  void set_id(std::string id) { id_ = std::move(id); }

 private:
  RowReason reason_;
  std::string id_;
};

}  // namespace saucier::data
