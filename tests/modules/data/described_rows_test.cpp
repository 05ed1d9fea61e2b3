#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/data/readers/described_rows.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

class Rows {
 public:
  Rows() { std::filesystem::copy(SAUCIER_SOURCE_DIR "/tests/data/image/alpha.png", folder_.path() / "a.png"); }
  std::shared_ptr<const data::DescribedPictures> read(const std::string& text) const {
    write_file_atomic(folder_.path() / "rows.jsonl", text);
    options::DataOptions options;
    options.format = "captions";
    options.path = (folder_.path() / "rows.jsonl").string();
    options.images = folder_.path().string();
    return data::described_rows(options);
  }
  void refuses(const std::string& row, const std::string& why) const {
    INFO(row);
    CHECK_THROWS_WITH(read("{\"id\": \"one\", \"image\": \"a.png\", \"captions\": [\"A fox.\"]}\n" + row), Catch::Contains("line 2") && Catch::Contains(why));
  }

 private:
  TempFolder folder_;
};

}  // namespace

TEST_CASE("captions, boxes and notes are read as LLaVA's evaluation files have them") {
  const auto rows = Rows().read(R"({"id": "one", "image": "a.png", "captions": ["A fox.", "A red fox."], "instances": [{"category": "fox", "bbox": [0.1, 0.25, 0.63049, 1]}], "notes": {"ocr": "EXIT"}}
{"image": "a.png", "caption": "A hen."}
)");
  REQUIRE(rows->size() == 2);
  CHECK(rows->context(0).id == "one");
  CHECK(rows->context(0).to_text(true) == "A fox.\nA red fox.\n\nfox: [0.1, 0.25, 0.63, 1.0]\n\nocr: EXIT");
  CHECK(rows->context(0).to_text(false) == "A fox.\nA red fox.");
  CHECK(rows->context(1).captions == std::vector<std::string>{"A hen."});
  CHECK(rows->categories() == std::vector<std::string>{"fox"});
  CHECK(rows->picture(1).reference == "a.png");
}

TEST_CASE("a row that cannot be used is named by its line") {
  const Rows rows;
  rows.refuses("[]", "it is no object");
  rows.refuses(R"({"image": "a.png"})", "caption");
  rows.refuses(R"({"captions": ["A."]})", "0 pictures");
  rows.refuses(R"({"image": "gone.png", "captions": ["A."]})", "gone.png");
  rows.refuses(R"({"image": "a.png", "captions": ["A."], "instances": {}})", "'instances' is no list");
  for (const char* box : {"[0, 0, 1]", "[0, 0, 2, 1]", "[0.5, 0, 0.5, 1]", "\"x\""}) rows.refuses(std::string(R"({"image": "a.png", "captions": ["A."], "instances": [{"category": "fox", "bbox": )") + box + "}]}", "instance 1 is not");
  rows.refuses(R"({"image": "a.png", "captions": ["A."], "notes": ["x"]})", "'notes' is no object");
}
