// `saucier docs completion` in a real bash: sourced, and asked for candidates as bash asks.
#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <catch2/catch.hpp>

#include "modules/base/process.h"
#include "runner/cli/command.h"

using namespace saucier;

namespace {

// What bash would offer for the last of `words`.
std::vector<std::string> offered(const std::string& words) {
  const std::string script = "export PATH=" SAUCIER_BINARY_DIR ":$PATH\ncd " SAUCIER_SOURCE_DIR "\nsource <(saucier docs completion)\n"
                             "complete -p saucier >/dev/null || exit 3\n"
                             "compopt() { :; }\n"  // only a completion that bash itself runs may change its options
                             "COMP_WORDS=(" + words + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_saucier\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  std::istringstream lines(run_and_capture({"bash", "--norc", "-c", script}));
  std::vector<std::string> out;
  for (std::string line; std::getline(lines, line);) out.push_back(line);
  return out;
}

bool offers(const std::vector<std::string>& words, const std::string& word) { return std::find(words.begin(), words.end(), word) != words.end(); }

}  // namespace

TEST_CASE("bash completes commands, options, keys and files", "[golden]") {
  const std::vector<std::string> commands = offered("saucier ''");
  CHECK(commands.size() == cli::commands().size());
  for (const cli::Command& command : cli::commands()) CHECK(offers(commands, command.name));
  CHECK(offered("saucier ch") == std::vector<std::string>{"check"});

  const std::vector<std::string> options = offered("saucier check --");
  for (const char* option : {"--set", "--sweep", "--json", "--help"}) CHECK(offers(options, option));
  CHECK_FALSE(offers(options, "--keep-going"));
  CHECK(offered("saucier check --sw") == std::vector<std::string>{"--sweep"});

  CHECK(offered("saucier check recipes/quickstart.toml --set stage.align.learning_r") == std::vector<std::string>{"stage.align.learning_rate="});
  const std::vector<std::string> keys = offered("saucier run recipes/quickstart.toml --sweep ''");
  for (const char* key : {"seed=", "mixture.instruct.weights=", "conversation.template=", "stage.instruct.lora.rank="}) CHECK(offers(keys, key));

  CHECK(offered("saucier check recipes/quick") == std::vector<std::string>{"recipes/quickstart.toml"});
}
