// What a teacher has replied, by what it was asked: a stage that was stopped, or has other filters now, asks nothing twice.
//
// FOLDER/NAME.jsonl, NAME from the teacher's identity, which is the file's first line; each line after it is a reply:
// {"key":"…64 hex digits…","reply":{…}}. Lines are only added, each by one write under a lock of the file, by any number of
// processes at once; one that was cut off by a crash is skipped. Failures are not kept.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "modules/teach/writer.h"

namespace saucier::teach {

// SHA-256 over the teacher's identity and all of the prompt, pictures by their content. Throws Error where a picture cannot
// be read.
std::string prompt_key(std::string_view identity, const Prompt& prompt);

class ReplyCache {
 public:
  ReplyCache(std::filesystem::path folder, std::string identity);  // neither has to be there yet
  ~ReplyCache();
  ReplyCache(const ReplyCache&) = delete;
  ReplyCache& operator=(const ReplyCache&) = delete;

  void refresh();                                            // takes in what has been added since
  std::optional<Reply> find(const std::string& key) const;   // with `kept`
  void put(const std::string& key, const Reply& reply);      // on the disk (fdatasync) when it returns

 private:
  struct Line {
    std::int64_t at = 0, size = 0;
  };
  bool open(bool make);
  std::filesystem::path folder_, path_;
  std::string identity_;
  int fd_ = -1;
  std::int64_t read_to_ = 0;
  std::unordered_map<std::string, Line> lines_;
};

// A writer that asks another one only what it has not been asked before.
class CachedWriter final : public Writer {
 public:
  // `kept` gets the usage of each kept reply that is given for the first time: a budget counts what was paid earlier, too.
  CachedWriter(std::unique_ptr<Writer> writer, const std::filesystem::path& folder, std::function<void(const Usage&)> kept = {});
  std::string identity() const override { return writer_->identity(); }
  void ask(std::span<const Prompt> prompts, const std::function<void(size_t, const Reply&)>& done) override;

 private:
  std::unique_ptr<Writer> writer_;
  ReplyCache cache_;
  std::function<void(const Usage&)> kept_;
  std::set<std::string> counted_;  // keys whose usage is in the budget
};

}  // namespace saucier::teach
