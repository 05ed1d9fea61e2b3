// LLaVA JSON and picture folders.
#include "modules/data/readers/llava_json.h"
#include "modules/data/readers/picture_folder.h"
#include "modules/data/scenes/scene_source.h"
#include "tests/modules/data/reader_files.h"

using namespace saucier;
using namespace saucier::data;

namespace {

const std::shared_ptr<const SceneWorld>& world() {
  static const auto kWorld = SceneWorld::make({});
  return kWorld;
}

std::shared_ptr<const SampleSource> read(const fs::path& file) { return open(options_of("llava", file), world()); }

const std::string kTalk = R"("conversations":[{"from":"human","value":"hello"},{"from":"gpt","value":"hi"}])";

std::string problem(const std::string& row) {
  const Folder folder;
  folder.picture("a.png");
  const fs::path file = folder.write("f.json", "[" + row + "]");
  const std::string text = error_of(options_of("llava", file, folder.path()), world()), start = "'" + file.string() + "', line 1: ";
  return text.starts_with(start) ? text.substr(start.size()) : text;
}

std::string talk(const std::string& turns, const std::string& more = "") { return R"({"id":"x",)" + more + R"("conversations":[)" + turns + "]}"; }
std::string turn(const std::string& from, const std::string& value) { return R"({"from":")" + from + R"(","value":")" + value + "\"}"; }

}  // namespace

TEST_CASE("LLaVA JSON: an array, one object a line, and what is written comes back") {
  const Folder folder;
  const std::string a = "{\"id\": 7, \"model\": \"\", " + kTalk + "}";
  const std::string b = R"({"id":"p","kind":"detail","image":"scene:test:17","conversations":[{"from":"human","value":"<image>\nq } \" ["},{"from":"gpt","value":"a"}]})";
  for (const std::string& text : {"[\n" + a + ",\n" + b + "\n]\n", a + "\n" + b + "\n", "[" + a + " , " + b + "]"}) {
    const auto samples = read(folder.write("f.json", text));
    REQUIRE(samples->size() == 2);
    CHECK(samples->get(0).id == "7");
    CHECK(samples->get(0).source == "mine");
    CHECK(samples->get(0).pictures.empty());
    const Sample second = samples->get(1);
    CHECK(second.kind == "detail");
    CHECK(second.turns[0].text == "<image>\nq } \" [");
    CHECK(second.turns[1].role == Role::kAssistant);
    REQUIRE(second.pictures.size() == 1);
    CHECK(second.pictures[0].source->load(second.pictures[0].reference).pixels == world()->render(world()->scene("test", 17)).pixels);

    const auto as_words = text_view(samples, world(), "grid");
    CHECK(as_words->get(1).pictures.empty());
    CHECK(as_words->report().rows == 2);

    const std::vector<Sample> list = {samples->get(0), second};
    write_llava_json(folder.path() / "again.json", list);
    const auto again = read(folder.path() / "again.json");
    REQUIRE(again->size() == 2);
    for (int i = 0; i < 2; ++i) {
      const Sample x = samples->get(i), y = again->get(i);
      CHECK(x.id == y.id);
      CHECK(x.kind == y.kind);
      CHECK(x.pictures.size() == y.pictures.size());
      REQUIRE(x.turns.size() == y.turns.size());
      for (size_t t = 0; t < x.turns.size(); ++t) CHECK(x.turns[t].text == y.turns[t].text);
    }
  }
  write_llava_json(folder.path() / "none.json", {});
  CHECK(read(folder.path() / "none.json")->size() == 0);
}

TEST_CASE("LLaVA JSON: equal ids are told apart, kinds are picked") {
  const Folder folder;
  const std::string row = R"({"id":"x","kind":"detail",)" + kTalk + "}", other = R"({"id":"x",)" + kTalk + "}";
  options::DataOptions source = options_of("llava", folder.write("f.json", row + "\n" + other + "\n" + row));
  const auto all = open(source);
  REQUIRE(all->size() == 3);
  CHECK(all->get(0).id == "x");
  CHECK(all->get(1).id == "x#2");
  CHECK(all->get(2).id == "x#3");
  source.kinds = {"detail"};
  const auto some = open(source);
  CHECK(some->size() == 2);
  CHECK(some->get(1).id == "x#3");
  CHECK(some->report().rows == 3);
  CHECK(some->report().kept == 2);
  CHECK(some->report().other_kinds == 1);
}

