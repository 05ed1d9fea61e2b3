// Turn limits: samples cut after so many question-answer pairs, in their order or shuffled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "modules/data/sample.h"
#include "modules/options/data_options.h"

namespace saucier::data {

// What a source says otherwise than [conversation] and the stage: system, systems, image_position, max_turns,
// turn_overflow, turn_order.
options::JobConversation conversation_for(options::JobConversation conversation, const options::DataOptions& source);

struct TurnLimit {
  std::int64_t max_turns = 0;  // question-answer pairs; 0: no limit
  bool split = true;           // else the pairs behind the first cut are gone
  bool shuffled = false;
  std::uint64_t seed = 0;      // of the shuffling
};
TurnLimit turn_limit(const options::ConversationOptions& conversation, std::uint64_t seed);

// A sample cut after every max_turns pairs. Split, each cut begins a further sample, named ID#2, ID#3 …, that keeps the
// pictures shown so far and gets an "<image>\n" for each in front of its first question; else the pictures that only the
// lost pairs show are gone too.
//
// Shuffled, the pairs change places before that, as a function of (seed, source, id). No question passes a picture: pairs
// are shuffled between one question that shows a picture and the next one, and the picture goes to the question that is
// then the first (behind it, where it stood behind its own).
std::vector<Sample> limit_turns(const Sample& sample, const TurnLimit& limit);

// The same for a whole source. Split reads every sample once, here, to count its parts, so that size() is known.
std::shared_ptr<const SampleSource> limit_turns(std::shared_ptr<const SampleSource> source, const TurnLimit& limit);

// The pairs [begin, end) of a sample, by which both kinds of splitting cut: with the pictures shown before them in front.
Sample take_pairs(const Sample& sample, size_t begin, size_t end, std::string id);

// A number for a sample's random choices, the same on every machine.
std::uint64_t hash_of(const Sample& sample);

}  // namespace saucier::data
