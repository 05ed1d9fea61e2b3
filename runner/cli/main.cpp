#include <string>
#include <vector>

#include "runner/cli/command.h"

int main(int argc, char** argv) { return saucier::cli::main(std::vector<std::string>(argv + 1, argv + argc)); }
