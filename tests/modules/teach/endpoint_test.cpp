// A teacher over HTTP against a server that does everything wrong.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "modules/base/stop.h"
#include "tests/modules/base/scratch.h"
#include "tests/modules/teach/asking.h"

using namespace saucier;
using namespace saucier::teach;

namespace {

using Answer = MockEndpoint::Answer;
using Request = MockEndpoint::Request;

constexpr const char* kKey = "sk-test-0123456789abcdefghij";

// What can go wrong once, by the name of the prompt.
const std::map<std::string, std::function<Answer()>>& mishaps() {
  const auto json = [](const std::string& body) { return [body] { return Answer{.bytes = http(200, body)}; }; };
  static const std::map<std::string, std::function<Answer()>> kMishaps = {
      {"408", [] { return Answer{.bytes = http(408, "")}; }},
      {"409", [] { return Answer{.bytes = http(409, "")}; }},
      {"425", [] { return Answer{.bytes = http(425, "")}; }},
      {"429", [] { return Answer{.bytes = http(429, R"({"error":{"message":"slow down"}})", "Retry-After: 2\r\nContent-Type: application/json\r\n")}; }},
      {"500", [] { return Answer{.bytes = http(500, "it broke\n", "Content-Type: text/plain\r\n")}; }},
      {"503", [] { return Answer{.bytes = http(503, "<html>a proxy's page</html>", "Content-Type: text/html\r\n")}; }},
      {"half", [] { const std::string whole = chat_reply("text").dump(); return Answer{.bytes = http(200, whole.substr(0, whole.size() / 2))}; }},
      {"no choice", json(R"({"choices":[],"error":{"message":"all busy"}})")},
      {"hidden 503", json(R"({"error":{"code":503,"message":"upstream"}})")},
      {"no message", json(R"({"choices":[{"finish_reason":"length"}]})")},
      {"white", [] { return replies(" \n\t"); }},
      {"huge", [] { return replies(std::string(10 << 20, 'x')); }},
      {"huge, in pieces", [] { return Answer{.bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + std::string(10 << 20, ' '), .close = true}; }},
      {"not utf-8", json("{\"choices\":[{\"message\":{\"content\":\"caf\xe9\"}}]}")},
      {"lone surrogate", json(R"({"choices":[{"message":{"content":"\ud800"}}]})")},
      {"cut", [] { return Answer{.bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"choices\":", .close = true}; }},
      {"cut at once", [] { return Answer{.bytes = "", .close = true}; }},
      {"wrong type", [] { return replies("text", "Content-Type: text/html\r\n"); }},
      {"no type", [] { return replies("text", ""); }},
      {"no http", [] { return Answer{.bytes = "220 mail.example.org ESMTP\r\n", .close = true}; }},
      {"deep", json(std::string(100000, '['))},
      {"numbers", json(R"({"choices":5,"usage":{"prompt_tokens":1e999}})")},
  };
  return kMishaps;
}

std::vector<std::string> mishap_names() {
  std::vector<std::string> out;
  for (const auto& [name, answer] : mishaps()) out.push_back(name);
  return out;
}

}  // namespace

TEST_CASE("what goes wrong once is asked again, and nothing else is") {
  MockEndpoint server([](const Request& request) {
    const auto mishap = mishaps().find(request.prompt);
    return mishap != mishaps().end() && request.tries == 0 ? mishap->second() : replies("reply to " + request.prompt);
  });
  std::vector<std::string> names = mishap_names();
  for (const std::string& text : numbered(20)) names.push_back(text);
  SleepClock clock;
  Endpoint teacher(at(server), clock.settings());
  const Asked asked = ask(teacher, prompts_of(names), server);
  CHECK(asked.error.empty());
  REQUIRE(asked.replies.size() == names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    CHECK(asked.only(i).text == "reply to " + names[i]);
    CHECK(asked.only(i).failure.empty());
    CHECK(asked.only(i).finish == "stop");
    CHECK(asked.only(i).model == "mock-1");
    CHECK(server.asked().at(names[i]) == (mishaps().contains(names[i]) ? 2 : 1));
  }
  CHECK(clock.slept > 1.99);  // as the 429 asked
}

