#include "modules/options/table.h"

#include <functional>
#include <set>

#include <catch2/catch.hpp>

#include "modules/options/job.h"

using namespace saucier;
using namespace saucier::options;

namespace {

// Every field below `table`, with its dotted path.
void each_field(const Table& table, const std::string& path, const std::function<void(const std::string&, const Field&)>& visit) {
  for (const Field& field : table.fields) {
    const std::string full = path + field.rule.key;
    visit(full, field);
    if (field.table) each_field(*field.table, full + ".", visit);
  }
}

}  // namespace

TEST_CASE("every option has help, and its default keeps its own rule") {
  int seen = 0;
  each_field(table_of<Job>(), "", [&](const std::string& path, const Field& field) {
    ++seen;
    INFO(path);
    CHECK(field.rule.help.size() > 5);
    CHECK(field.rule.help.back() == '.');
    const Json value = field.default_value;
    if (value.is_number()) {
      const double number = value.get<double>();
      if (field.rule.min) CHECK(number >= *field.rule.min);
      if (field.rule.max) CHECK(number <= *field.rule.max);
      if (field.rule.positive) CHECK(number > 0);
    }
    const std::set<std::string> choices(field.rule.choices.begin(), field.rule.choices.end());
    if (choices.empty() || field.rule.required) return;
    if (value.is_string()) CHECK(choices.count(value.get<std::string>()) == 1);
    if (value.is_array())
      for (const Json& item : value) CHECK(choices.count(item.get<std::string>()) == 1);
    if (value.is_object())
      for (const auto& [key, item] : value.items()) CHECK(choices.count(key) == 1);
  });
  CHECK(seen > 100);
}

TEST_CASE("keys of a table are distinct") {
  std::set<std::string> paths;
  each_field(table_of<Job>(), "", [&](const std::string& path, const Field&) { CHECK(paths.insert(path).second); });
}

TEST_CASE("a table knows types, defaults and what may be unset") {
  const Table& table = table_of<TrainOptions>();
  REQUIRE(table.find("learning_rate"));
  CHECK(table.find("learning_rate")->type == Type::kNumber);
  CHECK(table.find("learning_rate")->default_value == Json(1e-3));
  CHECK(table.find("spike_factor")->optional);
  CHECK(table.find("spike_factor")->default_value.is_null());
  CHECK(table.find("trains")->type == Type::kStringList);
  CHECK(table.find("trains")->default_value.is_null());  // required
  CHECK(table.find("lora")->table == &table_of<LoraOptions>());
  CHECK(table.find("log_every")->rule.operational);
  CHECK(table.find("no_such_key") == nullptr);
  CHECK(table_of<Job>().find("mixture")->type == Type::kTableMap);
  CHECK(table_of<MixtureOptions>().find("weights")->type == Type::kWeightMap);
}

TEST_CASE("a job comes back from its JSON as it went") {
  Job job;
  job.stage = "instruct";
  job.kind = "train";
  job.seed = 7;
  job.artifacts = {{"teach", "artifacts/abc"}};
  job.data["talk"].format = "synthesized";
  job.data["talk"].max_turns = 2;
  job.mixture["m"].weights = {{"talk", Weight{.natural = true, .share = 0}}, {"more", Weight{.natural = false, .share = 0.25}}};
  job.mixture["m"].epochs = 1.5;
  job.train = TrainOptions{};
  job.train->trains = {"projector"};
  const Json json = to_json(job);
  const Job back = from_json<Job>(parse_json(json.dump(), "a job"));
  CHECK(to_json(back) == json);
  CHECK(back.mixture.at("m").weights.at("talk").natural);
  CHECK(back.mixture.at("m").weights.at("more").share == 0.25);
  CHECK(back.data.at("talk").max_turns == 2);
  CHECK(back.train);
  CHECK(!back.evaluate);
}

TEST_CASE("a missing key keeps the default, also the one that an outer table gives") {
  const auto options = from_json<EvaluateOptions>({{"benchmarks", {"scenes-pope"}}, {"scenes", {{"image_size", 64}}}});
  CHECK(options.scenes.image_size == 64);
  CHECK(options.scenes.split == "test");
  CHECK(from_json<SceneOptions>(Json::object()).split == "train");
}

TEST_CASE("a damaged job is refused by the name of its key") {
  CHECK_THROWS_AS(from_json<TrainOptions>(Json::array()), Error);
  try {
    from_json<TrainOptions>({{"learning_rate", "fast"}});
    FAIL("taken");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("learning_rate") != std::string::npos);
  }
}
