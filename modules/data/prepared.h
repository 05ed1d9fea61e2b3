// Samples that were written out and tokenised once, in files that every stage, trial and process of a store shares.
//
// A cache folder holds a folder a key; the key covers all that alters tokens, and nothing else. In it a file (shard) holds
// 1,024 samples. A shard appears whole or not at all, is read where it lies (mmap), and is checked by a digest before it is
// believed; a damaged one is made again. The files may be taken away at any time: what is not there is written out as if
// there were no cache, so a run starts at once while threads make the shards ahead in order.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "modules/base/json.h"
#include "modules/data/encode.h"
#include "modules/data/prepared_shard.h"

namespace saucier::data {

// What decides about the tokens of a source. `contents`: what its samples are, by whoever reads them (digests of files,
// options, turn limits); its entry "source"."images" counts only where a picture's size does. The seed counts only where
// something is drawn at random.
Json prepared_key(const Json& contents, const options::JobConversation& conversation, const text::Tokenizer& tokenizer,
                  const image::PictureTokens& picture_tokens, std::uint64_t seed);

class PreparedSource {
 public:
  // The folder SHA-256(key) in `cache` is made where it is missing, and its key.json gets the time of this use. `name`:
  // of the data source, for drops. Throws Error where the folder cannot be made.
  PreparedSource(std::shared_ptr<const SampleSource> samples, Encode encode, std::string name, const std::filesystem::path& cache, const Json& key);
  PreparedSource(const PreparedSource&) = delete;
  PreparedSource& operator=(const PreparedSource&) = delete;

  std::int64_t size() const { return size_; }
  std::int64_t shards() const { return static_cast<std::int64_t>(slots_.size()); }
  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path file(std::int64_t shard) const;

  // Sample `index` as encode() gives it, from its shard where that is there. Thread-safe.
  WrittenSample get(std::int64_t index) const;

  // Makes a shard that is absent or damaged. False: another thread or process is at it. Throws what encode() throws, and
  // Error where the file cannot be written. Ends early, with false, when `stop` becomes true.
  bool prepare(std::int64_t shard, const std::atomic<bool>& stop) const;

  void warn(std::string text) const;
  std::vector<std::string> take_warnings() const;

 private:
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<const PreparedShard> shard;
  };
  std::shared_ptr<const PreparedShard> open(std::int64_t shard) const;  // nullptr: absent, or was damaged
  std::string make(std::int64_t shard, const std::atomic<bool>& stop) const;  // its bytes; "" when stopped
  std::shared_ptr<const PictureSource> pictures_of(const PreparedShard& shard, std::int64_t index) const;
  std::shared_ptr<const SampleSource> samples_;
  Encode encode_;
  std::string name_;
  std::int64_t size_ = 0;
  std::string key_;
  std::filesystem::path folder_;
  mutable std::vector<Slot> slots_;
  mutable std::mutex warnings_mutex_;
  mutable std::vector<std::string> warnings_;
};

// Threads that make all shards of some sources in order, until they are through or this object goes. What they cannot
// make is a warning of the source.
class PreparedAhead {
 public:
  PreparedAhead(std::vector<const PreparedSource*> sources, int threads);
  ~PreparedAhead();
  PreparedAhead(const PreparedAhead&) = delete;
  PreparedAhead& operator=(const PreparedAhead&) = delete;
  void wait();  // until the threads are through

 private:
  void work();

  std::vector<const PreparedSource*> sources_;
  std::vector<std::int64_t> begin_;  // of every source among all shards, and their number
  std::atomic<std::int64_t> next_ = 0;
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace saucier::data
