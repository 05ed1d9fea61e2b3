// [conversation], [data.NAME], [mixture.NAME]: what is trained on and how it is written out.
#pragma once

#include "modules/options/template_options.h"

namespace saucier::options {

struct ConversationOptions {
  std::string template_name = "vicuna_v1";
  std::string system = "template";
  std::map<std::string, double> systems = {};
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
  std::optional<TemplateOptions> form = {};  // in the place of the template that template_name names

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

// Names of the fields, or columns, of a source's rows; empty: the format's own (docs/data.md lists them).
struct ColumnOptions {
  std::string id;
  std::string image;
  std::string image_name;
  std::string system;
  std::string conversations;
  std::string from;
  std::string value;
  std::string user;
  std::string assistant;
  std::string caption;
  std::string question;
  std::string answer;

  template <class Visitor>
  void declare(Visitor& v) {
    v(id, {.key = "id", .help = "Field with the sample's id; a row without it is named by its line."});
    v(image, {.key = "image", .help = "Field with the picture, or a list of them."});
    v(image_name, {.key = "image_name", .help = "File name made of that field: '{}' stands for its value, '{:012}' for its value with zeros in front up to 12 digits."});
    v(system, {.key = "system", .help = "Field with a system message of the row's own."});
    v(conversations, {.key = "conversations", .help = "Field with the list of turns."});
    v(from, {.key = "from", .help = "Field of a turn that says whose it is."});
    v(value, {.key = "value", .help = "Field of a turn with its text."});
    v(user, {.key = "user", .help = "What the field 'from' says of the user's turns."});
    v(assistant, {.key = "assistant", .help = "What the field 'from' says of the assistant's turns."});
    v(caption, {.key = "caption", .help = "Field with the caption, or a list of captions of which one is drawn."});
    v(question, {.key = "question", .help = "Field with the question; of 'captions', what the caption answers in the place of a drawn question."});
    v(answer, {.key = "answer", .help = "Field with the answer, or a list of answers of which the most frequent is taken."});
  }
};

struct DataOptions {
  std::string format;
  std::string path;
  std::string images;
  std::string shards = "*.tar";
  std::string annotations;
  ColumnOptions columns;
  std::string question_suffix;
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
  std::string mode = "strict";
  double tolerate = 0.01;
  std::map<std::string, double> tolerate_reason;
  std::string check_pictures = "header";
  std::string duplicates = "keep";
  std::vector<std::string> held_out;
  std::string overlap = "refuse";
  SceneOptions scenes;

