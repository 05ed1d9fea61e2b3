// Filters that ask a teacher about a sample: a blind one for its questions, a judge for a score.
#pragma once

#include <span>

#include "modules/options/filter_options.h"
#include "modules/options/teacher_options.h"
#include "modules/teach/draft.h"

namespace saucier::teach {

// A writer with the options that its prompts take from.
struct Asked {
  Writer* writer = nullptr;
  const options::TeacherOptions* options = nullptr;
};

// The prompts, for whoever looks them up.
Prompt blind_prompt(const std::string& question, const options::TeacherOptions& options);
Prompt judge_prompt(const Draft& draft, const std::string& rubric, const options::TeacherOptions& options);

// Whether two answers say the same: their words are equal, or the one that is kept has at most three words and the other
// begins with them ("Yes" and "Yes, there is one").
bool same_answer(std::string_view kept, std::string_view other);
// The number behind "score", else the first one; 1 to 10, with or without a fraction. Negative: none that can be read.
double read_score(std::string_view reply);

// Rejects what is answered blind as often as options.blind_share says. A question that got no reply counts as not answered.
void filter_blind(std::span<Draft*> drafts, const options::FilterOptions& options, const Asked& blind);
// Rejects what scores lower than options.min_score, or gets no score.
void filter_judged(std::span<Draft*> drafts, const options::FilterOptions& options, const Asked& judge);

}  // namespace saucier::teach
