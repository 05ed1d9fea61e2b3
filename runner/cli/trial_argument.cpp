#include "runner/cli/trial_argument.h"

#include <cstdio>

#include "modules/base/error.h"

namespace saucier::cli {

std::vector<report::FoundTrial> read_trials(const std::string& name, const store::Store& store, const po::variables_map& values,
                                            size_t least, size_t most) {
  const std::vector<std::string> names = strings(values, "trial");
  if (names.size() < least || (most > 0 && names.size() > most))
    throw Error(fmt::format("'saucier {}' needs {}", name, least == 1 ? "a trial" : "two trials"), command(name).example);
  std::vector<report::FoundTrial> out;
  for (const std::string& one : names) {
    out.push_back(report::find_trial(store, one));
    if (!out.back().note.empty()) std::fputs(fmt::format("note: {}\n", out.back().note).c_str(), stderr);
  }
  return out;
}

}  // namespace saucier::cli
