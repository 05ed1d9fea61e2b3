// The wordings of short questions and the rules of their answers, shared by the template teacher and the benchmarks so
// that both mean the same. Wording 0 is the one that benchmarks ask; teachers draw from all.
//
// Positions are judged on boxes rounded to three decimals, as a teacher sees them, so captions, teacher and benchmarks
// agree whatever the picture's size.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/data/scenes/scene.h"

namespace saucier::data {

inline constexpr int kExistenceWordings = 4;
inline constexpr int kCountWordings = 3;
inline constexpr int kTotalWordings = 3;
inline constexpr int kRelationWordings = 2;
inline constexpr int kPlaceWordings = 3;

std::string existence_question(std::string_view kind, int wording = 0);      // "Is there a fox in the picture?" Yes | No
std::string count_question(std::string_view plural, int wording = 0);        // "How many foxes are there?" "2"
std::string total_question(int wording = 0);                                 // "How many objects are in the picture?" "3"
// "Where is the dog relative to the cup?"; for relation_answer(dog, cup).
std::string relation_question(std::string_view kind, std::string_view to, int wording = 0);
std::string place_question(std::string_view kind, int wording = 0);          // "Where is the fox?" "top left"
// "Which of these is in the picture?\nA. dog\n...\nAnswer with the option's letter from the given choices directly."
std::string choice_question(const std::vector<std::string>& options);

// The box with three decimals; what all judging below starts from.
Box rounded(const Box& box);

// "left", "right", "above" or "below": where `box` is from `to`, along the axis where the centres differ more. Nothing
// when neither difference is at least 1.3 times the other, or the centres are one.
std::optional<std::string> relation_answer(const Box& box, const Box& to);

// One of nine, by the third of the picture that holds the centre: "top left", "top", "top right", "left", "middle",
// "right", "bottom left", "bottom", "bottom right".
std::string place_word(const Box& box);
std::string place_phrase(std::string_view place);  // "at the top left", "on the left", "in the middle"

}  // namespace saucier::data
