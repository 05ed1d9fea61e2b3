// Batched greedy decoding with a key-value cache: rows sorted by length, padded on the right, each at its own positions.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "modules/model/joined.h"
#include "modules/options/data_options.h"
#include "modules/text/conversation.h"

namespace saucier::generate {

struct Question {
  std::string text;                            // the user's turn, without <image>
  std::optional<data::PictureRef> picture = {};  // stands in the first turn
  std::vector<text::Message> before = {};      // earlier turns, without <image>, user and assistant in turn
};

struct GenerateOptions {
  std::int64_t max_new_tokens = 24;
  std::int64_t batch = 64;
  bool grey_pictures = false;  // blind: every picture replaced by plain grey
};

struct Answer {
  std::string text;         // without white space around it
  std::int64_t tokens = 0;  // made for it, without the end; max_new_tokens where it was cut off
};

// One answer a question, in their order. `conversation` gives template, system message, image position and aspect. Pictures are
// loaded and encoded once for all questions about them. `on_progress(done)` may be empty.
std::vector<Answer> answers(const model::JoinedModel& model, const options::JobConversation& conversation, std::span<const Question> questions,
                            const GenerateOptions& options, const std::function<void(std::int64_t)>& on_progress = {});
// Their texts alone.
std::vector<std::string> answer(const model::JoinedModel& model, const options::JobConversation& conversation,
                                std::span<const Question> questions, const GenerateOptions& options,
                                const std::function<void(std::int64_t)>& on_progress = {});

}  // namespace saucier::generate
