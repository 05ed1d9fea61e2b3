// The file of prepared samples: a header, tables of where things end, and then the tokens and texts themselves.
//
// All numbers are little-endian. Labels are kept as the spans of tokens that are learned; pictures as their references.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/data/encode.h"

namespace saucier::data {

struct ShardHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t one_picture_source;  // 1: all pictures of the shard come from the same PictureSource
  std::array<char, 64> key;
  std::array<char, 64> digest;       // SHA-256 of the file with this field as zeros
  std::uint64_t first;               // index of the first sample
  std::uint64_t bytes;               // of the file
  std::uint64_t ids;
  std::uint32_t samples, conversations, drops, spans, pictures, texts, text_bytes;
  std::uint32_t first_with_picture;  // of the samples; `samples` where none has one
};

class ShardWriter {
 public:
  void add(const WrittenSample& written);
  std::string finish(std::string_view key, std::int64_t first) &&;  // the whole file

 private:
  std::uint32_t text(std::string_view value);  // its number; equal texts share one

  std::vector<std::uint64_t> ids_end_;
  std::vector<std::uint32_t> conversations_end_, drops_end_, cut_pairs_, cut_answers_, parts_;  // a sample each
  std::vector<std::uint32_t> spans_end_, pictures_end_, length_, conversation_id_;              // a conversation each
  std::vector<std::uint32_t> drop_id_, drop_reason_;                                            // a drop each
  std::vector<std::uint32_t> spans_;  // begin, end
  std::vector<std::uint32_t> pictures_, texts_end_;
  std::vector<std::int32_t> ids_;
  std::string texts_;
  std::map<std::string, std::uint32_t, std::less<>> known_;
  std::optional<std::uint32_t> first_with_picture_;
  const PictureSource* picture_source_ = nullptr;
  bool one_picture_source_ = true;
};

class PreparedShard {
 public:
  // Maps the file. nullptr where there is none; Error where it is not the shard it should be, saying how.
  static std::shared_ptr<const PreparedShard> open(const std::filesystem::path& file, std::string_view key, std::int64_t first, std::int64_t samples);
  ~PreparedShard();
  PreparedShard(const PreparedShard&) = delete;
  PreparedShard& operator=(const PreparedShard&) = delete;

  const ShardHeader& header() const { return *reinterpret_cast<const ShardHeader*>(data_); }
  // Sample `at` of the shard. Pictures lack their sources. `name`: of the data source.
  WrittenSample get(std::int64_t at, const std::string& name) const;

  // For whoever fills in the pictures' sources: found once.
  mutable std::once_flag pictures_found;
  mutable std::shared_ptr<const PictureSource> pictures;

 private:
  PreparedShard() = default;
  void check(const std::filesystem::path& file, std::string_view key, std::int64_t first, std::int64_t samples);
  std::string_view text(std::uint32_t number) const;

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  const std::uint64_t* ids_end_ = nullptr;
  const std::uint32_t *conversations_end_ = nullptr, *drops_end_ = nullptr, *cut_pairs_ = nullptr, *cut_answers_ = nullptr, *parts_ = nullptr;
  const std::uint32_t *spans_end_ = nullptr, *pictures_end_ = nullptr, *length_ = nullptr, *conversation_id_ = nullptr;
  const std::uint32_t *drop_id_ = nullptr, *drop_reason_ = nullptr;
  const std::uint32_t *spans_ = nullptr, *pictures_ = nullptr, *texts_end_ = nullptr;
  const std::int32_t* ids_ = nullptr;
  const char* texts_ = nullptr;
};

}  // namespace saucier::data
