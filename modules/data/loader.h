// Batches for training, made ahead of their use in threads that sleep while there is nothing to do.
//
// Batch b is a function of (mixture, options, b): a run that goes on at batch k sees what the first run would have seen.
// The draws of `window` batches are encoded together, sorted by length and cut into batches of like length, which cost
// less padding; then the batches of the window are shuffled. A dropped draw leaves the batches of its window smaller by
// its part; it is never replaced, since that would bend the mixture.
//
// With the mixture's order "grouped" a batch is one of LLaVA's megabatches (group_by_modality_length, llava_trainer.py): it
// holds samples with pictures, or samples without, in the order drawn; the batches are shuffled, and what fills none comes
// last. Inside a batch rows are sorted by length. With "sequential" batch b holds the draws b * global_batch and on.
//
// Several ranks: each has a part of every batch, all parts together are the batch, and which rows a rank gets depends on
// (batch, rank, ranks) alone: the longest goes first to the rank with the fewest tokens, none gets more than
// ceil(rows / ranks). Where a batch has fewer rows than ranks some parts are empty.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "modules/data/drawn.h"
#include "modules/data/encode.h"
#include "modules/data/mixture.h"
#include "modules/data/prepared.h"

namespace saucier::data {

struct Batch {
  std::int64_t number = 0;
  std::vector<std::vector<std::int32_t>> ids;     // [B][T of the row]; one image() id stands for a picture
  std::vector<std::vector<std::int32_t>> labels;  // as ids; kIgnore where not learned; not shifted
  std::vector<std::int64_t> lengths;              // [B] tokens with the pictures expanded
  std::vector<std::vector<std::int32_t>> packs;   // rows of each pack, where LoaderOptions::tokens_per_pack asks for packs
  std::vector<Picture> pictures;                  // each picture of the batch once
  std::vector<std::vector<std::int32_t>> shown;   // [B] for each image() id of the row, an index into pictures
  std::vector<std::string> sample_ids;            // [B]
  std::vector<std::int32_t> sources;              // [B] index into Mixture::sources()
  std::vector<Drop> dropped;                      // of the whole window; in its lowest-numbered batch only, of rank 0
  std::int64_t draws = 0;                         // drawn up to the end of this batch's window
  std::int64_t global_learned = 0;                // learned tokens of all ranks' parts; none before a row's first token
  std::vector<Drawn> drawn;                       // by source, of all ranks' parts; drops where `dropped` has them
};

struct LoaderOptions {
  std::int64_t global_batch = 32;
  image::PictureTokens picture_tokens = {};  // JoinedModel::picture_tokens()
  std::uint64_t seed = 0;
  std::int64_t window = 8;          // batches that are sorted together
  std::int64_t ahead = 4;           // batches made before they are asked for
  int threads = 1;
  std::map<std::string, options::DataOptions> sources = {};  // by name, for what they say otherwise than `conversation`
  std::int64_t rank = 0;            // of ranks: which part of every batch
  std::int64_t ranks = 1;
  std::int64_t tokens_per_pack = 0; // 0: no packs; else at least the conversation's max_length
  std::filesystem::path cache = {}; // folder of prepared samples; empty: written out anew each time
  std::map<std::string, std::string> contents = {};  // by source, JSON for prepared_key(); a source without is not prepared
  int prepare_threads = 1;          // that prepare ahead while batches are made
};

class Loader {
 public:
  // `tokenizer` must outlive this object. Threads start with the first get(). The order "grouped" reads every sample of
  // every source once, here, for whether it has pictures.
  Loader(std::shared_ptr<const Mixture> mixture, const text::Tokenizer& tokenizer,
         const options::JobConversation& conversation, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t batches() const { return batches_; }  // ceil(size / global_batch); the last may be smaller
  std::int64_t global_batch() const { return options_.global_batch; }
  const Mixture& mixture() const { return *mixture_; }

  // Batch `number`, while the threads go on with the following ones; any other number than the next begins anew there.
  // An Error met while making it (a picture that cannot be read, a window with fewer usable samples than batches) is thrown here.
  // For one thread at a time.
  Batch get(std::int64_t number);

  Batch make(std::int64_t number) const;  // the same, here and now; thread-safe

  // Of the batches [begin, end), by source: remembered of those that get() gave, made again (without pictures) for others,
  // so it is a function of the batches. For the thread that calls get(). Those before `begin` are forgotten.
  std::vector<Drawn> drawn(std::int64_t begin, std::int64_t end);

  std::vector<std::string> take_warnings() const;  // of prepared samples: what was damaged or could not be written

 private:
  struct Window;
  struct Made {
    Batch batch;
    std::exception_ptr error;
  };
  std::int64_t windows() const;
  std::int64_t window_of(std::int64_t batch) const { return std::min(batch / options_.window, windows() - 1); }
  void group();
  WrittenSample written(const Draw& draw) const;
  std::vector<Drawn> drawn_in(const Window& window, std::int64_t number) const;
  std::shared_ptr<const Window> make_window(std::int64_t number) const;
  std::shared_ptr<const Window> window(std::int64_t number) const;  // the few latest are kept
  Batch make_from(const Window& window, std::int64_t number) const;
  void work();

  std::shared_ptr<const Mixture> mixture_;
  Encode encode_;
  LoaderOptions options_;
  std::int64_t batches_ = 0;
  std::vector<std::unique_ptr<PreparedSource>> prepared_;  // by source; null: not prepared
  std::optional<PreparedAhead> ahead_;                     // behind prepared_: it goes first
  std::vector<std::uint32_t> grouped_;                     // draw at every place of a grouped order
  std::map<std::int64_t, std::vector<Drawn>> given_;       // of the batches that get() gave

  struct Slot;
  mutable std::mutex window_mutex_;
  mutable std::deque<std::shared_ptr<Slot>> windows_;

  std::mutex mutex_;
  std::condition_variable wanted_;  // the threads wait here: room for another batch, or the end
  std::condition_variable ready_;   // get() waits here
  std::map<std::int64_t, Made> made_;
  std::int64_t next_get_ = 0;
  std::int64_t next_make_ = 0;
  std::uint64_t run_ = 0;           // counts new beginnings: what was made for an older one is thrown away
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace saucier::data
