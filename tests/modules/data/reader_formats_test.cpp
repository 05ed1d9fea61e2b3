// ShareGPT, OpenAI, captions, VQA and columns named in the recipe.
#include "modules/base/base64.h"
#include "modules/data/readers/fields.h"
#include "modules/data/readers/table.h"
#include "modules/data/scenes/scene_source.h"
#include "tests/modules/data/reader_files.h"

using namespace saucier;
using namespace saucier::data;

namespace {

struct Case {
  std::string format, row, expected;
};

// A row as a file of one line.
std::string answer(const Folder& folder, const Case& one) {
  const fs::path file = folder.write("f.jsonl", one.row);
  const options::DataOptions options = options_of(one.format, file, folder.path());
  const std::string reason = reason_of(options);
  return reason == "kept" ? shown(open(options)->get(0)) : reason;
}

}  // namespace

TEST_CASE("ShareGPT: system messages, and rows that cannot be used") {
  const Folder folder;
  folder.picture("a.png");
  const std::string human = R"({"from":"human","value":"q"})", gpt = R"({"from":"gpt","value":"a"})";
  const auto row = [](const std::string& turns, const std::string& more = "") { return R"({"id":"x",)" + more + R"("conversations":[)" + turns + "]}"; };
  for (const Case& one : std::vector<Case>{
           {"sharegpt", row(human + "," + gpt), "q | a"},
           {"sharegpt", row(R"({"from":"system","value":"be kind"},)" + human + "," + gpt), "[be kind] q | a"},
           {"sharegpt", row(human + "," + gpt, R"("system":"be short",)"), "[be short] q | a"},
           {"sharegpt", row(R"({"from":"human","value":"<image>q"},)" + gpt, R"("images":["a.png"],)"), "<image>q | a {a.png}"},
           {"sharegpt", row(human + "," + gpt + R"(,{"from":"system","value":"s"})"), "misplaced-system: turn 3 is a system message behind the first turn"},
           {"sharegpt", row(human + R"(,{"from":"function_call","value":"f"},{"from":"observation","value":"1"},)" + gpt), "tool-turn: turn 2 is a tool's, from 'function_call'"},
           {"sharegpt", row(R"({"from":"observation","value":"1"},)" + gpt), "tool-turn: turn 1 is a tool's, from 'observation'"},
           {"sharegpt", row(R"({"from":"bing","value":"1"},)" + gpt), "unknown-role: turn 1 is from 'bing' (allowed: 'human', 'gpt', 'system')"},
           {"sharegpt", row(gpt + "," + human + "," + gpt), "first-turn: the first turn is not from 'human'"},
           {"sharegpt", row(human + "," + human), "not-alternating: turns 1 and 2 are both from 'human'"},
           {"sharegpt", row(human), "no-answer: the last turn has no answer"},
           {"sharegpt", row(""), "no-turns: it has no turns"},
           {"sharegpt", row(human + R"(,{"from":"gpt","value":" "})"), "empty-turn: turn 2 is empty"},
           {"sharegpt", row(human + R"(,{"from":"gpt"})"), "missing-field: turn 2 has no texts 'from' and 'value'"},
           {"sharegpt", row(human + R"(,{"from":"gpt","value":7})"), "wrong-type: turn 2 has no texts 'from' and 'value'"},
           {"sharegpt", row(human + ",7"), "wrong-type: turn 2 has no texts 'from' and 'value'"},
           {"sharegpt", R"({"id":"x"})", "missing-field: it has no array 'conversations'"},
           {"sharegpt", R"({"conversations":"x"})", "wrong-type: its 'conversations' is no array"},
           {"sharegpt", "[1]", "not-an-object: expected a sample, '{', not array"},
           {"sharegpt", R"({"id":)", "broken-row: the line is not valid JSON: line 1, column 7: unexpected end of input; expected '[', '{', or a literal"},
           {"llava", row(R"({"from":"system","value":"s"},)" + human + "," + gpt), "unknown-role: turn 1 is from 'system' (allowed: 'human', 'gpt')"},
           {"llava", row(R"({"from":"human","value":"<image>q"},)" + gpt, R"("images":["a.png"],)"), "<image>q | a {a.png}"},
       }) {
    INFO(one.row);
    // A file that begins with '[' is an array: the row inside another.
    if (one.row.front() == '[') CHECK(answer(folder, {one.format, "[" + one.row + "]", {}}) == one.expected);
    else CHECK(answer(folder, one) == one.expected);
  }
}

