// Batches in pieces that fit into memory, and what happens where it runs out.
#include "modules/train/micro_batch.h"

#include <malloc.h>
#include <sys/resource.h>

#include <fstream>

#include "modules/train/conversations.h"
#include "tests/modules/train/line.h"
#include "tests/modules/train/tiny_model.h"

#include <catch2/catch.hpp>  // behind libtorch, which has a CHECK of its own

using namespace saucier;
using train::MicroBatch;

namespace {

using Pieces = std::vector<MicroBatch::Piece>;
const std::vector<std::int64_t> kLengths = {10, 10, 20, 30, 40, 90};

// This process may take so many bytes more than it has.
class Limit {
 public:
  explicit Limit(double bytes) {
    ::getrlimit(RLIMIT_AS, &before_);
    std::ifstream statm("/proc/self/statm");
    double pages = 0;
    statm >> pages;
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(pages * 4096 + bytes);
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ~Limit() { ::setrlimit(RLIMIT_AS, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  rlimit before_{};
};

constexpr double kMegabyte = 1 << 20;

// A model whose batch takes some hundred megabytes.
model::JoinedModel hungry_model() {
  model::JoinedModel model = train::tiny_model();
  model::LanguageConfig config = model.language.config();
  config.hidden_size = 256;
  config.intermediate_size = 1024;
  config.heads = 8;
  config.kv_heads = 8;
  config.head_dim = 32;
  config.layers = 12;
  model.language = model::LanguageModel::random(config, 1);
  model.projector = model::Projector::random({.kind = "mlp2x_gelu"}, 8, 256, 3);
  return model;
}

}  // namespace

TEST_CASE("pieces hold as many rows as are allowed, and one at least") {
  CHECK(MicroBatch({}).pieces(kLengths) == Pieces{{0, 6}});
  CHECK(MicroBatch(4).pieces(kLengths) == Pieces{{0, 4}, {4, 6}});
  CHECK(MicroBatch({}).pieces({}).empty());
  MicroBatch by_tokens({});
  by_tokens.restore(70);
  CHECK(by_tokens.pieces(kLengths) == Pieces{{0, 4}, {4, 5}, {5, 6}});
  CHECK(by_tokens.state() == Json(70));
  by_tokens.restore(5);
  CHECK(by_tokens.pieces(kLengths).size() == 6);
}

TEST_CASE("pieces shrink until they are single rows") {
  MicroBatch pieces({});
  std::vector<std::int64_t> most;
  while (pieces.shrink(kLengths)) most.push_back(*pieces.most_tokens());
  CHECK(most == std::vector<std::int64_t>{100, 35, 10});
  MicroBatch said(2);
  CHECK(said.shrink(kLengths));
  CHECK(said.pieces(kLengths) == Pieces{{0, 2}, {2, 4}, {4, 5}, {5, 6}});
}

TEST_CASE("a batch that surely fits is not tried") {
  MicroBatch pieces({});
  CHECK_FALSE(pieces.fit(kLengths, 1, at::kCPU, [](MicroBatch::Piece) { FAIL("tried"); }));
  CHECK(pieces.pieces(kLengths) == Pieces{{0, 6}});
}

TEST_CASE("memory that a limit leaves is all there is") {
  const Limit limit(300 * kMegabyte);
  const auto free = train::free_memory(at::kCPU);
  REQUIRE(free);
  CHECK(*free <= 300 * kMegabyte);
  CHECK(*free > 200 * kMegabyte);
}

TEST_CASE("where memory runs out, or would, a step is computed in pieces and learns the same") {
  const bool said = GENERATE(false, true);  // said: no estimate is made, and memory runs out
  ::mallopt(M_MMAP_THRESHOLD, 1 << 16);  // what is freed goes back to the system, and counts as free
  TempFolder folder;
  options::Job job = train::tiny_job(folder.path(), {"projector", "language_model.lora"});
  job.train->global_batch = 128;
  if (said) job.train->micro_batch = 128;
  model::JoinedModel model = hungry_model();
  const auto loader = train::tiny_loader(job, model, train::questions(128, 256));
  const auto path = folder.path() / "events.jsonl";
  EventWriter events(path, false);
  train::Conversations objective(job, model, *loader, nullptr, events);
  train::Optimizer optimizer(objective.groups(), {});
  const auto last = [] { return false; };
  const double loss = objective.step(0, last).loss;
  const at::Tensor all = optimizer.gradients().clone();
  optimizer.discard();
  train::Conversations again(job, model, *loader, nullptr, events);
  {
    const Limit limit(60 * kMegabyte);
    CHECK(again.step(0, last).loss == Approx(loss).epsilon(1e-5));
  }
  CHECK(at::allclose(optimizer.gradients(), all, 1e-4, 1e-6));
  INFO(read_file(path));
  CHECK(read_file(path).find(said ? "memory ran out; from here on at most" : "memory is short: at most") != std::string::npos);
  CHECK(again.state().get<std::int64_t>() > 0);
}

TEST_CASE("what cannot be cut any more is said") {
  CHECK(train::does_not_fit(kLengths).render() == "error: out of memory with a sample of 90 tokens\nhint: lower conversation.max_length, or write dtype = \"bfloat16\"\n");
}

TEST_CASE("what is computed in vain draws no random numbers") {
  TempFolder folder;
  options::Job job = train::tiny_job(folder.path(), {"projector", "language_model.lora"});
  job.train->lora.dropout = 0.3;
  ::mallopt(M_MMAP_THRESHOLD, 1 << 16);
  model::JoinedModel model = hungry_model();
  const auto loader = train::tiny_loader(job, model, train::questions(32, 64));
  EventWriter events(folder.path() / "events.jsonl", false);
  const auto last = [] { return false; };
  const auto loss_of = [&](train::Conversations& objective) {
    at::manual_seed(7);
    return objective.step(0, last).loss;
  };
  train::Conversations tried(job, model, *loader, nullptr, events);
  train::Optimizer optimizer(tried.groups(), {});
  const double first = [&] {
    const Limit limit(40 * kMegabyte);
    return loss_of(tried);
  }();
  optimizer.discard();
  REQUIRE(tried.state().is_number());  // a part was tried, and the batch was cut
  train::Conversations resumed(job, model, *loader, nullptr, events);
  resumed.restore(tried.state());
  CHECK(loss_of(resumed) == first);
}
