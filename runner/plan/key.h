// The canonical text of a stage and how two of them differ.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "modules/base/scene_files.h"
#include "runner/plan/digests.h"
#include "runner/recipe/recipe.h"

namespace saucier::plan {

// Does it look at drawn scenes, so that the font and the tables behind them are part of what it makes?
bool draws_scenes(const recipe::Stage& stage);

Json key_text(const recipe::Stage& stage, const std::map<std::string, std::string>& need_keys, ContentDigests& digests,
              std::span<const SceneFile> scene_files = kSceneFiles);

// What the samples of each source of a train stage are, read from the key text of its stage: options, digests of files and the
// keys of other stages, scene files and turn limit; the seed and the source's name where its words are drawn at random.
std::map<std::string, std::string> contents_of(const options::Job& job, const std::string& key_text);

// One place where two key texts differ. `path` as people write it in a recipe: "learning_rate", "model.projector.kind".
struct Difference {
  std::string path;
  Json before, after;    // null: unset; a default stands as its value
  bool need = false;     // the key of another stage: before and after are keys, path is empty
  bool content = false;  // the contents of the file at `path`: before and after are digests
};

std::vector<Difference> differences(const Json& before, const Json& after);

// "learning_rate 0.0001 → 0.0002 (recipes/x.toml:31)", the first few.
std::string describe(const std::vector<Difference>& differences, const std::map<std::string, std::string>& origins);

}  // namespace saucier::plan
