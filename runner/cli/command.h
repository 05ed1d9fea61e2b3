// The plain table of commands. One file a command; adding one is a line in commands.cpp.
#pragma once

#include <string>
#include <vector>

#include <boost/program_options.hpp>

namespace saucier::cli {

// What scripts rely on.
enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kInterrupted = 130 };

struct Command {
  std::string name;
  std::string arguments;  // "RECIPE"
  std::string summary;    // one line
  std::string example;    // shown by --help
  int (*run)(const std::vector<std::string>& arguments);
};

const std::vector<Command>& commands();
const Command& command(const std::string& name);  // must exist

int check(const std::vector<std::string>& arguments);
int show(const std::vector<std::string>& arguments);
int format(const std::vector<std::string>& arguments);  // fmt, which is a namespace
int plan(const std::vector<std::string>& arguments);
int preview(const std::vector<std::string>& arguments);
int overlap(const std::vector<std::string>& arguments);
int run(const std::vector<std::string>& arguments);
int status(const std::vector<std::string>& arguments);
int list(const std::vector<std::string>& arguments);
int trials(const std::vector<std::string>& arguments);
int compare(const std::vector<std::string>& arguments);
int diff(const std::vector<std::string>& arguments);
int best(const std::vector<std::string>& arguments);
int curve(const std::vector<std::string>& arguments);
int predictions(const std::vector<std::string>& arguments);
int data(const std::vector<std::string>& arguments);
int rounds(const std::vector<std::string>& arguments);
int why(const std::vector<std::string>& arguments);
int verify(const std::vector<std::string>& arguments);
int collect(const std::vector<std::string>& arguments);  // gc
int usage(const std::vector<std::string>& arguments);
int pin(const std::vector<std::string>& arguments);
int unpin(const std::vector<std::string>& arguments);
int merge(const std::vector<std::string>& arguments);
int logits(const std::vector<std::string>& arguments);
int ask(const std::vector<std::string>& arguments);
int export_folder(const std::vector<std::string>& arguments);  // export and import, which are words of the language
int import_folder(const std::vector<std::string>& arguments);
int query(const std::vector<std::string>& arguments);
int docs(const std::vector<std::string>& arguments);
int mix(const std::vector<std::string>& arguments);
int score(const std::vector<std::string>& arguments);
int scenes(const std::vector<std::string>& arguments);
int tokenize(const std::vector<std::string>& arguments);

inline constexpr const char* kExportedStore = "saucier.db";  // inside a folder that export wrote

// The whole command line: picks the command, prints errors, returns the exit code. `help COMMAND` is `COMMAND --help`.
int main(const std::vector<std::string>& arguments);

// --- what the commands share

namespace po = boost::program_options;

// Parses a command's own options. `positional`: name and how many (-1: any number), in order. Prints the help of
// `command` and leaves by HelpShown when --help or -h is given; throws Error naming the nearest option.
struct HelpShown {};
po::variables_map parse(const std::string& command, const std::vector<std::string>& arguments,
                        const po::options_description& options,
                        const std::vector<std::pair<std::string, int>>& positional);

// "--store FILE", default results/saucier.db.
void add_store_option(po::options_description& options);
// "--set k=v" and "--sweep k=a,b,c", each any number of times.
void add_recipe_options(po::options_description& options);

std::vector<std::string> strings(const po::variables_map& values, const std::string& name);
// Of an option with a value; Error where it is below `least`.
std::int64_t number(const po::variables_map& values, const char* option, std::int64_t least);
std::string text_of(const po::variables_map& values, const std::string& name);  // of an option; "" where it is not given

}  // namespace saucier::cli
