// preview of a synthesize stage.
#pragma once

#include "runner/plan/plan.h"

namespace saucier::cli {

struct DraftsWanted {
  std::int64_t first = 0, count = 5;
  std::int64_t looked_at = 1000;  // by the summary; 0: none
  bool json = false;
};

// Prints samples from context to verdict, and how many there are of each verdict. Asks no teacher.
int preview_drafts(const options::Job& job, const plan::Node& node, const std::string& store_file, const DraftsWanted& wanted);

}  // namespace saucier::cli
