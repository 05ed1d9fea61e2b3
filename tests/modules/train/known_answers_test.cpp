// Training finds what is there to be found: a set of 32 samples is known by heart in the end.
#include "modules/train/conversations.h"
#include "modules/train/window.h"
#include "tests/fault/long.h"
#include "tests/modules/train/line.h"
#include "tests/modules/train/tiny_model.h"

#include <catch2/catch.hpp>  // behind libtorch, which has a CHECK of its own

using namespace saucier;

namespace {

train::Optimizer optimizer_of(const options::Job& job, train::Conversations& objective) {
  return train::Optimizer(objective.groups(), {.kind = job.train->optimizer, .beta1 = job.train->beta1, .beta2 = job.train->beta2, .clip_norm = job.train->clip_norm});
}

void train_on(const options::Job& job, model::JoinedModel& model, std::int64_t steps) {
  const auto loader = train::tiny_loader(job, model, train::questions(32, steps * job.train->global_batch));
  EventWriter events(std::filesystem::path(job.work) / "events.jsonl", false);
  train::Conversations objective(job, model, *loader, nullptr, events);
  train::Optimizer optimizer = optimizer_of(job, objective);
  train::Ranks alone;
  train::run(job, objective, optimizer, alone, events);
}

}  // namespace

TEST_CASE("32 samples are learned to nearly no loss") {
  using Parts = std::vector<std::string>;
  const auto [trains, rate, optimizer] = GENERATE(table<Parts, double, std::string>(
      {{{"projector", "language_model.lora"}, 5e-3, "adamw"}, {{"projector", "language_model"}, 3e-3, "adamw"}, {{"projector", "language_model"}, 3e-3, "adamw_8bit"}}));
  TempFolder folder;
  options::Job job = train::tiny_job(folder.path(), trains);
  job.train->learning_rate = rate;
  job.train->optimizer = optimizer;
  job.train->beta2 = 0.99;
  model::JoinedModel model = train::tiny_model();
  train_on(job, model, 400);
  const auto losses = train::metric_in(folder.path(), "loss");
  INFO(trains.back() << " by " << optimizer);
  CHECK(losses.begin()->second > 1);
  CHECK(losses.rbegin()->second < 0.01);
}

TEST_CASE("every entry of trains moves its own tensors and no others") {
  const auto [word, moves] = GENERATE(table<std::string, std::vector<std::string>>({
      {"projector", {"projector."}},
      {"language_model.norms", {"language.model.norm.", "norm.weight"}},
      {"language_model.embeddings", {"language.model.embed_tokens.", "language.lm_head."}},
      {"language_model.layers.0", {"language.model.layers.0."}},
      {"language_model.last.1", {"language.model.layers.1."}},
      {"language_model.lora", {"language.lora."}},
      {"vision_tower", {"tower.vision_model.embeddings", "tower.vision_model.pre_layrnorm", "tower.vision_model.encoder.layers.0."}},
      {"vision_tower.last.1", {"tower.vision_model.encoder.layers.0."}},  // the features are those before the last of two layers
      {"vision_tower.lora", {"tower.lora."}}}));
  INFO(word);
  TempFolder folder;
  options::Job job = train::tiny_job(folder.path(), {word});
  job.train->warmup_steps = 0;
  model::JoinedModel model = train::tiny_model(), before = train::tiny_model();
  train_on(job, model, 3);
  const auto tensors = [](const model::JoinedModel& of) {
    std::map<std::string, at::Tensor> all;
    const auto add = [&](const std::string& prefix, const model::Parameters& parameters) {
      for (const auto& [name, tensor] : parameters) all[prefix + name] = tensor.detach();
    };
    add("language.", of.language.parameters());
    add("tower.", of.tower->parameters());
    add("projector.", of.projector->parameters());
    return all;
  };
  const auto old = tensors(before);
  std::set<std::string> moved;
  for (const auto& [name, tensor] : tensors(model)) {
    const bool named = std::any_of(moves.begin(), moves.end(), [&](const std::string& part) { return name.starts_with(part) || (part == "norm.weight" && name.starts_with("language.") && name.ends_with(part)); });
    INFO(name);
    CHECK(at::equal(tensor, old.at(name)) != named);
    if (named) moved.insert(name);
  }
  const bool lora = word.ends_with(".lora");
  CHECK(moved.empty() == lora);
  if (!lora) return;
  for (const auto& [name, tensor] : word.starts_with("vision") ? model.tower->lora() : model.language.lora())
    if (name.ends_with("lora_B.weight") && name.find("layers.1") == std::string::npos) CHECK(tensor.abs().max().item<double>() > 0);
}

