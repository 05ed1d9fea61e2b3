#include "modules/data/prepared_shard.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>

#include "modules/base/digest.h"
#include "modules/base/error.h"

namespace saucier::data {
namespace {

static_assert(std::endian::native == std::endian::little, "prepared shards are little-endian");

constexpr std::array<char, 8> kMagic = {'s', 'a', 'u', 'c', 'r', 'o', 'w', 's'};
constexpr std::uint32_t kVersion = 1;  // raise it with kPreparedVersion (prepared.cpp) or alone where the layout changes
constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();

std::uint32_t narrow(std::size_t value) {
  SAUCIER_CHECK(value < kMost, "a shard of {} of something", value);
  return static_cast<std::uint32_t>(value);
}

std::string digest_of(const ShardHeader& header, std::string_view behind) {
  ShardHeader blank = header;
  blank.digest.fill(0);
  Sha256 digest;
  digest.update(std::string_view(reinterpret_cast<const char*>(&blank), sizeof blank));
  digest.update(behind);
  return digest.hex();
}

// How many bytes the tables have that the header counts.
std::uint64_t size_by(const ShardHeader& h) {
  const auto u32s = std::uint64_t{5} * h.samples + std::uint64_t{4} * h.conversations + std::uint64_t{2} * h.drops + std::uint64_t{2} * h.spans + h.pictures + h.texts;
  return sizeof(ShardHeader) + 8 * std::uint64_t{h.conversations} + 4 * u32s + 4 * h.ids + h.text_bytes;
}

template <class T>
void append(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
const T* take(const std::byte*& at, std::uint64_t count) {
  const T* begin = reinterpret_cast<const T*>(at);
  at += count * sizeof(T);
  return begin;
}

}  // namespace

std::uint32_t ShardWriter::text(std::string_view value) {
  if (const auto known = known_.find(value); known != known_.end()) return known->second;
  const auto number = narrow(texts_end_.size());
  texts_ += value;
  texts_end_.push_back(narrow(texts_.size()));
  known_.emplace(value, number);
  return number;
}

void ShardWriter::add(const WrittenSample& written) {
  for (const Conversation& one : written.conversations) {
    const auto& [ids, labels] = one.encoded;
    for (size_t i = 0; i < ids.size();) {
      if (labels[i] == text::kIgnore) {
        ++i;
        continue;
      }
      const size_t begin = i;
      for (; i < ids.size() && labels[i] != text::kIgnore; ++i) SAUCIER_CHECK(labels[i] == ids[i], "label {} of token {}", labels[i], ids[i]);
      spans_.insert(spans_.end(), {narrow(begin), narrow(i)});
    }
    for (const PictureRef& picture : one.pictures) {
      if (!first_with_picture_) {
        first_with_picture_ = narrow(conversations_end_.size());
        picture_source_ = picture.source.get();
      }
      one_picture_source_ = one_picture_source_ && picture.source.get() == picture_source_;
      pictures_.push_back(text(picture.reference));
    }
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    ids_end_.push_back(ids_.size());
    spans_end_.push_back(narrow(spans_.size() / 2));
    pictures_end_.push_back(narrow(pictures_.size()));
    length_.push_back(narrow(static_cast<size_t>(one.length)));
    conversation_id_.push_back(text(one.id));
  }
  for (const Drop& drop : written.drops) {
    drop_id_.push_back(text(drop.id));
    drop_reason_.push_back(static_cast<std::uint32_t>(drop.reason));
  }
  conversations_end_.push_back(narrow(ids_end_.size()));
  drops_end_.push_back(narrow(drop_id_.size()));
  cut_pairs_.push_back(narrow(static_cast<size_t>(written.cut_pairs)));
  cut_answers_.push_back(narrow(static_cast<size_t>(written.cut_answers)));
  parts_.push_back(narrow(static_cast<size_t>(written.parts)));
}

std::string ShardWriter::finish(std::string_view key, std::int64_t first) && {
  ShardHeader header{};
  header.magic = kMagic;
  header.version = kVersion;
  header.one_picture_source = one_picture_source_;
  SAUCIER_CHECK(key.size() == header.key.size());
  std::copy(key.begin(), key.end(), header.key.begin());
  header.first = static_cast<std::uint64_t>(first);
  header.ids = ids_.size();
  header.samples = narrow(conversations_end_.size());
  header.conversations = narrow(ids_end_.size());
  header.drops = narrow(drop_id_.size());
  header.spans = narrow(spans_.size() / 2);
  header.pictures = narrow(pictures_.size());
  header.texts = narrow(texts_end_.size());
  header.text_bytes = narrow(texts_.size());
  header.first_with_picture = first_with_picture_.value_or(header.samples);
  header.bytes = size_by(header);

  std::string out(sizeof header, '\0');
  out.reserve(header.bytes);
  append(out, ids_end_);
  for (const auto* table : {&conversations_end_, &drops_end_, &cut_pairs_, &cut_answers_, &parts_, &spans_end_, &pictures_end_, &length_,
                            &conversation_id_, &drop_id_, &drop_reason_, &spans_, &pictures_, &texts_end_})
    append(out, *table);
  append(out, ids_);
  out += texts_;
  SAUCIER_CHECK(out.size() == header.bytes, "{} bytes of {}", out.size(), header.bytes);
  const std::string digest = digest_of(header, std::string_view(out).substr(sizeof header));
  std::copy(digest.begin(), digest.end(), header.digest.begin());
  std::memcpy(out.data(), &header, sizeof header);
  return out;
}

std::shared_ptr<const PreparedShard> PreparedShard::open(const std::filesystem::path& file, std::string_view key, std::int64_t first, std::int64_t samples) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return nullptr;
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    throw Error(fmt::format("cannot read '{}': {}", file.string(), std::strerror(error)));
  }
  std::shared_ptr<PreparedShard> shard(new PreparedShard);
  if (info.st_size > 0) {
    void* data = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
    const int error = errno;
    if (data == MAP_FAILED) {
      ::close(fd);
      throw Error(fmt::format("cannot map '{}': {}", file.string(), std::strerror(error)));
    }
    shard->data_ = static_cast<const std::byte*>(data);
    shard->size_ = static_cast<size_t>(info.st_size);
  }
  ::close(fd);
  shard->check(file, key, first, samples);
  return shard;
}

