// A whole command line in this process, with what it prints.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <regex>
#include <string>
#include <vector>

#include "modules/base/file.h"
#include "runner/cli/command.h"
#include "tests/temp_folder.h"

namespace saucier {

struct Said {
  int code = 0;
  std::string out, err;
};

// Sends a stream to a file while it lives.
class Redirect {
 public:
  Redirect(std::FILE* stream, const fs::path& file) : stream_(stream) {
    std::fflush(stream_);
    saved_ = ::dup(::fileno(stream_));
    const int target = ::open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ::dup2(target, ::fileno(stream_));
    ::close(target);
  }
  ~Redirect() {
    std::fflush(stream_);
    ::dup2(saved_, ::fileno(stream_));
    ::close(saved_);
  }

 private:
  std::FILE* stream_;
  int saved_;
};

inline Said saucier_says(const std::vector<std::string>& arguments) {
  TempFolder folder;
  Said said;
  {
    const Redirect out(stdout, folder.path() / "out"), err(stderr, folder.path() / "err");
    said.code = cli::main(arguments);
  }
  said.out = read_file(folder.path() / "out");
  said.err = read_file(folder.path() / "err");
  return said;
}

// A command as it is typed, and below it what it says when `unseen` is added, as golden texts have it.
inline std::string transcript(std::vector<std::string> arguments, const std::vector<std::string>& unseen = {}) {
  std::string text = "$ saucier";
  for (const std::string& argument : arguments)
    text += !argument.empty() && argument.find_first_of(" '\"()<>*") == std::string::npos
                ? " " + argument : " \"" + std::regex_replace(argument, std::regex("\""), "\\\"") + "\"";
  arguments.insert(arguments.end(), unseen.begin(), unseen.end());
  const Said said = saucier_says(arguments);
  text += "\n" + std::regex_replace(said.out + said.err, std::regex("\r\n"), "\n");
  if (said.code != 0) text += "[exit code " + std::to_string(said.code) + "]\n";
  return text + "\n";
}

}  // namespace saucier
