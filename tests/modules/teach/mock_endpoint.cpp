#include "tests/modules/teach/mock_endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <list>
#include <optional>

#include <fmt/format.h>

#include "modules/base/error.h"

namespace saucier {

struct MockEndpoint::Client {
  int fd = -1;
  std::string received;
  std::optional<Request> waiting;
  bool silent = false;
};

MockEndpoint::MockEndpoint(Script script, size_t gather) : script_(std::move(script)), gather_(gather) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  SAUCIER_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener_, 64) == 0 &&
                ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0 && ::pipe(wake_) == 0);
  port_ = ntohs(address.sin_port);
  ::setenv("no_proxy", "127.0.0.1", 1);
  thread_ = std::thread([this] { serve(); });
}

MockEndpoint::~MockEndpoint() {
  ::close(wake_[1]);
  thread_.join();
  ::close(wake_[0]);
  ::close(listener_);
}

std::string MockEndpoint::url() const { return fmt::format("http://127.0.0.1:{}/v1", port_); }

std::vector<MockEndpoint::Request> MockEndpoint::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}
std::map<std::string, int> MockEndpoint::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}
size_t MockEndpoint::most_at_once() const {
  const std::lock_guard lock(mutex_);
  return most_at_once_;
}
size_t MockEndpoint::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

void MockEndpoint::serve() {
  std::list<Client> clients;
  for (;;) {
    std::vector<pollfd> sockets = {{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Client& client : clients) sockets.push_back({client.fd, POLLIN, 0});
    ::poll(sockets.data(), sockets.size(), -1);
    if (sockets[0].revents != 0) break;
    size_t n = 2;
    for (auto client = clients.begin(); client != clients.end(); ++n) {
      bool open = true;
      if (sockets[n].revents != 0) {
        char bytes[65536];
        const ssize_t got = ::read(client->fd, bytes, sizeof(bytes));
        open = got > 0;
        if (open) client->received.append(bytes, static_cast<size_t>(got));
        if (open) open = take(*client);
      }
      if (!open) ::close(client->fd);
      client = open ? std::next(client) : clients.erase(client);
    }
    if (sockets[1].revents != 0) {
      clients.push_back({.fd = ::accept(listener_, nullptr, nullptr), .received = {}, .waiting = {}});
      const std::lock_guard lock(mutex_);
      ++connections_;
    }
    const auto waiting = static_cast<size_t>(std::count_if(clients.begin(), clients.end(), [](const Client& c) { return c.waiting && !c.silent; }));
    {
      const std::lock_guard lock(mutex_);
      most_at_once_ = std::max(most_at_once_, waiting);
    }
    if (waiting < gather_) continue;
    for (auto client = clients.begin(); client != clients.end();) {
      const bool open = !client->waiting || client->silent || answer(*client);
      if (!open) ::close(client->fd);
      client = open ? std::next(client) : clients.erase(client);
    }
  }
  for (const Client& client : clients) ::close(client.fd);
}

bool MockEndpoint::take(Client& client) {
  if (!client.received.starts_with("POST /")) return false;  // TLS
  const size_t end = client.received.find("\r\n\r\n");
  if (end == std::string::npos) return true;
  const std::string head = client.received.substr(0, end);
  const size_t length = head.find("Content-Length: ");
  const size_t size = std::stoul(head.substr(length + 16));
  if (client.received.size() < end + 4 + size) return true;
  Request request{.head = head, .body = Json::parse(client.received.substr(end + 4, size))};
  client.received.erase(0, end + 4 + size);
  const Json& content = request.body.at("messages").back().at("content");
  request.prompt = content.is_string() ? content.get<std::string>() : content.back().at("text").get<std::string>();
  const std::lock_guard lock(mutex_);
  request.tries = asked_[request.prompt]++;
  requests_.push_back(request);
  client.waiting = std::move(request);
  return true;
}

bool MockEndpoint::answer(Client& client) {
  const Answer answer = script_(*client.waiting);
  client.silent = answer.silent;
  if (answer.silent) return true;
  client.waiting.reset();
  for (size_t sent = 0; sent < answer.bytes.size();) {
    const ssize_t n = ::send(client.fd, answer.bytes.data() + sent, answer.bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;  // the other side has had enough
    sent += static_cast<size_t>(n);
  }
  return !answer.close;
}

std::string http(int status, std::string_view body, std::string_view headers) {
  return fmt::format("HTTP/1.1 {} Said\r\n{}Content-Length: {}\r\n\r\n{}", status, headers, body.size(), body);
}

Json chat_reply(const std::string& text) {
  return {{"model", "mock-1"},
          {"choices", {{{"message", {{"role", "assistant"}, {"content", text}}}, {"finish_reason", "stop"}}}},
          {"usage", {{"prompt_tokens", 10}, {"completion_tokens", 5}}}};
}

MockEndpoint::Answer replies(const std::string& text, std::string_view headers) { return {.bytes = http(200, chat_reply(text).dump(), headers)}; }

}  // namespace saucier
