// PKWARE's APPNOTE.TXT 6.3: 4.3.16 (end record), 4.3.14 and 4.3.15 (zip64), 4.3.12 (central directory), 4.3.7 (local header).
#include "modules/weights/zip.h"

#include <algorithm>

#include "modules/weights/cursor.h"
#include "modules/weights/reading.h"

namespace saucier::weights {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr size_t kEndSize = 22, kLocatorSize = 20, kLongestComment = 65535, kCentralSize = 46;

struct Directory {
  std::uint64_t entries = 0, size = 0, offset = 0;
};

void expect(Cursor& in, std::uint32_t signature, std::string_view what) {
  const size_t at = in.at();
  if (in.number<std::uint32_t>(what) != signature) throw Error(fmt::format("the zip file has no {} at byte {}", what, at));
}

Directory read_directory64(std::string_view file, size_t end) {
  if (end < kLocatorSize) throw Error("the zip file has no zip64 locator");
  Cursor locator(file, end - kLocatorSize);
  expect(locator, kLocator64, "zip64 locator");
  locator.take(4, "the zip64 locator");
  const auto at = locator.number<std::uint64_t>("the zip64 locator");
  if (at > file.size()) throw Error(fmt::format("the zip64 end record at byte {} is outside of the file ({} bytes)", at, file.size()));
  Cursor in(file, at);
  expect(in, kEnd64, "zip64 end record");
  in.take(28, "the zip64 end record");  // its size, versions, disks, entries on this disk
  Directory out;
  out.entries = in.number<std::uint64_t>("the zip64 end record");
  out.size = in.number<std::uint64_t>("the zip64 end record");
  out.offset = in.number<std::uint64_t>("the zip64 end record");
  return out;
}

Directory read_directory(std::string_view file) {
  if (file.size() < kEndSize) throw Error(fmt::format("no zip file ({} bytes)", file.size()));
  const size_t first = file.size() - std::min(file.size(), kEndSize + kLongestComment);
  size_t end = file.size() - kEndSize;
  while (Cursor(file, end).number<std::uint32_t>("the end record") != kEnd) {
    if (end == first) throw Error("the zip file has no end record", "the file may be cut off: copy it again");
    --end;
  }
  Cursor in(file, end);
  in.take(10, "the end record");  // signature, disks, entries on this disk
  Directory out;
  out.entries = in.number<std::uint16_t>("the end record");
  out.size = in.number<std::uint32_t>("the end record");
  out.offset = in.number<std::uint32_t>("the end record");
  if (out.entries == 0xffff || out.size == 0xffffffff || out.offset == 0xffffffff) out = read_directory64(file, end);
  if (out.offset > end || out.size > end - out.offset)
    throw Error(fmt::format("the zip directory of {} bytes at {} is outside of the file ({} bytes)", out.size, out.offset, file.size()));
  return out;
}

struct Entry {
  std::uint64_t packed = 0, size = 0, offset = 0;
};

// In the order of 4.5.3: only what is all ones in the 32-bit fields is there.
void read_extra64(std::string_view extra, Entry& entry) {
  Cursor in(extra);
  while (in.left() >= 4) {
    const auto id = in.number<std::uint16_t>("an extra field");
    Cursor field(in.take(in.number<std::uint16_t>("an extra field"), "an extra field"));
    if (id != 1) continue;
    for (std::uint64_t* number : {&entry.size, &entry.packed, &entry.offset})
      if (*number == 0xffffffff) *number = field.number<std::uint64_t>("the zip64 field");
  }
}

std::string_view data_of(std::string_view file, const Entry& entry) {
  if (entry.offset > file.size()) throw Error(fmt::format("its offset {} is outside of the file ({} bytes)", entry.offset, file.size()));
  Cursor in(file, entry.offset);
  expect(in, kLocal, "local header");
  in.take(22, "the local header");  // what the central directory says too
  const auto name = in.number<std::uint16_t>("the local header"), extra = in.number<std::uint16_t>("the local header");
  in.take(name, "the local header's name");
  in.take(extra, "the local header's extra field");
  return in.take(entry.size, "the entry");
}

}  // namespace

std::map<std::string, std::string_view> zip_entries(std::string_view file) {
  const Directory directory = read_directory(file);
  if (directory.entries > directory.size / kCentralSize)
    throw Error(fmt::format("{} zip entries do not fit into a directory of {} bytes", directory.entries, directory.size));
  Cursor in(file.substr(directory.offset, directory.size));
  std::map<std::string, std::string_view> out;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    expect(in, kCentral, "directory entry");
    in.take(4, "a directory entry");
    const auto flags = in.number<std::uint16_t>("a directory entry"), method = in.number<std::uint16_t>("a directory entry");
    in.take(8, "a directory entry");  // time, checksum
    Entry entry;
    entry.packed = in.number<std::uint32_t>("a directory entry");
    entry.size = in.number<std::uint32_t>("a directory entry");
    const auto name_size = in.number<std::uint16_t>("a directory entry"), extra_size = in.number<std::uint16_t>("a directory entry"),
               comment_size = in.number<std::uint16_t>("a directory entry");
    in.take(8, "a directory entry");  // disk, attributes
    entry.offset = in.number<std::uint32_t>("a directory entry");
    const std::string name(in.take(name_size, "an entry's name"));
    const std::string_view extra = in.take(extra_size, "an entry's extra field");
    in.take(comment_size, "an entry's comment");
    with_context(fmt::format("zip entry '{}'", shown(std::string_view(name))), [&] {
      read_extra64(extra, entry);
      if (flags & 1) throw Error("the entry is encrypted");
      if (method != 0 || entry.packed != entry.size) throw Error(fmt::format("the entry is packed (method {}), torch.save stores it as it is", method));
      if (!out.emplace(name, data_of(file, entry)).second) throw Error("the entry stands in the file twice");
    });
  }
  return out;
}

}  // namespace saucier::weights
