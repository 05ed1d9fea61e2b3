#include "modules/data/readers/tar.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>

#include "modules/base/error.h"

namespace saucier::data {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;  // of one member: a picture may have as many

}  // namespace

// What libarchive reads from.
struct TarReader::Window {
  const RowFile& file;
  std::uint64_t at, to;
  std::array<char, 8192> bytes{};

  static la_ssize_t read(struct archive*, void* self, const void** bytes) {
    auto& window = *static_cast<Window*>(self);
    *bytes = window.bytes.data();
    try {
      const size_t wanted = window.at < window.to ? static_cast<size_t>(std::min<std::uint64_t>(window.bytes.size(), window.to - window.at)) : 0;
      const size_t size = window.file.read(window.at, window.bytes.data(), wanted);
      window.at += size;
      return static_cast<la_ssize_t>(size);
    } catch (const Error&) {
      return -1;
    }
  }
  static la_int64_t skip(struct archive*, void* self, la_int64_t count) {
    auto& window = *static_cast<Window*>(self);
    const std::uint64_t left = window.at < window.to ? window.to - window.at : 0;
    const std::uint64_t by = std::min(left, static_cast<std::uint64_t>(std::max<la_int64_t>(count, 0)));
    window.at += by;
    return static_cast<la_int64_t>(by);
  }
};

TarReader::TarReader(const RowFile& file, std::uint64_t from, std::uint64_t to)
    : file_(file), from_(from), to_(std::min(to, file.size())), window_(std::make_unique<Window>(file, from, to_)), archive_(archive_read_new()) {
  SAUCIER_CHECK(archive_ != nullptr, "libarchive cannot start");
  archive_read_support_format_tar(archive_);
  archive_read_set_option(archive_, "tar", "hdrcharset", "UTF-8");
  archive_read_set_read_callback(archive_, Window::read);
  archive_read_set_skip_callback(archive_, Window::skip);
  archive_read_set_callback_data(archive_, window_.get());
  if (archive_read_open1(archive_) != ARCHIVE_OK) {
    const std::string text = archive_error_string(archive_) ? archive_error_string(archive_) : "";
    archive_read_free(archive_);
    throw Error(fmt::format("cannot read '{}' as a tar file: {}", file.path().string(), text));
  }
}

TarReader::~TarReader() { archive_read_free(archive_); }

std::optional<TarMember> TarReader::next() {
  while (true) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(archive_, &entry);
    end_ = from_ + static_cast<std::uint64_t>(std::max<la_int64_t>(archive_read_header_position(archive_), 0));
    if (result == ARCHIVE_EOF) return std::nullopt;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) fail();
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const char* name = archive_entry_pathname_utf8(entry);
    if (name == nullptr) name = archive_entry_pathname(entry);
    if (name == nullptr) throw Error(fmt::format("cannot read '{}' as a tar file: a member has no name", file_.path().string()));
    size_ = static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0));
    return TarMember{.name = name, .place = end_, .size = size_};
  }
}

std::string TarReader::content() {
  if (size_ > kMostBytes) throw Error(fmt::format("a member of '{}' has {} bytes, {} are allowed", file_.path().string(), size_, kMostBytes));
  // Not all at once: what a damaged header claims need not be there.
  std::string out;
  while (out.size() < size_) {
    const size_t before = out.size(), step = std::min<size_t>(size_ - before, size_t{1} << 20);
    out.resize(before + step);
    const la_ssize_t size = archive_read_data(archive_, out.data() + before, step);
    if (size < 0) fail();
    out.resize(before + static_cast<size_t>(size));
    if (size == 0) throw Error(fmt::format("cannot read '{}' as a tar file: a member ends too early", file_.path().string()));
  }
  return out;
}

void TarReader::fail() const {
  const char* text = archive_error_string(archive_);
  throw Error(fmt::format("cannot read '{}' as a tar file: {}", file_.path().string(), text ? text : "the file is damaged"),
              "give shards that are whole and not compressed");
}

}  // namespace saucier::data
