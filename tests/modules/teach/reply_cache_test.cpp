// Replies kept: nothing is asked twice, whoever crashes and however many write.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include <catch2/catch.hpp>

#include "modules/base/file.h"
#include "modules/teach/reply_cache.h"
#include "tests/modules/base/scratch.h"
#include "tests/modules/base/size_limit.h"
#include "tests/modules/teach/asking.h"

using namespace saucier;
using namespace saucier::teach;

namespace {

// Answers with the prompt's text backwards; "bad" in it fails.
class Backwards final : public Writer {
 public:
  explicit Backwards(std::vector<std::string>& asked) : asked_(asked) {}
  std::string identity() const override { return R"({"kind":"backwards"})"; }
  void ask(std::span<const Prompt> prompts, const std::function<void(size_t, const Reply&)>& done) override {
    for (size_t i = prompts.size(); i-- > 0;) {
      const std::string& text = prompts[i].messages.back().text;
      asked_.push_back(text);
      if (text.find("bad") != std::string::npos) done(i, {.text = {}, .failure = "http-500"});
      else done(i, {.text = {text.rbegin(), text.rend()}, .finish = "stop", .model = "b", .usage = {.prompt_tokens = 3, .reply_tokens = 2, .cost = 0.5}});
    }
  }

 private:
  std::vector<std::string>& asked_;
};

struct Kept {
  std::vector<std::string> asked;  // of the writer itself
  std::vector<std::string> replies;
  std::vector<bool> kept;
  double counted = 0;
};

Kept ask_kept(const fs::path& folder, const std::vector<std::string>& texts) {
  Kept out;
  out.replies.resize(texts.size());
  out.kept.resize(texts.size());
  CachedWriter writer(std::make_unique<Backwards>(out.asked), folder, [&](const Usage& usage) { out.counted += usage.cost; });
  writer.ask(prompts_of(texts), [&](size_t i, const Reply& reply) {
    CHECK(out.replies[i].empty());
    out.replies[i] = reply.failure.empty() ? reply.text : reply.failure;
    out.kept[i] = reply.kept;
  });
  return out;
}

fs::path only_file(const fs::path& folder) { return fs::directory_iterator(folder)->path(); }

void append(const fs::path& file, const std::string& bytes) { std::ofstream(file, std::ios::app | std::ios::binary) << bytes; }

}  // namespace

TEST_CASE("a reply is asked for once, a failure again") {
  const Scratch scratch;
  const fs::path folder = scratch / "new" ;
  const Kept first = ask_kept(folder, {"one", "bad", "two", "one"});
  CHECK(first.asked == std::vector<std::string>{"two", "bad", "one"});
  CHECK(first.replies == std::vector<std::string>{"eno", "http-500", "owt", "eno"});
  CHECK(first.kept == std::vector<bool>{false, false, false, true});
  CHECK(first.counted == 0);
  const Kept second = ask_kept(folder, {"three", "two", "bad", "one", "two"});
  CHECK(second.asked == std::vector<std::string>{"bad", "three"});
  CHECK(second.replies == std::vector<std::string>{"eerht", "owt", "http-500", "eno", "owt"});
  CHECK(second.kept == std::vector<bool>{false, true, false, true, true});
  CHECK(second.counted == 1);
}

TEST_CASE("a reply is on the disk before anyone hears of it") {
  const Scratch scratch;
  std::vector<std::string> asked;
  CachedWriter writer(std::make_unique<Backwards>(asked), scratch.path());
  const std::vector<Prompt> prompts = prompts_of({"one", "two"});
  int heard = 0;
  CHECK_THROWS_AS(writer.ask(prompts,
                             [&](size_t i, const Reply& reply) {
                               ++heard;
                               ReplyCache other(scratch.path(), writer.identity());
                               other.refresh();
                               const auto found = other.find(prompt_key(writer.identity(), prompts[i]));
                               REQUIRE(found);
                               CHECK(found->text == reply.text);
                               CHECK(found->finish == "stop");
                               CHECK(found->model == "b");
                               CHECK(found->usage.prompt_tokens == 3);
                               CHECK(found->usage.cost == 0.5);
                               CHECK(found->kept);
                               throw Error("the stage dies here");
                             }),
                  Error);
  CHECK(heard == 1);
  CHECK(ask_kept(scratch.path(), {"one", "two"}).asked.size() == 1);
}

