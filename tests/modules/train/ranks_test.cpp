// Several ranks as threads of this program: c10d takes them as it takes processes. They share the
// generator of random numbers, so no training here draws any.
#include <ATen/Context.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "modules/train/conversations.h"
#include "modules/train/gradient_sum.h"
#include "modules/train/ranks.h"
#include "tests/modules/train/line.h"
#include "tests/modules/train/tiny_model.h"

#include <catch2/catch.hpp>  // behind libtorch, which has a CHECK of its own

using namespace saucier;

namespace {

// Runs `body` once for each rank; what one of them throws comes out.
void together(std::int64_t count, const std::function<void(train::Ranks&)>& body) {
  train::Ranks first(options::JobRanks{.count = count, .rank = 0, .address = {}, .devices = {}}, at::kCPU);
  std::vector<std::exception_ptr> errors(static_cast<size_t>(count));
  const auto guarded = [&](train::Ranks& ranks) {
    try {
      ranks.connect();
      body(ranks);
    } catch (...) {
      errors[static_cast<size_t>(ranks.rank())] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (std::int64_t rank = 1; rank < count; ++rank) {
    threads.emplace_back([&, rank] {
      train::Ranks ranks(options::JobRanks{.count = count, .rank = rank, .address = first.address(), .devices = {}}, at::kCPU);
      guarded(ranks);
    });
  }
  guarded(first);
  for (std::thread& thread : threads) thread.join();
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
}

// Trains a tiny model for 20 steps in so many ranks, from the state of `work`, where it is given; its parameters in the end, and what the first rank's rows say of the loss.
struct Trained {
  std::map<std::string, at::Tensor> parameters;
  std::map<std::int64_t, double> losses, held_out;
};

Trained trained_by(std::int64_t count, const std::function<void(options::Job&)>& with, const std::filesystem::path& work = {}) {
  const TempFolder temporary;
  const std::filesystem::path folder = work.empty() ? temporary.path() : work;
  std::vector<Trained> by_rank(static_cast<size_t>(count));
  std::mutex drawing;  // random numbers
  const auto one = [&](train::Ranks& ranks) {
    options::Job job = train::tiny_job(folder / std::to_string(ranks.rank()), {"projector", "language_model.lora"});
    make_folders(job.work);
    job.train->learning_rate = 5e-3;
    job.train->log_every = 1;
    job.train->validation = "data.held";
    job.train->validate_every = 5;
    with(job);
    model::JoinedModel model = [&] {
      const std::lock_guard one_at_a_time(drawing);
      return train::tiny_model();
    }();
    const auto loader = [&](std::int64_t draws) {
      return std::make_unique<data::Loader>(train::questions(32, draws), *model.tokenizer, job.conversation,
                                            data::LoaderOptions{.global_batch = job.train->global_batch, .picture_tokens = model.picture_tokens("square"),
                                                                .seed = 9, .rank = ranks.rank(), .ranks = ranks.count()});
    };
    const auto samples = loader(20 * job.train->global_batch), held_out = loader(32);
    EventWriter events(std::filesystem::path(job.work) / "events.jsonl", false);
    train::Conversations objective(job, model, *samples, held_out.get(), events);
    train::OptimizerOptions options{.kind = job.train->optimizer, .clip_norm = job.train->clip_norm};
    if (job.train->shard_optimizer) {
      options.shard = ranks.rank();
      options.shards = ranks.count();
    }
    train::Optimizer optimizer(objective.groups(), options);
    train::run(job, objective, optimizer, ranks, events);
    Trained& out = by_rank[static_cast<size_t>(ranks.rank())];
    for (const auto& [name, tensor] : model.language.lora()) out.parameters[name] = tensor.detach().clone();
    for (const auto& [name, tensor] : model.projector->parameters()) out.parameters[name] = tensor.detach().clone();
    out.losses = train::metric_in(job.work, "loss");
    out.held_out = train::metric_in(job.work, "validation_loss");
  };
  if (count == 1) {
    train::Ranks alone;
    one(alone);
  } else {
    together(count, one);
  }
  for (const Trained& other : by_rank)
    for (const auto& [name, tensor] : by_rank[0].parameters) {
      INFO(name);
      CHECK(at::equal(tensor, other.parameters.at(name)));  // all take the same steps
    }
  return by_rank[0];
}

double farthest(const Trained& a, const Trained& b) {
  double far = 0;
  for (const auto& [name, tensor] : a.parameters) far = std::max(far, (tensor - b.parameters.at(name)).abs().max().item<double>());
  return far;
}

double apart(const std::map<std::int64_t, double>& a, const std::map<std::int64_t, double>& b) {
  REQUIRE(a.size() == b.size());
  REQUIRE(!a.empty());
  double far = 0;
  for (const auto& [step, value] : a) far = std::max(far, std::abs(value - b.at(step)) / value);
  return far;
}

}  // namespace

TEST_CASE("ranks sum and tell one another") {
  together(3, [](train::Ranks& ranks) {
    const auto number = static_cast<double>(ranks.rank() + 1);
    const at::Tensor values = at::ones({5}) * number;
    ranks.sum(values);
    std::vector<double> doubles = {number, 10 * number, 1e-9 * number};
    ranks.sum(doubles);
    const at::Tensor told = at::ones({2}) * number;
    ranks.broadcast(told);
    const std::string text = ranks.broadcast(ranks.first() ? std::string("a\0b", 3) : "");
    const std::string none = ranks.broadcast(std::string());
    if (!ranks.first()) return;  // Catch2's assertions are for one thread
    CHECK(at::equal(values, at::ones({5}) * 6));
    CHECK(doubles == std::vector<double>{6, 60, (1e-9 + 2e-9) + 3e-9});
    CHECK(at::equal(told, at::ones({2})));
    CHECK(text == std::string("a\0b", 3));
    CHECK(none.empty());
  });
}

TEST_CASE("several CUDA devices ask for a build that has NCCL") {
  if (at::hasCUDA()) return;
  train::Ranks ranks(options::JobRanks{.count = 2, .rank = 0, .address = {}, .devices = {}}, at::Device("cuda:0"));
  std::string said;
  try {
    ranks.connect();
  } catch (const Error& error) {
    said = error.render();
  }
  CHECK(said == "error: several CUDA devices for one stage need NCCL, which this build has not\nnote: while 2 processes come together\n"
                "hint: build against a CUDA libtorch, or give each stage one device\n");
}

TEST_CASE("a gradient sum waits for no gradient that never comes") {
  constexpr std::int64_t kMany = 3 << 20;  // numbers, so that there are several pieces
  std::vector<std::vector<at::Tensor>> sums(2);
  together(2, [&](train::Ranks& ranks) {
    at::Tensor a = at::zeros({kMany}), b = at::zeros({kMany}), c = at::zeros({kMany});
    train::Optimizer optimizer({{"all", {&a, &b, &c}, 0.1, 0, {}}}, {.kind = "sgd"});
    train::GradientSum sum(ranks, optimizer);
    for (int step = 0; step < 2; ++step) {
      const bool swapped = step == 1;
      const at::Tensor& mine = (ranks.rank() == 0) != swapped ? a : c;  // each rank trains what the other does not
      mine.sum().backward();  // of an earlier micro-batch
      sum.expect();
      if (step == 0) (mine.sum() + 2 * b.sum()).backward();  // in the second step nobody trains b, and no last pass follows
      sum.finish();
      sums[static_cast<size_t>(ranks.rank())].push_back(optimizer.gradients().clone());
      optimizer.discard();
    }
  });
  const at::Tensor one = at::ones({kMany});
  CHECK(at::equal(sums[0][0], at::cat({one * 2, one * 4, one * 2})));
  CHECK(at::equal(sums[0][1], at::cat({one, one * 0, one})));
  CHECK(at::equal(sums[0][0], sums[1][0]));
  CHECK(at::equal(sums[0][1], sums[1][1]));
}

TEST_CASE("two ranks and three learn what one learns") {
  const std::string optimizer = GENERATE("adamw", "sgd");
  const auto with = [&](options::Job& job) {
    job.train->optimizer = optimizer;
    // AdamW makes steps of one size from gradients of any, those that are rounding errors included.
    job.train->learning_rate = optimizer == "adamw" ? 2e-4 : 5e-3;
  };
  const Trained alone = trained_by(1, with);
  for (const std::int64_t count : {2, 3}) {
    const Trained shared = trained_by(count, with);
    INFO(count << " ranks, " << optimizer);
    CHECK(farthest(alone, shared) < 1e-5);
    CHECK(apart(alone.losses, shared.losses) < 1e-5);
    CHECK(apart(alone.held_out, shared.held_out) < 1e-5);
  }
}

TEST_CASE("batches that leave a rank without rows, or without pictures, hang nobody") {
  const auto with = [](options::Job& job) {
    job.train->global_batch = 2;  // of two rows, one has a picture
    job.train->micro_batch = 1;
  };
  const Trained alone = trained_by(1, with), shared = trained_by(3, with);
  CHECK(farthest(alone, shared) < 1e-4);
}

TEST_CASE("ranks that share out the optimizer's moments learn the same, and leave states for any number of them") {
  const auto with = [](options::Job& job) {
    job.train->learning_rate = 2e-4;
    job.train->shard_optimizer = true;
    job.train->checkpoint_every = 12;
    job.train->keep_states = 2;
  };
  const Trained alone = trained_by(1, with);
  const TempFolder folder;
  const Trained shared = trained_by(3, with, folder.path());
  CHECK(farthest(alone, shared) < 1e-5);
  for (const std::int64_t count : {1, 2}) {  // on from step 12
    const TempFolder copy;
    std::filesystem::copy(folder.path() / "0", copy.path() / "0", std::filesystem::copy_options::recursive);
    const Trained resumed = trained_by(count, with, copy.path());
    INFO(count << " ranks");
    CHECK(farthest(alone, resumed) < 1e-5);
    CHECK(apart(shared.losses, resumed.losses) < 1e-5);
  }
}

TEST_CASE("a shard of the optimizer keeps its part of the moments") {
  for (const std::string kind : {"adamw", "adamw_8bit"}) {
    std::vector<at::Tensor> moved;
    std::int64_t bytes = 0;
    for (std::int64_t shard = 0; shard < 3; ++shard) {
      at::Tensor weight = at::ones({50, 40});
      train::Optimizer optimizer({{"all", {&weight}, 0.1, 0, {}}}, {.kind = kind, .shard = shard, .shards = 3});
      optimizer.gradients().fill_(0.5);
      const at::Tensor before = optimizer.parameters().clone();
      optimizer.step(std::vector<double>{0.1}, optimizer.gradient_norm());
      moved.push_back(optimizer.parameters().ne(before));
      bytes += optimizer.state_bytes();
    }
    INFO(kind);
    CHECK(at::equal(moved[0].to(at::kInt) + moved[1].to(at::kInt) + moved[2].to(at::kInt), at::ones({2000}, at::kInt)));  // each number by one
    CHECK(bytes < (kind == "adamw" ? 8 * 2400 : 3 * 2400));
  }
}
