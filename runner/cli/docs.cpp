#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/paths.h"
#include "modules/base/suggest.h"
#include "runner/cli/command.h"
#include "runner/cli/recipe_argument.h"
#include "runner/recipe/schema.h"
#include "runner/report/reference.h"

namespace saucier::cli {
namespace {

// Asks the program itself, so it never falls behind: options from a command's help, keys from the recipe on the line.
constexpr const char* kCompletion = R"bash(# bash completion of saucier:  source <(saucier docs completion)
_saucier() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} recipe=
  local each
  for each in "${COMP_WORDS[@]:2}"; do [[ $each == *.toml ]] && recipe=$each; done
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "$(saucier --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\).*/\1/p')" -- "$word"))
  elif [[ $before == --set || $before == --sweep ]] && [[ $recipe ]]; then
    compopt -o nospace
    COMPREPLY=($(compgen -S = -W "$(saucier docs keys "$recipe" 2>/dev/null)" -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$(saucier help "$command" 2>/dev/null | grep -o -- '^  --[a-z-]*')" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _saucier saucier
)bash";

}  // namespace

int docs(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_recipe_options(options);
  const po::variables_map values = parse("docs", arguments, options, {{"page", 1}, {"recipe", 1}});
  const std::vector<std::string> pages = strings(values, "page");
  const std::string page = pages.empty() ? "" : pages.front();
  static const std::vector<std::string> known = {"recipe", "schema", "database", "datasette", "completion", "keys"};
  if (page == "recipe") {
    std::fputs(recipe::recipe_reference().c_str(), stdout);
  } else if (page == "schema") {
    std::puts(recipe::recipe_schema().dump(1).c_str());
  } else if (page == "database") {
    std::fputs(report::views_reference().c_str(), stdout);
  } else if (page == "datasette") {
    const std::vector<std::string> file = strings(values, "recipe");  // the second word of the line: here a store
    const std::filesystem::path store(file.empty() ? std::string(paths::kDefaultStore) : file.front());
    std::puts(report::datasette_metadata(store.stem().string()).dump(1).c_str());
  } else if (page == "completion") {
    std::fputs(kCompletion, stdout);
  } else if (page == "keys") {
    const recipe::Recipe recipe = read_recipe("docs", values);
    if (!report_problems(recipe)) return kUsage;
    for (const std::string& key : recipe::settable_keys(recipe.trials.front())) std::puts(key.c_str());
  } else {
    throw Error(page.empty() ? "'saucier docs' needs the name of a page" : fmt::format("no page '{}'", page), suggestion(page, known));
  }
  return kDone;
}

}  // namespace saucier::cli