TEST_CASE("OpenAI: texts, parts and pictures in their places") {
  const Folder folder;
  folder.picture("a.png", 2);
  folder.picture("b.png", 3);
  const std::string url = "data:image/png;base64," + to_base64(image::png_bytes(image::of_one_colour(4, 5, {9, 9, 9})));
  const auto row = [](const std::string& user, const std::string& more = "") {
    return "{" + more + R"("messages":[{"role":"user","content":)" + user + R"(},{"role":"assistant","content":"a"}]})";
  };
  const auto part = [](const std::string& image) { return R"({"type":"image_url","image_url":{"url":")" + image + "\"}}"; };
  const std::string text = R"({"type":"text","text":"q"})";
  for (const Case& one : std::vector<Case>{
           {"openai", row("\"q\""), "q | a"},
           {"openai", row("[" + text + "]"), "q | a"},
           {"openai", row("[" + part("a.png") + "," + text + "]"), "<image>\nq | a {a.png}"},
           {"openai", row("[" + text + "," + part("a.png") + "," + part("b.png") + "]"), "q\n<image>\n<image> | a {a.png} {b.png}"},
           {"openai", row("[" + text + R"(,{"type":"image_url","image_url":"a.png"}])"), "q\n<image> | a {a.png}"},
           {"openai", row(R"([{"type":"image"},)" + text + "]", R"("images":["b.png"],)"), "<image>\nq | a {b.png}"},
           {"openai", row("\"<image>q\"", R"("images":"b.png",)"), "<image>q | a {b.png}"},
           {"openai", R"({"messages":[{"role":"developer","content":"be kind"},{"role":"system","content":"and short"},{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":"a"}]}]})", "[be kind\nand short] q | a"},
           {"openai", row("[" + part("a.png") + "]", R"("images":["b.png"],)"), "picture-count: its pictures stand in its parts and in 'image' too"},
           {"openai", row(R"([{"type":"image"},)" + text + "]"), "picture-count: it has 0 pictures but its turns say <image> 1 time"},
           {"openai", row("[" + part("https://x.org/a.png") + "]"), "picture-outside: picture 'https://x.org/a.png' is an address, and nothing is fetched"},
           {"openai", row("[" + part("../a.png") + "]"), "picture-outside: picture '../a.png' is not a relative path inside the picture folder"},
           {"openai", row("[" + part("data:image/png,abc") + "]"), "undecodable-picture: a picture's data: URL is not base64"},
           {"openai", row("[" + part("data:image/png;base64,YWJj") + "]"), "undecodable-picture: cannot read 'inline:ba7816bf8f01cfea' as a picture: not PNG, JPEG, WebP, GIF or BMP"},
           {"openai", row(R"([{"type":"input_audio"}])"), "wrong-type: a part of turn 1 is of type 'input_audio' (allowed: 'text', 'image_url', 'image')"},
           {"openai", row(R"([{"type":"text"}])"), "wrong-type: a part of turn 1 has no text 'text'"},
           {"openai", row(R"([{"type":"image_url"}])"), "missing-field: a picture of turn 1 has no text 'url'"},
           {"openai", row("null"), "wrong-type: turn 1 has no text 'role' with 'content', a text or a list of parts"},
           {"openai", R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{}]}]})", "tool-turn: turn 2 is a tool's, from 'assistant'"},
           {"openai", R"({"messages":[{"role":"user","content":"q"},{"role":"tool","content":"1"}]})", "tool-turn: turn 2 is a tool's, from 'tool'"},
           {"openai", R"({"messages":[{"role":"human","content":"q"}]})", "unknown-role: turn 1 is from 'human' (allowed: 'user', 'assistant', 'system', 'developer')"},
       }) {
    INFO(one.row);
    CHECK(answer(folder, one) == one.expected);
  }
  const auto inlined = open(options_of("openai", folder.write("f.jsonl", row("[" + part(url) + "]"))));
  const PictureRef picture = inlined->get(0).pictures.at(0);
  CHECK(picture.reference.starts_with("inline:"));
  CHECK(picture.source->size(picture.reference) == image::Size{.height = 5, .width = 4});
  CHECK(picture.source->load(picture.reference).pixels.size() == 60);
}