TEST_CASE("what goes wrong each time is given up by its name") {
  MockEndpoint server([](const Request& request) { return mishaps().at(request.prompt)(); });
  SleepClock clock;
  options::TeacherOptions options = at(server);
  options.retries = 1;
  options.concurrency = 32;  // so that no number of failures in a row is too many
  Endpoint teacher(options, clock.settings());
  const std::vector<std::string> names = mishap_names();
  const Asked asked = ask(teacher, prompts_of(names), server);
  CHECK(asked.error.empty());
  std::map<std::string, std::string> failures;
  for (size_t i = 0; i < names.size(); ++i) {
    const Reply& reply = asked.only(i);
    CHECK(reply.text.empty());
    // libcurl itself tries once more on a new connection where one that was used before closes without a byte.
    if (names[i] != "cut at once") CHECK(server.asked().at(names[i]) == 2);
    // How much of it libcurl has sent by then is chance, and so is what it says.
    const bool shown = !reply.detail.empty() && names[i] != "cut at once";
    failures[names[i]] = reply.failure + (shown ? ": " + reply.detail : "");
  }
  const std::map<std::string, std::string> expected = {
      {"408", "http-408"},
      {"409", "http-409"},
      {"425", "http-425"},
      {"429", "http-429: slow down"},
      {"500", "http-500: it broke"},
      {"503", "http-503"},
      {"half", R"(not-json: {"choices":[{"finish_reason":"stop","message":{"content":"text","role":"assis)"},
      {"no choice", "no-choice: all busy"},
      {"hidden 503", "http-503: upstream"},
      {"no message", "empty-reply: all of max_tokens went into what is not shown"},
      {"white", "empty-reply"},
      {"huge", "too-large: more than 4194304 bytes"},
      {"huge, in pieces", "too-large: more than 4194304 bytes"},
      {"not utf-8", "not-utf-8"},
      {"lone surrogate", R"(not-json: {"choices":[{"message":{"content":"\ud800"}}]})"},
      {"cut", "connection-lost: transferred a partial file"},
      {"cut at once", "connection-lost"},
      {"wrong type", "wrong-content-type: content type 'text/html'"},
      {"no type", "wrong-content-type: content type ''"},
      {"no http", "connection-lost: unsupported protocol"},
      {"deep", "not-json: " + std::string(300, '[') + "…"},
      {"numbers", "not-json: " R"({"choices":5,"usage":{"prompt_tokens":1e999}})"},
  };
  for (const auto& [name, failure] : failures) CHECK(name + ": " + failure == name + ": " + expected.at(name));
}

TEST_CASE("a request that hangs is given up after the timeout and sent again") {
  MockEndpoint server([](const Request& request) { return request.prompt == "dead" || request.tries == 0 ? Answer{.silent = true} : replies("late"); });
  SleepClock clock;
  options::TeacherOptions options = at(server);
  options.timeout = 1;
  options.retries = 1;
  Endpoint teacher(options, clock.settings());
  const Asked asked = ask(teacher, prompts_of({"once", "dead"}), server);
  CHECK(asked.error.empty());
  CHECK(asked.only(0).text == "late");
  CHECK(asked.only(1).failure == "timeout");
  CHECK(server.asked() == std::map<std::string, int>{{"dead", 2}, {"once", 2}});
}

