// What preview says, word for word (tests/golden/reading/preview.txt), and its JSON against what the modules make.

#include <catch2/catch.hpp>

#include <sstream>

#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/base/paths.h"
#include "modules/sources/described.h"
#include "modules/teach/endpoint.h"
#include "modules/teach/reply_cache.h"
#include "runner/recipe/recipe.h"
#include "tests/must_be_current.h"
#include "tests/runner/cli/says.h"
#include "tests/runner/cli/working_folder.h"

using namespace saucier;
namespace fs = std::filesystem;

namespace {

const fs::path kRoot = SAUCIER_SOURCE_DIR;

// A folder with a recipe over two small files, in which the command is given.
class Bench : WorkingFolder {
 public:
  Bench() {
    fs::copy(kRoot / "tests/data/image/alpha.png", "pictures/a.png");
    write_file_atomic("talk.jsonl",
                      R"({"id": "one", "image": "a.png", "conversations": [{"from": "human", "value": "<image>\nIs there a fox?"}, {"from": "gpt", "value": "yes"}, {"from": "human", "value": "How many?"}, {"from": "gpt", "value": "two"}, {"from": "human", "value": "Where?"}, {"from": "gpt", "value": "on the left"}]}
{"id": "two", "conversations": [{"from": "human", "value": "Say ASSISTANT: hello"}, {"from": "gpt", "value": "hello"}]}
{"id": "three", "conversations": [{"from": "human", "value": "A bell\u001b[2J?"}, {"from": "gpt", "value": "a bell"}]}
)");
    write_file_atomic("mine.toml", R"(recipe = 1
name = "mine"

[model]
language_model = { path = "models/reader" }
vision_tower = { path = "models/tower", layer = -1 }

[conversation]
system = "none"
max_turns = 2

[data.talk]
format = "llava"
path = "talk.jsonl"
images = "pictures"

[data.scenes]
format = "scenes"
scenes = { count = 3 }

[mixture.all]
weights = { talk = 0.5, scenes = 0.5 }
samples = 8

[[stage]]
name = "align"
kind = "train"
trains = ["projector"]
data = "data.scenes"
conversation.template = "plain"

[[stage]]
name = "teach"
kind = "synthesize"
source = "scenes"

[[stage]]
name = "instruct"
kind = "train"
trains = ["projector"]
data = "mixture.all"

[data.taught]
format = "synthesized"
stage = "teach"

[[stage]]
name = "later"
kind = "train"
trains = ["projector"]
data = "data.taught"

[[stage]]
name = "tower"
kind = "train"
objective = "contrastive"
from = "none"
trains = ["vision_tower"]
data = "data.scenes"
)");
  }
};

// A recipe whose teacher has replied to the first three of four prompts: well, of what is not there, and not as it should.
void write_taught() {
  write_file_atomic("taught.toml", R"(recipe = 1
name = "taught"

[model]
language_model = { path = "models/reader" }
vision_tower = { path = "models/tower" }

[teacher.writer]
url = "http://127.0.0.1:9/v1"
model = "small"

[kind.riddle]
system = "Write {turns} riddles."

[data.scenes]
format = "scenes"
scenes = { count = 4 }

[[stage]]
name = "teach"
kind = "synthesize"
source = "scenes"
teacher = "writer"
kinds = { riddle = 1 }
)");
  const recipe::Recipe recipe = recipe::load("taught.toml", {}, {});
  const options::Job& job = recipe.trials.front().stages.front().job;
  const std::string identity = teach::endpoint_identity(job.teachers.at("writer"));
  teach::ReplyCache cache(paths::cache(fs::path(paths::kDefaultStore)) / paths::kReplies, identity);
  const teach::Synthesis synthesis = sources::open_synthesis(job, "shown");
  const char* replies[] = {"Question:\nWhat is slow and has a house?\n===\nAnswer:\nThe snail.\x1b[2J", "Question:\nWhat flies to the moon?\n===\nAnswer:\nThe rocket.", "A riddle: what is it?"};
  for (int i = 0; i < 3; ++i)
    cache.put(teach::prompt_key(identity, synthesis.begin(i).prompt), {.text = replies[i], .finish = "stop"});
}

std::string said_by(const std::vector<std::string>& given) {
  std::vector<std::string> arguments = {"preview"};
  arguments.insert(arguments.end(), given.begin(), given.end());
  return transcript(arguments);
}

}  // namespace

