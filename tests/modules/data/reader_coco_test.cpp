// COCO: captions and instances read where they lie, what cannot be used, memory.
#include <sys/resource.h>

#include <cstdlib>
#include <ctime>

#include "modules/data/readers/coco.h"
#include "tests/modules/data/reader_files.h"

using namespace saucier;
using namespace saucier::data;

namespace {

const std::string kPicture = R"({"id":1,"file_name":"a.png","width":10,"height":20})";
const std::string kCaption = R"({"id":5,"image_id":1,"caption":"a fox"})";
const std::string kBox = R"({"image_id":1,"category_id":1,"bbox":[1,2,3,4]})";

struct Entries {
  std::string pictures = kPicture, captions = kCaption, categories = R"({"id":1,"name":"fox"})", boxes = kBox;
};

options::DataOptions write(const Folder& folder, const Entries& entries) {
  folder.write("captions.json", R"({"info":{"a":["]"]},"images":[)" + entries.pictures + R"(],"annotations":[)" + entries.captions + "]}");
  folder.write("instances.json", R"({"annotations":[)" + entries.boxes + R"(],"categories":[)" + entries.categories + "]}");
  return options_of("coco", folder.path());
}

// Lenient, all of it: "reason: detail" of the first that is left out, and how many samples there are.
struct Left {
  std::string reason;
  std::int64_t size = 0;
};
Left left(const Folder& folder, const Entries& entries) {
  options::DataOptions options = write(folder, entries);
  options.mode = "lenient";
  options.tolerate = 1;
  const auto source = open(options);
  if (source->report().reasons.empty()) return {"kept", source->size()};
  REQUIRE(source->report().reasons.size() == 1);
  const auto& [name, reason] = *source->report().reasons.begin();
  CHECK(reason.left_out);
  return {name + ": " + reason.examples.at(0).id + ": " + reason.examples.at(0).detail, source->size()};
}

std::string described(const Folder& folder, const Entries& entries) {
  try {
    described_coco("mine", write(folder, entries));
  } catch (const Error& error) {
    const std::string text = error.what();
    return text.substr(text.find("line 1: ") + 8);
  }
  return "no error";
}

}  // namespace

TEST_CASE("COCO: what is exported is read back") {
  const Folder folder;
  options::SceneOptions scenes;
  scenes.split = "test";
  scenes.first = 30;
  scenes.count = 12;
  const auto world = SceneWorld::make(scenes);
  export_coco(*world, folder.path().string());
  const options::DataOptions options = options_of("coco", folder.path());
  const auto pictures = described_coco("coco", options);
  const auto samples = open(options);
  REQUIRE(pictures->size() == 12);
  REQUIRE(samples->size() == 12);
  CHECK(samples->report().rows == 12 + 12 * 5);
  for (std::int64_t i = 0; i < 12; ++i) {
    const Scene scene = world->scene("test", 30 + i);
    const CaptionsAndBoxes context = pictures->context(i);
    CHECK(context.id == std::to_string(scene.index));
    CHECK(context.captions == world->captions(scene));
    CHECK(context.to_text(true) == world->context(scene).to_text(true));
    const PictureRef reference = pictures->picture(i);
    CHECK(reference.source->load(reference.reference).pixels == world->render(scene).pixels);
    const Sample sample = samples->get(i);
    CHECK(sample.id == context.id);
    CHECK(sample.kind == "caption");
    CHECK(sample.source == "mine");
    CHECK(sample.turns[0].text.starts_with("<image>\n"));
    CHECK(std::find(context.captions.begin(), context.captions.end(), sample.turns[1].text) != context.captions.end());
    CHECK(samples->row(i).line == 1);
  }
}

