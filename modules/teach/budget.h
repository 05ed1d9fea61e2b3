// What a stage may use of a teacher in all: tokens and money.
#pragma once

#include <cstdint>
#include <optional>

#include "modules/base/error.h"
#include "modules/options/teacher_options.h"
#include "modules/teach/writer.h"

namespace saucier::teach {

class Budget {
 public:
  explicit Budget(const options::TeacherOptions& options);  // throws Error where there is a budget of money without prices

  double cost(const Usage& usage) const;  // at the recipe's prices
  void spend(const Usage& usage);         // with its own cost, which was at the prices of then

  // Whether what is spent, what is under way and one more fit; else why not, as the Error that ends the stage.
  bool allows(const Usage& under_way, const Usage& next) const;
  Error used_up(const Usage& next) const;

 private:
  bool tokens_left(const Usage& more) const;
  std::optional<std::int64_t> tokens_;
  std::optional<double> money_;
  double price_prompt_, price_reply_;
  Usage spent_;
};

}  // namespace saucier::teach
