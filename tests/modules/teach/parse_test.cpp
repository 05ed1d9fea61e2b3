#include <catch2/catch.hpp>

#include <set>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/teach/parse.h"

using namespace saucier;
using namespace saucier::teach;

namespace {

std::string reason(Layout layout, const std::string& text) {
  const Parsed parsed = parse_reply(layout, text);
  if (parsed.rejection) CHECK(parsed.exchanges.empty());  // nothing half read goes on
  return parsed.rejection.reason;
}

}  // namespace

TEST_CASE("pairs are read as they are laid out") {
  const Parsed parsed = parse_reply(Layout::kDialogue, "Question:\nWhat is there?\n===\nAnswer:\nA dog.\nIt sleeps.\n===\n\nQuestion: How many?\n=====\nAnswer: One.\n===\n");
  REQUIRE(parsed.rejection.reason == "");
  REQUIRE(parsed.exchanges.size() == 2);
  CHECK(parsed.exchanges[0].question == "What is there?");
  CHECK(parsed.exchanges[0].answer == "A dog.\nIt sleeps.");
  CHECK(parsed.exchanges[1].question == "How many?");
  CHECK(parsed.exchanges[1].answer == "One.");
}

TEST_CASE("what is written is read back") {
  const std::vector<Exchange> pairs = {{"Is it day?", "Yes."}, {"Why?", "The sun = light ==\nshines."}};
  const Parsed parsed = parse_reply(Layout::kDialogue, write_pairs(pairs));
  REQUIRE(parsed.exchanges.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(parsed.exchanges[i].question == pairs[i].question);
    CHECK(parsed.exchanges[i].answer == pairs[i].answer);
  }
}

TEST_CASE("a whole reply is an answer") {
  const Parsed parsed = parse_reply(Layout::kAnswer, "\n A dog sleeps.\n\nIt is brown. \n");
  REQUIRE(parsed.exchanges.size() == 1);
  CHECK(parsed.exchanges[0].question == "");
  CHECK(parsed.exchanges[0].answer == "A dog sleeps.\n\nIt is brown.");
}

TEST_CASE("each way of not being laid out has its name") {
  using enum Layout;
  CHECK(reason(kDialogue, "") == "empty-reply");
  CHECK(reason(kAnswer, " \n\t") == "empty-reply");
  CHECK(reason(kDialogue, "===\n===") == "empty-reply");
  CHECK(reason(kDialogue, "Here you are:\nQuestion:\nWhat?\n===\nAnswer:\nA dog.") == "unlabelled");
  CHECK(reason(kDialogue, "Question:\nWhat?\n===\nA dog.") == "unlabelled");
  CHECK(reason(kDialogue, "Question:\nWhat?\nAnswer:\nA dog.") == "missing-separator");
  CHECK(reason(kDialogue, "Question:\nWhat?\n===\nAnswer:\nA dog.\n\n  Question: And?\n===\nAnswer:\nA cat.") == "missing-separator");
  CHECK(reason(kDialogue, "Question:\nWhat?\n===\nQuestion:\nWho?\n===\nAnswer:\nA dog.") == "question-unanswered");
  CHECK(reason(kDialogue, "Question:\nWhat?\n===\nAnswer:\nA dog.\n===\nQuestion:\nWho?") == "question-unanswered");
  CHECK(reason(kDialogue, "Answer:\nA dog.") == "answer-unasked");
  CHECK(reason(kDialogue, "Question:\nWhat?\n===\nAnswer:\nA dog.\n===\nAnswer:\nA cat.") == "answer-unasked");
  CHECK(reason(kDialogue, "Question:\n===\nAnswer:\nA dog.") == "empty-question");
  CHECK(reason(kDialogue, "Question:\nWhat?\n===\nAnswer:  ") == "empty-answer");
  CHECK(reason(kPair, "Question:\nWhat?\n===\nAnswer:\nA dog.\n===\nQuestion:\nWho?\n===\nAnswer:\nA man.") == "several-pairs");
  CHECK(reason(kPair, "Question:\nWhat?\n===\nAnswer:\nA dog.") == "");
  CHECK(reason(kAnswer, "A dog <image>.") == "picture-marker");
}

TEST_CASE("layouts have names") {
  CHECK(layout_named("pair") == Layout::kPair);
  CHECK_THROWS_WITH(layout_named("dialog"), "unknown layout 'dialog'");
}

TEST_CASE("the list of rejections has each once, with its meaning") {
  std::set<std::string_view> names;
  for (const RejectionText& text : rejections()) {
    CHECK(names.insert(text.name).second);
    CHECK_FALSE(text.meaning.empty());
  }
}

TEST_CASE("docs/synthesize.md has every rejection") {
  const std::string page = read_file(SAUCIER_SOURCE_DIR "/docs/synthesize.md");
  for (const RejectionText& text : rejections()) {
    INFO(text.name);
    CHECK(page.find(fmt::format("`{}`", text.name)) != std::string::npos);
  }
}
