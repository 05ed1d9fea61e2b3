// A model small enough to be trained in a test, and samples for it.
#pragma once

#include <memory>

#include "modules/data/loader.h"
#include "modules/image/picture.h"
#include "modules/options/job.h"
#include "tests/modules/data/fake_source.h"
#include "tests/modules/model/tiny.h"

namespace saucier::train {

// Squares of one colour: "0" … "31".
class Squares : public data::PictureSource {
 public:
  image::Picture load(const std::string& reference) const override {
    const int n = std::stoi(reference);
    image::Picture picture{.width = 8, .height = 8, .pixels = std::vector<std::uint8_t>(8 * 8 * 3)};
    for (size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = static_cast<std::uint8_t>((n * (31 + 7 * static_cast<int>(i % 3)) + static_cast<int>(i)) % 256);
    return picture;
  }
};

// The i-th of some questions with an answer of its own; every second one is about a picture.
inline data::Sample question(std::int64_t i, const std::string& source) {
  static const std::vector<std::string> words = {"red", "blue", "cat", "dog", "sun", "sea", "tree", "bird"};
  const auto word = [&](std::int64_t n) { return words[static_cast<size_t>(n % 8)]; };
  const bool picture = i % 2 == 1;
  data::Sample sample{.id = std::to_string(i), .source = source, .kind = "", .system = {}, .turns = {}, .pictures = {}};
  sample.turns = {{data::Role::kUser, (picture ? "<image>\n" : "") + word(i) + " " + word(i / 8 + 3)}, {data::Role::kAssistant, word(i * 3 + i / 8) + " " + word(i * 5 + 1)}};
  if (picture) sample.pictures.push_back({.reference = std::to_string(i), .source = std::make_shared<Squares>()});
  return sample;
}

inline std::shared_ptr<const data::Mixture> questions(std::int64_t count, std::int64_t draws, const std::string& name = "questions") {
  auto source = std::make_shared<data::FakeSource>(count, [name](std::int64_t i) { return question(i, name); });
  options::MixtureOptions options;
  options.weights[name] = {.natural = true};
  options.samples = draws;
  return std::make_shared<data::Mixture>(std::vector<data::MixtureSource>{{name, source}}, options, 5);
}

inline model::JoinedModel tiny_model() {
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < 64; ++i)
    for (const data::Turn& turn : question(i, "").turns) texts.push_back("USER: " + turn.text + " ASSISTANT:");
  auto tokenizer = std::make_shared<const text::Tokenizer>(text::Tokenizer::learn(texts, {.vocab_size = 320}));
  model::LanguageConfig config = model::tiny_language(4, tokenizer->vocab_size());
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.head_dim = 8;
  config.max_positions = 256;
  model::LanguageModel language = model::LanguageModel::random(config, 1);
  model::enliven(language.parameters(), 11);
  model::VisionTower tower = model::VisionTower::random(model::tiny_vision(), 2);
  model::enliven(tower.parameters(), 12);
  return {.tower = std::move(tower), .projector = model::Projector::random({.kind = "mlp2x_gelu"}, 8, 32, 3), .language = std::move(language),
          .tokenizer = std::move(tokenizer), .vision_layers = {-2}};
}

inline options::Job tiny_job(const std::filesystem::path& work, std::vector<std::string> trains) {
  options::Job job;
  job.stage = "tiny";
  job.seed = 3;
  job.work = work.string();
  job.conversation.template_name = "vicuna_v1";
  job.conversation.system = "none";
  job.train = options::TrainOptions{};
  job.train->trains = std::move(trains);
  job.train->global_batch = 32;
  job.train->lora = {.rank = 16, .alpha = 32, .modules = {"all-linear", "lm_head"}};
  job.train->vision_lora.rank = 4;
  return job;
}

inline std::unique_ptr<data::Loader> tiny_loader(const options::Job& job, const model::JoinedModel& model, std::shared_ptr<const data::Mixture> mixture) {
  return std::make_unique<data::Loader>(std::move(mixture), *model.tokenizer, job.conversation,
                                        data::LoaderOptions{.global_batch = job.train->global_batch, .picture_tokens = model.picture_tokens("square"), .seed = 9});
}

}  // namespace saucier::train