PreparedShard::~PreparedShard() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void PreparedShard::check(const std::filesystem::path& file, std::string_view key, std::int64_t first, std::int64_t samples) {
  const auto refuse = [&](std::string_view how) { throw Error(fmt::format("'{}' {}", file.string(), how)); };
  if (size_ < sizeof(ShardHeader) || header().magic != kMagic) refuse("is no file of prepared samples");
  const ShardHeader& h = header();
  if (h.version != kVersion) refuse(fmt::format("has layout {}, not {}", h.version, kVersion));
  if (std::string_view(h.key.data(), h.key.size()) != key) refuse("was made for something else");
  if (h.first != static_cast<std::uint64_t>(first) || h.samples != static_cast<std::uint64_t>(samples)) refuse("holds other samples");
  if (h.bytes != size_ || h.ids > size_ || size_by(h) != size_) refuse(fmt::format("has {} bytes and should have {}", size_, h.bytes));
  const std::string_view all(reinterpret_cast<const char*>(data_), size_);
  if (digest_of(h, all.substr(sizeof h)) != std::string_view(h.digest.data(), h.digest.size())) refuse("is not as it was written");

  const std::byte* at = data_ + sizeof h;
  ids_end_ = take<std::uint64_t>(at, h.conversations);
  for (const auto** table : {&conversations_end_, &drops_end_, &cut_pairs_, &cut_answers_, &parts_}) *table = take<std::uint32_t>(at, h.samples);
  for (const auto** table : {&spans_end_, &pictures_end_, &length_, &conversation_id_}) *table = take<std::uint32_t>(at, h.conversations);
  for (const auto** table : {&drop_id_, &drop_reason_}) *table = take<std::uint32_t>(at, h.drops);
  spans_ = take<std::uint32_t>(at, std::uint64_t{2} * h.spans);
  pictures_ = take<std::uint32_t>(at, h.pictures);
  texts_end_ = take<std::uint32_t>(at, h.texts);
  ids_ = take<std::int32_t>(at, h.ids);
  texts_ = reinterpret_cast<const char*>(at);
}

std::string_view PreparedShard::text(std::uint32_t number) const {
  const std::uint32_t begin = number == 0 ? 0 : texts_end_[number - 1];
  return {texts_ + begin, texts_end_[number] - begin};
}

WrittenSample PreparedShard::get(std::int64_t at, const std::string& name) const {
  WrittenSample out;
  const auto before = [](const auto* ends, auto i) { return i == 0 ? 0 : ends[i - 1]; };
  for (std::uint32_t c = before(conversations_end_, at); c < conversations_end_[at]; ++c) {
    Conversation& one = out.conversations.emplace_back();
    const std::int32_t* ids = ids_ + before(ids_end_, c);
    one.id = text(conversation_id_[c]);
    one.encoded.ids.assign(ids, ids_ + ids_end_[c]);
    one.encoded.labels.assign(one.encoded.ids.size(), text::kIgnore);
    for (std::uint32_t s = before(spans_end_, c); s < spans_end_[c]; ++s)
      std::copy(ids + spans_[2 * s], ids + spans_[2 * s + 1], one.encoded.labels.begin() + spans_[2 * s]);
    for (std::uint32_t p = before(pictures_end_, c); p < pictures_end_[c]; ++p) one.pictures.push_back({std::string(text(pictures_[p])), nullptr});
    one.length = length_[c];
  }
  for (std::uint32_t d = before(drops_end_, at); d < drops_end_[at]; ++d)
    out.drops.push_back({.id = std::string(text(drop_id_[d])), .source = name, .reason = static_cast<Reason>(drop_reason_[d])});
  out.cut_pairs = cut_pairs_[at];
  out.cut_answers = cut_answers_[at];
  out.parts = parts_[at];
  return out;
}

}  // namespace saucier::data
