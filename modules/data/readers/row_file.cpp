#include "modules/data/readers/row_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "modules/base/error.h"

namespace saucier::data {
namespace {

constexpr size_t kStep = size_t{1} << 20;
constexpr std::string_view kMark = "\xEF\xBB\xBF";  // some programs begin UTF-8 with it

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Goes through a file by bytes, with a window of it in memory: a step, or what is held if that is more.
class Stream {
 public:
  explicit Stream(std::shared_ptr<const RowFile> file) : file_(std::move(file)) {
    if (!end() && file_->read(0, kMark.size()) == kMark) at_ = kMark.size();
  }
  bool end() { return at_ == window_.size() && !fill(); }
  char peek() const { return window_[at_]; }  // not at the end
  void next() {
    if (window_[at_++] == '\n') ++line_;
  }
  void skip_space() {
    while (!end() && is_space(peek())) next();
  }
  std::int64_t line() const { return line_; }
  void set_line(std::int64_t line) { line_ = line; }

  void hold() { held_ = at_; }
  void release() { held_.reset(); }
  Row held(std::int64_t line) const {
    return {.text = std::string_view(window_).substr(*held_, at_ - *held_), .offset = base_ + *held_, .length = at_ - *held_, .line = line};
  }
  [[noreturn]] void fail(std::string_view what, std::string hint) const {
    throw Error(fmt::format("'{}', line {}: {}", file_->path().string(), line_, what), std::move(hint));
  }

 private:
  bool fill() {
    const size_t gone = held_.value_or(at_);
    window_.erase(0, gone);
    base_ += gone;
    at_ -= gone;
    if (held_) held_ = 0;
    const size_t before = window_.size();
    window_.resize(before + kStep);
    window_.resize(before + file_->read(base_ + before, window_.data() + before, kStep));
    return window_.size() > before;
  }

  std::shared_ptr<const RowFile> file_;
  std::string window_;
  std::uint64_t base_ = 0;  // of the window, in the file
  size_t at_ = 0;           // in the window
  std::optional<size_t> held_;
  std::int64_t line_ = 1;
};

class LineCutter : public RowCutter {
 public:
  LineCutter(std::shared_ptr<const RowFile> file, Lines lines) : in_(std::move(file)), lines_(lines) {}

  std::optional<Row> next() override {
    in_.release();
    if (lines_ == Lines::kJson) in_.skip_space();
    else while (!in_.end() && (in_.peek() == '\n' || in_.peek() == '\r')) in_.next();
    if (in_.end()) return std::nullopt;
    const std::int64_t line = in_.line();
    in_.hold();
    bool quoted = false;
    std::int64_t opened = line;
    for (; !in_.end() && (quoted || in_.peek() != '\n'); in_.next()) {
      if (lines_ != Lines::kQuoted || in_.peek() != '"') continue;
      quoted = !quoted;  // a doubled quote closes and opens again
      if (quoted) opened = in_.line();
    }
    if (quoted) {
      in_.set_line(opened);
      in_.fail("the quote that opens here is not closed", "write a quote inside a field twice");
    }
    Row row = in_.held(line);
    while (!row.text.empty() && row.text.back() == '\r') row.text.remove_suffix(1);
    row.length = row.text.size();
    return row;
  }

 private:
  Stream in_;
  Lines lines_;
};

class ArrayCutter : public RowCutter {
 public:
  ArrayCutter(std::shared_ptr<const RowFile> file, std::string key) : in_(std::move(file)) {
    in_.skip_space();
    if (key.empty()) {
      in_.next();  // the '['
      return;
    }
    hint_ = "give a file in the layout of the format";
    if (!enter(key)) fail(fmt::format("there is no array '{}' in an object here", key));
    inside_ = true;
  }

