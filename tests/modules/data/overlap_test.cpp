#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

#include "modules/base/base64.h"
#include "modules/base/rng.h"
#include "modules/data/overlap/across.h"
#include "modules/data/overlap/held_out.h"
#include "modules/data/readers/row_count.h"
#include "modules/data/readers/picture_folder.h"
#include "modules/data/scenes/scene_source.h"
#include "tests/modules/data/fake_source.h"
#include "tests/modules/data/reader_files.h"
#include "tests/modules/data/tar_files.h"

using namespace saucier;
using namespace saucier::data;
using image::Picture;

namespace {

const fs::path kPictures = SAUCIER_SOURCE_DIR "/tests/data/image";

// Soft blobs: like a photograph in that neighbouring parts differ, and no two seeds are alike.
Picture blobs(std::uint64_t seed, int width = 120, int height = 90) {
  Rng rng(seed, "blobs");
  Picture small{.width = 9, .height = 9, .pixels = {}};
  for (int i = 0; i < 9 * 9 * 3; ++i) small.pixels.push_back(static_cast<std::uint8_t>(rng.integer(20, 220)));
  return image::resize(small, width, height);
}

Picture brighter(Picture picture, double factor) {
  for (std::uint8_t& value : picture.pixels) value = static_cast<std::uint8_t>(std::min(255.0, factor * value));
  return picture;
}

std::string bmp_bytes(const Picture& picture) {
  const int stride = (picture.width * 3 + 3) / 4 * 4;
  std::string out = "BM";
  const auto number = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  };
  const auto size = static_cast<std::uint32_t>(stride * picture.height);
  number(54 + size, 4), number(0, 4), number(54, 4), number(40, 4);
  number(static_cast<std::uint32_t>(picture.width), 4), number(static_cast<std::uint32_t>(picture.height), 4);
  number(1, 2), number(24, 2), number(0, 4), number(size, 4), number(2835, 4), number(2835, 4), number(0, 4), number(0, 4);
  for (int y = picture.height - 1; y >= 0; --y) {
    for (int x = 0; x < picture.width; ++x)
      for (int c = 2; c >= 0; --c) out += static_cast<char>(picture.pixels[static_cast<size_t>((y * picture.width + x) * 3 + c)]);
    out.append(static_cast<size_t>(stride - picture.width * 3), '\0');
  }
  return out;
}

std::string row(const std::string& id, const std::string& picture, const std::string& question, const std::string& answer = "yes") {
  Json out = {{"id", id}, {"conversations", {{{"from", "human"}, {"value", (picture.empty() ? "" : "<image>\n") + question}}, {{"from", "gpt"}, {"value", answer}}}}};
  if (!picture.empty()) out["image"] = picture;
  return out.dump() + "\n";
}

// Two sources in one folder of pictures: what is judged by, and what is trained on.
class Two {
 public:
  Two() {
    for (int i = 0; i < 6; ++i) picture(fmt::format("{}.png", i), blobs(static_cast<std::uint64_t>(i)));
    test = source("test", row("q0", "0.png", "Is there a fox?") + row("q1", "1.png", "How many owls sit on the branch?") + row("q2", "2.png", "What colour?") +
                              row("t", "", "Which of the planets of our sun has the most moons, and how many?"));
  }
  void picture(const std::string& name, const Picture& what) const { folder.write("images/" + name, name.ends_with(".bmp") ? bmp_bytes(what) : image::png_bytes(what)); }
  std::shared_ptr<const SampleSource> source(const std::string& name, const std::string& rows) const {
    return open_rows(name, options_of("llava", folder.write(name + ".jsonl", rows), folder.path() / "images"));
  }
  // What a row of the training data overlaps with: "overlap-picture same: its picture ..."; or "nothing".
  std::string found(const std::string& rows) {
    const auto train = source("train", rows);
    const HeldOuts held_out = {std::make_shared<HeldOut>("test", test, marks, 2)};
    std::string out;
    for (const Overlap& overlap : find_overlaps(*train, "train", held_out, marks, 2))
      out += fmt::format("{}{} {}: {}", out.empty() ? "" : "\n", name_of(overlap.reason), overlap.same ? "same" : "near", example_of(overlap, *train, held_out).detail);
    const std::string place = folder.path().string() + "/";
    for (size_t at = out.find(place); at != std::string::npos; at = out.find(place)) out.erase(at, place.size());
    return out.empty() ? "nothing" : out;
  }