TEST_CASE("preview, word for word") {
  const Bench bench;
  write_taught();
  std::string text;
  for (const std::vector<std::string>& given : std::vector<std::vector<std::string>>{
           {"--help"},
           {"mine.toml", "--stage", "instruct", "--source", "talk"},
           {"mine.toml", "--stage", "instruct", "--count", "2", "--first", "3", "--summary", "0"},
           {"mine.toml", "--stage", "align", "--count", "1", "--set", "conversation.image_aspect=anyres"},
           {"mine.toml", "--stage", "instruct", "--source", "talk", "--count", "0", "--set", "conversation.turn_overflow=truncate"},
           {"mine.toml", "--stage", "teach", "--count", "2", "--set", "stage.teach.kinds={reasoning=1}"},
           {"mine.toml", "--stage", "teach", "--html", "page.html"},
           {"taught.toml", "--stage", "teach", "--count", "3"},
           {"taught.toml"},
           {"mine.toml", "--stage", "later"},
           {"mine.toml", "--stage", "tower"},
           {"mine.toml", "--stage", "bench"},
           {"mine.toml", "--stage", "instruct", "--source", "tlak"},
           {"mine.toml", "--trial", "mine-7"},
           {"mine.toml", "--count", "-1"},
           {"mine.toml", "--stage", "align", "--set", "model.language_model.init=random"}})
    text += said_by(given);
  must_be_current(kRoot / "tests/golden/reading/preview.txt", text);
}

TEST_CASE("preview --json holds what the text says") {
  const Bench bench;
  std::istringstream lines(said_by({"mine.toml", "--stage", "instruct", "--source", "talk", "--json"}));
  std::vector<Json> samples;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("{")) samples.push_back(Json::parse(line));
  REQUIRE(samples.size() == 4);
  CHECK(samples[1]["id"] == "one#2");
  CHECK(samples[2]["dropped"] == "template-separator-in-text");
  CHECK(samples[2]["ids"].empty());
  for (const Json& sample : samples) {
    CHECK(sample["ids"].size() == sample["labels"].size());
    if (!sample["dropped"].is_null()) continue;
    std::string learned;
    for (const Json& span : sample["spans"])
      if (span["learned"] == true) learned += sample["text"].get<std::string>().substr(span["start"], span["end"].get<size_t>() - span["start"].get<size_t>());
    CHECK(learned.ends_with("</s>"));
    size_t count = 0;
    for (size_t i = 0; i < sample["ids"].size(); ++i) count += sample["labels"][i] == sample["ids"][i];
    CHECK(count > 0);
    for (const Json& image : sample["images"]) {
      CHECK(image["path"] == "a.png");
      CHECK(image["end"].get<int>() - image["start"].get<int>() == 25);
      for (auto at = image["start"].get<size_t>(); at < image["end"].get<size_t>(); ++at) CHECK(sample["ids"][at] == sample["ids"][image["start"].get<size_t>()]);
    }
  }
}

TEST_CASE("preview --json of a synthesize stage has the whole prompt, and what became of the reply") {
  const Bench bench;
  write_taught();
  std::istringstream lines(said_by({"taught.toml", "--stage", "teach", "--json"}));
  std::vector<Json> drafts;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("{")) drafts.push_back(Json::parse(line));
  REQUIRE(drafts.size() == 4);
  CHECK(drafts[0]["messages"][0]["text"] == "Write three riddles.");
  CHECK(drafts[0]["messages"].back()["text"] == drafts[0]["context"]);
  CHECK(drafts[0]["turns"][0]["text"] == "<image>\nWhat is slow and has a house?");
  CHECK(drafts[2]["verdict"] == "unlabelled");
  CHECK(drafts[2]["turns"].empty());
  CHECK(drafts[3]["verdict"] == "not-asked");
  CHECK(drafts[3]["reply"] == "");
}

TEST_CASE("preview --html is one page with the pictures inside") {
  const Bench bench;
  said_by({"mine.toml", "--stage", "instruct", "--source", "talk", "--html", "page.html"});
  const std::string page = read_file("page.html");
  CHECK(page.find("src=\"data:image/png;base64,") != std::string::npos);
  CHECK(page.find("<mark> yes&lt;/s&gt;</mark>") != std::string::npos);
  CHECK(page.find("left out: template-separator-in-text") != std::string::npos);
  CHECK(page.find('\x1b') == std::string::npos);
}