TEST_CASE("a line that a crash has cut off, or that is damaged, is asked again and harms no other") {
  const Scratch scratch;
  ask_kept(scratch.path(), {"one", "two"});
  const fs::path file = only_file(scratch.path());
  const std::string whole = read_file(file);
  for (const size_t cut : {size_t{1}, size_t{2}, size_t{3}, size_t{40}, size_t{100}}) {
    INFO(cut);
    write_file_atomic(file, whole.substr(0, whole.size() - cut));
    const Kept again = ask_kept(scratch.path(), {"one", "two", "three"});  // the file's last line is that of "one"
    CHECK(again.asked == std::vector<std::string>{"three", "one"});
    CHECK(ask_kept(scratch.path(), {"one", "two", "three"}).asked.empty());
  }
  std::string damaged = whole;
  damaged.replace(damaged.find("owt"), 3, "o\"t");
  write_file_atomic(file, damaged);
  CHECK(ask_kept(scratch.path(), {"one", "two"}).asked == std::vector<std::string>{"two"});
  CHECK(ask_kept(scratch.path(), {"one", "two"}).asked.empty());
  append(file, std::string("\n\n\0{}\nnull\n", 11) + std::string(3 << 20, 'x') + "\n");
  CHECK(ask_kept(scratch.path(), {"one", "two", "four"}).asked == std::vector<std::string>{"four"});
  CHECK(ask_kept(scratch.path(), {"one", "two", "four"}).asked.empty());
}

TEST_CASE("several processes keep replies in one file") {
  const Scratch scratch;
  constexpr int kProcesses = 4, kReplies = 50;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ReplyCache cache(scratch.path(), "{}");
      for (int i = 0; i < kReplies; ++i)
        cache.put(prompt_key("{}", prompt_of(fmt::format("{} {}", process, i))), {.text = std::string(static_cast<size_t>(20000 * (i % 3) + 1), static_cast<char>('a' + process))});
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  ReplyCache cache(scratch.path(), "{}");
  cache.refresh();
  for (int process = 0; process < kProcesses; ++process)
    for (int i = 0; i < kReplies; ++i) {
      const auto reply = cache.find(prompt_key("{}", prompt_of(fmt::format("{} {}", process, i))));
      REQUIRE(reply);
      CHECK(reply->text == std::string(static_cast<size_t>(20000 * (i % 3) + 1), static_cast<char>('a' + process)));
    }
  CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 1);
  CHECK(read_file(only_file(scratch.path())).starts_with("{\"identity\":{}}\n"));
}

TEST_CASE("a key tells everything apart that alters a reply") {
  const Scratch scratch;
  write_file_atomic(scratch / "a", "one picture");
  write_file_atomic(scratch / "b", "another");
  write_file_atomic(scratch / "c", "another");
  const Prompt plain = prompt_of("text");
  std::set<std::string> keys = {prompt_key("{}", plain), prompt_key("{ }", plain)};
  const auto changed = [&](const std::function<void(Prompt&)>& change) {
    Prompt prompt = plain;
    change(prompt);
    return prompt_key("{}", prompt);
  };
  keys.insert(changed([](Prompt& p) { p.messages[0].text = "other"; }));
  keys.insert(changed([](Prompt& p) { p.messages[0].role = "user"; }));
  keys.insert(changed([](Prompt& p) { p.messages.pop_back(); }));
  keys.insert(changed([](Prompt& p) { std::swap(p.messages[0], p.messages[1]); }));
  keys.insert(changed([](Prompt& p) { p.temperature = 0.71; }));
  keys.insert(changed([](Prompt& p) { p.top_p = 0.9; }));
  keys.insert(changed([](Prompt& p) { p.max_tokens = 101; }));
  keys.insert(changed([](Prompt& p) { p.seed = 8; }));
  keys.insert(changed([&](Prompt& p) { p.messages[1].pictures = {(scratch / "a").string()}; }));
  const std::string b = changed([&](Prompt& p) { p.messages[1].pictures = {(scratch / "b").string()}; });
  keys.insert(b);
  CHECK(keys.size() == 12);
  CHECK(changed([&](Prompt& p) { p.messages[1].pictures = {(scratch / "c").string()}; }) == b);  // by content
}