TEST_CASE("what is the prompt's own fault is not asked again") {
  MockEndpoint server([](const Request& request) -> Answer {
    if (request.prompt == "400") return {.bytes = http(400, R"({"error":{"message":"context\nlength\u001b[31m exceeded"}})")};
    if (request.prompt == "422") return {.bytes = http(422, R"({"detail":[{"loc":["body","seed"],"msg":"extra"},{"msg":"too many"}]})")};
    if (request.prompt == "deep") return {.bytes = http(400, R"({"detail":)" + std::string(1 << 20, '[') + std::string(1 << 20, ']') + "}")};
    if (request.prompt == "413") return {.bytes = http(413, R"({"message":"too long"})")};
    if (request.prompt == "never again") return {.bytes = http(500, R"({"error":"bad model"})", "x-should-retry: false\r\n")};
    if (request.prompt == "filtered") {
      Json reply = chat_reply("");
      reply["choices"][0]["finish_reason"] = "content_filter";
      return {.bytes = http(200, reply.dump())};
    }
    if (request.prompt == "refused") {
      Json reply = chat_reply("");
      reply["choices"][0]["message"] = {{"content", nullptr}, {"refusal", "I can't help"}};
      return {.bytes = http(200, reply.dump())};
    }
    return replies("good");
  });
  SleepClock clock;
  Endpoint teacher(at(server), clock.settings());
  const std::vector<std::string> names = {"400", "413", "422", "deep", "never again", "filtered", "refused", "good"};
  const Asked asked = ask(teacher, prompts_of(names), server);
  CHECK(asked.error.empty());
  std::vector<std::string> failures;
  for (size_t i = 0; i + 1 < names.size(); ++i) failures.push_back(asked.only(i).failure + ": " + asked.only(i).detail);
  CHECK(failures == std::vector<std::string>{"http-400: context length [31m exceeded", "http-413: too long", "http-422: seed: extra; too many", "http-400: ",
                                             "http-500: bad model", "refused: the server's content filter took the reply", "refused: I can't help"});
  CHECK(asked.only(7).text == "good");
  for (const auto& [prompt, times] : server.asked()) CHECK(times == 1);
}

TEST_CASE("where no prompt can succeed, asking ends and says what to do") {
  const Variable key("SAUCIER_TEST_KEY", kKey);
  const auto error_for = [](const Answer& answer, const std::string& variable) {
    MockEndpoint server([&](const Request&) { return answer; });
    options::TeacherOptions options = at(server);
    options.key = variable;
    options.concurrency = 1;
    SleepClock clock;
    Endpoint teacher(options, clock.settings());
    const Asked asked = ask(teacher, prompts_of(numbered(5)), server);
    CHECK(asked.replies.empty());
    CHECK(server.requests().size() == 1);
    return asked.error;
  };
  CHECK(error_for({.bytes = http(401, R"({"error":{"message":"Incorrect API key provided: sk-test-0123456789abcdefghij"}})")}, "SAUCIER_TEST_KEY") ==
        "error: 'http://127.0.0.1:PORT/v1' refuses the key in 'SAUCIER_TEST_KEY' (http status '401': Incorrect API key provided: [key])\n"
        "hint: set the environment variable 'SAUCIER_TEST_KEY' to a key that is valid there\n");
  CHECK(error_for({.bytes = http(403, "{}")}, "SAUCIER_TEST_KEY") ==
        "error: 'http://127.0.0.1:PORT/v1' refuses the key in 'SAUCIER_TEST_KEY' (http status '403')\n"
        "hint: set the environment variable 'SAUCIER_TEST_KEY' to a key that is valid there\n");
  CHECK(error_for({.bytes = http(401, "{}")}, "") ==
        "error: 'http://127.0.0.1:PORT/v1' refuses requests without a key (http status '401')\n"
        "hint: name the environment variable that holds the key with 'key'\n");
  CHECK(error_for({.bytes = http(404, R"({"error":{"message":"model 'mock' not found"}})")}, "") ==
        "error: 'http://127.0.0.1:PORT/v1' has no model 'mock', or there is no 'http://127.0.0.1:PORT/v1/chat/completions' (http status '404': model 'mock' not found)\n"
        "hint: look at 'url', which often ends with '/v1', and at 'model'\n");
  CHECK(error_for({.bytes = http(402, R"({"error":{"message":"insufficient balance"}})")}, "") ==
        "error: 'http://127.0.0.1:PORT/v1' gives no credit any more (http status '402': insufficient balance)\n"
        "hint: pay for more, then run the same command again: what was answered is kept and not asked again\n");
  CHECK(error_for({.bytes = http(429, R"({"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}})")}, "") ==
        "error: 'http://127.0.0.1:PORT/v1' gives no credit any more (http status '429': You exceeded your current quota)\n"
        "hint: pay for more, then run the same command again: what was answered is kept and not asked again\n");
  CHECK(error_for({.bytes = http(429, "{}", "Retry-After: 7200\r\n")}, "") ==
        "error: 'http://127.0.0.1:PORT/v1' asks to wait for 2 h 00 min (http status '429')\n"
        "hint: after that, run the same command again: what was answered is kept and not asked again\n");
  CHECK(error_for({.bytes = http(307, "", "Location: http://elsewhere.example/v1?k=sk-test-0123456789abcdefghij\r\n")}, "SAUCIER_TEST_KEY") ==
        "error: 'http://127.0.0.1:PORT/v1' points to 'http://elsewhere.example/v1?k=[key]' (http status '307'), and no redirect is followed with a key\n"
        "hint: give that address as 'url' if you trust it\n");
}

TEST_CASE("a redirect is not followed") {
  MockEndpoint other([](const Request&) { return replies("caught"); });
  MockEndpoint server([&](const Request&) { return Answer{.bytes = http(308, "", "Location: " + other.url() + "/chat/completions\r\n")}; });
  SleepClock clock;
  Endpoint teacher(at(server), clock.settings());
  CHECK(ask(teacher, prompts_of({"a"}), server).error.find("no redirect is followed") != std::string::npos);
  CHECK(other.connections() == 0);
}

TEST_CASE("a server that is not there, or is down, ends the asking") {
  SleepClock clock;
  {
    options::TeacherOptions options;
    {
      MockEndpoint gone([](const Request&) { return replies(""); });
      options = at(gone);
    }
    options.retries = 3;
    Endpoint teacher(options, clock.settings());
    const std::string error = error_of([&] { teacher.ask(prompts_of({"a", "b"}), [](size_t, const Reply&) { FAIL("a reply"); }); });
    CHECK(error == fmt::format("error: '{}' cannot be reached: couldn't connect to server\n"
                               "hint: start the server, then run the same command again: what was answered is kept and not asked again\n",
                               options.url));
  }
  MockEndpoint server([](const Request& request) { return request.prompt == "prompt 3" ? replies("one") : Answer{.bytes = http(503, R"({"error":"loading"})")}; });
  options::TeacherOptions options = at(server);
  options.retries = 2;
  options.concurrency = 1;
  Endpoint teacher(options, clock.settings());
  const Asked asked = ask(teacher, prompts_of(numbered(50)), server);
  CHECK(asked.error ==
        "error: the last 16 prompts to 'http://127.0.0.1:PORT/v1' came to nothing, the last of them with 'http-503: loading'\n"
        "hint: see to that, then run the same command again: what was answered is kept and not asked again\n");
  CHECK(asked.only(3).text == "one");
  CHECK(server.asked().size() <= 34);  // no more than are given up, and as many that wait to be sent again

  MockEndpoint plain([](const Request&) { return replies("no TLS here"); });
  options.url = "https://127.0.0.1:" + plain.port() + "/v1";
  options.retries = 0;
  Endpoint secure(options, clock.settings());
  CHECK(ask(secure, prompts_of({"a"}), plain).error.starts_with("error: 'https://127.0.0.1:PORT/v1' cannot be reached: "));
}

TEST_CASE("as many requests at once as the recipe says, on connections that are used again") {
  MockEndpoint server([](const Request& request) { return replies("reply to " + request.prompt); }, 4);
  options::TeacherOptions options = at(server);
  options.concurrency = 4;
  Endpoint teacher(options);
  for (int round = 0; round < 2; ++round) {
    const std::vector<std::string> names = numbered(12);
    const Asked asked = ask(teacher, prompts_of(names), server);
    CHECK(asked.error.empty());
    for (size_t i = 0; i < names.size(); ++i) CHECK(asked.only(i).text == "reply to " + names[i]);
  }
  CHECK(server.most_at_once() == 4);
  CHECK(server.connections() == 4);
}

TEST_CASE("a request holds what the prompt and the recipe say") {
  const Scratch scratch;
  write_file_atomic(scratch / "a.png", "\x89PNG and so on");
  MockEndpoint server([](const Request&) { return replies("good"); });
  options::TeacherOptions options = at(server);
  options.url += "/";  // as people write it
  options.extra = {{"top_k", "40"}, {"seed", "null"}, {"reasoning_effort", "\"low\""}};
  Endpoint teacher(options);
  Prompt prompt = prompt_of("what is \"there\"? caf\xe9");
  prompt.messages[1].pictures = {(scratch / "a.png").string()};
  CHECK(ask(teacher, {prompt}, server).only(0).text == "good");
  const Request request = server.requests().at(0);
  CHECK(request.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
  CHECK(request.head.find("Authorization") == std::string::npos);
  CHECK(request.body == Json::parse(R"({"model":"mock","messages":[{"role":"system","content":"You describe pictures."},
    {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORyBhbmQgc28gb24="}},
                              {"type":"text","text":"what is \"there\"? caf\ufffd"}]}],
    "temperature":0.7,"top_p":1.0,"max_tokens":100,"stream":false,"top_k":40,"reasoning_effort":"low"})"));

  write_file_atomic(scratch / "a.txt", "a text");
  prompt.messages[1].pictures = {(scratch / "a.txt").string()};
  const Asked asked = ask(teacher, {prompt_of("first"), prompt}, server);
  CHECK(asked.error == fmt::format("error: '{}' is no picture that a teacher can be shown (png, jpeg, gif, bmp, webp)\n", (scratch / "a.txt").string()));
  CHECK(asked.only(0).text == "good");  // what was under way
}

