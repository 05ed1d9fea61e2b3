#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "modules/base/protocol.h"
#include "tests/modules/base/scratch.h"

using namespace saucier;

namespace {

std::vector<Json> events(const fs::path& file) {
  std::vector<Json> out;
  std::string text = read_file(file);
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    out.push_back(Json::parse(text.substr(0, end)));
    text.erase(0, end + 1);
  }
  REQUIRE(text.empty());
  return out;
}

}  // namespace

TEST_CASE("each event is one line; progress is not kept") {
  const Scratch scratch;
  EventWriter writer(scratch / "events.jsonl", false);
  writer.environment({{"torch", "2.13.0"}});
  writer.progress(1, 2, 3.5, "samples", 0.25, 7);
  writer.metric(1, {{"loss", 0.5}, {"norm", std::numeric_limits<double>::quiet_NaN()}});
  writer.score("pope", "f1", 0.93, 0.008, 600, {{"condition", "seen"}});
  writer.prediction({{"benchmark", "pope"}, {"answer", "two\nlines \xff"}});
  writer.drawn(0, 4, {{{"source", "talk"}, {"draws", 8}}});
  writer.log("info", "text");
  make_folders(scratch / "out/model");
  write_file_atomic(scratch / "out/model/config.json", "{}");
  writer.done({{"steps", 2}});
  writer.error(Error("fact", "hint").add_context("there"));

  const std::vector<Json> got = events(scratch / "events.jsonl");
  REQUIRE(got.size() == 8);
  CHECK(got[0].dump() == R"({"event":"environment","values":{"torch":"2.13.0"}})");
  CHECK(got[1].dump() == R"({"event":"metric","step":1,"values":{"loss":0.5,"norm":"nan"}})");
  CHECK(got[2].dump() == R"({"benchmark":"pope","event":"score","metric":"f1","n":600,"setting":{"condition":"seen"},)"
                         R"("stderr":0.008,"value":0.93})");
  CHECK(got[3].dump() == "{\"answer\":\"two\\nlines \xef\xbf\xbd\",\"benchmark\":\"pope\",\"event\":\"prediction\"}");
  CHECK(got[4].dump() == R"({"event":"drawn","from":0,"sources":[{"draws":8,"source":"talk"}],"step":4})");
  CHECK(got[5].dump() == R"({"event":"log","level":"info","text":"text"})");
  CHECK(got[6].dump() == R"({"event":"done","files":{"model/config.json":2},"summary":{"steps":2}})");
  CHECK(got[7].dump() == R"({"context":["there"],"event":"error","hint":"hint","message":"fact"})");
}

TEST_CASE("rewind cuts what was drawn beyond the step") {
  const Scratch scratch;
  EventWriter writer(scratch / "events.jsonl", false);
  for (int step = 0; step < 6; step += 2) writer.drawn(step, step + 2, Json::array());
  writer.rewind(4);
  writer.drawn(4, 5, Json::array());
  std::vector<int> steps;
  for (const Json& event : events(scratch / "events.jsonl")) steps.push_back(event["step"]);
  CHECK(steps == std::vector<int>{2, 4, 5});
}

TEST_CASE("rewind cuts the metrics beyond the step and goes on in the same file") {
  const Scratch scratch;
  const fs::path file = scratch / "events.jsonl";
  EventWriter writer(file, false);
  for (int step = 1; step <= 4; ++step) {
    writer.metric(step, {{"loss", step}});
    writer.log("info", std::to_string(step));
  }
  writer.rewind(2);
  writer.metric(3, {{"loss", 30}});
  std::string order;
  for (const Json& event : events(file))
    order += event["event"] == "metric" ? fmt::format("m{} ", event["values"]["loss"].get<double>())
                                        : fmt::format("l{} ", event["text"].get<std::string>());
  CHECK(order == "m1 l1 m2 l2 l3 l4 m30 ");
  writer.rewind(99);
  CHECK(events(file).size() == 7);
}

TEST_CASE("a writer that starts after a crash cuts the torn line") {
  const Scratch scratch;
  write_file_atomic(scratch / "events.jsonl", "{\"event\":\"log\",\"level\":\"info\",\"text\":\"a\"}\n{\"event\":\"me");
  EventWriter writer(scratch / "events.jsonl", false);
  writer.log("info", "b");
  CHECK(events(scratch / "events.jsonl").size() == 2);
}

TEST_CASE("numbers that JSON lacks") {
  for (const double x : {1.5, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
    CHECK(number_from_json(number_to_json(x)) == x);
  CHECK(std::isnan(number_from_json(number_to_json(std::numeric_limits<double>::quiet_NaN()))));
  CHECK_THROWS_WITH(number_from_json("one"), "not a number (got \"one\")");
}
