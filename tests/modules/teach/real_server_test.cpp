// Twenty prompts to a real server, on request: SAUCIER_TEACHER_URL=http://127.0.0.1:8080/v1 build/test_teach '[server]'
// (tests/tools/llama_server.py starts one).
#include <cstdlib>

#include <catch2/catch.hpp>

#include "tests/modules/base/scratch.h"
#include "tests/modules/teach/asking.h"

using namespace saucier;
using namespace saucier::teach;

TEST_CASE("a real server answers twenty prompts, and is asked for none twice", "[.][server]") {
  const char* url = std::getenv("SAUCIER_TEACHER_URL");
  if (!url) FAIL("SAUCIER_TEACHER_URL names no server");
  options::TeacherOptions options;
  options.url = url;
  options.model = "default";
  options.requests_per_minute = 100000;  // never waits, but goes through the pacing
  std::vector<Prompt> prompts;
  for (int i = 0; i < 20; ++i) {
    prompts.push_back(prompt_of(fmt::format("A picture shows {} dogs and a cup. Write one question about it and the answer.", i + 2)));
    prompts.back().max_tokens = 48;
    prompts.back().seed = static_cast<std::uint64_t>(i);
  }
  const Scratch scratch;
  for (const bool again : {false, true}) {
    const auto teacher = open_endpoint(options, scratch.path());
    const double begin = system_clock().steady_seconds();
    size_t texts = 0, kept = 0;
    Usage usage;
    teacher->ask(prompts, [&](size_t, const Reply& reply) {
      INFO(reply.failure << " " << reply.detail);
      CHECK(reply.failure.empty());
      texts += !reply.text.empty();
      kept += reply.kept;
      usage.prompt_tokens += reply.usage.prompt_tokens;
      usage.reply_tokens += reply.usage.reply_tokens;
    });
    WARN(fmt::format("{} replies, {} of them kept, {} prompt tokens, {} reply tokens, {:.2f} s", texts, kept, usage.prompt_tokens, usage.reply_tokens,
                     system_clock().steady_seconds() - begin));
    CHECK(texts == 20);
    CHECK(kept == (again ? 20 : 0));
  }
}
