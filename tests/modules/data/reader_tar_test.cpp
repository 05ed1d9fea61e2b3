// WebDataset shards.
#include "modules/data/readers/tar.h"
#include "modules/data/readers/webdataset.h"
#include "tests/damaged.h"
#include "tests/modules/data/reader_files.h"
#include "tests/modules/data/tar_files.h"

using namespace saucier;
using namespace saucier::data;

namespace {

// A name above 100 bytes: a pax header before it.
std::string long_member(const std::string& name, const std::string& content) {
  std::string record = " path=" + name + "\n";
  const size_t size = record.size() + 3;
  return member("pax", std::to_string(size) + record, 'x') + member("short", content);
}

std::string png(int side) { return image::png_bytes(image::of_one_colour(side, side, {1, 2, 3})); }

}  // namespace

TEST_CASE("WebDataset: captions, conversations and questions beside their pictures") {
  const Folder folder;
  const std::string turns = R"({"conversations":[{"from":"human","value":"<image>q"},{"from":"gpt","value":"a"}]})";
  const std::string deep = std::string(120, 'd') + "/" + "k";
  folder.write("a.tar", member("dir/", "", '5') + member("dir/1.png", png(2)) + member("dir/1.txt", "a fox\n") + member("dir/1.json", R"({"width":2})") +
                            member("dir/._1.png", "x") + member("2.json", turns) + member("2.cls", "7") + member("2.JPG", png(3)) + kEnd);
  folder.write("b.tar", member("3.json", R"({"question":"How many?","answer":"2"})") + member("3.webp", png(4)) + long_member(deep + ".png", png(5)) + long_member(deep + ".txt", "deep") +
                            member("4.0.png", png(6)) + member("4.1.png", png(7)) + member("4.json", R"({"conversations":[{"from":"human","value":"<image><image>q"},{"from":"gpt","value":"a"}]})") + member("5.json", R"({"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"text alone"}]})") + kEnd);
  const auto source = open(options_of("webdataset", folder.path()));
  REQUIRE(source->size() == 6);
  const auto size = [](const Sample& sample, size_t at) {
    const PictureRef& picture = sample.pictures.at(at);
    const int width = picture.source->load(picture.reference).width;
    CHECK(picture.source->size(picture.reference).width == width);
    return width;
  };
  const Sample first = source->get(0), second = source->get(1), third = source->get(2), fourth = source->get(3), fifth = source->get(4);
  CHECK(first.id == "dir/1");
  CHECK(first.turns[1].text == "a fox");
  CHECK(first.pictures[0].reference == "a.tar:512:dir/1.png");
  CHECK(size(first, 0) == 2);
  CHECK(second.turns[0].text == "<image>q");
  CHECK(size(second, 0) == 3);
  CHECK(third.turns[0].text == "<image>\nHow many?");
  CHECK(third.turns[1].text == "2");
  CHECK(size(third, 0) == 4);
  CHECK(fourth.id == deep);
  CHECK(size(fourth, 0) == 5);
  CHECK(size(fifth, 0) == 6);
  CHECK(size(fifth, 1) == 7);
  CHECK(source->get(5).pictures.empty());
  CHECK(source->get(4).turns[0].text == fifth.turns[0].text);
  for (const std::string wrong : {"a.tar:0:dir/1.png", "a.tar:512:other", "c.tar:512:dir/1.png", "a.tar:x:dir/1.png", "a.tar", ""})
    CHECK_THROWS_AS(first.pictures[0].source->load(wrong), Error);
}

TEST_CASE("WebDataset: which shards, and samples that cannot be used") {
  const Folder folder;
  for (const char* name : {"s-00.tar", "s-01.tar", "s-02.tar", "t.tar", "u.tar.gz"}) folder.write(name, kEnd);
  const auto named = [&](const std::string& pattern) {
    std::string out;
    try {
      for (const fs::path& path : find_shards(folder.path(), pattern)) out += path.filename().string() + " ";
    } catch (const Error& error) {
      out = error.what();
    }
    return out;
  };
  CHECK(named("*.tar") == "s-00.tar s-01.tar s-02.tar t.tar ");
  CHECK(named("s-{00..01}.tar") == "s-00.tar s-01.tar ");
  CHECK(named("{t,s-0?}.tar") == "s-00.tar s-01.tar s-02.tar t.tar ");
  CHECK(named("s-{00..03}.tar") == fmt::format("no shard 's-03.tar' in '{}'", folder.path().string()));
  CHECK(named("{3..1}.tar") == "'{3..1}' is no range of numbers");
  CHECK(named("x*.tar") == fmt::format("no file 'x*.tar' in '{}'", folder.path().string()));
  CHECK(named("u*") == fmt::format("shard '{}' is no .tar file", (folder.path() / "u.tar.gz").string()));
  CHECK(open(options_of("webdataset", folder.path()))->size() == 0);

  const auto says = [&](const std::string& members) { return reason_of(options_of("webdataset", folder.write("one.tar", members + kEnd))); };
  CHECK(says(member("1.txt", "a fox")) == "missing-picture: there is no picture beside its text");
  CHECK(says(member("1.png", png(1))) == "missing-field: it has neither a .txt nor a .json with 'conversations', 'question' or 'caption'");
  CHECK(says(member("1.png", "text") + member("1.txt", "c")) == "undecodable-picture: cannot read 'one.tar:0:1.png' as a picture: not PNG, JPEG, WebP, GIF or BMP");
  CHECK(says(member("1.png", png(1)) + member("1.txt", "\xff")) == "not-utf-8: its .txt is not UTF-8");
  CHECK(says(member("1.png", png(1)) + member("1.txt", " \n")) == "empty-turn: a caption is empty");
  CHECK(says(member("1.png", png(1)) + member("1.json", "{")) == "broken-row: its .json is not valid JSON: line 1, column 2: unexpected end of input; expected string literal");
  CHECK(says(member("1.png", png(1)) + member("1.json", "[]")) == "not-an-object: its .json is no object");
  CHECK(says(member("1.png", png(1)) + member("1.json", R"({"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]})")) == "picture-count: it has 1 picture but its turns say <image> 0 times");
}

TEST_CASE("torn and damaged tar files end in an error or in fewer samples, never in a crash") {
  const Folder folder;
  const std::string whole = member("1.png", png(2)) + member("1.txt", "a fox") + long_member(std::string(150, 'n') + ".png", png(3)) + long_member(std::string(150, 'n') + ".json", R"({"caption":"c"})") + kEnd;
  const auto read = [&](const std::string& bytes) {
    options::DataOptions options = options_of("webdataset", folder.write("x.tar", bytes));
    options.mode = "lenient";
    options.tolerate = 1;
    try {
      const auto source = open(options);
      for (std::int64_t i = 0; i < source->size(); ++i) source->get(i);
      return std::string("read");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  CHECK(read(whole) == "read");
  CHECK(read(whole.substr(0, 1300)).starts_with("cannot read '" + (folder.path() / "x.tar").string() + "' as a tar file"));
  CHECK(read("\x1f\x8b" "compressed").starts_with("cannot read '" + (folder.path() / "x.tar").string() + "' as a tar file"));
  std::mt19937_64 random(7);
  int errors = 0;
  for (int i = 0; i < 500; ++i) errors += read(damaged(whole, whole, random)) != "read";
  CHECK(errors > 50);
  CHECK(errors < 500);
}
