// Whatever a server says is a text or a failure with a name.
#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "modules/teach/chat.h"
#include "modules/text/utf8.h"
#include "tests/damaged.h"
#include "tests/modules/teach/mock_endpoint.h"

using namespace saucier;
using namespace saucier::teach;

TEST_CASE("any answer is a text or a failure with a name") {
  std::mt19937_64 random(9);
  const std::string good = chat_reply("A dog \xc3\xa9 \\ud83d").dump();
  const std::string other = R"("content":null,"content":[{"text":"a"},7],"choices":{},"error":{"code":429,"message":"x"},"refusal":"no","usage":{"prompt_tokens":-1e308}, "message":[[[{)";
  std::set<std::string> seen;
  for (int i = 0; i < 20000; ++i) {
    const std::string body = damaged(good, other, random);
    const int status = i % 4 == 0 ? static_cast<int>(random() % 1000) : 200;
    const Reading reading = read_answer({.status = status, .content_type = i % 3 == 0 ? "text/plain" : "application/json", .should_retry = "", .body = body}, Secret());
    const Reply& reply = reading.reply;
    INFO(status << " " << body);
    REQUIRE((reading.verdict == Verdict::kReply) == reply.failure.empty());
    REQUIRE(reply.text.empty() == !reply.failure.empty());
    for (const std::string* text : {&reply.text, &reply.failure, &reply.detail, &reply.finish, &reply.model}) REQUIRE(text::is_valid_utf8(*text));
    REQUIRE(reply.detail.find_first_of("\n\r\t\x1b") == std::string::npos);
    REQUIRE(reply.usage.prompt_tokens >= 0);
    REQUIRE(reply.usage.reply_tokens >= 0);
    seen.insert(reply.failure.starts_with("http-") ? "http" : reply.failure);
  }
  CHECK(seen == std::set<std::string>{"", "empty-reply", "http", "no-choice", "not-json", "not-utf-8", "wrong-content-type"});
}
