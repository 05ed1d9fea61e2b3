// Who writes instruction data in words: a language model that is asked with messages. It never sees a picture unless a
// message says so.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace saucier::teach {

struct Message {
  std::string role;  // system | user | assistant
  std::string text;
  std::vector<std::string> pictures = {};  // files shown with it, for a teacher with sight
};

struct Prompt {
  std::vector<Message> messages;
  double temperature = 0.7;
  double top_p = 1;
  std::int64_t max_tokens = 512;
  std::uint64_t seed = 0;
};

struct Usage {
  std::int64_t prompt_tokens = 0, reply_tokens = 0;
  double cost = 0;  // in the money that the recipe's prices are in
};

struct Reply {
  std::string text;           // valid UTF-8
  std::string failure = {};   // empty, or the name of why there is no text (docs/teachers.md): http-400, empty-reply, not-json …
  std::string detail = {};    // of a failure: one line for people, without any secret
  std::string finish = {};    // stop | length | content_filter … as the server says it
  std::string model = {};     // as the server names it
  Usage usage = {};
  bool kept = false;          // it was asked before, in this stage or in another
};

class Writer {
 public:
  virtual ~Writer() = default;
  // What alters its replies, as canonical JSON: never a key, never an address that says nothing of the model.
  virtual std::string identity() const = 0;
  // Calls `done(i, reply)` once for each prompt, on this thread, as replies come in.
  // Throws Interrupted when a stop is asked for, Error where no further prompt could succeed (a refused key,
  // a budget that is used up); what has come until then was given to `done` and is kept.
  virtual void ask(std::span<const Prompt> prompts, const std::function<void(size_t, const Reply&)>& done) = 0;
};

}  // namespace saucier::teach
