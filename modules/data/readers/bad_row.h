// A row of a source that cannot be used, while it is being read.
#pragma once

#include <string>

#include "modules/base/error.h"
#include "modules/data/reason.h"

namespace saucier::data {

// The message is about this row: "turn 2 is empty".
class BadRow : public Error {
 public:
  BadRow(Reason reason, std::string message, std::string hint = {}) : Error(std::move(message), std::move(hint)), reason_(reason) {}
  Reason reason() const { return reason_; }
  const std::string& id() const { return id_; }  // of the sample; empty where it is not known
  void set_id(std::string id) { id_ = std::move(id); }

 private:
  Reason reason_;
  std::string id_;
};

}  // namespace saucier::data
