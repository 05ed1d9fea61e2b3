// A teacher behind any OpenAI-compatible chat endpoint: llama.cpp's server, vLLM, Ollama, hosted ones.
//
// Everything happens on the calling thread: libcurl's multi interface keeps `concurrency` requests under way on connections
// that are used again, and the thread sleeps until one of them moves, at most a tenth of a second so that a stop is seen.
// Certificates are verified, no redirect is followed, no answer larger than kMostReplyBytes is read to its end.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "modules/base/clock.h"
#include "modules/base/json.h"
#include "modules/options/teacher_options.h"
#include "modules/teach/budget.h"
#include "modules/teach/chat.h"
#include "modules/teach/pace.h"
#include "modules/teach/secret.h"
#include "modules/teach/writer.h"

namespace saucier::teach {

inline constexpr size_t kMostReplyBytes = size_t{4} << 20;

struct EndpointSettings {
  const Clock& clock = system_clock();
  std::function<void(double seconds)> sleep = {};  // while no request is under way; empty: really
  double grace = 10;  // seconds in which requests that are under way may end after a stop: they are paid for
};

class Endpoint final : public Writer {
 public:
  // Throws Error where an option cannot be, or the key's environment variable is not set.
  explicit Endpoint(const options::TeacherOptions& options, EndpointSettings settings = {});
  ~Endpoint() override;

  std::string identity() const override;
  void ask(std::span<const Prompt> prompts, const std::function<void(size_t, const Reply&)>& done) override;

  Budget& budget() { return budget_; }

 private:
  struct Connections;  // libcurl's handle
  friend class Asking;
  options::TeacherOptions options_;
  EndpointSettings settings_;
  Json extra_;
  std::string address_;
  Secret secret_;
  Budget budget_;
  Pace pace_;
  std::unique_ptr<Connections> connections_;
};

// Where a teacher at `url` is asked. Throws Error where it is no http or https address, or one that holds a secret.
std::string chat_address(const std::string& url);

// An Endpoint behind the replies kept in `replies`, which count in its budget.
std::unique_ptr<Writer> open_endpoint(const options::TeacherOptions& options, const std::filesystem::path& replies, EndpointSettings settings = {});

}  // namespace saucier::teach
