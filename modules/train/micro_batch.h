// How much of a batch is computed at once, so that it fits into memory: all of it where it does.
//
// A stage may say it (micro_batch, in samples). Else, where an estimate says that the batch may not fit, a small part of it is
// tried first, its memory is measured, and batches are cut by that into pieces of so many tokens. And where memory runs out
// all the same, pieces become half as large and the step begins anew: a step is never lost, and the global batch stays what
// it is.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/json.h"
#include "modules/model/joined.h"

namespace saucier::train {

class MicroBatch {
 public:
  using Piece = std::pair<size_t, size_t>;  // rows [begin, end)

  explicit MicroBatch(std::optional<std::int64_t> rows) : rows_(rows) {}

  // Rows of `lengths` tokens in pieces: as many rows together as are allowed, one at least.
  std::vector<Piece> pieces(std::span<const std::int64_t> lengths) const;

  // Before the first batch, where nothing is said: `bytes_per_token` is an estimate of what a token takes until its backward
  // pass is over, and `compute` computes a piece, whose gradients
  // are then to be forgotten. True where pieces became smaller than the batch.
  bool fit(std::span<const std::int64_t> lengths, double bytes_per_token, const at::Device& device, const std::function<void(Piece)>& compute);

  // Memory ran out: pieces of half the tokens. False where the batch was in pieces of one row already.
  bool shrink(std::span<const std::int64_t> lengths);
  std::optional<std::int64_t> most_tokens() const { return tokens_; }

  Json state() const { return tokens_ ? Json(*tokens_) : Json(); }
  void restore(const Json& state);

 private:
  std::optional<std::int64_t> rows_, tokens_;
  bool fitted_ = false;
};

std::int64_t tokens_of(std::span<const std::int64_t> lengths, MicroBatch::Piece piece);

bool is_out_of_memory(const std::exception& error);

// For the user, where nothing can be made smaller.
Error does_not_fit(std::span<const std::int64_t> lengths);

// What a token of the language model takes in memory between its forward and its backward pass.
double bytes_per_token(const model::LanguageModel& language);

// Bytes that this process may still take: on the CPU the least of what the machine has, what its control group allows, and
// what its own limit leaves; none where that cannot be known.
std::optional<double> free_memory(const at::Device& device);

}  // namespace saucier::train