  Folder folder;
  PictureMarks marks;
  std::shared_ptr<const SampleSource> test;
};

const std::string kFox = "data source 'test': sample 'q0' ('test.jsonl', line 1)";

// As hold_out() says it: size of what is left, or the error; then the report.
std::string held(Two& two, const std::string& overlap, double tolerate, const std::map<std::string, double>& by_reason = {}) {
  std::string rows = row("a", "0.png", "Is there a fox?") + row("b", "1.png", "Is it night?");
  for (int i = 0; i < 6; ++i) rows += row(fmt::format("own{}", i), "5.png", fmt::format("Question {}?", i));
  const auto train = two.source("train", rows);
  options::DataOptions options;
  options.overlap = overlap;
  options.tolerate = tolerate;
  options.tolerate_reason = by_reason;
  std::string out;
  try {
    const auto left = hold_out(train, "train", options, {std::make_shared<HeldOut>("test", two.test, two.marks, 1)}, two.marks, 1);
    out = fmt::format("{} of {}", left->size(), train->size());
    if (left->size() < 8) CHECK((left->get(0).id == "own0" && left->row(0).line == 3));
    for (const std::string& line : report_lines(left->report())) out += "\n" + line;
  } catch (const Error& error) {
    out = error.render();
  }
  const std::string place = two.folder.path().string() + "/";
  for (size_t at = out.find(place); at != std::string::npos; at = out.find(place)) out.erase(at, place.size());
  return out;
}

}  // namespace

TEST_CASE("a picture is the same in another format, and near when it is changed a little") {
  const Picture picture = blobs(1, 320, 240);
  const PictureMark mark = mark_of(picture);
  CHECK(mark_of(image::decode(bmp_bytes(picture), "x.bmp")) == mark);
  CHECK(mark_of(image::decode(image::png_bytes(picture), "x.png")) == mark);
  Picture turned = picture;
  std::swap(turned.width, turned.height);
  CHECK(mark_of(turned).exact != mark.exact);
  for (const Picture& copy : {image::resize(picture, 160, 120), image::resize(picture, 336, 336), brighter(picture, 0.8), brighter(picture, 1.15),
                              image::crop(picture, {.left = 2, .top = 2, .width = 316, .height = 236})}) {
    CHECK(mark_of(copy).exact != mark.exact);
    CHECK(near(mark_of(copy).shape, mark.shape));
  }
  for (std::uint64_t other = 2; other < 200; ++other) CHECK_FALSE(near(mark_of(blobs(other)).shape, mark.shape));
}

TEST_CASE("plain pictures are never near each other") {
  const Shape grey = mark_of(image::of_one_colour(64, 64, {90, 90, 90})).shape;
  CHECK(grey == Shape{});
  CHECK_FALSE(near(grey, grey));
  Picture page = image::of_one_colour(300, 300, {255, 255, 255});
  image::paste(image::of_one_colour(60, 4, {0, 0, 0}), page, 40, 40);
  CHECK_FALSE(near(mark_of(page).shape, mark_of(page).shape));
  CHECK(NearShapes({grey, mark_of(page).shape}).find(grey).empty());
}

TEST_CASE("the search for near shapes finds what comparing all pairs finds") {
  Rng rng(7, "shapes");
  std::vector<Shape> shapes;
  for (int i = 0; i < 600; ++i) {
    Shape shape = {};
    for (std::uint64_t& word : shape) word = rng.next64() & rng.next64();
    shapes.push_back(shape);
    for (int copy = 0; copy < 3; ++copy) {
      Shape changed = shape;
      for (std::int64_t flips = rng.integer(0, 40); flips > 0; --flips) changed[static_cast<size_t>(rng.integer(0, 3))] ^= std::uint64_t{1} << rng.integer(0, 63);
      shapes.push_back(changed);
    }
  }
  const NearShapes index(shapes);
  size_t pairs = 0;
  for (const Shape& shape : shapes) {
    std::vector<std::uint32_t> expected;
    for (size_t i = 0; i < shapes.size(); ++i)
      if (near(shape, shapes[i])) expected.push_back(static_cast<std::uint32_t>(i));
    pairs += expected.size();
    CHECK(index.find(shape) == expected);
  }
  CHECK(pairs > 3 * shapes.size() / 2);
  CHECK(pairs < 4 * shapes.size());
}