TEST_CASE("COCO: captions and boxes belong to their pictures, wherever they stand in their file") {
  const Folder folder;
  folder.picture("images/a.png");
  folder.picture("images/b.png");
  const Entries entries{.pictures = R"({"id":9,"file_name":"b.png","width":10,"height":10},)" + kPicture,
                        .captions = R"({"image_id":9,"caption":"b1"},{"image_id":1,"caption":"a1"},{"image_id":9,"caption":"b2"},{"image_id":1,"caption":"a2"})",
                        .categories = R"({"id":1,"name":"fox"},{"id":7,"name":"owl"})",
                        .boxes = R"({"image_id":1,"category_id":7,"bbox":[0,0,10,20],"segmentation":[[1,2],[3,4]]},{"image_id":1,"category_id":1,"bbox":[1,2,3.5,4]})"};
  const auto pictures = described_coco("mine", write(folder, entries));
  REQUIRE(pictures->size() == 2);
  CHECK(pictures->context(1).to_text(true) == "b1\nb2\n");
  CHECK(pictures->context(0).to_text(true) == "a1\na2\n\nowl: [0.0, 0.0, 1.0, 1.0]\nfox: [0.1, 0.1, 0.45, 0.3]");
  options::DataOptions options = write(folder, entries);
  options.images = (folder.path() / "none").string();
  CHECK(error_of(options) == fmt::format("no picture folder '{}'", options.images));
}

TEST_CASE("COCO: what cannot be used is left out by its reason, and the rest is kept") {
  const Folder folder;
  folder.picture("images/a.png");
  folder.write("images/torn.png", "\x89PNG");
  const auto picture = [&](const std::string& entry) { return left(folder, {.pictures = entry}).reason; };
  CHECK(picture(kPicture) == "kept");
  CHECK(picture(kPicture + "," + R"({"id":2,"file_name":"a.png","width":10,"height":20})") == "no-caption: 2: it has no caption");
  CHECK(picture(kPicture + "," + kPicture) == "repeated-id: 1: an earlier picture has its id");
  CHECK(picture(kPicture + ",7").starts_with("not-an-object: byte "));
  CHECK(picture(kPicture + R"(,{"file_name":"a.png"})").ends_with("it has no field 'id'"));
  CHECK(picture(kPicture + R"(,{"id":"x"})").starts_with("wrong-type: byte "));
  CHECK(picture(R"({"id":1,"file_name":"a.png","height":20})") == "missing-field: 1: it has no field 'width'");
  CHECK(picture(R"({"id":1,"file_name":"a.png","width":0,"height":20})") == "wrong-type: 1: its 'width' and 'height' are no size");
  CHECK(picture(R"({"id":1,"file_name":7,"width":10,"height":20})") == "wrong-type: 1: its 'file_name' is no text");
  CHECK(picture(R"({"id":1,"file_name":"b.png","width":10,"height":20})").starts_with("missing-picture: 1: no picture 'b.png' in '"));
  CHECK(picture(R"({"id":1,"file_name":"../a.png","width":10,"height":20})").starts_with("picture-outside: 1: "));
  CHECK(picture(R"({"id":1,"file_name":"torn.png","width":10,"height":20})").starts_with("undecodable-picture: 1: "));

  const auto caption = [&](const std::string& entry) {
    const Left one = left(folder, {.captions = kCaption + "," + entry});
    CHECK(one.size == 1);  // its other caption stays
    return one.reason;
  };
  CHECK(caption(kCaption) == "kept");
  CHECK(caption(R"({"image_id":2,"caption":"c"})") == "unknown-picture: 2: there is no picture '2' in '" + (folder.path() / "captions.json").string() + "'");
  CHECK(caption(R"({"image_id":1,"caption":" "})") == "empty-turn: 1: a caption is empty");
  CHECK(caption(R"({"image_id":1})") == "missing-field: 1: it has no field 'caption'");
  CHECK(caption(R"({"image_id":1,"caption":3})") == "wrong-type: 1: its 'caption' is no text");
  CHECK(caption(R"({"caption":"c"})").ends_with("it has no field 'image_id'"));
  CHECK(caption("[]").starts_with("not-an-object: byte "));
  CHECK(left(folder, {.captions = R"({"image_id":1,"caption":"see <image>"})"}).reason == "picture-count: 1: it has 1 picture but its turns say <image> 2 times");

  // Only who asks for boxes reads them.
  CHECK(left(folder, {.boxes = "7"}).reason == "kept");
  const auto box = [&](const std::string& entry) { return described(folder, {.boxes = kBox + "," + entry}); };
  CHECK(box(kBox) == "no error");
  CHECK(box(R"({"image_id":2,"category_id":1,"bbox":[1,2,3,4]})").starts_with("sample '2': there is no picture '2' in '"));
  CHECK(box(R"({"image_id":1,"category_id":5,"bbox":[1,2,3,4]})") == "sample '1': there is no category '5'");
  CHECK(box(R"({"image_id":1,"bbox":[1,2,3,4]})") == "sample '1': it has no field 'category_id'");
  for (const char* bad : {"[1,2,3]", "[1,2,0,4]", "[1,2,3,-4]", "[1,2,3,\"4\"]", "{}"})
    CHECK(box(fmt::format(R"({{"image_id":1,"category_id":1,"bbox":{}}})", bad)) == "sample '1': its 'bbox' is not [x, y, width, height] with an area");
  CHECK(described(folder, {.categories = R"({"id":1})"}).ends_with("it has no field 'name'"));
  options::DataOptions lenient = write(folder, {.boxes = kBox + R"(,{"image_id":1,"category_id":1,"bbox":[1,2,0,4]})"});
  lenient.mode = "lenient";
  lenient.tolerate_reason["bad-box"] = 0.25;
  CHECK(described_coco("mine", lenient)->context(0).instances.size() == 1);
  lenient.tolerate_reason["bad-box"] = 0.1;
  CHECK_THROWS_WITH(described_coco("mine", lenient), "1 of 4 rows are left out for 'bad-box', 10 % are tolerated");
}

