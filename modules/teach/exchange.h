// A question and its answer.
#pragma once

#include <string>

namespace saucier::teach {

struct Exchange {
  std::string question;
  std::string answer;
};

}  // namespace saucier::teach
