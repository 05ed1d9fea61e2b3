// export: a sweep as one folder that others can read without this program, and import can take up with it; or a model for
// other programs.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/suggest.h"
#include "modules/text/chat_template.h"
#include "runner/cli/command.h"
#include "runner/cli/model_argument.h"
#include "runner/cli/table_output.h"
#include "runner/recipe/canonical.h"
#include "runner/report/html.h"
#include "runner/report/find.h"
#include "runner/report/table.h"
#include "store/store.h"

namespace saucier::cli {
namespace {

namespace fs = std::filesystem;

class Export {
 public:
  Export(const store::Store& store, std::int64_t sweep, fs::path folder) : store_(store), sweep_(sweep), folder_(std::move(folder)) {}

  void write(const std::string& name, bool artifacts) {
    make_folders(folder_);
    store::export_store(store_.file(), sweep_, folder_ / kExportedStore, artifacts);
    recipes();
    make_folders(folder_ / "tables");
    for (const auto& row : store_.query("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name").rows) view(row[0].get<std::string>());
    report::write_html(store_, sweep_, folder_ / "report.html");
    readme(name, artifacts);
  }

 private:
  void recipes() {
    const auto text = store_.query("SELECT recipe_text FROM sweep WHERE id = ?1", {sweep_}).rows.at(0).at(0).get<std::string>();
    if (!text.empty()) write_file_atomic(folder_ / "recipe.toml", text);
    make_folders(folder_ / "trials");
    for (const auto& row : store_.query("SELECT name, resolved FROM trial WHERE sweep_id = ?1", {sweep_}).rows) {
      recipe::Trial trial;
      trial.name = row[0].get<std::string>();
      trial.resolved = parse_json(row[1].get<std::string>(), "resolved recipe of " + trial.name);
      write_file_atomic(folder_ / "trials" / (trial.name + ".toml"), recipe::to_toml(trial, false));
    }
  }

  // The rows of the sweep, trial by trial where it has trials: a table of curves may be long.
  void view(const std::string& name) {
    const std::vector<std::string> columns = store_.query(fmt::format("SELECT * FROM \"{}\" LIMIT 0", name)).columns;
    const auto has = [&](const char* column) { return std::find(columns.begin(), columns.end(), column) != columns.end(); };
    if (!has("sweep_id")) return;
    std::ofstream out(folder_ / "tables" / (name + ".csv"), std::ios::binary);
    out << report::to_csv({columns, {}});
    const auto add = [&](const std::string& where, const std::vector<Json>& parameters) {
      report::Table table{columns, store_.query(fmt::format("SELECT * FROM \"{}\" WHERE {}", name, where), parameters).rows};
      const std::string text = report::to_csv(table);
      out << text.substr(text.find("\r\n") + 2);
    };
    if (has("trial_id")) {
      for (const auto& row : store_.query("SELECT id FROM trial WHERE sweep_id = ?1 ORDER BY number", {sweep_}).rows)
        add("sweep_id = ?1 AND trial_id = ?2", {sweep_, row[0]});
    } else {
      add("sweep_id = ?1", {sweep_});
    }
    out.close();
    if (!out) throw Error(fmt::format("cannot write the table '{}'", name), "free some space and run the same command again");
  }

  void readme(const std::string& name, bool artifacts) {
    const auto row = store_.query("SELECT trials, trials_done, best_trial, created, recipe_file FROM sweep_progress WHERE sweep_id = ?1", {sweep_}).rows.at(0);
    std::string text = fmt::format("# {}\n\nA sweep of {} trials ({} done), started {} UTC from `{}`", name, row[0].dump(), row[1].dump(),
                                   row[3].get<std::string>(), fs::path(row[4].get<std::string>()).filename().string());
    if (row[2].is_string()) text += fmt::format("; the best trial is `{}`", row[2].get<std::string>());
    text += ".\n\n| file | what |\n|---|---|\n| report.html | scores, ranking, curves, pictures with answers; needs nothing else |\n";
    if (fs::exists(folder_ / "recipe.toml")) text += "| recipe.toml | the recipe file as it was submitted |\n";
    text += "| trials/NAME.toml | each trial, every value written out; a recipe of its own |\n"
            "| tables/*.csv | the rows of every view of the database, comma-separated (RFC 4180, UTF-8) |\n";
    text += fmt::format("| {} | the same rows as an SQLite database |\n", kExportedStore);
    if (artifacts) text += "| artifacts/KEY/ | what each stage left: models, data, answers; `manifest.json` has the digest of every file |\n";
    text += "\nTo take it up in another store: `saucier import FOLDER`. Doing it twice changes nothing.\n";
    write_file_atomic(folder_ / "README.md", text);
  }