TEST_CASE("a recipe names the fields of any such JSON") {
  const Folder folder;
  folder.picture("x/a.png");
  options::DataOptions options = options_of("llava", folder.write("f.json", R"([{"key":"k7","pic":"a","sys":"be kind","dialog":[{"who":"U","said":"<image>q"},{"who":"A","said":"a"}]}])"), folder.path());
  options.columns = {.id = "key", .image = "pic", .image_name = "x/{}.png", .system = "sys", .conversations = "dialog", .from = "who", .value = "said", .user = "U", .assistant = "A", .caption = {}, .question = {}, .answer = {}};
  const auto source = open(options);
  CHECK(source->get(0).id == "k7");
  CHECK(source->get(0).source == "mine");
  CHECK(shown(source->get(0)) == "[be kind] <image>q | a {x/a.png}");
  options.columns.image_name = "{";
  CHECK(error_of(options) == "'{' is no pattern of names");
  CHECK(name_from("a{:012}.jpg", "262148") == "a000000262148.jpg");
  CHECK(name_from("{:02}", "12345") == "12345");
  CHECK_THROWS_WITH(name_from("{}{}", "1"), "'{}{}' is no pattern of names");
  CHECK_THROWS_WITH(name_from("{:5}", "1"), "'{:5}' is no pattern of names");
  CHECK_THROWS_WITH(name_from("{:0}", "1"), "'{:0}' is no pattern of names");
}

TEST_CASE("captions: JSON, CSV and TSV say the same") {
  const Folder folder;
  folder.picture("a.png");
  folder.picture("b.png");
  const std::vector<std::pair<std::string, std::string>> files = {
      {"f.json", R"([{"image":"a.png","caption":"a fox, \"red\""},{"image":"b.png","caption":"an owl\nasleep"}])"},
      {"f.jsonl", "{\"image\":\"a.png\",\"caption\":\"a fox, \\\"red\\\"\"}\n\n{\"image\":\"b.png\",\"caption\":\"an owl\\nasleep\"}\n"},
      {"f.csv", "\xEF\xBB\xBFimage,caption\r\na.png,\"a fox, \"\"red\"\"\"\r\n\r\nb.png,\"an owl\nasleep\"\r\n"},
  };
  for (const auto& [name, text] : files) {
    INFO(name);
    const auto source = open(options_of("captions", folder.write(name, text), folder.path()));
    REQUIRE(source->size() == 2);
    const Sample fox = source->get(0), owl = source->get(1);
    CHECK(fox.kind == "caption");
    CHECK(fox.turns[1].text == "a fox, \"red\"");
    CHECK(owl.turns[1].text == "an owl\nasleep");
    CHECK(owl.pictures.at(0).reference == "b.png");
    CHECK(fox.turns[0].text.starts_with("<image>\n"));
    CHECK(source->get(0).turns[0].text == fox.turns[0].text);
  }
  options::DataOptions tsv = options_of("captions", folder.write("f.tsv", "a \"fox\"\ta.png\t7\nan owl\tb.png\t8\n"), folder.path());
  tsv.columns.caption = "1";
  tsv.columns.image = "2";
  tsv.columns.id = "3";
  CHECK(open(tsv)->get(0).turns[1].text == "a \"fox\"");
  CHECK(open(tsv)->get(1).id == "8");
  tsv.columns.question = "1";
  CHECK(open(tsv)->get(1).turns[0].text == "<image>\nan owl");
  options::DataOptions several = options_of("captions", folder.write("s.jsonl", R"({"id":4,"image":"a.png","caption":["one","two","three"]})"), folder.path());
  CHECK(open(several)->get(0).turns[1].text == caption_turns("4", {"one", "two", "three"})[1].text);
}