  std::optional<Row> next() override {
    in_.release();
    in_.skip_space();
    if (done_) return std::nullopt;
    if (in_.end()) fail("the array is not closed");
    if (in_.peek() == ']') return finish();
    if (!first_) {
      if (in_.peek() != ',') fail("expected ',' or ']' after a sample");
      in_.next();
      in_.skip_space();
    }
    first_ = false;
    const std::int64_t line = in_.line();
    in_.hold();
    value(line);
    Row row = in_.held(line);
    if (row.length == 0) fail("expected a sample, '{'");
    return row;
  }

 private:
  // To behind the '[' of the array under `key`.
  bool enter(const std::string& key) {
    if (in_.end() || in_.peek() != '{') return false;
    in_.next();
    while (true) {
      in_.skip_space();
      if (in_.end() || in_.peek() != '"') return false;
      in_.hold();
      value(in_.line());
      const bool found = in_.held(0).text == '"' + key + '"';
      in_.release();
      in_.skip_space();
      if (in_.end() || in_.peek() != ':') return false;
      in_.next();
      in_.skip_space();
      if (found) {
        if (in_.end() || in_.peek() != '[') return false;
        in_.next();
        return true;
      }
      value(in_.line());
      in_.skip_space();
      if (in_.end() || in_.peek() != ',') return false;
      in_.next();
    }
  }

  std::optional<Row> finish() {
    in_.next();
    in_.skip_space();
    if (!inside_ && !in_.end()) fail("text after the end of the array");
    done_ = true;
    return std::nullopt;
  }

  // To behind the value that begins here: an object or an array up to its bracket, a text up to its quote, else a word.
  void value(std::int64_t line) {
    int depth = 0;
    bool quoted = false;
    for (; !in_.end(); in_.next()) {
      const char c = in_.peek();
      if (quoted) {
        if (c == '\\') {
          in_.next();
          if (in_.end()) break;
        } else if (c == '"') {
          quoted = false;
          if (depth == 0) return in_.next();
        }
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return;
        if (--depth == 0) return in_.next();
      } else if (depth == 0 && (c == ',' || is_space(c))) {
        return;
      }
    }
    in_.set_line(line);
    fail("the sample that begins here is not closed");
  }

  [[noreturn]] void fail(std::string_view what) const { in_.fail(what, hint_); }

  Stream in_;
  std::string hint_ = "give an array of samples, or one sample a line";
  bool first_ = true, done_ = false;
  bool inside_ = false;  // of an object: what stands behind the array is not looked at
};

}  // namespace

RowFile::RowFile(std::filesystem::path path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status {};
  int error = fd_ < 0 || ::fstat(fd_, &status) != 0 ? errno : 0;
  if (error == 0 && S_ISDIR(status.st_mode)) error = EISDIR;
  if (error != 0) {
    if (fd_ >= 0) ::close(fd_);
    throw Error(fmt::format("cannot read '{}': {}", path_.string(), std::strerror(error)));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

RowFile::~RowFile() { ::close(fd_); }

size_t RowFile::read(std::uint64_t at, char* to, size_t size) const {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd_, to + done, size - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(fmt::format("cannot read '{}': {}", path_.string(), std::strerror(errno)));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

std::string RowFile::read(std::uint64_t at, std::uint64_t size) const {
  std::string out(at < size_ ? std::min(size, size_ - at) : 0, '\0');
  out.resize(read(at, out.data(), out.size()));
  return out;
}

bool is_json_lines(const RowFile& file) {
  std::uint64_t at = file.read(0, kMark.size()) == kMark ? kMark.size() : 0;
  for (char c = 0; file.read(at, &c, 1) == 1; ++at)
    if (!is_space(c)) return c != '[';
  return true;
}

std::unique_ptr<RowCutter> cut_json(std::shared_ptr<const RowFile> file, std::string key) {
  if (key.empty() && is_json_lines(*file)) return cut_lines(std::move(file), Lines::kJson);
  return std::make_unique<ArrayCutter>(std::move(file), std::move(key));
}

std::unique_ptr<RowCutter> cut_lines(std::shared_ptr<const RowFile> file, Lines lines) {
  return std::make_unique<LineCutter>(std::move(file), lines);
}

}  // namespace saucier::data
