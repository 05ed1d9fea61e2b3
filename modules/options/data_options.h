// [conversation], [data.NAME], [mixture.NAME]: what is trained on and how it is written out.
#pragma once

#include "modules/options/template_options.h"

namespace saucier::options {

struct ConversationOptions {
  std::string template_name = "vicuna_v1";
  std::string system = "template";
  std::map<std::string, double> systems;
  std::string sample_system = "use";
  std::string learn = "answers";
  std::string image_position = "front";
  std::string image_aspect = "square";
  std::int64_t max_turns = 0;
  std::string turn_overflow = "split";
  std::string turn_order = "as_is";
  std::int64_t max_length = 2048;
  std::string length_overflow = "truncate";

  template <class Visitor>
  void declare(Visitor& v) {
    v(template_name, {.key = "template", .help = "Conversation template: how turns are written out; or one of the recipe's own, [template.NAME].", .choices = {"plain", "vicuna_v1", "llava_v1", "v1_mmtag", "llava_v0", "v0_mmtag", "llama_2", "llava_llama_2", "mistral_instruct", "mpt", "chatml_direct", "qwen_2", "llama_3", "gemma", "phi_3", "smollm"}, .open = true});
    v(system, {.key = "system", .help = "System message: 'template' takes the template's own, 'none' writes none, anything else is the text itself."});
    v(systems, {.key = "systems", .help = "System messages by their weights, in the place of system: each sample draws one. A model that is asked gets the heaviest.", .min = 0});
    v(sample_system, {.key = "sample_system", .help = "What a system message does that a sample brings along: 'use' writes it in the place of the recipe's, 'ignore' leaves it out.", .choices = {"use", "ignore"}});
    v(learn, {.key = "learn", .help = "What is learned: 'answers' with their end, 'last_answer' of these only the last, 'turns' the assistant's label too, 'all' every text.", .choices = {"answers", "last_answer", "turns", "all"}});
    v(image_position, {.key = "image_position", .help = "Where the picture stands in its turn.", .choices = {"front", "back", "random", "as_is"}});
    v(image_aspect, {.key = "image_aspect", .help = "How a picture that is not square is shown (LLaVA's image_aspect_ratio): 'square' cuts out its middle, 'pad' puts it on a square of the mean colour, 'anyres' shows it whole and again as tiles of the size that the tower takes (LLaVA-NeXT).", .choices = {"square", "pad", "anyres"}});
    v(max_turns, {.key = "max_turns", .help = "Most question-answer pairs of one conversation; 0 is no limit.", .unit = "turns", .min = 0});
    v(turn_overflow, {.key = "turn_overflow", .help = "What happens to turns beyond max_turns: 'split' makes further samples of them, 'truncate' drops them.", .choices = {"split", "truncate"}});
    v(turn_order, {.key = "turn_order", .help = "Order of the question-answer pairs before max_turns cuts them: 'as_is', or 'shuffled' for each sample, where no question passes a picture.", .choices = {"as_is", "shuffled"}});
    v(max_length, {.key = "max_length", .help = "Longest sample after pictures are expanded.", .unit = "tokens", .min = 16});
    v(length_overflow, {.key = "length_overflow", .help = "What happens to a sample beyond max_length: 'truncate' drops pairs from its end and cuts the first answer where that alone is too long, 'split' makes further samples of the pairs, 'drop' leaves it out.", .choices = {"truncate", "split", "drop"}});
  }
};

// As a worker gets it: with the parts of a template that is the recipe's own.
struct JobConversation : ConversationOptions {
  std::optional<TemplateOptions> form;  // in the place of the template that template_name names

  template <class Visitor>
  void declare(Visitor& v) {
    ConversationOptions::declare(v);
    v(form, {.key = "form", .help = "The template's parts where it is the recipe's own."});
  }
};

// The embedded picture source (modules/data/scenes).
struct SceneOptions {
  std::string split = "train";
  std::int64_t first = 0;
  std::int64_t count = 1000;
  std::int64_t image_size = 80;
  std::int64_t min_objects = 1;
  std::int64_t max_objects = 6;
  double repeat = 0.35;
  std::vector<std::string> objects;
  std::string backgrounds = "mixed";

