// What overlap says, word for word (tests/golden/reading/overlap.txt), and what a stage's samples are with each choice.

#include <catch2/catch.hpp>

#include <sstream>

#include "modules/base/error.h"
#include "modules/base/json.h"
#include "modules/image/picture.h"
#include "tests/must_be_current.h"
#include "tests/runner/cli/says.h"
#include "tests/runner/cli/working_folder.h"

using namespace saucier;

namespace {

const fs::path kRoot = SAUCIER_SOURCE_DIR;

// A folder with a recipe over a benchmark and three sources that know parts of it.
class Bench : WorkingFolder {
 public:
  Bench() {
    const image::Picture picture = image::read_picture(kRoot / "tests/data/image/speed.jpg");
    image::write_png("pictures/a.png", picture);
    image::write_png("pictures/smaller.png", image::resize(picture, 200, 150));
    image::write_png("pictures/b.png", image::of_one_colour(40, 40, {9, 90, 200}));
    image::write_png("pictures/c.png", image::of_one_colour(40, 40, {9, 90, 201}));
    const auto row = [](const char* id, const char* picture_name, const char* question, const char* answer) {
      return fmt::format(R"({{"id": "{}", "image": "{}", "conversations": [{{"from": "human", "value": "<image>\n{}"}}, {{"from": "gpt", "value": "{}"}}]}})", id, picture_name, question, answer) + "\n";
    };
    write_file_atomic("exam.json", R"([{"question_id": 1, "image": "a.png", "question": "Who is this?", "answer": "Ann"},
 {"question_id": 2, "image": "b.png", "question": "Which colour?", "answer": "blue"}])");
    write_file_atomic("talk.jsonl", row("t1", "smaller.png", "Who is this?", "Ann") + row("t2", "b.png", "What is this?", "a colour") + row("t3", "c.png", "What is this?", "a colour"));
    write_file_atomic("more.jsonl", row("m1", "c.png", "Which colour?", "blue") + row("m2", "c.png", "Dark?", "no"));
    write_file_atomic("web.jsonl", row("w1", "c.png", "What is this?", "a colour") + row("w2", "c.png", "Dark?", "no") + row("w3", "c.png", "Red?", "no"));
    write_file_atomic("mine.toml", R"(recipe = 1
name = "mine"

[model]
language_model = { path = "models/reader" }
vision_tower = { path = "models/tower", layer = -1 }

[data.exam]
format = "vqa"
path = "exam.json"
images = "pictures"

[data.talk]
format = "llava"
path = "talk.jsonl"
images = "pictures"
held_out = ["exam"]

[data.more]
format = "llava"
path = "more.jsonl"
images = "pictures"
held_out = ["exam"]

[data.web]
format = "llava"
path = "web.jsonl"
images = "pictures"

[data.scenes]
format = "scenes"
scenes = { count = 40 }
held_out = ["unseen"]

[data.unseen]
format = "scenes"
scenes = { split = "test", count = 20 }

[mixture.all]
weights = { talk = "natural", more = "natural", web = "natural" }
epochs = 1

[mixture.drawn]
weights = { scenes = "natural" }
epochs = 1

[[stage]]
name = "align"
kind = "train"
trains = ["projector"]
data = "mixture.drawn"

[[stage]]
name = "instruct"
kind = "train"
trains = ["projector"]
data = "mixture.all"
)");
  }
};

// The ids that the stage draws from, in the sources' order.
std::string left(std::vector<std::string> set) {
  std::vector<std::string> arguments = {"preview", "mine.toml", "--json"};
  for (const std::string& one : set) arguments.insert(arguments.end(), {"--set", one});
  std::string out;
  for (const char* source : {"more", "talk", "web"}) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--source", source});
    std::istringstream lines(saucier_says(all).out);
    for (std::string line; std::getline(lines, line);) out += (out.empty() ? "" : " ") + Json::parse(line)["id"].get<std::string>();
  }
  return out;
}

const std::string kDrop = "data.talk.overlap=drop", kLimit = "data.talk.tolerate=0.4";

}  // namespace

TEST_CASE("overlap, word for word") {
  const Bench bench;
  std::string text;
  for (const std::vector<std::string>& given : std::vector<std::vector<std::string>>{
           {"overlap", "--help"},
           {"overlap", "mine.toml"},
           {"overlap", "mine.toml", "--stage", "align"},
           {"overlap", "mine.toml", "--stage", "instruct", "--held-out", "web", "--held-out", "scenes", "--examples", "1"},
           {"overlap", "mine.toml", "--stage", "instruct", "--json", "--examples", "1"},
           {"overlap", "mine.toml", "--stage", "align", "--set", "data.scenes.held_out=[]"},
           {"overlap", "mine.toml", "--stage", "bench"},
           {"overlap", "mine.toml", "--held-out", "exma"},
           {"overlap", "mine.toml", "--examples", "-1"},
           {"overlap"},
           {"preview", "mine.toml", "--stage", "align", "--count", "0", "--summary", "0"},
           {"preview", "mine.toml"},
           {"preview", "mine.toml", "--set", kDrop},
           {"preview", "mine.toml", "--count", "0", "--summary", "0", "--set", kDrop, "--set", kLimit},
           {"preview", "mine.toml", "--count", "0", "--summary", "0", "--set", "data.talk.overlap=count", "--set", "mixture.all.duplicates=count"}})
    text += transcript(given);
  const std::string here = fs::current_path().string() + "/";
  for (size_t at = text.find(here); at != std::string::npos; at = text.find(here)) text.erase(at, here.size());
  must_be_current(kRoot / "tests/golden/reading/overlap.txt", text);
}

TEST_CASE("what a stage draws from once overlap and duplicates are left out") {
  const Bench bench;
  CHECK(left({}).empty());  // refused
  CHECK(left({kDrop}).empty());
  CHECK(left({"data.talk.overlap=count"}) == "m1 m2 t1 t2 t3 w1 w2 w3");
  CHECK(left({kDrop, kLimit}) == "m1 m2 t3 w1 w2 w3");
  CHECK(left({kDrop, kLimit, "mixture.all.duplicates=count"}) == "m1 m2 t3 w1 w2 w3");
  CHECK(left({"data.talk.overlap=count", "mixture.all.duplicates=drop"}) == "m1 m2 t1 t2 t3 w3");
}
