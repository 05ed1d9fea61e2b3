// What of a teacher in words is part of a stage key: what alters its replies and what is kept of them, nothing else.
#include <catch2/catch.hpp>

#include <fstream>

#include "modules/base/file.h"
#include "runner/plan/plan.h"
#include "runner/recipe/recipe.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

constexpr const char* kText = R"(recipe = 1
name = "taught"

[model]
language_model = { init = "random" }
vision_tower = { init = "random" }

[teacher.writer]
url = "http://localhost:8080/v1"
model = "small"

[teacher.judge]
url = "http://localhost:8081/v1"
model = "large"

[teacher.own]
kind = "self"
stage = "align"

[kind.riddle]
prompts = "riddle"

[data.captions]
format = "scenes"

[data.taught]
format = "synthesized"
stage = "teach"

[[stage]]
name = "align"
kind = "train"
trains = ["projector"]
data = "data.captions"

[[stage]]
name = "teach"
kind = "synthesize"
source = "captions"
teacher = "writer"
kinds = { riddle = 1, detail = 1 }
filters = { judge = "judge" }

[[stage]]
name = "instruct"
kind = "train"
trains = ["projector"]
data = "data.taught"
)";

class Taught {
 public:
  Taught() {
    make_folders(folder_.path() / "riddle");
    write_file_atomic(folder_.path() / "riddle/system_message.txt", "Write a riddle.");
    write_file_atomic(folder_.path() / "taught.toml", kText);
  }
  plan::Plan plan(const std::vector<std::string>& set) const {
    const recipe::Recipe recipe = recipe::load(folder_.path() / "taught.toml", set, {});
    INFO(recipe.problems.render());
    REQUIRE_FALSE(recipe.problems.has_errors());
    return plan::make_plan(recipe, nullptr);
  }
  std::string key(const std::vector<std::string>& set = {}, const std::string& stage = "teach") const {
    for (const plan::Node& node : plan(set).nodes)
      if (node.name == stage) return node.key;
    return {};
  }
  void write(const std::string& file, const std::string& text) const { write_file_atomic(folder_.path() / file, text); }

 private:
  TempFolder folder_;
};

}  // namespace

TEST_CASE("what alters replies alters the key, what does not leaves it") {
  const Taught taught;
  const std::string before = taught.key();
  for (const char* same : {"teacher.writer.url='http://example.org/v1'", "teacher.writer.concurrency=9", "teacher.writer.timeout=5", "teacher.writer.retries=0",
                           "teacher.writer.budget_tokens=1000000", "teacher.writer.price_reply=2", "teacher.judge.concurrency=2", "stage.teach.tolerate=0.5",
                           "teacher.own.max_tokens=9", "stage.teach.filters.blind_share=0.5", "conversation.max_turns=1"}) {
    INFO(same);
    CHECK(taught.key({same}) == before);
  }
  for (const char* other : {"teacher.writer.model='large'", "teacher.writer.temperature=0", "teacher.writer.max_tokens=64", "teacher.writer.extra={top_k='40'}", "teacher.writer.sight=true",
                            "teacher.judge.model='huge'", "kind.riddle.boxes=false", "stage.teach.filters.claims=false", "stage.teach.filters.min_score=7", "stage.teach.filters.rubric='Rate it.'",
                            "stage.teach.filters.judge=''", "stage.teach.max_turns=2", "stage.teach.samples_per_picture=2", "stage.teach.kinds.detail=2"}) {
    INFO(other);
    CHECK(taught.key({other}) != before);
  }
}

TEST_CASE("prompts count by their contents") {
  const Taught taught;
  const std::string before = taught.key(), unread = taught.key({"stage.teach.kinds.riddle=0"});
  taught.write("riddle/system_message.txt", "Write a hard riddle.");
  CHECK(taught.key() != before);
  CHECK(taught.key({"stage.teach.kinds.riddle=0"}) == unread);
  taught.write("riddle/system_message.txt", "Write a riddle.");
  CHECK(taught.key() == before);
}

TEST_CASE("a trained teacher counts by what trained it, and stages behind it follow") {
  const Taught taught;
  const std::string own = "stage.teach.teacher='own'", faster = "stage.align.learning_rate=1e-4";
  CHECK(taught.key({own}) != taught.key({own, faster}));
  CHECK(taught.key({own}, "instruct") != taught.key({own, faster}, "instruct"));
  CHECK(taught.key() == taught.key({faster}));
  CHECK(taught.key({own}) != taught.key({own, "conversation.template='plain'"}));
}

TEST_CASE("a run does not begin without the key of a teacher that it asks") {
  const Taught taught;
  const auto plan_with = [&](const std::string& variable) { return taught.plan({"teacher.writer.key='" + variable + "'"}); };
  CHECK_NOTHROW(plan::check_keys(plan_with("PATH")));
  plan::Plan plan = plan_with("SAUCIER_TEST_UNSET_KEY");
  CHECK_THROWS_WITH(plan::check_keys(plan), "stage 'teach' asks teacher 'writer', whose key should be in the environment variable 'SAUCIER_TEST_UNSET_KEY', which is not set");
  for (plan::Node& node : plan.nodes) node.cached = true;
  CHECK_NOTHROW(plan::check_keys(plan));
}
