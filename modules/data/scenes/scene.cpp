#include "modules/data/scenes/scene.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/base/suggest.h"
#include "modules/data/scenes/background.h"
#include "modules/data/scenes/glyphs.h"
#include "modules/data/scenes/kinds.h"

namespace saucier::data {

namespace {

// The seed of all scenes: not a recipe's, so that every recipe means the same pictures by "scene:test:17".
constexpr std::uint64_t kSceneSeed = 0x5A0C1E25CE9E5ull + kGeneratorVersion;
constexpr double kHeldOutShare = 0.08;
constexpr double kHeldOutChance = 0.25;  // that a test scene of two or more objects is made to show a held-out pair

const std::vector<std::string>& splits() {
  static const std::vector<std::string> kSplits = {"train", "validation", "test"};
  return kSplits;
}

// A square of whole pixels.
struct Square {
  int side = 0, x = 0, y = 0;
  bool apart(const Square& other) const {
    return x >= other.x + other.side || other.x >= x + side || y >= other.y + other.side || other.y >= y + side;
  }
};

struct Sides {
  int smallest = 0, largest = 0;
};

Sides sides_for(int objects, int picture) {
  return {.smallest = picture * 18 / 80, .largest = std::max(picture * 24 / 80, picture * (42 - 4 * objects) / 80)};
}

std::vector<Square> place(Rng& rng, int objects, int picture) {
  const Sides sides = sides_for(objects, picture);
  for (int restart = 0; restart < 100; ++restart) {
    std::vector<Square> squares;
    for (int i = 0; i < objects; ++i) {
      Square square{.side = static_cast<int>(rng.integer(sides.smallest, sides.largest))};
      for (int attempt = 0; attempt < 40; ++attempt) {
        square.x = static_cast<int>(rng.integer(0, picture - square.side));
        square.y = static_cast<int>(rng.integer(0, picture - square.side));
        if (std::all_of(squares.begin(), squares.end(), [&](const Square& other) { return square.apart(other); })) {
          squares.push_back(square);
          break;
        }
      }
      if (static_cast<int>(squares.size()) == i) break;  // no room: start again
    }
    if (static_cast<int>(squares.size()) == objects) return squares;
  }
  // Never seen, but the loop above could in principle go on for ever: the smallest squares on a 3 x 3 board always fit.
  std::vector<int> cells(9);
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = static_cast<int>(i);
  rng.shuffle(cells);
  std::vector<Square> squares;
  for (int i = 0; i < objects; ++i) {
    const int cell = cells[static_cast<size_t>(i)];
    squares.push_back({.side = sides.smallest, .x = cell % 3 * sides.smallest, .y = cell / 3 * sides.smallest});
  }
  return squares;
}

std::int64_t parse_index(std::string_view text) {
  std::int64_t index = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  return error == std::errc{} && end == text.data() + text.size() ? index : -1;
}

class ScenePictures : public PictureSource {
 public:
  explicit ScenePictures(std::shared_ptr<const SceneWorld> world) : world_(std::move(world)) {
    Json options = options::to_json(world_->options());
    for (const char* which : {"split", "first", "count"}) options.erase(which);
    identity_ = fmt::format("{} {} {} ", kGeneratorVersion, world_->fingerprint(), options.dump());
  }
  Picture load(const std::string& reference) const override { return world_->render(world_->find(reference)); }
  image::Size size(const std::string& reference) const override {
    world_->find(reference);  // for its error
    const int side = static_cast<int>(world_->options().image_size);
    return {.height = side, .width = side};
  }
  std::string identity(const std::string& reference) const override { return identity_ + reference; }

 private:
  std::shared_ptr<const SceneWorld> world_;
  std::string identity_;
};

}  // namespace

struct SceneWorld::State {
  options::SceneOptions options;
  std::vector<Kind> kinds;
  std::vector<bool> held_out;  // kinds squared
  std::unique_ptr<GlyphCache> glyphs;
  std::string fingerprint;

