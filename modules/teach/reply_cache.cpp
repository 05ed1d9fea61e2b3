#include "modules/teach/reply_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/text/utf8.h"

namespace saucier::teach {
namespace {

constexpr std::string_view kLineStart = R"({"key":")";
constexpr size_t kKeySize = 64;
constexpr size_t kBlock = size_t{1} << 20;

[[noreturn]] void fail(std::string_view what, const std::filesystem::path& path, int code) {
  throw Error(fmt::format("cannot {} '{}': {}", what, path.string(), std::strerror(code)),
              code == ENOSPC ? "free some space: replies that cannot be kept would be asked for again" : "");
}

// Holds the file for this process and this descriptor.
class Lock {
 public:
  Lock(int fd, const std::filesystem::path& path) : fd_(fd) {
    while (::flock(fd_, LOCK_EX) != 0)
      if (errno != EINTR) fail("lock", path, errno);
  }
  ~Lock() { ::flock(fd_, LOCK_UN); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int fd_;
};

std::string read_at(int fd, std::int64_t at, size_t size, const std::filesystem::path& path) {
  std::string out(size, '\0');
  size_t got = 0;
  while (got < size) {
    const ssize_t n = ::pread(fd, out.data() + got, size - got, static_cast<off_t>(at) + static_cast<off_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("read", path, errno);
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  out.resize(got);
  return out;
}

// One write; what a full disk took of it is taken back.
void add(int fd, const std::string& lines, std::int64_t size, const std::filesystem::path& path) {
  ssize_t written = 0;
  do written = ::write(fd, lines.data(), lines.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(lines.size())) return;
  const int code = written < 0 ? errno : ENOSPC;
  if (written > 0) [[maybe_unused]]
    const int cut = ::ftruncate(fd, static_cast<off_t>(size));
  fail("write", path, code);
}

Json to_json(const Reply& reply) {
  return {{"text", reply.text},
          {"finish", reply.finish},
          {"model", reply.model},
          {"prompt_tokens", reply.usage.prompt_tokens},
          {"reply_tokens", reply.usage.reply_tokens},
          {"cost", reply.usage.cost}};
}

std::optional<Reply> reply_of(std::string_view line) {
  try {
    const Json reply = Json::parse(line).at("reply");
    return Reply{.text = reply.at("text"),
                 .finish = reply.at("finish"),
                 .model = reply.at("model"),
                 .usage = {.prompt_tokens = reply.at("prompt_tokens"), .reply_tokens = reply.at("reply_tokens"), .cost = reply.at("cost")},
                 .kept = true};
  } catch (const Json::exception&) {
    return std::nullopt;  // damaged: it is asked again
  }
}

}  // namespace

std::string prompt_key(std::string_view identity, const Prompt& prompt) {
  Json messages = Json::array();
  for (const Message& message : prompt.messages) {
    Json pictures = Json::array();
    for (const std::string& picture : message.pictures) pictures.push_back(sha256_file(picture));
    messages.push_back({{"role", message.role}, {"text", message.text}, {"pictures", std::move(pictures)}});
  }
  return sha256(canonical({{"teacher", identity},
                           {"messages", std::move(messages)},
                           {"temperature", prompt.temperature},
                           {"top_p", prompt.top_p},
                           {"max_tokens", prompt.max_tokens},
                           {"seed", prompt.seed}}));
}

ReplyCache::ReplyCache(std::filesystem::path folder, std::string identity)
    : folder_(std::move(folder)), path_(folder_ / (sha256(identity).substr(0, 16) + ".jsonl")), identity_(std::move(identity)) {}

ReplyCache::~ReplyCache() {
  if (fd_ >= 0) ::close(fd_);
}

bool ReplyCache::open(bool make) {
  if (fd_ >= 0) return true;
  if (make) make_folders(folder_);
  fd_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | (make ? O_CREAT : 0), 0666);
  if (fd_ < 0 && !make && errno == EACCES) fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);  // enough to look
  if (fd_ >= 0) return true;
  if (!make && (errno == ENOENT || errno == ENOTDIR)) return false;
  fail("open", path_, errno);
}

void ReplyCache::refresh() {
  if (!open(false)) return;
  std::string rest;  // of a line that a block has cut
  std::int64_t at = read_to_;
  for (;;) {
    const std::string block = read_at(fd_, at, kBlock, path_);
    at += static_cast<std::int64_t>(block.size());
    rest += block;
    size_t begin = 0;
    for (size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string_view line = std::string_view(rest).substr(begin, end - begin);
      const bool ours = line.starts_with(kLineStart) && line.ends_with("}}") && line.size() > kLineStart.size() + kKeySize && line[kLineStart.size() + kKeySize] == '"';
      if (ours) lines_[std::string(line.substr(kLineStart.size(), kKeySize))] = {.at = read_to_, .size = static_cast<std::int64_t>(line.size())};
      read_to_ += static_cast<std::int64_t>(line.size()) + 1;
    }
    rest.erase(0, begin);
    if (block.size() < kBlock) return;
  }
}

std::optional<Reply> ReplyCache::find(const std::string& key) const {
  const auto line = lines_.find(key);
  if (line == lines_.end()) return std::nullopt;
  return reply_of(read_at(fd_, line->second.at, static_cast<size_t>(line->second.size), path_));
}

void ReplyCache::put(const std::string& key, const Reply& reply) {
  open(true);
  const Lock lock(fd_, path_);
  struct stat status {};
  if (::fstat(fd_, &status) != 0) fail("open", path_, errno);
  const std::int64_t size = status.st_size;
  std::string lines;
  if (size == 0) lines = canonical({{"identity", Json::parse(identity_, nullptr, false)}}) + "\n";
  else if (read_at(fd_, size - 1, 1, path_) != "\n") lines = "\n";  // ends what a crash has cut off
  const size_t before = lines.size();
  lines += canonical({{"key", key}, {"reply", to_json(reply)}}) + "\n";
  add(fd_, lines, size, path_);
  if (::fdatasync(fd_) != 0 && errno != EINVAL) fail("sync", path_, errno);
  if (size == 0) fsync_path(folder_);  // its name must outlive a power cut, too
  lines_[key] = {.at = size + static_cast<std::int64_t>(before), .size = static_cast<std::int64_t>(lines.size() - before - 1)};
}

CachedWriter::CachedWriter(std::unique_ptr<Writer> writer, const std::filesystem::path& folder, std::function<void(const Usage&)> kept)
    : writer_(std::move(writer)), cache_(folder, writer_->identity()), kept_(std::move(kept)) {}

void CachedWriter::ask(std::span<const Prompt> prompts, const std::function<void(size_t, const Reply&)>& done) {
  cache_.refresh();
  const std::string teacher = identity();
  std::map<std::string, std::vector<size_t>> same;  // prompts to be asked, by key
  std::vector<std::string> keys;                    // in their order
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::string key = prompt_key(teacher, prompts[i]);
    const auto reply = cache_.find(key);
    if (reply && counted_.insert(key).second && kept_) kept_(reply->usage);
    if (reply) {
      done(i, *reply);
    } else {
      std::vector<size_t>& all = same[key];
      if (all.empty()) keys.push_back(key);
      all.push_back(i);
    }
  }
  if (keys.empty()) return;
  std::vector<Prompt> rest;
  if (keys.size() < prompts.size())
    for (const std::string& key : keys) rest.push_back(prompts[same.at(key).front()]);
  writer_->ask(rest.empty() ? prompts : rest, [&](size_t n, const Reply& reply) {
    const std::string& key = keys[n];
    if (reply.failure.empty()) {
      cache_.put(key, reply);
      counted_.insert(key);  // by the writer itself
    }
    Reply given = reply;
    for (const size_t i : same.at(key)) {
      done(i, given);
      given.kept = reply.failure.empty();
      given.usage = {};  // it was paid for once
    }
  });
}

}  // namespace saucier::teach
