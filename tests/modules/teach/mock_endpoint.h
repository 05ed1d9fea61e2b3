// A chat endpoint that does as a script says, on a thread of its own that sleeps in poll.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "modules/base/json.h"

namespace saucier {

class MockEndpoint {
 public:
  struct Request {
    std::string head;         // request line and headers
    Json body;
    std::string prompt = {};  // text of the last message
    int tries = 0;            // how often that has come before
  };
  struct Answer {
    std::string bytes = {};
    bool close = false;    // the connection, behind them
    bool silent = false;   // nothing, until the other side gives up
  };
  using Script = std::function<Answer(const Request&)>;

  // Answers nothing before `gather` requests wait, then all of them.
  explicit MockEndpoint(Script script, size_t gather = 1);
  ~MockEndpoint();
  MockEndpoint(const MockEndpoint&) = delete;
  MockEndpoint& operator=(const MockEndpoint&) = delete;

  std::string url() const;
  std::string port() const { return std::to_string(port_); }
  std::vector<Request> requests() const;     // in the order in which they came
  std::map<std::string, int> asked() const;  // how often, by prompt
  size_t most_at_once() const;
  size_t connections() const;

 private:
  struct Client;
  void serve();
  bool take(Client& client);    // false: the connection is to be closed
  bool answer(Client& client);  // likewise

  Script script_;
  size_t gather_;
  int listener_ = -1, port_ = 0;
  int wake_[2] = {-1, -1};
  mutable std::mutex mutex_;  // of what follows
  std::vector<Request> requests_;
  std::map<std::string, int> asked_;
  size_t most_at_once_ = 0, connections_ = 0;
  std::thread thread_;
};

// Whole answers.
std::string http(int status, std::string_view body, std::string_view headers = "Content-Type: application/json\r\n");
// A good reply of 10 and 5 tokens.
Json chat_reply(const std::string& text);
MockEndpoint::Answer replies(const std::string& text, std::string_view headers = "Content-Type: application/json\r\n");

}  // namespace saucier
