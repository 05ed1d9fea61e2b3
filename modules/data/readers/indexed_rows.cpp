#include "modules/data/readers/indexed_rows.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "modules/data/readers/bad_row.h"

namespace saucier::data {
namespace {

using options::DataOptions;

// Only ever compared inside one process.
std::uint64_t hash_of(std::string_view text, std::uint64_t before = 0) {
  return std::hash<std::string_view>()(text) + 0x9e3779b97f4a7c15u + before * 0xbf58476d1ce4e5b9u;
}

std::uint64_t content_hash(const Sample& sample) {
  std::uint64_t hash = sample.system ? hash_of(*sample.system, 1) : 0;
  for (const Turn& turn : sample.turns) hash = hash_of(turn.text, hash + (turn.role == Role::kUser ? 2 : 3));
  for (const PictureRef& picture : sample.pictures) hash = hash_of(picture.reference, hash + 4);
  return hash;
}

class IndexedRows : public SampleSource {
 public:
  IndexedRows(std::unique_ptr<const RowFormat> format, std::string name, std::vector<RowPlace> index, ReadReport report)
      : format_(std::move(format)), name_(std::move(name)), index_(std::move(index)), report_(std::move(report)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(index_.size()); }
  Sample get(std::int64_t index) const override {
    SAUCIER_CHECK(index >= 0 && index < size(), "sample {} of {}", index, size());
    const RowPlace& place = index_[static_cast<size_t>(index)];
    try {
      Sample sample = format_->read(place, {});
      sample.source = name_;
      if (place.repeat > 0) sample.id += fmt::format("#{}", place.repeat + 1);
      return sample;
    } catch (const BadRow& bad) {
      throw Error(fmt::format("'{}', line {}: this row was another one when the stage began ({})", format_->path(place.file).string(), place.line, bad.what()),
                  "leave the file as it is while a stage reads it");
    }
  }
  RowOf row(std::int64_t index) const override {
    const RowPlace& place = index_[static_cast<size_t>(index)];
    return {format_->path(place.file).string(), place.line};
  }
  const ReadReport& report() const override { return report_; }

 private:
  std::unique_ptr<const RowFormat> format_;
  std::string name_;
  std::vector<RowPlace> index_;
  ReadReport report_;
};

// The one pass over all rows.
class Pass {
 public:
  Pass(const RowFormat& format, const DataOptions& options, RowCount before) : format_(format), options_(options), count_(std::move(before)) {}

  void run() {
    for (size_t file = 0; file < format_.files(); ++file) {
      const std::unique_ptr<RowCutter> rows = format_.cut(file);
      while (const std::optional<Row> row = rows->next()) take(*row, file);
    }
    index_.shrink_to_fit();
  }

  std::vector<RowPlace> take_index() { return std::move(index_); }
  RowCount take_count() { return std::move(count_); }

 private:
  void take(const Row& row, size_t file) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    if (row.length > kMost || static_cast<std::uint64_t>(row.line) > kMost)
      throw Error(fmt::format("'{}', line {}: rows of 4 GiB and lines above {} are not supported", format_.path(file).string(), row.line, kMost));
    RowPlace place{.offset = row.offset, .length = static_cast<std::uint32_t>(row.length), .line = static_cast<std::uint32_t>(row.line), .file = static_cast<std::uint32_t>(file), .repeat = 0};
    count_.row();
    try {
      const Sample sample = format_.read(place, row.text);
      try {
        for (const PictureRef& picture : sample.pictures) look_at(picture);
      } catch (BadRow& bad) {
        bad.set_id(sample.id);
        throw;
      }
      keep(sample, place);
    } catch (const BadRow& bad) {
      count_.leave_out(bad, format_.path(file).string(), row.line);
    }
  }

  void keep(const Sample& sample, RowPlace& place) {
    place.repeat = ids_[hash_of(sample.id)]++;
    if (!options_.kinds.empty() && std::find(options_.kinds.begin(), options_.kinds.end(), sample.kind) == options_.kinds.end()) {
      count_.other_kind();
      return;
    }
    if (!seen_.insert(content_hash(sample)).second) {
      const bool drop = options_.duplicates == "drop";
      count_.duplicate({.file = format_.path(place.file).string(), .line = place.line, .id = sample.id, .detail = "the same turns and pictures stand in an earlier row"}, drop);
      if (drop) return;
    }
    index_.push_back(place);
  }

  // Each picture once, however many rows show it.
  void look_at(const PictureRef& picture) {
    const std::uint64_t hash = hash_of(picture.reference);
    if (sound_.count(hash) != 0) return;
    const auto known = unsound_.find(picture.reference);
    if (known != unsound_.end()) throw known->second;
    try {
      format_.check(picture);
      try {
        if (options_.check_pictures == "header") picture.source->size(picture.reference);
        else if (options_.check_pictures == "decode") picture.source->load(picture.reference);
      } catch (const Error& error) {
        throw BadRow(Reason::kUndecodablePicture, error.what());
      }
    } catch (const BadRow& bad) {
      if (unsound_.size() < kRemembered) unsound_.emplace(picture.reference, bad);
      throw;
    }
    sound_.insert(hash);
  }

  static constexpr size_t kRemembered = 10'000;
  const RowFormat& format_;
  const DataOptions& options_;
  RowCount count_;
  std::vector<RowPlace> index_;
  std::unordered_map<std::uint64_t, std::uint32_t> ids_;  // by hash: rows with the id so far
  std::unordered_set<std::uint64_t> seen_, sound_;
  std::unordered_map<std::string, BadRow> unsound_;
};

}  // namespace

std::shared_ptr<const SampleSource> index_rows(std::unique_ptr<const RowFormat> format, const std::string& name, const DataOptions& options, RowCount before) {
  Pass pass(*format, options, std::move(before));
  pass.run();
  auto index = pass.take_index();
  ReadReport report = pass.take_count().report(static_cast<std::int64_t>(index.size()), name, options);
  return std::make_shared<IndexedRows>(std::move(format), name, std::move(index), std::move(report));
}

}  // namespace saucier::data
