#include <algorithm>
#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "runner/cli/command.h"
#include "runner/recipe/format.h"

namespace saucier::cli {
namespace {

// Puts `text` in the place of a file's content: the file that a link leads to, with the permissions it has.
void rewrite(const std::string& file, const std::string& text) {
  std::error_code ignored;  // what cannot be found out or set is left
  const fs::path found = fs::canonical(file, ignored);
  const fs::path target = found.empty() ? fs::path(file) : found;
  const fs::perms permissions = fs::status(target, ignored).permissions();
  write_file_atomic(target, text);
  if (permissions != fs::perms::unknown) fs::permissions(target, permissions, ignored);
}

int format_file(const std::string& file, bool check) {
  const bool piped = file == "-";
  const std::string name = piped ? "<stdin>" : file;
  const auto source = std::make_shared<SourceText>(name, read_file(piped ? "/dev/stdin" : file));
  Diagnostics problems;
  const std::optional<std::string> text = recipe::format(source, problems);
  std::fputs(problems.render().c_str(), stderr);
  if (!text) return kUsage;
  const bool differs = *text != source->text;
  if (check) {
    if (differs) std::puts(fmt::format("{} is not formatted", name).c_str());
    return differs ? kFailed : kDone;
  }
  if (piped) {
    std::fwrite(text->data(), 1, text->size(), stdout);
  } else if (differs) {
    rewrite(file, *text);
    std::fputs(fmt::format("formatted {}\n", name).c_str(), stderr);
  }
  return kDone;
}

}  // namespace

int format(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("check", "change nothing; exit code 1 when a file is not formatted");
  const po::variables_map values = parse("fmt", arguments, options, {{"file", -1}});
  const std::vector<std::string> files = strings(values, "file");
  if (files.empty()) throw Error("'saucier fmt' needs a file, or - for standard input", command("fmt").example);
  int worst = kDone;
  for (const std::string& file : files) {
    try {
      worst = std::max(worst, format_file(file, values.count("check") > 0));
    } catch (const Error& error) {  // a file that cannot be read: the others are still done
      std::fputs(error.render().c_str(), stderr);
      worst = kUsage;
    }
  }
  return worst;
}

}  // namespace saucier::cli