TEST_CASE("questions are compared by their words") {
  CHECK(question_words("<image>\nIs there a FOX?") == "is there a fox");
  CHECK(question_words("What's  the\tcolour--of it?") == "what s the colour of it");
  CHECK(question_words("Ｆｕｌｌ ﬁgure No. 7") == "full figure no 7");
  CHECK(question_words("ÉTÉ") == question_words("e\xcc\x81t\xc3\xa9"));
  CHECK(question_words("图中有几只狐狸？") == "图 中 有 几 只 狐 狸");
  CHECK(question_words("<image> ?!") == "");
  CHECK(question_words("caf\xc3") == "caf");
  CHECK(mark_question("").exact == 0);
  CHECK(mark_question("Is there a fox?").exact == mark_question("<image>\nis there a fox").exact);
  const auto near = [](const char* a, const char* b) { return near_about_one_picture(mark_question(a), mark_question(b)); };
  CHECK(near("Is there a fox?", "Is there a fox?\nAnswer the question using a single word or phrase."));
  CHECK_FALSE(near("Is there a fox?", "Is there an owl?"));
  CHECK_FALSE(near("Is there a fox?\nAnswer the question using a single word or phrase.", "Is there an owl?\nAnswer the question using a single word or phrase."));
  CHECK_FALSE(near("", ""));
}

TEST_CASE("the search for long questions finds one where comparing all finds some") {
  Rng rng(3, "questions");
  const auto word = [&] { return fmt::format("w{}", rng.integer(0, 30)); };
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    std::vector<std::string> words;
    for (std::int64_t n = rng.integer(5, 25); n > 0; --n) words.push_back(word());
    for (int copy = 0; copy < 3; ++copy) {
      std::string text;
      for (const std::string& one : words) text += one + " ";
      texts.push_back(text);
      words[static_cast<size_t>(rng.integer(0, static_cast<std::int64_t>(words.size()) - 1))] = word();
      if (copy == 1) words.push_back(word());
    }
  }
  LongQuestions index;
  for (size_t i = 0; i < texts.size(); i += 2) index.add(mark_question(texts[i]), static_cast<std::uint32_t>(i));
  index.finish();
  int same = 0, near = 0, none = 0;
  for (const std::string& text : texts) {
    const QuestionMark mark = mark_question(text);
    bool expect_same = false, expect_near = false;
    for (size_t i = 0; i < texts.size(); i += 2) {
      const QuestionMark other = mark_question(texts[i]);
      if (mark.words < kLongQuestion || other.words < kLongQuestion) continue;
      std::vector<std::uint32_t> both;
      std::set_intersection(mark.triples.begin(), mark.triples.end(), other.triples.begin(), other.triples.end(), std::back_inserter(both));
      expect_same = expect_same || mark.exact == other.exact;
      expect_near = expect_near || 10 * both.size() >= 7 * (mark.triples.size() + other.triples.size() - both.size());
    }
    const auto found = index.find(mark);
    CHECK(found.has_value() == (expect_same || expect_near));
    if (found) CHECK(found->same == expect_same);
    ++(expect_same ? same : expect_near ? near : none);
  }
  CHECK(same > 100);
  CHECK(near > 30);
  CHECK(none > 100);
}

