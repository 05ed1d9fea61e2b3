#include "modules/data/scenes/questions.h"

#include <cmath>
#include <cstdlib>

#include "modules/base/error.h"
#include "modules/data/scenes/words.h"

namespace saucier::data {

namespace {

// Twice the centre, in thousandths: whole numbers, so that no comparison depends on rounding.
struct Centre {
  long x = 0, y = 0;
};

Centre centre(const Box& box) {
  const auto thousandths = [](double v) { return std::lround(v * 1000); };
  return {.x = thousandths(box.x1) + thousandths(box.x2), .y = thousandths(box.y1) + thousandths(box.y2)};
}

}  // namespace

std::string existence_question(std::string_view kind, int wording) {
  const std::string a = with_article(kind);
  switch (wording) {
    case 0: return "Is there " + a + " in the picture?";
    case 1: return "Can you see " + a + "?";
    case 2: return "Does the picture show " + a + "?";
    case 3: return "Is " + a + " anywhere in this picture?";
    default: SAUCIER_CHECK(false, "no wording {} of the existence question", wording);
  }
}

std::string count_question(std::string_view plural, int wording) {
  const std::string many(plural);
  switch (wording) {
    case 0: return "How many " + many + " are there?";
    case 1: return "How many " + many + " can you see in the picture?";
    case 2: return "What is the number of " + many + "?";
    default: SAUCIER_CHECK(false, "no wording {} of the counting question", wording);
  }
}

std::string total_question(int wording) {
  switch (wording) {
    case 0: return "How many objects are in the picture?";
    case 1: return "How many things does the picture show in all?";
    case 2: return "What is the total number of objects?";
    default: SAUCIER_CHECK(false, "no wording {} of the question for all objects", wording);
  }
}

std::string relation_question(std::string_view kind, std::string_view to, int wording) {
  const std::string a(kind), b(to);
  switch (wording) {
    case 0: return "Where is the " + a + " relative to the " + b + "?";
    case 1: return "Seen from the " + b + ", where is the " + a + ": left, right, above or below?";
    default: SAUCIER_CHECK(false, "no wording {} of the relation question", wording);
  }
}

std::string place_question(std::string_view kind, int wording) {
  const std::string a(kind);
  switch (wording) {
    case 0: return "Where is the " + a + "?";
    case 1: return "In which part of the picture is the " + a + "?";
    case 2: return "Where can the " + a + " be found?";
    default: SAUCIER_CHECK(false, "no wording {} of the place question", wording);
  }
}

std::string choice_question(const std::vector<std::string>& options) {
  SAUCIER_CHECK(options.size() >= 2 && options.size() <= 26, "{} options", options.size());
  std::string text = "Which of these is in the picture?\n";
  for (size_t i = 0; i < options.size(); ++i) {
    text += static_cast<char>('A' + static_cast<int>(i));
    text += ". " + options[i] + "\n";
  }
  return text + "Answer with the option's letter from the given choices directly.";
}

Box rounded(const Box& box) {
  const auto three = [](double v) { return static_cast<double>(std::lround(v * 1000)) / 1000; };
  return {.x1 = three(box.x1), .y1 = three(box.y1), .x2 = three(box.x2), .y2 = three(box.y2)};
}

std::optional<std::string> relation_answer(const Box& box, const Box& to) {
  const Centre a = centre(box), b = centre(to);
  const long dx = a.x - b.x, dy = a.y - b.y;
  const long wide = std::labs(dx), high = std::labs(dy);
  if (wide == high) return std::nullopt;
  if (wide * 10 >= high * 13) return dx < 0 ? "left" : "right";
  if (high * 10 >= wide * 13) return dy < 0 ? "above" : "below";
  return std::nullopt;
}

std::string place_word(const Box& box) {
  const Centre c = centre(box);  // 0 to 2000
  const int column = c.x * 3 < 2000 ? 0 : c.x * 3 > 4000 ? 2 : 1;
  const int row = c.y * 3 < 2000 ? 0 : c.y * 3 > 4000 ? 2 : 1;
  static constexpr const char* kPlaces[3][3] = {
      {"top left", "top", "top right"}, {"left", "middle", "right"}, {"bottom left", "bottom", "bottom right"}};
  return kPlaces[row][column];
}

std::string place_phrase(std::string_view place) {
  const std::string word(place);
  if (word == "middle") return "in the middle";
  if (word == "left" || word == "right") return "on the " + word;
  return "at the " + word;
}

}  // namespace saucier::data