TEST_CASE("looking for replies makes no file") {
  const Scratch scratch;
  ReplyCache cache(scratch / "none", "{}");
  cache.refresh();
  CHECK_FALSE(cache.find(prompt_key("{}", prompt_of("text"))));
  CHECK_FALSE(fs::exists(scratch / "none"));
}

TEST_CASE("a reply that cannot be kept ends the asking, and what was kept is whole") {
  const Scratch scratch;
  ask_kept(scratch.path(), {"one"});
  const fs::path file = only_file(scratch.path());
  const std::string before = read_file(file);
  {
    const SizeLimit limit(before.size() + 50);
    CHECK(error_of([&] { ask_kept(scratch.path(), {"two"}); }) == fmt::format("error: cannot write '{}': No space left on device\n"
                                                                                 "hint: free some space: replies that cannot be kept would be asked for again\n", file.string()));
  }
  CHECK(read_file(file) == before);
  CHECK(ask_kept(scratch.path(), {"one", "two"}).asked == std::vector<std::string>{"two"});
  write_file_atomic(scratch / "no folder", "");
  CHECK(error_of([&] { ask_kept(scratch / "no folder", {"two"}); }) == fmt::format("error: cannot make folder '{}': Not a directory\n", (scratch / "no folder").string()));
}

TEST_CASE("speed of keeping replies and of finding 50,000 again", "[.][speed]") {
  const Scratch scratch;
  const Clock& clock = system_clock();
  const Prompt long_prompt = [] {
    Prompt prompt = prompt_of("");
    for (int i = 0; i < 6; ++i) prompt.messages.push_back({.role = i % 2 ? "user" : "assistant", .text = std::string(1000, 'x')});
    return prompt;
  }();
  const auto prompt = [&](int i) {
    Prompt out = long_prompt;
    out.seed = static_cast<std::uint64_t>(i);
    return out;
  };
  ReplyCache cache(scratch.path(), "{}");
  double begin = clock.steady_seconds();
  constexpr int kKept = 500, kReplies = 50000;
  for (int i = 0; i < kKept; ++i) cache.put(prompt_key("{}", prompt(i)), {.text = std::string(1500, 'y')});
  WARN(fmt::format("{:.0f} replies kept a second, each synced", kKept / (clock.steady_seconds() - begin)));
  const fs::path file = only_file(scratch.path());
  const std::string line = read_file(file).substr(read_file(file).rfind("{\"key"));
  std::string lines;
  for (int i = kKept; i < kReplies; ++i) lines += line.substr(0, 8) + prompt_key("{}", prompt(i)) + line.substr(72);
  append(file, lines);
  begin = clock.steady_seconds();
  cache.refresh();
  WARN(fmt::format("{:.2f} s to look through {} MB", clock.steady_seconds() - begin, fs::file_size(file) >> 20));
  begin = clock.steady_seconds();
  int found = 0;
  for (int i = 0; i < kReplies; ++i) found += cache.find(prompt_key("{}", prompt(i))).has_value();
  CHECK(found == kReplies);
  WARN(fmt::format("{:.2f} s to find them all by prompts of 6 kB", clock.steady_seconds() - begin));
}
