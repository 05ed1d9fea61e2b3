// The embedded picture source: scenes composed of colour emoji, with exact ground truth.
//
// A scene is a function of (kGeneratorVersion, SceneOptions without first and count, split, index) on any machine: all
// choices come from base/rng.h and all drawing is integer arithmetic. The splits use different streams, so they are
// disjoint; a set of pairs of kinds is held out: they never stand together in train or validation, and test has them.
//
// Glyphs: Noto Color Emoji (Debian fonts-noto-color-emoji), drawn with FreeType. Names and groups: emoji-test.txt of
// unicode-data. Keywords: annotations/en.xml of unicode-cldr-core.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "modules/data/sample.h"
#include "modules/options/data_options.h"

namespace saucier::data {

inline constexpr int kGeneratorVersion = 1;

// A kind of object.
struct Kind {
  char32_t code_point = 0;
  std::string name;                   // "fox", one word in the standard selection
  std::string plural;                 // "foxes"
  std::string group;                  // "Animals & Nature" of emoji-test.txt
  std::string subgroup;               // "animal-mammal"
  std::vector<std::string> keywords;  // CLDR, without the name
};

struct Box {  // 0 to 1 of the picture's sides; x to the right, y down
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  double center_x() const { return (x1 + x2) / 2; }
  double center_y() const { return (y1 + y2) / 2; }
};

struct Object {
  int kind = 0;  // index in SceneWorld::kinds()
  Box box;       // of whole pixels
};

struct Background {
  int style = 0;  // 0 plain, 1 gradient, 2 texture
  std::string colour;  // name of its main colour: "blue"
  std::uint64_t detail = 0;  // seed of the rest
};

struct Scene {
  std::string split;
  std::int64_t index = 0;
  Background background;
  std::vector<Object> objects;  // reading order: by rows of the 5 x 5 grid of the centres, then left to right

  std::string reference() const;  // "scene:test:17"
};

// What a text-only teacher gets to see of a picture: captions and boxes, and no pixel.
struct CaptionsAndBoxes {
  struct Instance {
    std::string category;
    Box box;  // three decimals
  };
  struct Note {  // what else is known in words: text that was read, attributes, relations
    std::string name, text;
  };
  std::string id;
  std::vector<std::string> captions;  // five, differently worded
  std::vector<Instance> instances;
  std::vector<Note> notes = {};
  // LLaVA's layout: captions one a line; with boxes a blank line and `category: [x1, y1, x2, y2]`, no trailing zeros. Notes
  // come with boxes, behind another blank line, as `name: text`.
  std::string to_text(bool with_boxes) const;
};

// All that scenes of one setting share: kinds, glyphs, held-out pairs. Cheap to copy a pointer of, thread-safe.
class SceneWorld {
 public:
  // Throws Error with the Debian package to install when a font or table is missing, or naming an unknown object with
  // the nearest known ones.
  static std::shared_ptr<const SceneWorld> make(const options::SceneOptions& options);
  ~SceneWorld();

  const std::vector<Kind>& kinds() const;
  const options::SceneOptions& options() const;
  bool held_out(int kind_a, int kind_b) const;

  Scene scene(const std::string& split, std::int64_t index) const;
  Scene find(const std::string& reference) const;  // "scene:test:17"; throws Error for anything else
  Picture render(const Scene& scene) const;
  std::vector<std::string> captions(const Scene& scene) const;  // five
  CaptionsAndBoxes context(const Scene& scene) const;
  // The picture as a coarse grid of words, for text-only training: (image_size / cell) squared tokens in reading order,
  // separated by one space: the name of the object that covers the cell, or "." (see scene_text.cpp for the rule).
  std::string grid(const Scene& scene, int cell = 16) const;

  // Digest of the glyphs and tables in use: part of a stage key, since another font makes other pictures.
  std::string fingerprint() const;

 private:
  SceneWorld();
  struct State;
  std::unique_ptr<State> state_;
};

// "scene:SPLIT:INDEX" → picture.
std::shared_ptr<const PictureSource> scene_pictures(std::shared_ptr<const SceneWorld> world);

// Writes PNG pictures and captions.json + instances.json (COCO) to `folder`; reading back is readers/coco.h.
void export_coco(const SceneWorld& world, const std::string& folder);

}  // namespace saucier::data
