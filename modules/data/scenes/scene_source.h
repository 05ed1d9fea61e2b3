// Sources of samples about described pictures: scenes, or whatever else comes with captions and boxes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "modules/data/sample.h"
#include "modules/data/scenes/scene.h"

namespace saucier::data {

// Pictures with captions and boxes, by number. Thread-safe.
class DescribedPictures {
 public:
  virtual ~DescribedPictures() = default;
  virtual std::int64_t size() const = 0;
  virtual CaptionsAndBoxes context(std::int64_t index) const = 0;
  virtual PictureRef picture(std::int64_t index) const = 0;
  // Names of all categories that it tells apart: those that some picture shows, unless more are known.
  virtual std::vector<std::string> categories() const;
};

// Scenes first .. first + count - 1 of options.split. `world` must have been made with the same options as far as pictures
// go; split, first and count are taken from `options`.
std::shared_ptr<const DescribedPictures> described_scenes(std::shared_ptr<const SceneWorld> world, const options::SceneOptions& options);

// One sample a picture, kind "caption": the user asks for a brief description, the assistant gives one of the captions.
// Question and caption are drawn by the picture's id. `source` becomes Sample::source.
std::shared_ptr<const SampleSource> caption_samples(std::shared_ptr<const DescribedPictures> pictures, std::string source);
std::shared_ptr<const SampleSource> caption_samples(std::shared_ptr<const SceneWorld> world, const options::SceneOptions& options,
                                                    std::string source = "scenes");

// A question about the picture and one of its captions (at least one), both drawn by the picture's id.
std::vector<Turn> caption_turns(const std::string& id, const std::vector<std::string>& captions);

// The questions that captions answer; each is one line.
const std::vector<std::string>& brief_questions();

// The sample without its picture: the marker in its first turn gives way to words.
//   "pixels"   nothing changes
//   "grid"     SceneWorld::grid with the standard cell (a fifth of the picture's side), so 25 words
//   "context"  captions and boxes
// Throws Error when the picture is not a scene.
Sample as_text(Sample sample, const SceneWorld& world, const std::string& view);

// The same for a whole source.
std::shared_ptr<const SampleSource> text_view(std::shared_ptr<const SampleSource> samples, std::shared_ptr<const SceneWorld> world,
                                              std::string view);

}  // namespace saucier::data
