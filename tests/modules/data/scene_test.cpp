// Scenes: composition, drawing, determinism, what is said about them.
#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/data/scenes/background.h"
#include "modules/data/scenes/glyphs.h"
#include "modules/data/scenes/kinds.h"
#include "modules/data/scenes/questions.h"
#include "modules/data/scenes/scene.h"
#include "modules/data/scenes/scene_source.h"
#include "modules/data/scenes/words.h"

using namespace saucier;
using namespace saucier::data;

namespace {

// What was pinned with fonts-noto-color-emoji 2.042, unicode-data 15.0, unicode-cldr-core 41. Other versions draw other
// glyphs and have another fingerprint; the scenes themselves are the same with all of them.
constexpr const char* kPinnedFingerprint = "e39b8b14814c32fcc819c3ddb61d4da0874edf8fb17843fe84dd52087a3f55b9";

const std::shared_ptr<const SceneWorld>& world() {
  static const auto kWorld = SceneWorld::make({});
  return kWorld;
}

struct Pixels {
  int x1, y1, x2, y2;
};

Pixels pixels(const Box& box, int side) {
  const auto at = [&](double v) { return static_cast<int>(v * side + 0.5); };
  return {at(box.x1), at(box.y1), at(box.x2), at(box.y2)};
}

std::string scene_text(const SceneWorld& w, const Scene& scene) {
  std::string text = fmt::format("{} {} {}:", scene.background.style, scene.background.colour, scene.background.detail);
  for (const Object& o : scene.objects) {
    const Pixels p = pixels(o.box, static_cast<int>(w.options().image_size));
    text += fmt::format(" {} {},{},{},{}", w.kinds()[static_cast<size_t>(o.kind)].name, p.x1, p.y1, p.x2, p.y2);
  }
  return text;
}

std::string digest_of(const Picture& picture) {
  Sha256 digest;
  digest.update(std::as_bytes(std::span(picture.pixels)));
  return digest.hex().substr(0, 16);
}

std::string message(const options::SceneOptions& options) {
  try {
    SceneWorld::make(options);
  } catch (const Error& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return "no error";
}

}  // namespace

TEST_CASE("the standard selection is 40 single words with groups and keywords") {
  const auto& kinds = world()->kinds();
  REQUIRE(kinds.size() == 40);
  std::set<std::string> names;
  for (const Kind& kind : kinds) {
    INFO(kind.name);
    CHECK(kind.name.find(' ') == std::string::npos);
    CHECK_FALSE(kind.group.empty());
    CHECK_FALSE(kind.subgroup.empty());
    names.insert(kind.name);
  }
  CHECK(names.size() == 40);
  const auto fox = std::find_if(kinds.begin(), kinds.end(), [](const Kind& k) { return k.name == "fox"; });
  REQUIRE(fox != kinds.end());
  CHECK(fox->code_point == U'\x1F98A');
  CHECK(utf8(fox->code_point) == "\xF0\x9F\xA6\x8A");
  CHECK(fox->plural == "foxes");
  CHECK(fox->group == "Animals & Nature");
  CHECK(fox->subgroup == "animal-mammal");
  CHECK(fox->keywords == std::vector<std::string>{"face"});
}

TEST_CASE("objects may name any emoji of one code point, and a wrong name is answered with a near one") {
  options::SceneOptions options;
  options.objects = {"hot dog", "airplane", "fox"};
  const auto w = SceneWorld::make(options);
  REQUIRE(w->kinds().size() == 3);
  CHECK(w->kinds()[0].plural == "hot dogs");
  CHECK(w->kinds()[1].code_point == U'\x2708');  // a variation selector follows it in the table
  options.objects = {"hot dog"};
  const auto dogs = SceneWorld::make(options);
  const std::string grid = dogs->grid(dogs->scene("train", 0));
  CHECK(grid.find("hot-dog") != std::string::npos);
  CHECK(std::count(grid.begin(), grid.end(), ' ') == 24);

  options.objects = {"elefant"};
  CHECK(message(options) == "unknown object 'elefant' | did you mean 'elephant'?");
  options.objects = {"fox", "fox"};
  CHECK(message(options) == "object 'fox' is named twice | remove one of the two");
  options.objects = {};
  options.min_objects = 4;
  options.max_objects = 2;
  CHECK(message(options).starts_with("scenes of '4' to '2' objects"));
}

TEST_CASE("missing tables and fonts name the file and the package") {
  const auto hint_of = [](auto&& body) {
    try {
      body();
    } catch (const Error& error) {
      return std::string(error.what()) + " | " + error.hint();
    }
    return std::string("no error");
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(hint_of([] { parse_emoji_test("/nowhere/emoji-test.txt"); }), Contains("/nowhere/emoji-test.txt") && Contains("install unicode-data"));
  CHECK_THAT(hint_of([] { parse_annotations("/nowhere/en.xml"); }), Contains("/nowhere/en.xml") && Contains("install unicode-cldr-core"));
  CHECK_THAT(hint_of([] { load_glyphs("/nowhere/Noto.ttf", world()->kinds()); }), Contains("/nowhere/Noto.ttf") && Contains("install fonts-noto-color-emoji"));
  CHECK_THAT(hint_of([] { load_glyphs(UnicodeFiles{}.font, {{.code_point = U'\xE000', .name = "nothing", .plural = {}, .group = {}, .subgroup = {}, .keywords = {}}}); }),
             Contains("has no colour glyph of 'nothing'"));
}

TEST_CASE("words") {
  CHECK(plural_of("fox") == "foxes");
  CHECK(plural_of("bus") == "buses");
  CHECK(plural_of("butterfly") == "butterflies");
  CHECK(plural_of("key") == "keys");
  CHECK(plural_of("watch") == "watches");
  CHECK(plural_of("gray wolf") == "gray wolves");
  CHECK(plural_of("sheep") == "sheep");
  CHECK(with_article("owl") == "an owl");
  CHECK(with_article("unicorn") == "a unicorn");
  CHECK(counted("fox", "foxes", 1) == "a fox");
  CHECK(counted("fox", "foxes", 2) == "two foxes");
  CHECK(number_word(13) == "13");
  CHECK(join_and({"a"}) == "a");
  CHECK(join_and({"a", "b", "c"}) == "a, b and c");
}

TEST_CASE("objects are squares of the documented sizes, inside the picture and apart") {
  for (const int side : {80, 96, 33}) {
    options::SceneOptions options;
    options.image_size = side;
    const auto w = SceneWorld::make(options);
    std::map<size_t, int> counts;
    for (int i = 0; i < 1500; ++i) {
      const Scene scene = w->scene("train", i);
      const int n = static_cast<int>(scene.objects.size());
      ++counts[scene.objects.size()];
      REQUIRE((n >= 1 && n <= 6));
      std::vector<Pixels> boxes;
      for (const Object& object : scene.objects) {
        const Pixels p = pixels(object.box, side);
        CHECK(object.box.x1 == static_cast<double>(p.x1) / side);
        REQUIRE((p.x1 >= 0 && p.y1 >= 0 && p.x2 <= side && p.y2 <= side));
        REQUIRE(p.x2 - p.x1 == p.y2 - p.y1);
        REQUIRE((p.x2 - p.x1 >= side * 18 / 80 && p.x2 - p.x1 <= std::max(side * 24 / 80, side * (42 - 4 * n) / 80)));
        for (const Pixels& other : boxes) REQUIRE((p.x1 >= other.x2 || other.x1 >= p.x2 || p.y1 >= other.y2 || other.y1 >= p.y2));
        boxes.push_back(p);
      }
      for (size_t k = 1; k < scene.objects.size(); ++k) {
        const auto row = [&](const Object& o) { return static_cast<int>(o.box.center_y() * 5); };
        const Object &a = scene.objects[k - 1], &b = scene.objects[k];
        REQUIRE((row(a) < row(b) || (row(a) == row(b) && a.box.center_x() <= b.box.center_x())));
      }
    }
    for (size_t n = 1; n <= 6; ++n) CHECK(counts[n] > 180);
  }
}

TEST_CASE("min_objects, max_objects, repeat and backgrounds are kept") {
  options::SceneOptions options;
  options.min_objects = options.max_objects = 4;
  options.repeat = 1;
  options.backgrounds = "gradient";
  const auto same = SceneWorld::make(options);
  options.repeat = 0;
  options.backgrounds = "plain";
  const auto fresh = SceneWorld::make(options);
  for (int i = 0; i < 200; ++i) {
    const Scene a = same->scene("train", i), b = fresh->scene("train", i);
    REQUIRE(a.objects.size() == 4);
    CHECK(std::all_of(a.objects.begin(), a.objects.end(), [&](const Object& o) { return o.kind == a.objects[0].kind; }));
    CHECK(a.background.style == 1);
    CHECK(b.background.style == 0);
  }
}

TEST_CASE("held-out pairs never stand together in train and validation, and often in test") {
  const auto& w = *world();
  const int n = static_cast<int>(w.kinds().size());
  int held = 0;
  for (int a = 0; a < n; ++a) {
    CHECK_FALSE(w.held_out(a, a));
    for (int b = 0; b < a; ++b) {
      CHECK(w.held_out(a, b) == w.held_out(b, a));
      held += w.held_out(a, b);
    }
  }
  CHECK(held == 60);  // of 780: 7.7 %
  const auto shows_pair = [&](const Scene& scene) {
    for (const Object& a : scene.objects)
      for (const Object& b : scene.objects)
        if (w.held_out(a.kind, b.kind)) return true;
    return false;
  };
  int test = 0;
  for (int i = 0; i < 3000; ++i) {
    CHECK_FALSE(shows_pair(w.scene("train", i)));
    CHECK_FALSE(shows_pair(w.scene("validation", i)));
    test += shows_pair(w.scene("test", i));
  }
  CHECK(test > 750);
  CHECK(test < 1500);

  // The pairs belong to the kinds, not to their places in a selection.
  options::SceneOptions options;
  for (const Kind& kind : w.kinds()) options.objects.insert(options.objects.begin(), kind.name);
  const auto reversed = SceneWorld::make(options);
  for (int a = 0; a < n; ++a)
    for (int b = 0; b < n; ++b) REQUIRE(reversed->held_out(n - 1 - a, n - 1 - b) == w.held_out(a, b));
}

TEST_CASE("scenes are pinned") {
  const auto& w = *world();
  Sha256 digest;
  for (const char* split : {"train", "validation", "test"})
    for (int i = 0; i < 200; ++i) {
      const Scene scene = w.scene(split, i);
      digest.update(scene_text(w, scene) + "\n" + w.grid(scene) + "\n" + w.context(scene).to_text(true) + "\n");
    }
  CHECK(scene_text(w, w.scene("train", 0)) == "2 green 17514963993621203213: bus 17,9,36,28 bus 37,13,56,32 flamingo 57,14,79,36 bus 20,39,40,59 bus 49,50,69,70 snail 0,60,19,79");
  CHECK(scene_text(w, w.scene("test", 17)) == "2 purple 10098095022797368781: strawberry 38,0,56,18 snail 8,6,28,26 octopus 52,19,75,42 guitar 28,26,46,44 guitar 0,51,19,70 octopus 33,49,52,68");
  CHECK(digest.hex() == "9745f6b53bdece0d4f64cfbb2ae874e667b6f799f03c9bf827dbc3d92fea7902");
}

TEST_CASE("pictures are pinned") {
  const auto& w = *world();
  if (w.fingerprint() != kPinnedFingerprint) {
    WARN("another version of the font or tables is installed: " << w.fingerprint() << "; pictures are not compared");
    CHECK(w.fingerprint().size() == 64);
    return;
  }
  CHECK(digest_of(w.render(w.scene("train", 0))) == "9cbeec31e4b70a04");   // stripes
  CHECK(digest_of(w.render(w.scene("train", 6))) == "0ae1c0d1d1cb3c64");   // a gradient
  CHECK(digest_of(w.render(w.scene("train", 4))) == "3fadb161a73e6f56");  // checks
  CHECK(digest_of(w.render(w.scene("test", 17))) == "d87ccae6afc66be4");   // noise
}

TEST_CASE("rendering is fast, and the same from several threads") {
  options::SceneOptions options;
  options.image_size = 72;
  const auto fresh = SceneWorld::make(options);  // its cache is empty
  std::vector<std::string> first(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Sha256 digest;
      for (int i = 0; i < 300; ++i) digest.update(digest_of(fresh->render(fresh->scene("train", i))));
      first[t] = digest.hex();
    });
  for (auto& thread : threads) thread.join();
  CHECK(first[1] == first[0]);
  CHECK(first[2] == first[0]);
  CHECK(first[3] == first[0]);
}

TEST_CASE("speed of drawing scenes", "[.][speed]") {
  const auto& w = *world();
  for (int i = 0; i < 1500; ++i) w.render(w.scene("train", i));
  const std::clock_t start = std::clock();
  for (int i = 0; i < 1000; ++i) w.render(w.scene("train", i));
  WARN(1000.0 * CLOCKS_PER_SEC / static_cast<double>(std::clock() - start) << " pictures a second of processor time");
}

TEST_CASE("an object's pixels lie in its box, and its glyph is drawn there") {
  const auto& w = *world();
  for (int i = 0; i < 200; ++i) {
    const Scene scene = w.scene("validation", i);
    Scene empty = scene;
    empty.objects.clear();
    const Picture with = w.render(scene), without = w.render(empty);
    std::vector<int> changed(scene.objects.size());
    for (int y = 0; y < 80; ++y)
      for (int x = 0; x < 80; ++x) {
        const size_t at = static_cast<size_t>(y * 80 + x) * 3;
        if (std::equal(&with.pixels[at], &with.pixels[at] + 3, &without.pixels[at])) continue;
        bool inside = false;
        for (size_t k = 0; k < scene.objects.size(); ++k) {
          const Pixels p = pixels(scene.objects[k].box, 80);
          if (x >= p.x1 && x < p.x2 && y >= p.y1 && y < p.y2) inside = true, ++changed[k];
        }
        REQUIRE(inside);
      }
    for (size_t k = 0; k < changed.size(); ++k) {
      const Pixels p = pixels(scene.objects[k].box, 80);
      CHECK(changed[k] * 12 > (p.x2 - p.x1) * (p.y2 - p.y1));  // a key is thin: more than a twelfth of the box
    }
  }
}

TEST_CASE("scaling averages areas exactly") {
  Glyph glyph{.side = 3, .rgba = std::vector<std::uint8_t>(36)};
  for (size_t i = 0; i < 9; ++i) glyph.rgba[i * 4] = static_cast<std::uint8_t>(i * 10), glyph.rgba[i * 4 + 3] = 255;
  const Glyph one = scaled(glyph, 1);
  CHECK(one.rgba == std::vector<std::uint8_t>{40, 0, 0, 255});
  // 2 x 2 of 3 x 3: (0 * 4 + 10 * 2 + 30 * 2 + 40) / 9 = 13.3
  const Glyph two = scaled(glyph, 2);
  CHECK(two.rgba[0] == 13);
  CHECK(two.rgba[3] == 255);
  CHECK(scaled(glyph, 3).rgba == glyph.rgba);
  CHECK(scaled(glyph, 6).rgba[4 * 7] == glyph.rgba[0]);
}

TEST_CASE("colours have the names that people give them") {
  CHECK(colour_name({255, 0, 0}) == "red");
  CHECK(colour_name({0, 0, 255}) == "blue");
  CHECK(colour_name({0, 200, 0}) == "green");
  CHECK(colour_name({255, 255, 0}) == "yellow");
  CHECK(colour_name({255, 140, 0}) == "orange");
  CHECK(colour_name({255, 182, 193}) == "pink");
  CHECK(colour_name({128, 0, 200}) == "purple");
  CHECK(colour_name({101, 67, 33}) == "brown");
  CHECK(colour_name({64, 224, 208}) == "turquoise");
  CHECK(colour_name({250, 250, 250}) == "white");
  CHECK(colour_name({128, 128, 128}) == "gray");
  CHECK(colour_name({10, 10, 10}) == "black");
  CHECK_FALSE(colour_name({128, 128, 0}).has_value());
  // A plain background is of the colour that captions name; all pixels are that colour.
  options::SceneOptions options;
  options.backgrounds = "plain";
  const auto w = SceneWorld::make(options);
  std::set<std::string> seen;
  for (int i = 0; i < 600; ++i) {
    Scene scene = w->scene("train", i);
    scene.objects.clear();
    const Picture p = w->render(scene);
    CHECK(colour_name({p.pixels[0], p.pixels[1], p.pixels[2]}) == scene.background.colour);
    seen.insert(scene.background.colour);
  }
  CHECK(seen.size() == colour_names().size());
}

TEST_CASE("references") {
  const auto& w = *world();
  CHECK(w.scene("test", 17).reference() == "scene:test:17");
  CHECK(scene_text(w, w.find("scene:test:17")) == scene_text(w, w.scene("test", 17)));
  const auto pictures = scene_pictures(world());
  CHECK(pictures->load("scene:train:3").pixels == w.render(w.scene("train", 3)).pixels);
  CHECK_THROWS_WITH(pictures->load("scene:tset:3"), "unknown split 'tset' of scenes");
  for (const char* bad : {"scene:test:", "scene:test", "scene:test:-1", "scene:test:3x", "picture.png", ""})
    CHECK_THROWS_WITH(pictures->load(bad), fmt::format("'{}' is not a reference to a scene", bad));
  CHECK(scene_text(w, w.scene("train", 5)) != scene_text(w, w.scene("test", 5)));
}

TEST_CASE("places and relations") {
  const auto box = [](double x, double y) { return Box{.x1 = x - 0.1, .y1 = y - 0.1, .x2 = x + 0.1, .y2 = y + 0.1}; };
  CHECK(place_word(box(0.2, 0.2)) == "top left");
  CHECK(place_word(box(0.5, 0.2)) == "top");
  CHECK(place_word(box(0.5, 0.5)) == "middle");
  CHECK(place_word(box(0.8, 0.5)) == "right");
  CHECK(place_word(box(0.2, 0.8)) == "bottom left");
  CHECK(place_phrase("left") == "on the left");
  CHECK(place_phrase("top left") == "at the top left");
  CHECK(place_phrase("middle") == "in the middle");
  CHECK(relation_answer(box(0.2, 0.5), box(0.8, 0.5)) == "left");
  CHECK(relation_answer(box(0.8, 0.5), box(0.2, 0.6)) == "right");
  CHECK(relation_answer(box(0.5, 0.2), box(0.5, 0.8)) == "above");
  CHECK(relation_answer(box(0.5, 0.8), box(0.6, 0.2)) == "below");
  CHECK_FALSE(relation_answer(box(0.2, 0.2), box(0.5, 0.5)).has_value());
  CHECK_FALSE(relation_answer(box(0.2, 0.2), box(0.46, 0.41)).has_value());  // 26 to 21: 1.24
  CHECK(relation_answer(box(0.2, 0.2), box(0.46, 0.4)) == "left");           // 26 to 20: 1.3
  CHECK_FALSE(relation_answer(box(0.2, 0.2), box(0.2, 0.2)).has_value());
  CHECK(existence_question("owl") == "Is there an owl in the picture?");
  CHECK(count_question("foxes") == "How many foxes are there?");
  CHECK(total_question() == "How many objects are in the picture?");
  CHECK(relation_question("dog", "cup") == "Where is the dog relative to the cup?");
  CHECK(choice_question({"dog", "fox", "car", "cup"}) ==
        "Which of these is in the picture?\nA. dog\nB. fox\nC. car\nD. cup\nAnswer with the option's letter from the given choices directly.");
}

TEST_CASE("the grid names each object where its centre is, and nothing that is not there") {
  const auto& w = *world();
  std::set<size_t> extents;
  for (int i = 0; i < 1000; ++i) {
    const Scene scene = w.scene("train", i);
    std::istringstream words(w.grid(scene));
    std::vector<std::string> cells;
    for (std::string word; words >> word;) cells.push_back(word);
    REQUIRE(cells.size() == 25);
    std::vector<bool> centre(25, false);
    for (const Object& object : scene.objects) {
      const Pixels p = pixels(object.box, 80);
      const size_t at = static_cast<size_t>((p.y1 + p.y2) / 2 / 16 * 5 + (p.x1 + p.x2) / 2 / 16);
      centre[at] = true;
      CHECK(cells[at] == w.kinds()[static_cast<size_t>(object.kind)].name);
    }
    size_t others = 0;
    for (size_t c = 0; c < 25; ++c) {
      if (cells[c] == "." || centre[c]) continue;
      ++others;
      const int x = static_cast<int>(c % 5) * 16, y = static_cast<int>(c / 5) * 16;
      int covered = 0;
      for (const Object& object : scene.objects) {
        const Pixels p = pixels(object.box, 80);
        if (w.kinds()[static_cast<size_t>(object.kind)].name == cells[c])
          covered = std::max(covered, std::max(0, std::min(p.x2, x + 16) - std::max(p.x1, x)) * std::max(0, std::min(p.y2, y + 16) - std::max(p.y1, y)));
      }
      CHECK(covered * 100 >= 35 * 256);
    }
    extents.insert(std::min<size_t>(others, 3));
  }
  CHECK(extents.size() == 4);
  // Cells that do not divide the side: the last ones reach to the edge.
  const std::string odd = w.grid(w.scene("train", 0), 30);
  CHECK(std::count(odd.begin(), odd.end(), ' ') == 3);
}

TEST_CASE("context in LLaVA's layout") {
  CaptionsAndBoxes context{.id = "x", .captions = {"a dog", "one dog"}, .instances = {{"dog", {0.6301, 0, 1, 0.25}}, {"cup", {0.125, 0.1, 0.5, 0.3}}}};
  CHECK(context.to_text(false) == "a dog\none dog");
  CHECK(context.to_text(true) == "a dog\none dog\n\ndog: [0.63, 0.0, 1.0, 0.25]\ncup: [0.125, 0.1, 0.5, 0.3]");
}

TEST_CASE("caption samples and their views as text") {
  options::SceneOptions options;
  options.split = "validation";
  options.first = 10;
  options.count = 40;
  const auto samples = caption_samples(world(), options, "captions");
  REQUIRE(samples->size() == 40);
  std::set<std::string> questions;
  std::set<size_t> drawn;
  for (int i = 0; i < 40; ++i) {
    const Sample sample = samples->get(i);
    CHECK(sample.id == fmt::format("scene:validation:{}", 10 + i));
    CHECK(sample.source == "captions");
    CHECK(sample.kind == "caption");
    REQUIRE(sample.turns.size() == 2);
    REQUIRE(sample.turns[0].text.starts_with("<image>\n"));
    questions.insert(sample.turns[0].text);
    const auto captions = world()->captions(world()->scene("validation", 10 + i));
    const auto at = std::find(captions.begin(), captions.end(), sample.turns[1].text);
    REQUIRE(at != captions.end());
    drawn.insert(static_cast<size_t>(at - captions.begin()));
    REQUIRE(sample.pictures.size() == 1);
    CHECK(sample.pictures[0].source->load(sample.pictures[0].reference).width == 80);
  }
  CHECK(questions.size() > 4);
  CHECK(drawn.size() == 5);

  const Sample sample = samples->get(0);
  const std::string question = sample.turns[0].text.substr(8);
  const Scene scene = world()->scene("validation", 10);
  const Sample grid = as_text(sample, *world(), "grid");
  CHECK(grid.pictures.empty());
  CHECK(grid.turns[0].text == world()->grid(scene) + "\n" + question);
  const Sample context = text_view(samples, world(), "context")->get(0);
  CHECK(context.turns[0].text == world()->context(scene).to_text(true) + "\n" + question);
  CHECK(as_text(sample, *world(), "pixels").turns[0].text == sample.turns[0].text);
  CHECK_THROWS_WITH(as_text(sample, *world(), "gird"), "unknown view 'gird' of a scene");
}

TEST_CASE("the fingerprint tells selections apart") {
  options::SceneOptions options;
  options.objects = {"fox", "dog"};
  const auto one = SceneWorld::make(options);
  options.objects = {"fox", "cat"};
  CHECK(SceneWorld::make(options)->fingerprint() != one->fingerprint());
  options.objects = {"fox", "dog"};
  CHECK(SceneWorld::make(options)->fingerprint() == one->fingerprint());
}
