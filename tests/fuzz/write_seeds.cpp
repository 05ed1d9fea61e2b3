// recipe_fuzz_seeds FOLDER: the fuzzer's seed corpus and FOLDER.dict, its dictionary.
#include <cstdio>
#include <fstream>

#include <fmt/format.h>

#include "tests/fuzz/recipe_input.h"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: recipe_fuzz_seeds FOLDER\n", stderr);
    return 2;
  }
  namespace fs = std::filesystem;
  const fs::path folder = arguments[1];
  fs::create_directories(folder);
  int number = 0;
  for (const std::string& seed : saucier::fuzz::seeds(SAUCIER_SOURCE_DIR)) std::ofstream(folder / fmt::format("seed-{:03}", number++)) << seed;
  std::ofstream dictionary(folder.string() + ".dict");
  for (const std::string& word : saucier::fuzz::words()) {
    dictionary << '"';
    for (const char c : word) dictionary << fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    dictionary << "\"\n";
  }
  return 0;
}