TEST_CASE("a server that does not count is counted for") {
  MockEndpoint server([](const Request& request) {
    Json reply = chat_reply("twelve bytes");
    if (request.prompt == "none") reply.erase("usage");
    else reply["usage"] = {{"prompt_tokens", -4}, {"completion_tokens", 1e300}};
    return Answer{.bytes = http(200, reply.dump())};
  });
  options::TeacherOptions options = at(server);
  options.price_reply = 2e6;
  Endpoint teacher(options);
  const Asked asked = ask(teacher, prompts_of({"none", "lies"}), server);
  for (size_t i : {0, 1}) {
    CHECK(asked.only(i).usage.prompt_tokens > 8);
    CHECK(asked.only(i).usage.reply_tokens == 5);
    CHECK(asked.only(i).usage.cost == 10);
  }
}

TEST_CASE("the key goes to the server and nowhere else") {
  const Variable key("SAUCIER_TEST_KEY", kKey);
  const Scratch scratch;
  MockEndpoint server([](const Request& request) -> Answer {
    const Json echo = {{"error", {{"message", request.head + ", or " + std::string(kKey).substr(0, 12)}}}};
    if (request.prompt == "400") return {.bytes = http(400, echo.dump())};
    if (request.prompt == "500") return {.bytes = http(500, kKey, "Content-Type: text/plain\r\n")};
    if (request.prompt == "type") return {.bytes = http(200, "{}", fmt::format("Content-Type: text/{}\r\n", kKey))};
    if (request.prompt == "half") return {.bytes = http(200, fmt::format("{{\"choices\": \"{}", kKey))};
    Json reply = chat_reply(fmt::format("The key is {}.", kKey));
    reply["model"] = reply["choices"][0]["finish_reason"] = kKey;
    return {.bytes = http(200, reply.dump())};
  });
  options::TeacherOptions options = at(server);
  options.key = "SAUCIER_TEST_KEY";
  options.retries = 0;
  SleepClock clock;
  const auto teacher = open_endpoint(options, scratch.path(), clock.settings());
  const Asked asked = ask(*teacher, prompts_of({"400", "500", "type", "half", "text"}), server);
  CHECK(asked.error.empty());
  std::string all = teacher->identity();
  for (const auto& [i, replies] : asked.replies)
    for (const Reply& reply : replies) all += fmt::format("{} {} {} {} {}\n", reply.text, reply.failure, reply.detail, reply.finish, reply.model);
  size_t files = 0;
  for (const auto& file : fs::recursive_directory_iterator(scratch.path())) {
    all += file.path().string() + read_file(file.path());
    ++files;
  }
  CHECK(files == 1);
  CHECK(asked.only(1).detail == "[key]");
  CHECK(asked.only(4).text == "The key is [key].");
  for (size_t size = 8; size <= std::string(kKey).size(); ++size) CHECK(all.find(std::string(kKey).substr(0, size)) == std::string::npos);
  for (const Request& request : server.requests()) CHECK(request.head.find(fmt::format("Authorization: Bearer {}\r\n", kKey)) != std::string::npos);
}