TEST_CASE("what a sample overlaps with") {
  Two two;
  two.picture("copy.bmp", blobs(0));
  two.picture("small.png", image::resize(blobs(0), 80, 60));
  CHECK(two.found(row("a", "0.png", "Is it night?")) == "overlap-picture same: its picture '0.png' is also in " + kFox);
  CHECK(two.found(row("a", "copy.bmp", "Is it night?")) == "overlap-picture same: its picture 'copy.bmp' is also in " + kFox);
  CHECK(two.found(row("a", "small.png", "Is it night?")) == "overlap-picture near: its picture 'small.png' is nearly in " + kFox);
  CHECK(two.found(row("a", "0.png", "is there a fox")) == "overlap-question same: its picture '0.png' and question 'is there a fox' are also in " + kFox);
  CHECK(two.found(row("a", "small.png", "Is there a fox?")) == "overlap-question near: its picture 'small.png' and question 'Is there a fox?' are nearly in " + kFox);
  CHECK(two.found(row("a", "0.png", "Is there a fox?\nOne word.")) == "overlap-question near: its picture '0.png' and question 'Is there a fox? One word.' are nearly in " + kFox);
  CHECK(two.found(row("a", "5.png", "Is there a fox?")) == "nothing");                      // about another picture
  CHECK(two.found(row("a", "5.png", "How many owls sit on the branch?")) == "nothing");
  CHECK(two.found(row("a", "", "Is there a fox?")) == "nothing");                           // short
  CHECK(two.found(row("a", "", "Which of the planets of our sun has the most moons, and how many?!")) ==
        "overlap-question same: its question 'Which of the planets of our sun has the most moons, and how many?!' is also in data source 'test': sample 't' ('test.jsonl', line 4)");
  CHECK(two.found(row("a", "", "Hello. Which of the planets of our sun has the most moons, and how many?")).starts_with("overlap-question near: "));
  CHECK(two.found(row("a", "", "Which of the planets of our sun is the nearest to it, and how near?")) == "nothing");
  CHECK(two.found(row("a", "2.png", "What colour?") + row("b", "4.png", "What colour?") + row("c", "1.png", "Who?")) ==
        "overlap-question same: its picture '2.png' and question 'What colour?' are also in data source 'test': sample 'q2' ('test.jsonl', line 3)\n"
        "overlap-picture same: its picture '1.png' is also in data source 'test': sample 'q1' ('test.jsonl', line 2)");
  std::ofstream(two.folder.path() / "images/5.png", std::ios::trunc) << image::png_bytes(blobs(5)).substr(0, 200);
  const auto torn = two.source("torn", row("z", "5.png", "Is it night?"));
  try {
    find_overlaps(*torn, "torn", {std::make_shared<HeldOut>("test", two.test, two.marks, 1)}, two.marks, 2);
    FAIL("a torn picture was compared");
  } catch (const Error& error) {
    CHECK(error.context() == std::vector<std::string>{"picture '5.png' of sample 'z' of data source 'torn' must be read to be compared"});
  }
}

TEST_CASE("pictures in shards and in rows overlap with pictures in files, and with each other") {
  Two two;
  const std::string question = R"({"question":"Is there a fox?","answer":"yes"})", other = R"({"question":"Is it night?","answer":"no"})";
  const auto shards = [&](const std::string& name, const std::string& members) { return open_rows(name, options_of("webdataset", two.folder.write(name + "/s.tar", members + kEnd).parent_path())); };
  const auto in_row = [](const Picture& picture) { return "data:image/png;base64," + to_base64(image::png_bytes(picture)); };
  const auto tarred = shards("tarred", member("a.json", question) + member("a.png", image::png_bytes(blobs(0))) + member("b.json", other) + member("b.bmp", bmp_bytes(blobs(1))) +
                                           member("c.json", question) + member("c.png", image::png_bytes(blobs(5))) + member("d.json", other) + member("d.png", image::png_bytes(image::resize(blobs(2), 80, 60))));
  const auto inlined = two.source("inlined", row("i", in_row(blobs(0)), "Is there a fox?") + row("j", in_row(blobs(5)), "Is there a fox?") + row("k", in_row(image::resize(blobs(1), 60, 45)), "Is it night?"));
  const auto found = [&](const std::shared_ptr<const SampleSource>& train, const std::shared_ptr<const SampleSource>& judged) {
    std::string out;
    for (const Overlap& one : find_overlaps(*train, "train", {std::make_shared<HeldOut>("judged", judged, two.marks, 2)}, two.marks, 2))
      out += fmt::format("{} {} {}, {}; ", train->get(one.sample).id, name_of(one.reason), one.same ? "same" : "near", judged->get(one.other).id);
    return out;
  };
  CHECK(found(tarred, two.test) == "a overlap-question same, q0; b overlap-picture same, q1; d overlap-picture near, q2; ");
  CHECK(found(inlined, two.test) == "i overlap-question same, q0; k overlap-picture near, q1; ");
  CHECK(found(inlined, tarred) == "i overlap-question same, a; j overlap-question same, c; k overlap-question near, b; ");
  CHECK(found(two.source("files", row("f", "1.png", "Is it night?")), tarred) == "f overlap-question same, b; ");
  CHECK(found(two.source("files", row("f", "5.png", "Is it day?")), inlined) == "f overlap-picture same, j; ");

  const std::vector<NamedSource> sources = {{"files", two.source("files", row("f", "0.png", "Is there a fox?"))},
                                            {"inlined", inlined},
                                            {"tarred", shards("more", member("x.json", R"({"question":"Is there a fox?","answer":"yes"})") + member("x.png", image::png_bytes(blobs(5))))}};
  const auto twins = find_twins(sources, two.marks, 2);
  REQUIRE(twins[1].size() == 1);
  CHECK(inlined->get(twins[1][0].sample).id == "i");
  REQUIRE(twins[2].size() == 1);
  CHECK(inlined->get(twins[2][0].other).id == "j");
}

