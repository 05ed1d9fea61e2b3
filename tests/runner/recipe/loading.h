// Recipes in a temporary folder, and what loading them must give.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "modules/base/error.h"
#include "runner/recipe/recipe.h"

namespace saucier {

struct Folder {
  Folder() : path(fs::temp_directory_path() / fmt::format("saucier-recipe-{}", ++count())) {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
    return path / name;
  }
  static int& count() {
    static int n = static_cast<int>(std::chrono::steady_clock::now().time_since_epoch().count() % 1000000) * 100;
    return n;
  }
  fs::path path;
};

inline const recipe::Stage& stage_of(const recipe::Trial& trial, const std::string& name) {
  for (const recipe::Stage& stage : trial.stages)
    if (stage.name == name) return stage;
  throw Error("no stage " + name);
}

inline recipe::Recipe load_right(const fs::path& file, const std::vector<std::string>& set = {}, const std::vector<std::string>& sweep = {}) {
  recipe::Recipe out = recipe::load(file, set, sweep);
  INFO(out.problems.render());
  REQUIRE(!out.problems.has_errors());
  return out;
}

}  // namespace saucier