  template <class Visitor>
  void declare(Visitor& v) {
    v(split, {.key = "split", .help = "Which of the disjoint splits.", .choices = {"train", "validation", "test"}});
    v(first, {.key = "first", .help = "Index of the first scene.", .unit = "scenes", .min = 0});
    v(count, {.key = "count", .help = "Number of scenes.", .unit = "scenes", .min = 1});
    v(image_size, {.key = "image_size", .help = "Side of the square pictures.", .unit = "pixels", .min = 32, .max = 1024});
    v(min_objects, {.key = "min_objects", .help = "Fewest objects in a scene.", .min = 1, .max = 6});
    v(max_objects, {.key = "max_objects", .help = "Most objects in a scene.", .min = 1, .max = 6});
    v(repeat, {.key = "repeat", .help = "Chance that a further object repeats a kind that is in the scene already.", .min = 0, .max = 1});
    v(objects, {.key = "objects", .help = "Kinds of object by their Unicode names; empty: the standard selection."});
    v(backgrounds, {.key = "backgrounds", .help = "Which backgrounds are drawn.", .choices = {"mixed", "plain", "gradient", "texture"}});
  }
};

struct DataOptions {
  std::string format;
  std::string path;
  std::string images;
  std::string stage;
  std::string content = "caption";
  std::string picture = "pixels";
  std::vector<std::string> kinds;
  std::optional<std::string> system;
  std::map<std::string, double> systems;
  std::optional<std::string> image_position;
  std::optional<std::int64_t> max_turns;
  std::optional<std::string> turn_overflow;
  std::optional<std::string> turn_order;
  std::optional<std::int64_t> expected_samples;
  SceneOptions scenes;

  template <class Visitor>
  void declare(Visitor& v) {
    v(format, {.key = "format", .help = "What the source is: 'scenes' (embedded pictures), 'synthesized' (what a synthesize stage wrote), 'llava' (LLaVA JSON), 'coco' (captions and instances).", .choices = {"scenes", "synthesized", "llava", "coco"}, .required = true});
    v(path, {.key = "path", .help = "File of a 'llava' source, or folder of a 'coco' one (captions.json, instances.json).", .path = true});
    v(images, {.key = "images", .help = "Folder of the pictures; a 'llava' source of text alone has none.", .path = true});
    v(stage, {.key = "stage", .help = "Synthesize stage whose output a 'synthesized' source reads."});
    v(content, {.key = "content", .help = "What a 'scenes' source says: 'caption' (one caption, one turn; a 'coco' source can say nothing else), 'instruct' (conversations by the template teacher, made as they are needed).", .choices = {"caption", "instruct"}});
    v(picture, {.key = "picture", .help = "How a scene is shown: 'pixels', or as text alone: 'grid' (a coarse grid of words in the place of the picture), 'context' (captions and boxes).", .choices = {"pixels", "grid", "context"}});
    v(kinds, {.key = "kinds", .help = "Only samples of these kinds (conversation, detail, reasoning, checklist); empty: all.", .choices = {"conversation", "detail", "reasoning", "checklist"}});
    v(system, {.key = "system", .help = "System message of this source, in the place of conversation.system."});
    v(systems, {.key = "systems", .help = "System messages of this source by their weights, in the place of conversation.systems.", .min = 0});
    v(image_position, {.key = "image_position", .help = "Where the picture stands in this source, in the place of conversation.image_position.", .choices = {"front", "back", "random", "as_is"}});
    v(max_turns, {.key = "max_turns", .help = "Turn limit of this source, in the place of conversation.max_turns.", .unit = "turns", .min = 0});
    v(turn_overflow, {.key = "turn_overflow", .help = "In the place of conversation.turn_overflow.", .choices = {"split", "truncate"}});
    v(turn_order, {.key = "turn_order", .help = "In the place of conversation.turn_order.", .choices = {"as_is", "shuffled"}});
    // Operational: another number stops the stage, and what it would have made is the same.
    v(expected_samples, {.key = "expected_samples", .help = "Samples that the source must hold, before turn limits; a stage that reads another number stops.", .unit = "samples", .min = 1, .operational = true});
    v(scenes, {.key = "scenes", .help = "Which scenes a 'scenes' source holds."});
  }
};

struct MixtureOptions {
  std::map<std::string, Weight> weights;
  std::string exhausted = "repeat";
  std::optional<std::int64_t> samples;
  std::optional<double> epochs;

  template <class Visitor>
  void declare(Visitor& v) {
    v(weights, {.key = "weights", .help = "Share of each data source, or 'natural' (in proportion to its size).", .required = true});
    v(exhausted, {.key = "exhausted", .help = "What happens when a source runs out: 'repeat' starts it again, 'stop' ends the stage, 'drop' goes on without it.", .choices = {"repeat", "stop", "drop"}});
    v(samples, {.key = "samples", .help = "Samples drawn in all.", .unit = "samples", .min = 1});
    v(epochs, {.key = "epochs", .help = "Passes over the natural sources, in the place of samples.", .positive = true});
  }
};

}  // namespace saucier::options