TEST_CASE("a key is the name of a variable that holds one") {
  options::TeacherOptions options;
  options.url = "http://localhost/v1";
  options.key = "SAUCIER_TEST_NO_KEY";
  const auto error = [&] { return error_of([&] { Endpoint teacher(options); }); };
  CHECK(error() ==
        "error: the environment variable 'SAUCIER_TEST_NO_KEY', which is to hold the teacher's key, is not set\n"
        "hint: set it, or leave 'key' out where the server asks for none: export SAUCIER_TEST_NO_KEY=…\n");
  const Variable two("SAUCIER_TEST_NO_KEY", "sk-test\r\nX-Other: 1");
  CHECK(error() ==
        "error: the environment variable 'SAUCIER_TEST_NO_KEY' holds a character that no key has (a space, a line end, or one that is not ASCII)\n"
        "hint: set it to the key alone\n");
  const Variable short_key("SAUCIER_TEST_KEY", "dog");
  const Secret secret("SAUCIER_TEST_KEY");
  CHECK(secret.without("a dog") == "a dog");
  CHECK(secret.masked("a dog in the fog") == "a [key] in the fog");
}

TEST_CASE("an address is http or https and holds no secret") {
  CHECK(chat_address("https://api.example.org/v1") == "https://api.example.org/v1/chat/completions");
  CHECK(chat_address("http://[::1]:8080/v1/") == "http://[::1]:8080/v1/chat/completions");
  const std::string no_address = "' is no http or https address\nhint: write one like 'http://localhost:8080/v1'\n";
  for (const char* url : {"ftp://example.org/v1", "file:///etc/passwd", "localhost:8080/v1", "", "http://", "http://a b/v1"})
    CHECK(error_of([&] { chat_address(url); }) == "error: '" + std::string(url) + no_address);
  for (const char* url : {"http://me:word@localhost/v1", "http://localhost/v1?key=word", "http://localhost/v1#word", "http://word@localhost", "http://me:word@host:port/v1"})
    CHECK(error_of([&] { chat_address(url); }) ==
          "error: a teacher's 'url' holds a user name, a password, a query or a fragment\n"
          "hint: leave it out; 'key' names the environment variable with a key\n");
}

