#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/paths.h"
#include "modules/base/suggest.h"
#include "runner/cli/command.h"

namespace saucier::cli {
namespace {

void print(std::FILE* file, const std::string& text) { std::fwrite(text.data(), 1, text.size(), file); }

std::string invocation(const Command& c) { return c.arguments.empty() ? c.name : c.name + " " + c.arguments; }

std::string overview() {
  std::string out =
      "saucier runs recipes for visual instruction tuning.\n\nusage: saucier COMMAND [ARGUMENTS]\n\ncommands:\n";
  for (const Command& c : commands()) out += fmt::format("  {:<21}{}\n", invocation(c), c.summary);
  return out + "\n'saucier COMMAND --help' shows a command's options and an example.\n";
}

std::string help_of(const Command& c, const po::options_description& options) {
  std::string out = fmt::format("usage: saucier {} [OPTIONS]\n\n{}\n\noptions:\n", invocation(c), c.summary);
  for (const auto& option : options.options()) {
    std::string name = "--" + option->long_name();
    std::string text = option->description();
    if (option->semantic()->max_tokens() > 0) {
      const std::string value = option->semantic()->name();  // "FILE", with a default "FILE (=results/saucier.db)"
      const size_t given = value.find(" (=");
      name += " " + value.substr(0, given);
      if (given != std::string::npos && text.find("default") == std::string::npos)
        text += fmt::format(" (default {})", value.substr(given + 3, value.size() - given - 4));
    }
    out += fmt::format("  {:<26}{}\n", name, text);
  }
  return out + fmt::format("  {:<26}show this\n\nexample:\n  {}\n", "--help", c.example);
}

std::string see_help(const std::string& name) { return fmt::format("see 'saucier {} --help'", name); }

Error unknown_option(const std::string& name, const std::string& given, const po::options_description& options) {
  std::vector<std::string> known = {"help"};
  for (const auto& option : options.options()) known.push_back(option->long_name());
  const auto near = nearest(given.substr(std::min(given.find_first_not_of('-'), given.size())), known, 1);
  return Error(fmt::format("unknown option '{}' of 'saucier {}'", given, name),
               near.empty() ? see_help(name) : fmt::format("did you mean '--{}'?", near.front()));
}

// A program_options error in our words.
Error usage_error(const std::string& name, const po::error& error, const po::options_description& options) {
  std::string message = error.what();
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&error)) {
    return unknown_option(name, unknown->get_option_name(), options);
  } else if (dynamic_cast<const po::too_many_positional_options_error*>(&error)) {
    message = fmt::format("too many arguments for 'saucier {}'", name);
  }
  return Error(message, see_help(name));
}

bool asks_for_help(const std::string& argument) { return argument == "--help" || argument == "-h"; }

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"check", "RECIPE", "all problems of a recipe at once; nothing runs", "saucier check recipes/quickstart.toml", check},
      {"show", "RECIPE", "the resolved recipe, and where each value comes from", "saucier show recipes/quickstart.toml --origins", show},
      {"fmt", "FILE...", "write recipe files in the one way of writing them", "saucier fmt --check recipes/*.toml", format},
      {"plan", "RECIPE", "trials and stages: cached or to run, and why", "saucier plan recipes/quickstart.toml", plan},
      {"preview", "RECIPE", "samples of a stage: as a model that trains sees them, or what a teacher is asked, replied and wrote",
       "saucier preview recipes/quickstart.toml --stage align --count 3", preview},
      {"overlap", "RECIPE", "what the training data shares with held-out sources, and its sources with each other", "saucier overlap recipes/mine.toml --held-out test_set", overlap},
      {"run", "RECIPE", "run what is missing; the same command again goes on",
       "saucier run recipes/quickstart.toml --sweep stage.instruct.learning_rate=1e-3,2e-3", run},
      {"status", "[SWEEP]", "the stages of a sweep, and what runs now; default: the newest sweep", "saucier status", status},
      {"list", "", "all sweeps with their best trials, newest first", "saucier list", list},
      {"trials", "[SWEEP]", "the trials of a sweep: parameters, scores, losses; filtered and sorted by any of them",
       "saucier trials --where \"f1 > 0.9\" --sort f1:desc --top 10", trials},
      {"compare", "[SWEEP]", "scores of a sweep's trials side by side, and whether their order means anything",
       "saucier compare quickstart", compare},
      {"diff", "A B", "what differs between two trials: recipe, data, environment, scores", "saucier diff quickstart-1 quickstart-2", diff},
      {"best", "[SWEEP]", "the best trials of a sweep, and whether the first is better than the second", "saucier best quickstart --metric scenes-pope.f1", best},
      {"curve", "TRIAL...", "a metric over the steps of a stage, drawn in the terminal", "saucier curve quickstart-1 quickstart-2 --metric loss --log", curve},
      {"predictions", "A [B]", "questions and answers of a trial, or of two side by side",
       "saucier predictions quickstart-1 quickstart-2 --where \"a.correct and not b.correct\"", predictions},
      {"data", "TRIAL [STAGE]", "what a trial's stages really drew of each data source, beside what the mixture asks for", "saucier data quickstart-1 instruct", data},
      {"rounds", "[SWEEP]", "what each round of a cycle wrote, kept and reached, and why another one began", "saucier rounds virtuous-cycle", rounds},
      {"why", "TRIAL STAGE", "the text behind a stage's key, and what changed since the nearest earlier run", "saucier why quickstart-2 instruct", why},
      {"query", "SQL", "one read-only SQL statement on the results database",
       "saucier query \"select * from leaderboard\"", query},
      {"verify", "[SWEEP]", "whether every artifact is as it was written, and the database sound", "saucier verify --quick", verify},
      {"gc", "", "list what no trial refers to; --apply removes it", "saucier gc --drop quickstart", collect},
      {"usage", "", "what each sweep's artifacts take on disk, and what is its own", "saucier usage", usage},
      {"pin", "SWEEP|TRIAL", "keep it: no command removes it", "saucier pin quickstart", pin},
      {"unpin", "SWEEP|TRIAL", "let it be removed again", "saucier unpin quickstart", unpin},
      {"merge", "OTHER.db", "take over what another store has and this one lacks", "saucier merge other/results/saucier.db", merge},
      {"export", "SWEEP FOLDER", "a sweep as one folder: report, recipes, tables, database; with --model a model for other programs",
       "saucier export quickstart shared/quickstart", export_folder},
      {"import", "PATH", "take up what export wrote of a sweep, or say what a model's folder or file is", "saucier import shared/quickstart", import_folder},
      {"ask", "[QUESTION...]", "an answer of a model; without a question a conversation, a line of standard input a turn",
       "saucier ask --model quickstart-1 --image picture.png \"How many foxes are there?\"", ask},
      {"logits", "", "what a model makes of a text, as a safetensors file", "saucier logits --model recipes/models/reader --prompt \"a fox\" --out logits.safetensors", logits},
      {"docs", "PAGE", "recipe: all keys; schema: for editors; database: the views; datasette: metadata; completion: for bash; keys: what --set takes",
       "saucier docs keys recipes/quickstart.toml", docs},
      {"mix", "fit|best [SWEEP]", "the data mixture that the finished trials of a sweep point to, and how sure that is",
       "saucier mix fit quickstart --metric bench.scenes-pope.f1", mix},
      {"score", "BENCHMARK", "a benchmark's own scoring of an existing answers file, without a model",
       "saucier score pope --data eval/pope --answers answers/llava-v1.5-7b.jsonl", score},
      {"scenes", "FOLDER", "write drawn scenes as PNG with COCO captions and instances",
       "saucier scenes /tmp/scenes --split test --count 50", scenes},
      {"tokenize", "", "lines of standard input as tokens with their places, or tokens as text",
       "saucier tokenize --model models/vicuna < texts.txt", tokenize},
  };
  return table;
}