TEST_CASE("LLaVA JSON: rows that cannot be used are named with the reason") {
  const std::string ask = turn("human", "q"), tell = turn("gpt", "a");
  CHECK(problem(talk(tell + "," + ask)) == "sample 'x': the first turn is not from 'human'");
  CHECK(problem(talk(ask + "," + ask + "," + tell)) == "sample 'x': turns 1 and 2 are both from 'human'");
  CHECK(problem(talk(ask)) == "sample 'x': the last turn has no answer");
  CHECK(problem(talk("")) == "sample 'x': it has no turns");
  CHECK(problem(talk(ask + "," + turn("gpt", " \\n"))) == "sample 'x': turn 2 is empty");
  CHECK(problem(talk(turn("system", "s") + "," + tell)) == "sample 'x': turn 1 is from 'system' (allowed: 'human', 'gpt')");
  CHECK(problem(talk(ask + "," + tell, R"("image":"a.png",)")) == "sample 'x': it has 1 picture but its turns say <image> 0 times");
  CHECK(problem(talk(turn("human", "<image>") + "," + tell)) == "sample 'x': it has 0 pictures but its turns say <image> 1 time");
  CHECK(problem(talk(turn("human", "<image><image>") + "," + tell, R"("image":"a.png",)")) == "sample 'x': it has 1 picture but its turns say <image> 2 times");
  const auto with = [&](const std::string& image) { return problem(talk(turn("human", "<image>") + "," + tell, "\"image\":" + image + ",")); };
  CHECK(with("\"a.png\"") == "no error");
  CHECK(with("\"b.png\"").starts_with("sample 'x': no picture 'b.png' in '"));
  CHECK(with("\"../a.png\"") == "sample 'x': picture '../a.png' is not a relative path inside the picture folder");
  CHECK(with("\"/etc/a.png\"") == "sample 'x': picture '/etc/a.png' is not a relative path inside the picture folder");
  CHECK(with("[7]") == "sample 'x': its 'image' is neither a text nor a list of texts");
  CHECK(with("\"scene:tset:1\"") == "sample 'x': unknown split 'tset' of scenes");
  CHECK(problem(R"({"id":"x"})") == "sample 'x': it has no array 'conversations'");
  CHECK(problem("{\"image\":3," + kTalk + "}").starts_with("sample 'line 1': "));
}

TEST_CASE("LLaVA JSON: all bad rows are told at once, torn files by line") {
  const Folder folder;
  std::string rows;
  for (int i = 0; i < 12; ++i) rows += R"({"id":)" + std::to_string(i) + ",\"conversations\":[]}\n";
  try {
    read(folder.write("f.jsonl", rows));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).ends_with("line 1: sample '0': it has no turns"));
    REQUIRE(error.context().size() == 8);
    CHECK(error.context()[0].ends_with("line 2: sample '1': it has no turns"));
    CHECK(error.context()[7] == "and 4 more samples that cannot be used");
  }
  const auto torn = [&](const std::string& text) { return error_of(options_of("llava", folder.write("g.json", text))); };
  const std::string row = "{" + kTalk + "}";
  CHECK(torn("[" + row).ends_with("line 1: the array is not closed"));
  CHECK(torn("[" + row + "\n" + row + "]").ends_with("line 2: expected ',' or ']' after a sample"));
  CHECK(torn("[" + row + "] x").ends_with("line 1: text after the end of the array"));
  CHECK(torn("[\n" + row + ",\n{\"id\":").ends_with("line 3: the sample that begins here is not closed"));
  CHECK(torn("[" + row + ",]").ends_with("line 1: expected a sample, '{'"));
  CHECK(torn("[" + row + ", 7]").ends_with("line 1: expected a sample, '{', not number"));
  CHECK(torn("[" + row + ",\n{\"id\" 3}]").find("the sample from line 2 on is not valid JSON: line 1, column 7") != std::string::npos);
  CHECK(torn("hello").find("line 1: the line is not valid JSON: line 1, column 1") != std::string::npos);
  CHECK(torn("[]") == "no error");
  CHECK(torn("") == "no error");
  CHECK_THROWS_WITH(read(folder.path() / "missing.json"), fmt::format("cannot read '{}': No such file or directory", (folder.path() / "missing.json").string()));
  CHECK_THROWS_WITH(read(folder.path()), fmt::format("cannot read '{}': Is a directory", folder.path().string()));
}

TEST_CASE("pictures come from their folder only, links included") {
  const Folder folder, outside;
  const Picture picture{.width = 2, .height = 1, .pixels = {1, 2, 3, 4, 5, 6}};
  fs::create_directories(folder.path() / "sub");
  image::write_png(folder.path() / "sub" / "a.PNG", picture);
  image::write_png(outside.path() / "b.png", picture);
  fs::create_directory_symlink(outside.path(), folder.path() / "link");
  const PictureFolder pictures(folder.path());
  CHECK(pictures.load("sub/a.PNG").pixels == picture.pixels);
  CHECK_THROWS_WITH(pictures.load("link/b.png"), "picture 'link/b.png' leads outside the picture folder");
  CHECK_THROWS_WITH(pictures.load("sub/../../b.png"), "picture 'sub/../../b.png' is not a relative path inside the picture folder");
  CHECK_THROWS_WITH(pictures.load(""), "picture '' is not a relative path inside the picture folder");
  CHECK_THROWS_WITH(PictureFolder(folder.path() / "none"), fmt::format("no picture folder '{}'", (folder.path() / "none").string()));
}
