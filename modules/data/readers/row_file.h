// Files of rows that need not fit into memory: cut in one pass, and each row read again where it lies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace saucier::data {

// Stays open, so that a file that is replaced meanwhile is read as it was. Thread-safe. Not mapped: a file that someone
// cuts short ends in an Error, not in a dead process, and its pages do not count as our memory.
class RowFile {
 public:
  explicit RowFile(std::filesystem::path path);  // throws Error
  ~RowFile();
  RowFile(const RowFile&) = delete;
  RowFile& operator=(const RowFile&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  // What the file has of those bytes.
  std::string read(std::uint64_t at, std::uint64_t size) const;
  size_t read(std::uint64_t at, char* to, size_t size) const;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

struct Row {
  std::string_view text;     // until the next one is cut
  std::uint64_t offset = 0;  // in the file
  std::uint64_t length = 0;
  std::int64_t line = 0;     // where it begins, from 1; of an archive: its number
};

class RowCutter {
 public:
  virtual ~RowCutter() = default;
  virtual std::optional<Row> next() = 0;  // throws Error where the file cannot be cut any further
};

// An array's values, or, where the file does not begin with one, its lines that are not blank. With `key` the values of
// the array that the object of the file has under it. No tree of the whole is built.
std::unique_ptr<RowCutter> cut_json(std::shared_ptr<const RowFile> file, std::string key = {});
bool is_json_lines(const RowFile& file);

// The lines that are not blank; of a table its head, too. kQuoted: a field may be in quotes and hold line ends.
enum class Lines { kJson, kPlain, kQuoted };
std::unique_ptr<RowCutter> cut_lines(std::shared_ptr<const RowFile> file, Lines lines);

}  // namespace saucier::data
