// Tar files with random access: members are found by the place of their headers (libarchive reads them: ustar, pax, GNU).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "modules/data/readers/row_file.h"

struct archive;

namespace saucier::data {

struct TarMember {
  std::string name;
  std::uint64_t place = 0;  // of its header, in the file
  std::uint64_t size = 0;
};

// Goes through the members that are files, from the header at `from` to the byte `to` of the file. Throws Error for what
// is no uncompressed tar file, or a torn one.
class TarReader {
 public:
  explicit TarReader(const RowFile& file, std::uint64_t from = 0, std::uint64_t to = ~std::uint64_t{0});
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;
  std::optional<TarMember> next();
  std::string content();        // of the member that next() gave last
  std::uint64_t end() const { return end_; }  // after next() gave nothing: where the members end

 private:
  struct Window;
  [[noreturn]] void fail() const;
  const RowFile& file_;
  std::uint64_t from_, to_, end_ = 0;
  std::unique_ptr<Window> window_;
  struct ::archive* archive_;
  std::uint64_t size_ = 0;
};

}  // namespace saucier::data