TEST_CASE("entries that the model has nothing for are refused") {
  TempFolder folder;
  const auto failure = [&](const std::string& word, bool sight) -> std::string {
    model::JoinedModel model = train::tiny_model();
    if (!sight) {
      model.tower.reset();
      model.projector.reset();
    }
    options::Job job = train::tiny_job(folder.path(), {word});
    train::add_updates(job, model);
    try {
      train::parameter_groups(*job.train, model);
    } catch (const Error& error) {
      return error.render();
    }
    return "no error";
  };
  CHECK(failure("vision_tower", false) == "error: 'vision_tower' names nothing that the model has\nhint: remove it from 'trains'\n");
  CHECK(failure("vision_tower.lora", false) == "error: 'vision_tower.lora' names nothing that the model has\nhint: remove it from 'trains'\n");
  CHECK(failure("language_model.layers.1-2", true) == "error: 'language_model.layers.1-2' is outside of the language model's 2 layers\nhint: they are numbered 0 to 1\n");
  CHECK(failure("vision_tower.last.2", true) == "error: 'vision_tower.last.2' is outside of the 1 layers of the vision tower whose features are used\nhint: name at most 1\n");
}

TEST_CASE("a validation measures the loss of held-out samples and changes nothing") {
  TempFolder folder;
  options::Job job = train::tiny_job(folder.path(), {"language_model.lora"});
  job.train->lora.dropout = 0.5;
  job.train->embedding_noise = 5;
  job.train->validation = "data.held";
  job.train->validation_samples = 20;
  job.train->global_batch = 8;
  model::JoinedModel model = train::tiny_model();
  const auto loader = train::tiny_loader(job, model, train::questions(32, 64)), held = train::tiny_loader(job, model, train::questions(24, 24, "held"));
  EventWriter events(folder.path() / "events.jsonl", false);
  train::Conversations objective(job, model, *loader, held.get(), events);
  train::Optimizer optimizer = optimizer_of(job, objective);
  const auto sum = [](const std::map<std::string, train::SourceLoss>& by_source) {
    train::SourceLoss all;
    for (const auto& [name, loss] : by_source) all = {all.sum + loss.sum, all.tokens + loss.tokens};
    return all;
  };
  at::manual_seed(1);
  const train::SourceLoss first = sum(objective.validate());
  CHECK(optimizer.gradient_norm() == 0);
  CHECK(first.sum / static_cast<double>(first.tokens) > 1);
  objective.step(0, [] { return false; });
  const double norm = optimizer.gradient_norm();
  const train::SourceLoss again = sum(objective.validate());
  CHECK(again.sum == first.sum);
  CHECK(again.tokens == first.tokens);
  CHECK(optimizer.gradient_norm() == norm);
}

TEST_CASE("memory stays flat over 10,000 steps", "[.][long]") {
  if (!long_version()) return;
  TempFolder folder;
  options::Job job = train::tiny_job(folder.path(), {"projector", "language_model.lora"});
  job.train->global_batch = 4;
  job.train->checkpoint_every = 500;
  job.train->log_every = 100;
  model::JoinedModel model = train::tiny_model();
  train_on(job, model, 10'000);
  const auto memory = train::metric_in(folder.path(), "memory_megabytes");
  // The allocator and the products' code for new shapes take some more at first.
  WARN("MB after 1,000, 2,000, 5,000 and 10,000 steps: " << memory.at(1000) << ", " << memory.at(2000) << ", " << memory.at(5000) << ", " << memory.at(10'000));
  CHECK(memory.at(10'000) < memory.at(5000) + 10);
}
