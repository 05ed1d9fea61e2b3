// What is looked at of a sample without asking anyone.
#pragma once

#include "modules/data/scenes/scene.h"
#include "modules/options/filter_options.h"
#include "modules/teach/claims.h"
#include "modules/teach/parse.h"

namespace saucier::teach {

// Pairs, lengths, mentions, language and claims, in this order; the first thing that is wrong.
class Filters {
 public:
  Filters(const options::FilterOptions& options, const std::vector<std::string>& categories);
  Rejection check(Layout layout, const data::CaptionsAndBoxes& context, const std::vector<Exchange>& exchanges) const;

 private:
  options::FilterOptions options_;
  Claims claims_;
};

std::int64_t count_words(std::string_view text);

// How a text speaks of what the teacher was given, or of itself: the phrase. Empty: it does not.
std::string mention_in(std::string_view text);
// How it refuses.
std::string refusal_in(std::string_view text);

}  // namespace saucier::teach