TEST_CASE("extra fields are JSON, and not saucier's own") {
  const auto error = [](const std::string& field, const std::string& value) { return error_of([&] { read_extra({{field, value}}); }); };
  CHECK(error("stream", "true") == "error: 'stream' in 'extra' is a field that saucier writes itself\n");
  CHECK(error("reasoning_effort", "low") ==
        "error: 'reasoning_effort' in 'extra' is not valid JSON: line 1, column 1: invalid literal; last read: 'l'\n"
        "hint: write JSON, a text in quotes of its own: '\"high\"'\n");
}

TEST_CASE("a budget is kept to, by what is paid for already, and more of it asks only the rest") {
  const Scratch scratch;
  MockEndpoint server([](const Request& request) { return replies("reply to " + request.prompt); });
  const std::vector<Prompt> prompts = prompts_of(numbered(10));
  SleepClock clock;
  const auto run = [&](const std::function<void(options::TeacherOptions&)>& change) {
    options::TeacherOptions options = at(server);
    change(options);
    return ask(*open_endpoint(options, scratch.path(), clock.settings()), prompts, server);
  };
  const auto tokens = [&](std::int64_t most) {
    return run([&](options::TeacherOptions& options) { options.budget_tokens = most; });
  };
  const auto first = tokens(200);  // of which a prompt sets about 130 aside, and a reply takes 15
  CHECK(first.error ==
        "error: the teacher's budget of '200' tokens is used up: 75 are spent, and the next reply may take 127\n"
        "hint: raise 'budget_tokens' and run the same command again: what was answered is kept and not asked again\n");
  CHECK(first.replies.size() == 5);
  CHECK(tokens(200).error == first.error);
  CHECK(server.requests().size() == 5);
  CHECK(tokens(1000).error.empty());
  CHECK(server.requests().size() == 10);
  const auto all = tokens(150);  // everything is kept: nothing is spent
  CHECK(all.error.empty());
  CHECK(all.replies.size() == 10);
  for (const auto& [prompt, times] : server.asked()) CHECK(times == 1);

  fs::remove_all(scratch.path() / fs::directory_iterator(scratch.path())->path());
  const auto money = run([](options::TeacherOptions& options) {
    options.price_prompt = 1e6;
    options.price_reply = 2e6;
    options.budget = 300;  // a reply costs 20, and may cost 227
  });
  CHECK(money.error ==
        "error: the teacher's budget of '300' is used up: 80.0000 are spent, and the next reply may cost 227.0000\n"
        "hint: raise 'budget' and run the same command again: what was answered is kept and not asked again\n");
  CHECK(money.replies.size() == 4);
  CHECK(error_of([&] { run([](options::TeacherOptions& options) { options.budget = 3; }); }) ==
        "error: a teacher has a budget of '3' and no price that it could be used up by\n"
        "hint: set 'price_prompt' and 'price_reply', or 'budget_tokens' in the place of 'budget'\n");
}

