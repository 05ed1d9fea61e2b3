// A sample on its way: what was asked, what came back, what became of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "modules/base/json.h"
#include "modules/data/sample.h"
#include "modules/data/scenes/scene.h"
#include "modules/teach/exchange.h"
#include "modules/teach/rejection.h"
#include "modules/teach/writing_kind.h"

namespace saucier::teach {

struct Draft {
  std::int64_t index = 0;            // in the stage
  std::string id;                    // "17#0": picture and number
  data::PictureRef picture;
  data::CaptionsAndBoxes context;
  std::shared_ptr<const WritingKind> kind;
  Prompt prompt;
  Reply reply;
  std::vector<Exchange> exchanges;   // none where the reply could not be read
  Rejection rejection;
  Json asked = Json::object();       // what others said: {"blind": {"answers": […], "right": 1}, "judge": {"score": 7}}
  Usage further = {};                // what asking them took

  data::Sample sample() const;       // of one that is not rejected
  // A line of provenance.jsonl: sample, picture, context's digest, kind, prompt's version, raw reply, verdict, tokens, cost.
  // `teacher`: Writer::identity() as JSON.
  Json provenance(const Json& teacher) const;
};

// Question and answer as a conversation; the first turn begins with the picture's marker.
std::vector<data::Turn> turns_of(const std::vector<Exchange>& exchanges);

}  // namespace saucier::teach
