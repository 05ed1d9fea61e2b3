// Teachers that write instruction data from captions and boxes, never from the picture.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "modules/data/sample.h"
#include "modules/data/scenes/scene.h"

namespace saucier::teach {

inline constexpr int kTemplateTeacherVersion = 1;

struct Request {
  data::CaptionsAndBoxes context;
  std::string kind;  // conversation | detail | reasoning | checklist
  std::int64_t max_turns = 3;
  std::uint64_t seed = 0;
  std::int64_t number = 0;  // which sample of this picture
};

// Questions and answers in plain sentences and short answers, every statement true by the boxes. Deterministic in the
// request. The first user turn starts with "<image>\n". `kinds` give names, plurals and groups ("what can be eaten").
class TemplateTeacher {
 public:
  explicit TemplateTeacher(std::vector<data::Kind> kinds);
  std::vector<data::Turn> write(const Request& request) const;

 private:
  std::vector<data::Kind> kinds_;
};

// Draws a kind of the template teacher's with the given proportions.
std::string draw_kind(const std::map<std::string, double>& proportions, std::uint64_t seed, std::int64_t index);
// The same of any names; at least one has a proportion above 0.
const std::string& draw_name(const std::map<std::string, double>& proportions, std::uint64_t seed, std::int64_t index);

}  // namespace saucier::teach
