#include "modules/data/overlap/picture_marks.h"

#include <charconv>
#include <fstream>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/json.h"
#include "modules/base/paths.h"

namespace saucier::data {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;  // raise it where mark_of() or the decoder gives something else
constexpr size_t kWords = 8, kWordDigits = 16, kCheckDigits = 8;

// Six words of the mark behind two of the identity, and the beginning of their SHA-256.
std::string line_of(const Digest128& identity, const PictureMark& mark) {
  std::string line;
  for (const std::uint64_t word : {identity[0], identity[1], mark.exact[0], mark.exact[1], mark.shape[0], mark.shape[1], mark.shape[2], mark.shape[3]})
    line += fmt::format("{:016x}", word);
  return line + sha256(line).substr(0, kCheckDigits);
}

bool read_line(std::string_view line, Digest128& identity, PictureMark& mark) {
  if (line.size() != kWords * kWordDigits + kCheckDigits) return false;
  const std::string_view words = line.substr(0, kWords * kWordDigits);
  if (sha256(words).compare(0, kCheckDigits, line.substr(words.size())) != 0) return false;
  std::array<std::uint64_t, kWords> w = {};
  for (size_t i = 0; i < kWords; ++i) std::from_chars(words.data() + kWordDigits * i, words.data() + kWordDigits * (i + 1), w[i], 16);
  identity = {w[0], w[1]};
  mark = {.exact = {w[2], w[3]}, .shape = {w[4], w[5], w[6], w[7]}};
  return true;
}

}  // namespace

PictureMarks::PictureMarks(const fs::path& cache, Progress progress) : progress_(std::move(progress)) {
  if (cache.empty()) return;
  const Json key = {{"picture_marks", kVersion}};
  const fs::path folder = cache / sha256(key.dump());
  try {
    make_folders(folder);
    const fs::path text = folder / paths::kCacheKey;
    if (!fs::exists(text)) write_file_atomic(text, key.dump(1) + "\n");
    std::error_code ignored;
    fs::last_write_time(text, fs::file_time_type::clock::now(), ignored);
    read(folder / paths::kPictureMarks);
    file_ = std::make_unique<LineAppender>(folder / paths::kPictureMarks);
  } catch (const Error&) {  // read-only or full: what is known is known
  }
}

void PictureMarks::read(const fs::path& file) {
  std::ifstream in(file);
  Digest128 identity;
  PictureMark mark;
  for (std::string line; std::getline(in, line);)
    if (read_line(line, identity, mark)) known_[identity] = mark;
}

PictureMark PictureMarks::of(const PictureRef& picture) {
  const std::string identity = picture.source->identity(picture.reference);
  const Digest128 key = digest128(identity.empty() ? fmt::format("{} {}", static_cast<const void*>(picture.source.get()), picture.reference) : identity);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
  }
  const PictureMark mark = mark_of(picture.source->load(picture.reference));
  const std::lock_guard lock(mutex_);
  ++decoded_;
  if (!known_.emplace(key, mark).second || identity.empty() || !file_) return mark;
  try {
    file_->append(line_of(key, mark));
  } catch (const Error&) {
    file_.reset();
  }
  return mark;
}

}  // namespace saucier::data