TEST_CASE("how far a comparison is, is told") {
  std::vector<Progress::Now> told;
  const Two two;
  std::string rows;
  for (int i = 0; i < 40; ++i) rows += row(fmt::format("r{}", i), fmt::format("{}.png", i % 6), "Is it night?");
  const auto train = two.source("train", rows);
  PictureMarks marks({}, Progress([&](const Progress::Now& now) { told.push_back(now); }, 0));
  find_overlaps(*train, "train", {std::make_shared<HeldOut>("test", two.test, marks, 2)}, marks, 2);
  REQUIRE(told.size() == 4 + 40);
  CHECK(told[3].what == "data source 'test'");
  CHECK(told[3].done == 4);
  for (int i = 0; i < 40; ++i) {
    const Progress::Now& now = told[static_cast<size_t>(4 + i)];
    CHECK((now.what == "data source 'train'" && now.done == i + 1 && now.samples == 40 && now.rate > 0));
  }
  told.clear();
  PictureMarks seldom({}, Progress([&](const Progress::Now& now) { told.push_back(now); }, 3600));
  HeldOut("test", two.test, seldom, 1);
  CHECK(told.empty());
}

TEST_CASE("overlap is refused, left out or counted") {
  Two two;
  const std::string picture = "'train.jsonl', line 2: sample 'b': its picture '1.png' is also in data source 'test': sample 'q1' ('test.jsonl', line 2)";
  const std::string question = "'train.jsonl', line 1: sample 'a': its picture '0.png' and question 'Is there a fox?' are also in " + kFox;
  const auto line = [](Reason reason, bool drop, const std::string& example) {
    return fmt::format("1 of 8 rows {}: {}, such as {}", drop ? "are left out" : "are kept all the same", explain(reason), example);
  };
  CHECK(held(two, "refuse", 1) ==
        "error: 2 of 8 samples overlap with what is held out\nnote: overlap-picture: " + picture + "\nnote: overlap-question: " + question +
            "\nhint: 'saucier overlap RECIPE' shows more; to leave them out, say data.train.overlap = \"drop\"\n");
  CHECK(held(two, "count", 0) == "8 of 8\n" + line(Reason::kOverlapPicture, false, picture) + "\n" + line(Reason::kOverlapQuestion, false, question));
  const std::string lines = line(Reason::kOverlapPicture, true, picture) + "\n" + line(Reason::kOverlapQuestion, true, question);
  CHECK(held(two, "drop", 0.125) == "6 of 8\n" + lines);
  CHECK(held(two, "drop", 0.1).starts_with("error: 1 of 8 rows are left out for 'overlap-picture', 10 % are tolerated\n"));
  CHECK(held(two, "drop", 0.125, {{"overlap-question", 0}}).starts_with("error: 1 of 8 rows are left out for 'overlap-question', 0 % are tolerated\n"));
  CHECK(held(two, "drop", 0, {{"overlap-question", 0.2}, {"overlap-picture", 0.2}}) == "6 of 8\n" + lines);
}

