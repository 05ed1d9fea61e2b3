// A synthesize stage whose teacher is a server, from the job to the artifact and the events.
#include <catch2/catch.hpp>

#include <filesystem>

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/protocol.h"
#include "modules/sources/sources.h"
#include "modules/stages/stage.h"
#include "tests/modules/teach/mock_endpoint.h"
#include "tests/temp_folder.h"

using namespace saucier;
namespace fs = std::filesystem;

namespace {

options::Job job_in(const fs::path& folder, const std::string& url) {
  options::Job job;
  job.stage = job.kind = "synthesize";
  job.seed = 3;
  job.threads = 1;
  job.work = (folder / "work").string();
  job.cache = (folder / "cache").string();
  job.data["scenes"].format = "scenes";
  job.data["scenes"].scenes.count = 6;
  job.synthesize = options::SynthesizeOptions{};
  job.synthesize->source = "scenes";
  job.synthesize->teacher = "writer";
  job.synthesize->kinds = {{"detail", 1}};
  job.teachers["writer"] = {.url = url, .model = "mock"};
  fs::create_directories(job.work);
  return job;
}

std::vector<Json> run(const options::Job& job) {
  const fs::path file = fs::path(job.work) / paths::kEvents;
  fs::remove(file);
  EventWriter events(file, false);
  stages::run(job, events);
  std::vector<Json> said;
  const std::string text = read_file(file);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    said.push_back(Json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return said;
}

std::vector<Json> provenance(const options::Job& job) {
  std::vector<Json> lines;
  const std::string text = read_file(fs::path(job.work) / paths::kOutput / paths::kProvenance);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    lines.push_back(Json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return lines;
}

Json metric(const std::vector<Json>& events) {
  for (const Json& event : events)
    if (event.at("event") == "metric") return event.at("values");
  return {};
}

// Every second one speaks of captions.
MockEndpoint::Answer writes(const MockEndpoint::Request& request) {
  const std::string first = request.prompt.substr(0, request.prompt.find('\n'));
  return replies((request.prompt.size() % 2 == 0 ? "The captions say: " : "Look at that: ") + first);
}

}  // namespace

TEST_CASE("what a server writes becomes samples, with the provenance of all that was asked") {
  const TempFolder folder;
  const MockEndpoint server(writes);
  const options::Job job = job_in(folder.path(), server.url());
  const Json values = metric(run(job));
  const std::vector<Json> lines = provenance(job);
  REQUIRE(lines.size() == 6);
  std::int64_t kept = 0;
  for (const Json& line : lines) {
    const std::string reply = line["reply"];
    CHECK(line["verdict"] == (reply.starts_with("The captions") ? "mentions-source" : "kept"));
    CHECK(line["teacher"]["model"] == "mock");
    CHECK(line["tokens"]["reply"] == 5);
    kept += line["verdict"] == "kept";
  }
  CHECK(kept > 0);
  CHECK(kept < 6);
  CHECK(values["asked"] == 6);
  CHECK(values["samples"] == kept);
  CHECK(values["rejected.mentions-source"] == 6 - kept);
  CHECK(values["reply_tokens"] == 30);

  // Other programs, and later stages, read them.
  options::Job reader = job;
  reader.artifacts["synthesize"] = (fs::path(job.work) / paths::kOutput).string();
  reader.data["taught"].format = "synthesized";
  reader.data["taught"].stage = "synthesize";
  const auto samples = sources::make_source(reader, "taught");
  REQUIRE(samples->size() == kept);
  CHECK(samples->get(0).kind == "detail");
  CHECK(samples->get(0).turns[1].text.starts_with("Look at that: "));
}

TEST_CASE("other filters, and the same stage again, ask nothing twice and write the same") {
  const TempFolder folder;
  const MockEndpoint server(writes);
  options::Job job = job_in(folder.path(), server.url());
  run(job);
  const std::string samples = read_file(fs::path(job.work) / paths::kOutput / paths::kSynthesized), lines = read_file(fs::path(job.work) / paths::kOutput / paths::kProvenance);
  const size_t asked = server.requests().size();
  run(job);
  CHECK(read_file(fs::path(job.work) / paths::kOutput / paths::kSynthesized) == samples);
  CHECK(read_file(fs::path(job.work) / paths::kOutput / paths::kProvenance) == lines);
  job.synthesize->filters.mentions = false;
  CHECK(metric(run(job))["samples"] == 6);
  CHECK(server.requests().size() == asked);
}

TEST_CASE("a stage stops where too many replies failed, and asks only for those again") {
  const TempFolder folder;
  bool broken = true;
  const MockEndpoint server([&](const MockEndpoint::Request& request) { return broken && request.prompt.size() % 2 == 0 ? MockEndpoint::Answer{http(400, "{}")} : replies("A dog."); });
  options::Job job = job_in(folder.path(), server.url());
  job.synthesize->filters.claims = false;
  job.synthesize->filters.near_duplicates = 0;
  CHECK_THROWS_WITH(run(job), Catch::Contains("the teacher failed to reply for") && Catch::Contains("http-400"));
  broken = false;
  CHECK(metric(run(job))["samples"] == 6);
  for (const auto& [prompt, times] : server.asked()) CHECK(times == (prompt.size() % 2 == 0 ? 2 : 1));
}

TEST_CASE("a stage that keeps nothing is no success") {
  const TempFolder folder;
  const MockEndpoint server([](const MockEndpoint::Request&) { return replies("I'm sorry, I cannot see it."); });
  CHECK_THROWS_WITH(run(job_in(folder.path(), server.url())), "none of 6 samples was kept (refusal 6)");
}

TEST_CASE("a teacher with sight gets the picture, a blind one and a judge are teachers of their own") {
  const TempFolder folder;
  const MockEndpoint server([](const MockEndpoint::Request& request) {
    if (request.body["model"] == "judge") return replies("Score: 9");
    return request.body["model"] == "blind" ? replies("No idea.") : replies("Look: " + request.prompt);
  });
  options::Job job = job_in(folder.path(), server.url());
  job.teachers["writer"].sight = true;
  job.teachers["guess"] = {.url = server.url(), .model = "blind"};
  job.teachers["judge"] = {.url = server.url(), .model = "judge"};
  job.synthesize->filters = {.mentions = false, .claims = false, .blind = "guess", .judge = "judge"};
  run(job);
  for (const Json& line : provenance(job)) {
    CHECK(line["verdict"] == "kept");
    CHECK(line["asked"]["blind"]["right"] == 0);
    CHECK(line["asked"]["judge"]["score"] == 9);
    CHECK(line["tokens"]["prompt"] >= 20);  // two, or three: a question that was drawn before costs nothing again
  }
  for (const MockEndpoint::Request& request : server.requests())
    CHECK((request.body.dump().find("data:image/png;base64,") != std::string::npos) == (request.body["model"] == "mock"));
}

TEST_CASE("what the report shows lies beside the samples") {
  const TempFolder folder;
  const MockEndpoint server(writes);
  const options::Job job = job_in(folder.path(), server.url());
  run(job);
  const fs::path out = fs::path(job.work) / paths::kOutput;
  const Json overview = Json::parse(read_file(out / paths::kOverview));
  REQUIRE(overview["shown"].size() == 6);
  for (const Json& shown : overview["shown"]) CHECK(fs::exists(out / paths::kPictures / paths::picture_file(shown["picture"].get<std::string>())));
}

TEST_CASE("a model on this machine writes what it writes when it is asked, and nothing twice") {
  const TempFolder folder;
  options::Job job = job_in(folder.path(), "");
  job.teachers["writer"] = {.kind = "model", .path = std::string(SAUCIER_SOURCE_DIR) + "/recipes/models/reader", .max_tokens = 12};
  job.conversation.template_name = "vicuna_v1";
  job.synthesize->filters = {.min_answer_words = 0, .mentions = false, .claims = false, .near_duplicates = 0};
  job.data["scenes"].scenes.count = 2;
  // Without examples: the model has few positions.
  job.kinds["short"] = {.prompts = {}, .system = "Describe.", .layout = "answer", .boxes = false, .questions = {"What is there?"}};
  job.synthesize->kinds = {{"short", 1}};
  try {
    run(job);
  } catch (const Error& error) {  // a model of this size may write nothing that is kept: what it wrote is looked at
    INFO(error.what());
    CHECK(std::string(error.what()).find("none of 2 samples was kept") != std::string::npos);
  }
  const std::vector<Json> lines = provenance(job);
  REQUIRE(lines.size() == 2);
  for (const Json& line : lines) {
    CHECK(line["teacher"]["kind"] == "model");
    CHECK(line["teacher"]["model"] == "reader");
    CHECK(line["tokens"]["prompt"] > 0);
    CHECK(line["tokens"]["reply"] > 0);
    CHECK((line["tokens"]["reply"] == 12) == (line["verdict"] == "cut-off"));
  }
  bool kept = false;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(job.cache) / paths::kReplies)) kept = kept || entry.path().extension() == ".jsonl";
  CHECK(kept);
}