  bool apart(int a, int b) const { return held_out[static_cast<size_t>(a) * kinds.size() + static_cast<size_t>(b)]; }
  std::vector<int> draw_kinds(Rng& rng, int objects, bool test) const;
};

// Further objects repeat a kind or draw a new one; in train and validation only such as may stand with those there.
std::vector<int> SceneWorld::State::draw_kinds(Rng& rng, int objects, bool test) const {
  const int n = static_cast<int>(kinds.size());
  std::vector<int> drawn = {static_cast<int>(rng.integer(0, n - 1))};
  bool wants_pair = test && rng.chance(kHeldOutChance);
  while (static_cast<int>(drawn.size()) < objects) {
    const auto meets = [&](int kind) {
      return std::any_of(drawn.begin(), drawn.end(), [&](int other) { return apart(kind, other); });
    };
    std::vector<int> candidates;
    if (wants_pair) {
      wants_pair = false;
      for (int kind = 0; kind < n; ++kind)
        if (meets(kind)) candidates.push_back(kind);
    } else if (!rng.chance(options.repeat)) {
      for (int kind = 0; kind < n; ++kind)
        if (test || !meets(kind)) candidates.push_back(kind);
    }
    if (candidates.empty()) candidates = drawn;
    drawn.push_back(rng.pick(candidates));
  }
  rng.shuffle(drawn);
  return drawn;
}

SceneWorld::SceneWorld() : state_(std::make_unique<State>()) {}
SceneWorld::~SceneWorld() = default;

std::shared_ptr<const SceneWorld> SceneWorld::make(const options::SceneOptions& options) {
  if (options.min_objects < 1 || options.max_objects > 6 || options.min_objects > options.max_objects)
    throw Error(fmt::format("scenes of '{}' to '{}' objects", options.min_objects, options.max_objects),
                "set 1 <= min_objects <= max_objects <= 6");
  if (options.image_size < 32 || options.image_size > 1024)
    throw Error(fmt::format("scenes of '{}' pixels", options.image_size), "set image_size between 32 and 1024");
  std::shared_ptr<SceneWorld> world(new SceneWorld());
  State& state = *world->state_;
  state.options = options;
  state.kinds = select_kinds(options.objects);

  const size_t n = state.kinds.size();
  state.held_out.assign(n * n, false);
  for (size_t a = 0; a < n; ++a)
    for (size_t b = a + 1; b < n; ++b) {
      // By code points, so that a pair is held out in every selection that has it.
      const std::uint64_t low = std::min(state.kinds[a].code_point, state.kinds[b].code_point);
      const std::uint64_t high = std::max(state.kinds[a].code_point, state.kinds[b].code_point);
      const bool out = Rng(kSceneSeed, "scene.held-out", low << 32 | high).chance(kHeldOutShare);
      state.held_out[a * n + b] = state.held_out[b * n + a] = out;
    }

  const int size = static_cast<int>(options.image_size);
  state.glyphs = std::make_unique<GlyphCache>(load_glyphs(UnicodeFiles{}.font, state.kinds), sides_for(6, size).smallest,
                                              sides_for(1, size).largest);

  Sha256 digest;
  digest.update(fmt::format("scenes {}\n", kGeneratorVersion));
  for (size_t i = 0; i < n; ++i) {
    const Kind& kind = state.kinds[i];
    digest.update(fmt::format("{:X}|{}|{}|{}|{}", static_cast<std::uint32_t>(kind.code_point), kind.name, kind.plural, kind.group, kind.subgroup));
    for (const std::string& word : kind.keywords) digest.update("|" + word);
    const Glyph& glyph = state.glyphs->originals()[i];
    digest.update(fmt::format("|{}\n", glyph.side));
    digest.update(std::as_bytes(std::span(glyph.rgba)));
  }
  state.fingerprint = digest.hex();
  return world;
}

const std::vector<Kind>& SceneWorld::kinds() const { return state_->kinds; }
const options::SceneOptions& SceneWorld::options() const { return state_->options; }
std::string SceneWorld::fingerprint() const { return state_->fingerprint; }

bool SceneWorld::held_out(int kind_a, int kind_b) const {
  const int n = static_cast<int>(state_->kinds.size());
  SAUCIER_CHECK(kind_a >= 0 && kind_a < n && kind_b >= 0 && kind_b < n, "kinds {} and {}", kind_a, kind_b);
  return state_->apart(kind_a, kind_b);
}

std::string Scene::reference() const { return fmt::format("scene:{}:{}", split, index); }

Scene SceneWorld::scene(const std::string& split, std::int64_t index) const {
  if (std::find(splits().begin(), splits().end(), split) == splits().end())
    throw Error(fmt::format("unknown split '{}' of scenes", split), suggestion(split, splits()));
  if (index < 0) throw Error(fmt::format("no scene has the index '{}'", index));
  const auto& options = state_->options;
  Rng rng(kSceneSeed, "scene." + split, static_cast<std::uint64_t>(index));
  Scene scene{.split = split, .index = index, .background = draw_background(rng, options.backgrounds), .objects = {}};
  const int objects = static_cast<int>(rng.integer(options.min_objects, options.max_objects));
  const std::vector<int> kinds = state_->draw_kinds(rng, objects, split == "test");
  const std::vector<Square> squares = place(rng, objects, static_cast<int>(options.image_size));
  const auto side = static_cast<double>(options.image_size);
  for (size_t i = 0; i < squares.size(); ++i) {
    const Square& s = squares[i];
    scene.objects.push_back({.kind = kinds[i], .box = {.x1 = s.x / side, .y1 = s.y / side, .x2 = (s.x + s.side) / side, .y2 = (s.y + s.side) / side}});
  }
  const auto order = [&](const Object& object) {
    const int row = std::min(static_cast<int>(object.box.center_y() * 5), 4);
    return std::tuple(row, object.box.center_x(), object.box.center_y());
  };
  std::sort(scene.objects.begin(), scene.objects.end(), [&](const Object& a, const Object& b) { return order(a) < order(b); });
  return scene;
}

Scene SceneWorld::find(const std::string& reference) const {
  // scene:SPLIT:INDEX
  const size_t colon = reference.find(':', 6);
  const std::int64_t index = colon == std::string::npos ? -1 : parse_index(std::string_view(reference).substr(colon + 1));
  if (!reference.starts_with("scene:") || index < 0)
    throw Error(fmt::format("'{}' is not a reference to a scene", reference), "write scene:SPLIT:INDEX, like 'scene:test:17'");
  return with_context(fmt::format("in the reference '{}'", reference), [&] { return scene(reference.substr(6, colon - 6), index); });
}

Picture SceneWorld::render(const Scene& scene) const {
  const int side = static_cast<int>(state_->options.image_size);
  Picture picture = paint_background(scene.background, side);
  for (const Object& object : scene.objects) {
    const int x = static_cast<int>(object.box.x1 * side + 0.5), y = static_cast<int>(object.box.y1 * side + 0.5);
    const int width = static_cast<int>(object.box.x2 * side + 0.5) - x;
    draw(picture, *state_->glyphs->get(object.kind, width), x, y);
  }
  return picture;
}

std::shared_ptr<const PictureSource> scene_pictures(std::shared_ptr<const SceneWorld> world) {
  return std::make_shared<ScenePictures>(std::move(world));
}

}  // namespace saucier::data