TEST_CASE("asked to stop, a teacher sends nothing more and takes in what is under way") {
  const Scratch scratch;
  MockEndpoint server([](const Request& request) { return replies("reply to " + request.prompt); }, 4);
  options::TeacherOptions options = at(server);
  options.concurrency = 4;
  const std::vector<Prompt> prompts = prompts_of(numbered(12));
  const auto teacher = open_endpoint(options, scratch.path());
  std::set<size_t> given;
  std::string said;
  try {
    teacher->ask(prompts, [&](size_t i, const Reply&) {
      given.insert(i);
      stop_requested() = true;
    });
  } catch (const Interrupted& interrupted) {
    said = interrupted.what();
  }
  stop_requested() = false;
  CHECK(said == "stopped after 4 of 12 replies");
  CHECK(given.size() == 4);
  const Asked rest = ask(*open_endpoint(options, scratch.path()), prompts, server);
  CHECK(rest.error.empty());
  CHECK(rest.replies.size() == 12);
  for (const auto& [prompt, times] : server.asked()) CHECK(times == 1);
}

TEST_CASE("a killed run has lost no reply that it had") {
  const Scratch scratch;
  MockEndpoint server([](const Request& request) { return replies("reply to " + request.prompt); });
  options::TeacherOptions options = at(server);
  options.concurrency = 1;
  const std::vector<Prompt> prompts = prompts_of(numbered(30));
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int heard = 0;
    open_endpoint(options, scratch.path())->ask(prompts, [&](size_t, const Reply&) {
      if (++heard == 11) ::raise(SIGKILL);
    });
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  CHECK(server.requests().size() == 11);
  const Asked again = ask(*open_endpoint(options, scratch.path()), prompts, server);
  CHECK(again.error.empty());
  CHECK(again.replies.size() == 30);
  for (size_t i = 0; i < prompts.size(); ++i) CHECK(again.only(i).text == "reply to " + prompts[i].messages.back().text);
  for (const auto& [prompt, times] : server.asked()) CHECK(times == 1);
}

