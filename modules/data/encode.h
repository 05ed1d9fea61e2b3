// What a sample becomes, as the loader and the prepared samples take it.
#pragma once

#include <functional>
#include <memory>

#include "modules/data/conversation_samples.h"

namespace saucier::data {

using Encode = std::function<WrittenSample(const Sample&)>;  // thread-safe, a function of the sample

// The writer's words without messages and pieces: batches need the tokens alone.
inline Encode encode_with(std::shared_ptr<const ConversationWriter> writer) {
  return [writer = std::move(writer)](const Sample& sample) {
    WrittenSample written = writer->write(sample);
    for (Conversation& conversation : written.conversations) {
      conversation.messages.clear();
      conversation.pieces.clear();
    }
    return written;
  };
}

}  // namespace saucier::data