const Command& command(const std::string& name) {
  const auto& table = commands();
  const auto it = std::find_if(table.begin(), table.end(), [&](const Command& c) { return c.name == name; });
  SAUCIER_CHECK(it != table.end(), "no command {}", name);
  return *it;
}

po::variables_map parse(const std::string& name, const std::vector<std::string>& arguments,
                        const po::options_description& options,
                        const std::vector<std::pair<std::string, int>>& positional) {
  if (std::any_of(arguments.begin(), arguments.end(), asks_for_help)) {
    print(stdout, help_of(command(name), options));
    throw HelpShown{};
  }
  po::options_description all;
  all.add(options);
  po::positional_options_description places;
  for (const auto& [key, count] : positional) {
    all.add_options()(key.c_str(), po::value<std::vector<std::string>>(), "");
    places.add(key.c_str(), count);
  }
  po::variables_map values;
  try {
    using namespace po::command_line_style;
    po::store(po::command_line_parser(arguments).options(all).positional(places).style(unix_style & ~allow_guessing & ~allow_short).run(), values);
    po::notify(values);
  } catch (const po::error& error) {
    throw usage_error(name, error, options);
  }
  for (const auto& [key, count] : positional)  // one dash: to program_options an argument like any other
    for (const std::string& value : strings(values, key))
      if (value.size() > 1 && value[0] == '-') throw unknown_option(name, value, options);
  return values;
}

void add_store_option(po::options_description& options) {
  options.add_options()("store", po::value<std::string>()->value_name("FILE")->default_value(std::string(paths::kDefaultStore)),
                        "results database (default results/saucier.db)");
}

void add_recipe_options(po::options_description& options) {
  options.add_options()("set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
                        "override a value, e.g. stage.instruct.learning_rate=1e-4")(
      "sweep", po::value<std::vector<std::string>>()->value_name("KEY=A,B,C")->composing(), "add or replace a sweep axis");
}

std::vector<std::string> strings(const po::variables_map& values, const std::string& name) {
  return values.count(name) ? values[name].as<std::vector<std::string>>() : std::vector<std::string>{};
}

std::int64_t number(const po::variables_map& values, const char* option, std::int64_t least) {
  const auto value = values[option].as<std::int64_t>();
  if (value < least) throw Error(fmt::format("--{} is '{}', at least {} is asked for", option, value, least));
  return value;
}

std::string text_of(const po::variables_map& values, const std::string& name) {
  return values.count(name) ? values[name].as<std::string>() : std::string();
}

int main(const std::vector<std::string>& arguments) {
  try {
    if (arguments.empty()) {
      print(stderr, overview());
      return kUsage;
    }
    const bool help = arguments[0] == "help";
    if (asks_for_help(arguments[0]) || (help && arguments.size() == 1)) {
      print(stdout, overview());
      return kDone;
    }
    const std::string& name = arguments[help ? 1 : 0];
    std::vector<std::string> names;
    for (const Command& c : commands()) names.push_back(c.name);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const std::string hint = suggestion(name, names);
      throw Error(fmt::format("unknown command '{}'", name), hint.empty() ? "see 'saucier --help'" : hint);
    }
    if (help) return command(name).run({"--help"});
    return command(name).run({arguments.begin() + 1, arguments.end()});
  } catch (const HelpShown&) {
    return kDone;
  } catch (const Error& error) {
    print(stderr, error.render());
    return kUsage;
  } catch (const std::exception& error) {  // the system's: no memory, a file that cannot be looked at
    print(stderr, fmt::format("error: {}\n", error.what()));
    return kFailed;
  }
}

}  // namespace saucier::cli