  const store::Store& store_;
  std::int64_t sweep_;
  fs::path folder_;
};

// Writes a folder that is not there: beside it first, so that a folder of that name is whole.
template <class Write>
int write_folder(const std::string& name, Write write) {
  const fs::path folder = fs::absolute(name).lexically_normal();
  if (fs::exists(folder)) throw Error(fmt::format("'{}' is there already", name), "name a folder that is not");
  const fs::path half = fs::path(fmt::format("{}.tmp-{}-0", folder.string(), ::getpid()));
  struct Remove {
    const fs::path& path;
    ~Remove() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  } remove{half};
  const int code = write(half);
  if (code == kDone) commit_folder(half, folder);
  return code;
}

// How the model was trained to talk, where transformers (chat_template.jinja) and older programs (tokenizer_config.json) look.
void write_chat_template(const fs::path& folder, const options::JobConversation& conversation) {
  const std::string text = text::chat_template(text::template_of(conversation), text::system_text(conversation), conversation.image_position);
  write_file_atomic(folder / "chat_template.jinja", text);
  const fs::path file = folder / "tokenizer_config.json";
  Json config = parse_json(read_file(file), fmt::format("'{}'", file.string()));
  config["chat_template"] = text;
  write_file_atomic(file, config.dump(2) + "\n");
}

int export_model(const po::variables_map& values) {
  const auto folders = strings(values, "sweep");
  const char* example = "saucier export --model quickstart-1 shared/model";
  if (folders.empty()) throw Error("'saucier export --model MODEL' needs a folder to write", example);
  if (const auto further = strings(values, "folder"); !further.empty())
    throw Error(fmt::format("'{}' is too much: with --model there is no sweep, and one folder to write", further.front()), example);
  if (values.count("artifacts")) throw Error("--artifacts goes with a sweep, not with a model");
  const NamedModel model = read_model("export", values);
  options::Request request;
  request.model = model.reference;
  auto& asked = request.export_model.emplace();
  asked.layout = text_of(values, "layout");
  const std::vector<std::string> layouts = {"transformers", "original", "adapter"};
  if (std::find(layouts.begin(), layouts.end(), asked.layout) == layouts.end())
    throw Error(fmt::format("unknown layout '{}'", asked.layout), suggestion(asked.layout, layouts));
  asked.bfloat16 = values.count("bfloat16") > 0;
  asked.tower_name = text_of(values, "tower-name");
  asked.base_path = values.count("base") ? text_of(values, "base") : model.base;
  return write_folder(folders.front(), [&](const fs::path& half) {
    asked.folder = half.string();
    const int code = run_request(request, values);
    if (code == kDone && model.conversation && asked.layout != "adapter") write_chat_template(half, *model.conversation);
    return code;
  });
}

}  // namespace

int export_folder(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_model_options(options);
  options.add_options()("artifacts", "of a sweep: with the models, data and answers that the stages left");
  options.add_options()("layout", po::value<std::string>()->value_name("LAYOUT")->default_value("transformers"),
                        "of a model: transformers (LlavaForConditionalGeneration), original (LLaVA's own), adapter (PEFT)");
  options.add_options()("bfloat16", "of a model: weights in bfloat16");
  options.add_options()("base", po::value<std::string>()->value_name("PATH"), "of an adapter: what it says of its base model");
  options.add_options()("tower-name", po::value<std::string>()->value_name("NAME")->default_value("vision_tower"),
                        "of layout original: what mm_vision_tower says");
  const po::variables_map values = parse("export", arguments, options, {{"sweep", 1}, {"folder", 1}});
  if (values.count("model")) return export_model(values);
  for (const char* option : {"vision-tower", "projector", "adapter", "layout", "bfloat16", "base", "tower-name"})
    if (values.count(option) && !values[option].defaulted()) throw Error(fmt::format("--{} goes with --model, not with a sweep", option));
  const auto names = strings(values, "sweep"), folders = strings(values, "folder");
  if (folders.empty()) throw Error("'saucier export' needs a sweep and a folder to write", command("export").example);
  const auto store = store::Store::open_read_only(values["store"].as<std::string>());
  const std::int64_t sweep = report::find_sweep(*store, names.front());
  const int code = write_folder(folders.front(), [&](const fs::path& half) {
    Export(*store, sweep, half).write(names.front(), values.count("artifacts") > 0);
    return kDone;
  });
  std::puts(folders.front().c_str());
  return code;
}

}  // namespace saucier::cli