TEST_CASE("samples that stand in two sources") {
  Two two;
  two.picture("copy.bmp", blobs(3));
  const std::string own = row("own", "3.png", "What?", "a") + row("own", "3.png", "What?", "a");  // a repetition inside a source
  const std::vector<NamedSource> sources = {{"first", two.source("first", own + row("t", "", "Hi!", "Hello."))},
                                            {"second", two.source("second", row("s1", "4.png", "What?", "a") + row("s2", "copy.bmp", "What?", "a") + row("s3", "3.png", "What?", "b"))},
                                            {"third", two.source("third", row("u", "", "Hi!", "Hello.") + row("v", "copy.bmp", "What?", "a"))}};
  for (const bool drop : {false, true}) {
    const auto made = without_twins(sources, drop, two.marks, 2);
    CHECK(made[0].samples == sources[0].samples);
    CHECK(made[1].samples->size() == (drop ? 2 : 3));
    CHECK(made[2].samples->size() == (drop ? 0 : 2));
    const ReadReport& report = made[2].samples->report();
    REQUIRE(report.reasons.size() == 1);
    const ReadReport::Reason& twins = report.reasons.at("duplicate-elsewhere");
    CHECK(twins.count == 2);
    CHECK(twins.left_out == drop);
    CHECK(twins.examples[0].line == 1);
    CHECK(twins.examples[0].detail == fmt::format("the same as sample 't' of data source 'first' ('{}', line 3)", (two.folder.path() / "first.jsonl").string()));
    CHECK(twins.examples[1].detail.starts_with("the same as sample 'own' of data source 'first'"));
    if (drop) CHECK((made[1].samples->get(0).id == "s1" && made[1].samples->get(1).id == "s3" && made[1].samples->row(1).line == 3));
  }
  CHECK(two.marks.decoded() == 4);  // of the second source not 3.png; the copy for each source, since files as new as these are not known by themselves
}

TEST_CASE("marks are remembered in a file, and a damaged line of it is made again") {
  const TempFolder folder;
  const auto pictures = std::make_shared<const PictureFolder>(kPictures);
  const std::vector<PictureRef> refs = {{"alpha.png", pictures}, {"alpha.bmp", pictures}, {"exif2.jpg", pictures}};
  std::vector<PictureMark> first;
  {
    PictureMarks marks(folder.path());
    for (int twice = 0; twice < 2; ++twice)
      for (const PictureRef& ref : refs) first.push_back(marks.of(ref));
    CHECK(marks.decoded() == 3);
  }
  const auto again = [&] {
    PictureMarks marks(folder.path());
    for (size_t i = 0; i < refs.size(); ++i) CHECK(marks.of(refs[i]) == first[i]);
    return marks.decoded();
  };
  CHECK(again() == 0);
  fs::path file;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
    if (entry.path().filename() == "marks") file = entry.path();
  const std::string text = read_file(file);
  std::string damaged = text;
  damaged[150] = damaged[150] == '0' ? '1' : '0';
  write_file_atomic(file, damaged + "torn");
  CHECK(again() == 1);
  CHECK(again() == 0);
  fs::remove_all(folder.path());
  std::ofstream(folder.path()) << "no folder";  // what cannot be written is made again each time
  CHECK(again() == 3);
  CHECK(again() == 3);
}

TEST_CASE("a picture that has just changed is not remembered for the next process") {
  const Folder folder;
  folder.picture("new.png", 5);
  const auto pictures = std::make_shared<const PictureFolder>(folder.path());
  const TempFolder cache;
  for (int process = 0; process < 2; ++process) {
    PictureMarks marks(cache.path());
    marks.of({"new.png", pictures});
    marks.of({"new.png", pictures});
    CHECK(marks.decoded() == 1);
  }
}

TEST_CASE("scenes of one split are no scenes of another") {
  const auto world = SceneWorld::make({});
  options::SceneOptions train{.split = "train", .count = 300}, test{.split = "test", .count = 100};
  PictureMarks marks;
  const auto trained = caption_samples(world, train, "train"), judged = caption_samples(world, test, "test");
  const HeldOuts held_out = {std::make_shared<HeldOut>("test", judged, marks, 2)};
  int near = 0;
  for (const Overlap& overlap : find_overlaps(*trained, "train", held_out, marks, 2)) {
    CHECK_FALSE(overlap.same);
    ++near;
  }
  CHECK(near <= 3);  // two drawings of one layout may be near
  const auto again = find_overlaps(*judged, "again", held_out, marks, 2);
  CHECK(std::count_if(again.begin(), again.end(), [](const Overlap& overlap) { return overlap.same && overlap.reason == Reason::kOverlapQuestion; }) == 100);
  CHECK(marks.decoded() == 400);
}
