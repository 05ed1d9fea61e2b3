// Asking a teacher in a test: a clock that only moves when somebody sleeps, prompts, and what became of them.
#pragma once

#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "modules/base/clock.h"
#include "modules/base/error.h"
#include "modules/teach/endpoint.h"
#include "tests/modules/teach/mock_endpoint.h"

namespace saucier {

class SleepClock final : public Clock {
 public:
  std::int64_t now_us() const override { return static_cast<std::int64_t>((1'700'000'000 + slept) * 1e6); }
  double steady_seconds() const override { return 1000 + slept; }
  teach::EndpointSettings settings() {
    return {.clock = *this, .sleep = [this](double seconds) { slept += seconds > 0 ? seconds : 1e-6; }};
  }
  double slept = 0;
};

// For the time of a test case.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

inline teach::Prompt prompt_of(const std::string& text) {
  return {.messages = {{.role = "system", .text = "You describe pictures."}, {.role = "user", .text = text}}, .max_tokens = 100, .seed = 7};
}

inline std::vector<teach::Prompt> prompts_of(const std::vector<std::string>& texts) {
  std::vector<teach::Prompt> out;
  for (const std::string& text : texts) out.push_back(prompt_of(text));
  return out;
}

inline std::vector<std::string> numbered(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back("prompt " + std::to_string(i));
  return out;
}

inline options::TeacherOptions at(const MockEndpoint& server) {
  options::TeacherOptions options;
  options.url = server.url();
  options.model = "mock";
  return options;
}

struct Asked {
  std::map<size_t, std::vector<teach::Reply>> replies;  // by prompt: one each, if all is well
  std::string error;                                    // as shown, with PORT for the server's

  const teach::Reply& only(size_t i) const {
    SAUCIER_CHECK(replies.contains(i) && replies.at(i).size() == 1, "prompt {} has not one reply", i);
    return replies.at(i).front();
  }
};

inline Asked ask(teach::Writer& writer, const std::vector<teach::Prompt>& prompts, const MockEndpoint& server) {
  Asked out;
  try {
    writer.ask(prompts, [&](size_t i, const teach::Reply& reply) { out.replies[i].push_back(reply); });
  } catch (const Error& error) {
    out.error = error.render();
    for (size_t place; (place = out.error.find(server.port())) != std::string::npos;) out.error.replace(place, server.port().size(), "PORT");
  }
  return out;
}

inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.render();
  }
  return "no error";
}

}  // namespace saucier