TEST_CASE("a stop does not wait for ever for what is under way") {
  MockEndpoint server([](const Request&) { return Answer{.silent = true}; });
  stop_requested() = false;
  options::TeacherOptions options = at(server);
  Endpoint teacher(options, {.grace = 0.2});
  std::thread stop([&] {
    while (server.requests().size() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop_requested() = true;
  });
  CHECK_THROWS_AS(teacher.ask(prompts_of({"a", "b"}), [](size_t, const Reply&) {}), Interrupted);
  stop.join();
  stop_requested() = false;
}

TEST_CASE("a recipe's own limits space requests out") {
  MockEndpoint server([](const Request&) { return replies("good"); });
  const auto slept = [&](std::optional<double> requests, std::optional<double> tokens) {
    SleepClock clock;
    options::TeacherOptions options = at(server);
    options.requests_per_minute = requests;
    options.tokens_per_minute = tokens;
    options.concurrency = 1;
    Endpoint teacher(options, clock.settings());
    CHECK(ask(teacher, prompts_of(numbered(11)), server).replies.size() == 11);
    return clock.slept;
  };
  CHECK(slept({}, {}) == Approx(0).margin(0.1));
  CHECK(slept(30, {}) == Approx(20).margin(0.1));
  CHECK(slept({}, 60) == Approx(150).margin(0.1));  // of 15 tokens each, not of the 128 that they might have taken
}

TEST_CASE("what the server says of its limits is heeded") {
  SleepClock clock;
  const auto slept = [&](const std::string& headers) {
    MockEndpoint server([&](const Request&) { return replies("good", "Content-Type: application/json\r\n" + headers); });
    options::TeacherOptions options = at(server);
    options.concurrency = 1;
    Endpoint teacher(options, clock.settings());
    const double before = clock.slept;
    CHECK(ask(teacher, prompts_of({"a", "b"}), server).replies.size() == 2);
    return clock.slept - before;
  };
  CHECK(slept("x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1m1s\r\n") == Approx(61).margin(0.1));
  CHECK(slept("x-ratelimit-remaining-requests: 1\r\nx-ratelimit-reset-requests: 1m1s\r\n") == Approx(0).margin(0.1));
  CHECK(slept("X-RateLimit-Remaining-Tokens: 60\r\nX-RateLimit-Reset-Tokens: 20ms\r\n") == Approx(0.02).margin(0.1));
  CHECK(slept("x-ratelimit-remaining-tokens: -1\r\nx-ratelimit-reset-tokens: 300\r\n") == Approx(0).margin(0.1));
  CHECK(slept("x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 20h\r\n") == Approx(0).margin(0.1));
}

TEST_CASE("told when to come back, no other request is sent before") {
  for (const int status : {429, 503, 500}) {
    INFO(status);
    MockEndpoint server([&](const Request& request) {
      const std::string headers = status == 500 ? "" : "Retry-After: 5\r\n";
      return request.prompt == "a" && request.tries == 0 ? Answer{.bytes = http(status, "{}", headers)} : replies("good");
    });
    SleepClock clock;
    options::TeacherOptions options = at(server);
    options.concurrency = 1;
    Endpoint teacher(options, clock.settings());
    CHECK(ask(teacher, prompts_of({"a", "b"}), server).replies.size() == 2);
    std::string order;
    for (const Request& request : server.requests()) order += request.prompt;
    CHECK(order == (status == 500 ? "aba" : "aab"));
    CHECK((clock.slept > 4.99) == (status != 500));
  }
}
