#include "modules/data/prepared.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"

namespace saucier::data {
namespace {

namespace fs = std::filesystem;

constexpr int kPreparedVersion = 2;  // raise it where the same key would give other tokens: templates, cuts, checks; or the reasons other numbers
constexpr std::int64_t kShard = 1024;

// A file that is being written, and at the same time the lock of whoever does it: it is gone, and free, with its process.
class Building {
 public:
  explicit Building(const fs::path& path) : path_(path) {
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) fail("open");
    // The one who had it before may have finished and renamed it in between: then this is no longer the file of that name.
    struct stat ours {}, named {};
    mine_ = ::flock(fd_, LOCK_EX | LOCK_NB) == 0 && ::fstat(fd_, &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
  }
  ~Building() {
    if (mine_) ::unlink(path_.c_str());
    ::close(fd_);
  }
  Building(const Building&) = delete;
  Building& operator=(const Building&) = delete;

  bool mine() const { return mine_; }

  void finish(std::string_view bytes, const fs::path& as) {
    if (::ftruncate(fd_, 0) != 0) fail("write");
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("write");
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    if (::rename(path_.c_str(), as.c_str()) != 0) fail("rename");
    mine_ = false;
  }

 private:
  [[noreturn]] void fail(const char* what) const { throw Error(fmt::format("cannot {} '{}': {}", what, path_.string(), std::strerror(errno))); }

  fs::path path_;
  int fd_ = -1;
  bool mine_ = false;
};

}  // namespace

Json prepared_key(const Json& contents, const options::JobConversation& conversation, const text::Tokenizer& tokenizer,
                  const image::PictureTokens& picture_tokens, std::uint64_t seed) {
  Json said = options::to_json(conversation);
  for (const char* elsewhere : {"image_aspect", "max_turns", "turn_overflow", "turn_order"}) said.erase(elsewhere);  // pixels; applied before, so part of `contents`
  Json key = {{"version", kPreparedVersion}, {"contents", contents}, {"conversation", said}, {"tokenizer", tokenizer.fingerprint()}};
  if (picture_tokens.by_size()) {
    Json pinpoints = Json::array();
    for (const image::Size& size : picture_tokens.pinpoints) pinpoints.push_back({size.height, size.width});
    key["picture_tokens"] = {{"pinpoints", pinpoints}, {"side", picture_tokens.side}, {"side_patches", picture_tokens.side_patches}};
  } else {
    key["picture_tokens"] = picture_tokens.each;
    if (auto source = key["contents"].find("source"); source != key["contents"].end()) source->erase("images");
  }
  if (conversation.image_position == "random" || !conversation.systems.empty()) key["seed"] = seed;
  return key;
}

PreparedSource::PreparedSource(std::shared_ptr<const SampleSource> samples, Encode encode, std::string name, const fs::path& cache, const Json& key)
    : samples_(std::move(samples)), encode_(std::move(encode)), name_(std::move(name)), size_(samples_->size()), key_(sha256(key.dump())),
      folder_(cache / key_), slots_(static_cast<size_t>((size_ + kShard - 1) / kShard)) {
  make_folders(folder_);
  const fs::path text = folder_ / paths::kCacheKey;
  std::error_code ignored;
  if (!fs::exists(text)) write_file_atomic(text, key.dump(1) + "\n");
  fs::last_write_time(text, fs::file_time_type::clock::now(), ignored);
}

fs::path PreparedSource::file(std::int64_t shard) const { return folder_ / fmt::format("{:06}.rows", shard); }

std::shared_ptr<const PreparedShard> PreparedSource::open(std::int64_t shard) const {
  Slot& slot = slots_[shard];
  const std::lock_guard lock(slot.mutex);
  if (slot.shard) return slot.shard;
  const std::int64_t first = shard * kShard;
  try {
    slot.shard = PreparedShard::open(file(shard), key_, first, std::min(kShard, size_ - first));
  } catch (const Error& error) {
    warn(fmt::format("{}; it is made again", error.what()));
    std::error_code ignored;
    fs::remove(file(shard), ignored);
  }
  return slot.shard;
}

std::shared_ptr<const PictureSource> PreparedSource::pictures_of(const PreparedShard& shard, std::int64_t index) const {
  const ShardHeader& header = shard.header();
  if (!header.one_picture_source) return samples_->get(index).pictures.at(0).source;
  std::call_once(shard.pictures_found, [&] {
    shard.pictures = samples_->get(static_cast<std::int64_t>(header.first + header.first_with_picture)).pictures.at(0).source;
  });
  return shard.pictures;
}

WrittenSample PreparedSource::get(std::int64_t index) const {
  SAUCIER_CHECK(index >= 0 && index < size_, "sample {} of {}", index, size_);
  const auto shard = open(index / kShard);
  if (!shard) return encode_(samples_->get(index));
  WrittenSample written = shard->get(index % kShard, name_);
  for (Conversation& one : written.conversations)
    for (PictureRef& picture : one.pictures) picture.source = pictures_of(*shard, index);
  return written;
}

std::string PreparedSource::make(std::int64_t shard, const std::atomic<bool>& stop) const {
  ShardWriter writer;
  const std::int64_t first = shard * kShard, end = std::min(size_, first + kShard);
  for (std::int64_t i = first; i < end && !stop; ++i)
    writer.add(with_context(fmt::format("while preparing sample {} of data source '{}'", i, name_), [&] { return encode_(samples_->get(i)); }));
  return stop ? std::string() : std::move(writer).finish(key_, first);
}

bool PreparedSource::prepare(std::int64_t shard, const std::atomic<bool>& stop) const {
  if (open(shard)) return true;
  Building building(folder_ / fmt::format("{:06}.building", shard));
  if (!building.mine()) return false;
  if (open(shard)) return true;  // made by another while we came for the lock
  const std::string bytes = make(shard, stop);
  if (bytes.empty()) return false;
  building.finish(bytes, file(shard));
  return true;
}

void PreparedSource::warn(std::string text) const {
  constexpr size_t kMost = 20;  // a full disk says the same for every shard
  const std::lock_guard lock(warnings_mutex_);
  if (warnings_.size() < kMost) warnings_.push_back(std::move(text));
}

std::vector<std::string> PreparedSource::take_warnings() const {
  const std::lock_guard lock(warnings_mutex_);
  return std::exchange(warnings_, {});
}

PreparedAhead::PreparedAhead(std::vector<const PreparedSource*> sources, int threads) : sources_(std::move(sources)), begin_{0} {
  for (const PreparedSource* source : sources_) begin_.push_back(begin_.back() + source->shards());
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

PreparedAhead::~PreparedAhead() {
  stop_ = true;
  wait();
}

void PreparedAhead::wait() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void PreparedAhead::work() {
  for (std::int64_t shard = next_++; shard < begin_.back() && !stop_; shard = next_++) {
    const auto j = std::upper_bound(begin_.begin(), begin_.end(), shard) - begin_.begin() - 1;
    try {
      sources_[j]->prepare(shard - begin_[j], stop_);
    } catch (const std::exception& error) {
      sources_[j]->warn(fmt::format("some samples are not prepared ahead: {}", error.what()));
    }
  }
}

}  // namespace saucier::data
