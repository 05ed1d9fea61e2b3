// The prompts of conversation, detail and reasoning. The pictures of the examples are made up, and so are their boxes.
#include "modules/teach/facts.h"
#include "modules/teach/writing_kind.h"

namespace saucier::teach {

namespace {

constexpr const char* kWithBoxes = R"(You help to make training data for an assistant that looks at pictures. You are given a few sentences by people who saw one picture, and the objects in it, one a line, each as name: [x1, y1, x2, y2] with the left, upper, right and lower edge from 0 to 1. You do not see the picture, but you write as if you did.

)";

constexpr const char* kConversationSystem = R"(You help to make training data for an assistant that looks at pictures. You are given a few sentences by people who saw one picture. You do not see it, but you write as if you did.

Write a talk between a person who asks about the picture and an assistant who looks at it and answers: {turns} question-answer pairs.
- Ask different things: which objects there are, how many, what someone is doing, where things are, how they stand to each other.
- Ask only what the sentences settle: it is surely there, or surely not.
- The last questions may ask for more, such as what the setting suggests, as long as the answer follows from what is told.
- Answers are full sentences in a friendly, sure tone.
- Never speak of sentences, captions, descriptions or notes: both look at the picture.

Write each pair like this and nothing else, with a line === between all parts:
Question:
the question
===
Answer:
the answer
===)";

constexpr const char* kDetailSystem = R"(Describe the picture in detail: what it shows as a whole, then the objects, how many there are and where they stand, and what is going on.
- Use the numbers to find out where things are and how large, and say it in words: on the left, in front of, smaller than. Never write the numbers.
- Say only what the sentences and the objects settle. Leave out what you would have to guess.
- Never speak of sentences, captions, boxes or coordinates.

Write one or two paragraphs and nothing else.)";

constexpr const char* kReasoningSystem = R"(Write one question about the picture that takes thought, and its answer. Good questions ask why something is as it is, what may happen next, what someone should watch out for, or what can be told about the place, the time or the people from what is there.
- The question must need the picture: who has not seen it cannot answer. It does not give away what it asks for.
- The answer goes from what is there to what follows, step by step, and ends in a conclusion.
- Say nothing of objects that are not there, and never speak of sentences, captions, boxes or coordinates.

Write it like this and nothing else:
Question:
the question
===
Answer:
the answer
===)";

// A harbour in the morning.
constexpr const char* kHarbourCaptions = R"(A fisherman in a yellow coat mends a net on a wooden pier.
Two small boats are tied up beside a man who is repairing a net.
An old man sits on a crate at the harbour early in the morning.
A gull watches a fisherman at work on the pier.
Fog hangs over the water behind a man with a fishing net.)";
constexpr const char* kHarbourBoxes = R"(

person: [0.31, 0.352, 0.548, 0.871]
boat: [0.604, 0.455, 0.862, 0.69]
boat: [0.77, 0.402, 0.985, 0.583]
bird: [0.112, 0.518, 0.19, 0.633])";

// A kitchen with a birthday cake.
constexpr const char* kKitchenCaptions = R"(A girl blows out the candles on a chocolate cake in a kitchen.
A child leans over a cake while a woman holds a phone up.
Six candles burn on a cake that stands on a round table.
A mother films her daughter's birthday in the kitchen.
A girl in a paper crown bends over her birthday cake.)";
constexpr const char* kKitchenBoxes = R"(

person: [0.225, 0.29, 0.503, 0.814]
person: [0.66, 0.112, 0.918, 0.87]
cake: [0.402, 0.618, 0.575, 0.764]
dining table: [0.183, 0.7, 0.79, 1.0]
cell phone: [0.655, 0.33, 0.703, 0.42])";

const std::vector<Exchange> kHarbourTalk = {
    {"What is the man on the pier doing?", "He is mending a fishing net. He sits on a crate while he works on it."},
    {"How many boats are there beside him?", "There are two small boats, and both are tied up."},
    {"What colour is his coat?", "His coat is yellow."},
    {"Is there an animal in the picture?", "Yes, a gull watches the man at his work."},
    {"What time of day does it seem to be?", "It seems to be early in the morning: fog still hangs over the water, and the boats have not gone out."}};

const std::vector<Exchange> kKitchenTalk = {
    {"What is the girl about to do with the candles?", "She is blowing them out. She leans over the cake to reach them."},
    {"How many candles burn on the cake?", "Six candles burn on it."},
    {"Where does the cake stand?", "It stands on a round table in the kitchen."},
    {"What is the woman holding?", "She is holding up a phone and films the girl with it."},
    {"What is being celebrated, and how can one tell?", "It is the girl's birthday. She wears a paper crown, and the six candles on the cake suggest that she turns six."}};

constexpr const char* kHarbourDetail = R"(The picture shows a quiet harbour early in the morning, with fog over the water. A little left of the middle an old fisherman in a yellow coat sits on a crate on a wooden pier and mends a net. He is the largest figure in the picture and fills more than half of its height.

To his right two small boats are tied up. One lies closer, beside the pier, and the other is a little farther to the right and higher up, so that it seems farther away and is partly hidden. On the left side, lower than the man's shoulders, a gull watches him at his work.)";

constexpr const char* kKitchenDetail = R"(A birthday is being celebrated in a kitchen. On the left a girl in a paper crown bends over a chocolate cake and blows out the six candles that burn on it. The cake stands near the middle of a round table, which reaches across most of the lower part of the picture.

On the right stands a woman, taller than the girl, who fills nearly the whole height of the picture. She holds up a phone in front of her, towards the girl, and films the moment.)";

const Exchange kHarbourReasoning = {
    "Why might the boats still be tied up at this time?",
    "The man beside the boats is busy with mending a net, and without a sound net there is little use in going out to fish. The fog over the water is a second reason: with so little to be seen it is safer to stay at the pier. It is also early in the morning. So the boats are most likely tied up because the work on the net has to be finished first and the fog has to lift."};

const Exchange kKitchenReasoning = {
    "What will the woman probably want to do with what she is holding, later on?",
    "The woman points her phone at the girl just as she blows out the candles, so she is filming a moment that happens once a year. Six candles and a paper crown say that the girl turns six, and that the woman is close to her, most likely her mother. People keep such films to remember a child's birthday and to show it to relatives who could not come. So she will probably watch it again with the girl and send it to family and friends."};

std::string with(const char* first, const char* second) { return std::string(first) + second; }

}  // namespace

const std::vector<WritingKind>& ready_kinds() {
  static const std::vector<WritingKind> kKinds = {
      {.name = "conversation",
       .system = kConversationSystem,
       .examples = {{kHarbourCaptions, write_pairs(kHarbourTalk)}, {kKitchenCaptions, write_pairs(kKitchenTalk)}},
       .layout = Layout::kDialogue,
       .boxes = false,
       .questions = {}},
      {.name = "detail",
       .system = with(kWithBoxes, kDetailSystem),
       .examples = {{with(kHarbourCaptions, kHarbourBoxes), kHarbourDetail}, {with(kKitchenCaptions, kKitchenBoxes), kKitchenDetail}},
       .layout = Layout::kAnswer,
       .boxes = true,
       .questions = detail_questions()},
      {.name = "reasoning",
       .system = with(kWithBoxes, kReasoningSystem),
       .examples = {{with(kHarbourCaptions, kHarbourBoxes), write_pairs({kHarbourReasoning})}, {with(kKitchenCaptions, kKitchenBoxes), write_pairs({kKitchenReasoning})}},
       .layout = Layout::kPair,
       .boxes = true,
       .questions = {}}};
  return kKinds;
}

}  // namespace saucier::teach