TEST_CASE("COCO: strict tells all that cannot be used, and files of another layout stop both") {
  const Folder folder;
  folder.picture("images/a.png");
  const options::DataOptions options = write(folder, {.pictures = kPicture + R"(,{"id":2})", .captions = kCaption + R"(,{"image_id":3,"caption":"c"})"});
  const std::string file = (folder.path() / "captions.json").string();
  try {
    open(options);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == fmt::format("'{}', line 1: sample '3': there is no picture '3' in '{}'", file, file));
    REQUIRE(error.context().size() == 1);
    CHECK(error.context()[0] == fmt::format("also: '{}', line 1: sample '2': it has no field 'width'", file));
  }
  const auto torn = [&](const std::string& text) {
    folder.write("captions.json", text);
    options::DataOptions lenient = options;
    lenient.mode = "lenient";
    return error_of(lenient);
  };
  CHECK(torn("[]") == fmt::format("'{}', line 1: there is no array 'images' in an object here", file));
  CHECK(torn(R"({"images":[]})") == fmt::format("'{}', line 1: there is no array 'annotations' in an object here", file));
  CHECK(torn(R"({"images":[{"id" 3}]})").starts_with(fmt::format("'{}', the entry at byte 11 is not valid JSON", file)));
  CHECK(torn(R"({"images":[{"id":3})").ends_with("line 1: the array is not closed"));
  fs::remove(file);
  CHECK(error_of(options) == fmt::format("cannot read '{}': No such file or directory", file));
}

// tests/tools/coco.py FOLDER writes files of the real counts.
TEST_CASE("speed of reading COCO", "[.][speed]") {
  const char* folder = std::getenv("SAUCIER_COCO");
  if (!folder) {
    WARN("set SAUCIER_COCO to a folder that tests/tools/coco.py has written");
    return;
  }
  options::DataOptions options = options_of("coco", folder);
  options.check_pictures = "none";
  const auto told = [](const char* what, std::int64_t pictures, std::clock_t began) {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    WARN(what << ": " << pictures << " pictures in " << double(std::clock() - began) / CLOCKS_PER_SEC << " s, at most " << usage.ru_maxrss / 1024 << " MB so far");
  };
  std::clock_t began = std::clock();
  const auto samples = open(options);
  told("captions opened", samples->size(), began);
  began = std::clock();
  const auto pictures = described_coco("coco", options);
  told("captions and boxes opened", pictures->size(), began);
  began = std::clock();
  size_t boxes = 0;
  for (std::int64_t i = 0; i < pictures->size(); ++i) boxes += pictures->context(i).instances.size();
  told("every context", pictures->size(), began);
  CHECK(boxes > 0);
}
