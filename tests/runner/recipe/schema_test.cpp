// The schema for editors and the reference: written from the declarations, current in docs/, and true: what the schema says
// of a recipe, valijson says too.

#include <algorithm>
#include <filesystem>
#include <set>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "modules/base/file.h"
#include "modules/options/job.h"
#include "runner/recipe/recipe_options.h"
#include "runner/recipe/schema.h"
#include "runner/recipe/tree.h"
#include "tests/must_be_current.h"

namespace fs = std::filesystem;
using namespace saucier;

namespace {

class Schema {
 public:
  Schema() { valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(valijson::adapters::NlohmannJsonAdapter(json_), schema_); }
  bool allows(const Json& recipe) const { return valijson::Validator().validate(schema_, valijson::adapters::NlohmannJsonAdapter(recipe), nullptr); }

 private:
  Json json_ = recipe::recipe_schema();
  valijson::Schema schema_;
};

struct Text {
  Json json;
  bool complete;
};

Text read(const fs::path& file) {
  Diagnostics problems;
  const auto source = std::make_shared<const SourceText>(SourceText{file.string(), read_file(file)});
  const recipe::Parsed parsed = recipe::parse_text(source, std::make_shared<const recipe::Origin>(), problems);
  return {recipe::to_json(parsed.root), parsed.complete};
}

void every_field_helps(const options::Table& table, const std::string& path) {
  for (const options::Field& field : table.fields) {
    INFO(path << "." << field.rule.key);
    CHECK(field.rule.help.size() >= 10);
    CHECK(field.rule.help.ends_with('.'));
    if (field.table) every_field_helps(*field.table, path + "." + field.rule.key);
  }
}

}  // namespace

TEST_CASE("docs/recipe.schema.json and docs/recipe-reference.md are current") {
  const fs::path docs = fs::path(SAUCIER_SOURCE_DIR) / "docs";
  must_be_current(docs / "recipe.schema.json", recipe::recipe_schema().dump(1) + "\n");
  must_be_current(docs / "recipe-reference.md", recipe::recipe_reference());
}

TEST_CASE("every option has its sentence of help") {
  every_field_helps(options::table_of<recipe::RecipeOptions>(), "recipe");
  every_field_helps(options::table_of<recipe::StageHead>(), "stage");
  every_field_helps(options::table_of<options::Job>(), "job");
}

TEST_CASE("the schema takes all shipped recipes") {
  const Schema schema;
  int recipes = 0;
  for (const char* folder : {"recipes", "tests/e2e"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SAUCIER_SOURCE_DIR) / folder)) {
      if (entry.path().extension() != ".toml") continue;
      INFO(entry.path().string());
      CHECK(schema.allows(read(entry.path()).json));
      ++recipes;
    }
  CHECK(recipes >= 5);
}

TEST_CASE("the schema refuses what types, ranges and names can tell, and nothing else") {
  const Schema schema;
  const fs::path before = fs::current_path();
  fs::current_path(SAUCIER_SOURCE_DIR "/tests/golden/recipe");
  const std::set<std::string> codes = {"unknown-key", "wrong-type", "out-of-range", "unknown-choice", "unsupported-version"};
  // Two keys together, a kind that another file says, infinity (which JSON has not), a stage's own missing name,
  // templates and kinds, which may be the recipe's own.
  const std::set<std::string> beyond = {"out-of-range-objects", "unknown-key-of-another-kind", "out-of-range-infinite", "missing-key-name", "unknown-choice-template", "unknown-choice-own-template",
                                        "out-of-range-filters", "unknown-choice-map-key", "unknown-choice-kinds-of-teacher"};
  const auto by_path = [](const std::string& name) { return name.starts_with("sweep-") || name.starts_with("append-") || name.starts_with("reference-"); };
  int refused = 0;
  std::string cases;  // for taplo (tests/docs/taplo.py)
  for (const auto& entry : fs::directory_iterator(".")) {
    const fs::path file = entry.path().filename();
    if (file.extension() != ".toml") continue;
    const Text text = read(file);
    if (!text.complete || beyond.count(file.stem().string()) || by_path(file.stem().string())) continue;
    const recipe::Recipe loaded = recipe::load(file, {}, {});
    const auto& problems = loaded.problems.list();
    const bool tells = std::any_of(problems.begin(), problems.end(), [&](const Diagnostic& p) {
      return p.severity == Severity::kError && codes.count(p.code) && p.position.source && p.position.source->name == file.string();
    });
    INFO(file.string() << "\n" << loaded.problems.render());
    CHECK(schema.allows(text.json) != tells);
    refused += tells;
    cases += fmt::format("{} {}\n", tells ? "refused" : "taken", file.string());
  }
  fs::current_path(before);
  CHECK(refused >= 30);
  std::ofstream(SAUCIER_BINARY_DIR "/schema-cases.txt") << cases;
}