  template <class Visitor>
  void declare(Visitor& v) {
    v(format, {.key = "format", .help = "What the source is: 'scenes' (embedded pictures), 'synthesized' (what a synthesize stage wrote), or files (docs/data.md): 'llava', 'sharegpt' and 'openai' (conversations in JSON), 'coco' (captions and instances), 'captions' (tables or JSON), 'vqa' (questions and answers), 'webdataset' (tar files).", .choices = {"scenes", "synthesized", "llava", "sharegpt", "openai", "coco", "captions", "vqa", "webdataset"}, .required = true});
    v(path, {.key = "path", .help = "The file; of a 'coco' source the folder with captions.json and instances.json, of a 'webdataset' one the folder of the shards or one shard.", .path = true});
    v(images, {.key = "images", .help = "Folder of the pictures; a source of text alone has none.", .path = true});
    v(shards, {.key = "shards", .help = "Which files of the folder a 'webdataset' source reads: a pattern with '*', '?', '{a,b}' and '{000..123}'."});
    v(annotations, {.key = "annotations", .help = "The answers of a 'vqa' source whose path holds questions alone (VQAv2).", .path = true});
    v(columns, {.key = "columns", .help = "Names of fields, where they differ from the format's own."});
    v(question_suffix, {.key = "question_suffix", .help = "Text behind every question of a 'vqa' source, such as LLaVA's demand for a short answer."});
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
    v(mode, {.key = "mode", .help = "What a row does that cannot be used: 'strict' stops the stage, 'lenient' leaves the row out and counts it by its reason.", .choices = {"strict", "lenient"}});
    // Operational as expected_samples is.
    v(tolerate, {.key = "tolerate", .help = "Share of the rows that may be left out for one reason before a lenient source, or one that drops what overlaps, stops the stage.", .min = 0, .max = 1, .operational = true});
    v(tolerate_reason, {.key = "tolerate_reason", .help = "The same for single reasons: { missing-picture = 0.05 }.", .min = 0, .max = 1, .choices = {"broken-row", "not-an-object", "field-count", "not-utf-8", "missing-field", "wrong-type", "unknown-role", "tool-turn", "misplaced-system", "no-turns", "first-turn", "not-alternating", "empty-turn", "no-answer", "picture-count", "no-caption", "repeated-id", "unknown-picture", "unknown-category", "bad-box", "missing-picture", "picture-outside", "undecodable-picture", "overlap-picture", "overlap-question"}, .operational = true});
    v(check_pictures, {.key = "check_pictures", .help = "How far pictures are looked at before the stage begins: 'header' (there, and its size can be read), 'decode' (every pixel), 'none' (there).", .choices = {"header", "decode", "none"}});
    v(duplicates, {.key = "duplicates", .help = "Rows with the turns and pictures of an earlier one: 'keep' counts them, 'drop' leaves them out.", .choices = {"keep", "drop"}});
    v(held_out, {.key = "held_out", .help = "Data sources whose pictures and questions must not stand in this one: benchmarks, or what else the model is judged by (docs/overlap.md)."});
    v(overlap, {.key = "overlap", .help = "What a sample does that overlaps with held_out: 'refuse' stops the stage, 'drop' leaves the sample out, 'count' keeps it; the last two count it.", .choices = {"refuse", "drop", "count"}});
    v(scenes, {.key = "scenes", .help = "Which scenes a 'scenes' source holds."});
  }
};

struct MixtureOptions {
  std::map<std::string, Weight> weights;
  double temperature = 1;
  std::string exhausted = "repeat";
  std::optional<std::int64_t> max_passes;
  std::optional<std::int64_t> samples;
  std::optional<double> epochs;
  std::string order = "shuffled";
  std::string duplicates = "keep";

  template <class Visitor>
  void declare(Visitor& v) {
    v(weights, {.key = "weights", .help = "Share of each data source, 'natural' (in proportion to its size), or a table with one of share, samples, epochs, and max_passes.", .required = true});
    v(temperature, {.key = "temperature", .help = "Divides the draws of the natural sources in proportion to size to the power 1/temperature: above 1 small sources get more.", .positive = true});
    v(exhausted, {.key = "exhausted", .help = "What happens when a source runs out: 'repeat' starts it again, 'stop' ends the stage, 'drop' goes on without it.", .choices = {"repeat", "stop", "drop"}});
    v(max_passes, {.key = "max_passes", .help = "Most passes over any one source; the others share the place of one that is through.", .min = 1});
    v(samples, {.key = "samples", .help = "Samples drawn in all.", .unit = "samples", .min = 1});
    v(epochs, {.key = "epochs", .help = "Passes over the natural sources, in the place of samples.", .positive = true});
    v(order, {.key = "order", .help = "'shuffled' mixes the sources evenly and each in an order of its own, 'grouped' also keeps pictures and text in batches apart (LLaVA's group_by_modality_length), 'sequential' takes one source after the other, by name, as their files have them.", .choices = {"shuffled", "grouped", "sequential"}});
    v(duplicates, {.key = "duplicates", .help = "Samples with the turns and pictures of one in a source before it, by name: 'keep' looks for none, 'count' counts them, 'drop' leaves them out.", .choices = {"keep", "count", "drop"}});
  }
};

}  // namespace saucier::options
