// What the fuzzer and its replay feed to the recipe language: several files and arguments in one text.
//
//   #file: recipes/x.toml        the recipe; further ones are what it may extend
//   #set: stage.align.learning_rate=1e-3
//   #sweep: seed=1,2
//   name = "x" …
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::fuzz {

namespace fs = std::filesystem;

struct Input {
  std::string main;
  std::map<std::string, std::string> files;
  std::vector<std::string> set, sweep;
};

Input read_input(std::string_view text);

// Parse, compose, bind, expand, write out, format. Throws std::logic_error when what comes back breaks a promise: trials just
// when there is no error, a place and a lower-case text for every problem, and a canonical text that is itself a recipe.
// Returns whether it was a valid recipe.
bool run_input(std::string_view text);

// A file of the repository and all it extends, as an input; named by their paths in the repository.
std::string seed_of(const fs::path& repository, const fs::path& file);
// Of all recipes that come with the program and of all golden cases.
std::vector<std::string> seeds(const fs::path& repository);

// Words that recipes are made of: keys, choices, forms of axes.
std::vector<std::string> words();

}  // namespace saucier::fuzz