TEST_CASE("captions: rows and tables that cannot be used") {
  const Folder folder;
  folder.picture("a.png");
  const auto says = [&](const std::string& name, const std::string& text) { return reason_of(options_of("captions", folder.write(name, text), folder.path())); };
  CHECK(says("f.csv", "image,caption\na.png\n") == "field-count: it has 1 fields, the first line 2");
  CHECK(says("f.csv", "image,caption\na.png,\n") == "missing-field: it has no field 'caption'");
  CHECK(says("f.csv", "image,caption\n,a fox\n") == "missing-field: it has no field 'image'");
  CHECK(says("f.csv", "image,caption\na.png,\xff\n") == "not-utf-8: it is not UTF-8");
  CHECK(says("f.csv", "image,caption\nb.png,a fox\n") == fmt::format("missing-picture: no picture 'b.png' in '{}'", folder.path().string()));
  CHECK(says("f.tsv", "image\tcaption\na.png\t \n") == "empty-turn: a caption is empty");
  CHECK(says("f.jsonl", R"({"image":"a.png","caption":[]})") == "no-turns: its list of captions is empty");
  CHECK(says("f.jsonl", R"({"image":"a.png","caption":7})") == "wrong-type: its 'caption' is neither a text nor a list of texts");
  CHECK(says("f.jsonl", R"({"image":{},"caption":"c"})") == "wrong-type: its 'image' is neither a text nor a list of texts");
  const auto stops = [&](const std::string& name, const std::string& text) {
    const fs::path file = folder.write(name, text);
    const std::string said = error_of(options_of("captions", file, folder.path())), start = "'" + file.string() + "'";
    return said.starts_with(start) ? said.substr(start.size()) : said;
  };
  CHECK(stops("f.csv", "image,text\na.png,c\n") == " has no column 'caption' (its columns: 'image', 'text')");
  CHECK(stops("f.csv", "") == " is empty");
  CHECK(stops("f.csv", "image,caption\na.png,c\nb.png,\"open\n\n") == ", line 3: the quote that opens here is not closed");
  CHECK(split_line("a,\"b,\"\"c\"\"\",,d\"e", true) == std::vector<std::string>{"a", "b,\"c\"", "", "d\"e"});
  CHECK(split_line("\ta\t", false) == std::vector<std::string>{"", "a", ""});
  CHECK(error_of(options_of("llava", folder.write("f.csv", "a,b\n"), folder.path())).ends_with("is a table, and conversations are read from JSON"));
}

TEST_CASE("VQA: one file, or questions and annotations apart") {
  const Folder folder;
  folder.picture("a.png");
  folder.picture("COCO_000000000042.jpg");
  const auto says = [&](const std::string& row) { return answer(folder, {"vqa", row, {}}); };
  CHECK(says(R"({"question_id":1,"image":"a.png","question":"How many?","answer":2})") == "<image>\nHow many? | 2 {a.png}");
  CHECK(says(R"({"image":"a.png","question":"<image>How many?","answers":["two","2","2"]})") == "<image>How many? | 2 {a.png}");
  CHECK(says(R"({"image":"a.png","question":"q","answers":[{"answer":"x"},{"answer":"y"}]})") == "<image>\nq | x {a.png}");
  CHECK(says(R"({"image":"a.png","question":"q","answers":[]})") == "no-answer: its question has no answer");
  CHECK(says(R"({"image":"a.png","question":"q","answers":[{}]})") == "wrong-type: one of its answers has no text 'answer'");
  CHECK(says(R"({"image":"a.png","question":"q","answer":""})") == "empty-turn: its answer is empty");
  CHECK(says(R"({"image":"a.png","question":" ","answer":"a"})") == "empty-turn: its question is empty");
  CHECK(says(R"({"image":"a.png","question":"q"})") == "missing-field: it has no field 'multiple_choice_answer' or 'answer' or 'answers'");
  CHECK(says(R"({"image":"a.png","answer":"a"})") == "missing-field: it has no field 'question'");
  CHECK(says(R"({"question":"q","answer":"a"})") == "missing-field: it has no field 'image' or 'image_id'");

  options::DataOptions pair = options_of("vqa", folder.write("q.json", R"({"info":{"a":[1,"]"]},"questions":[{"image_id":42,"question":"q?","question_id":7},{"image_id":42,"question":"r?","question_id":8}],"more":1})"), folder.path());
  pair.annotations = folder.write("a.json", R"({"annotations":[{"question_id":8,"multiple_choice_answer":"no","answers":[{"answer":"yes"}]},{"question_id":7,"multiple_choice_answer":"yes"}]})").string();
  pair.columns.image_name = "COCO_{:012}.jpg";
  pair.question_suffix = "\nShort.";
  const auto source = open(pair);
  REQUIRE(source->size() == 2);
  CHECK(source->get(0).id == "7");
  CHECK(shown(source->get(0)) == "<image>\nq?\nShort. | yes {COCO_000000000042.jpg}");
  CHECK(shown(source->get(1)) == "<image>\nr?\nShort. | no {COCO_000000000042.jpg}");
  const auto annotated = [&](const std::string& text) {
    pair.annotations = folder.write("a.json", text).string();
    const std::string said = error_of(pair);
    return said.substr(said.find("json'") + 5);
  };
  CHECK(annotated(R"({"annotations":[{"question_id":7,"answer":"yes"}]})") == ", line 1: sample '8': '" + pair.annotations + "' has no answer to it");
  CHECK(annotated(R"({"annotations":[{}]})") == ", the entry from line 1 on has no number 'question_id'");
  CHECK(annotated("{}") == ", line 1: there is no array 'annotations' in an object here");
  CHECK(annotated("[]") == ", line 1: there is no array 'annotations' in an object here");
}
