// Captions against boxes, by a parser that shares nothing with what wrote them but the names.
#include <map>
#include <regex>
#include <set>

#include <catch2/catch.hpp>

#include "modules/data/scenes/background.h"
#include "modules/data/scenes/scene.h"

using namespace saucier;
using namespace saucier::data;

namespace {

struct Thing {
  std::string kind;
  std::string place;  // "" when the caption names none
  auto operator<=>(const Thing&) const = default;
};

std::string place_of(const Object& object, int side) {
  const auto twice = [&](double a, double b) { return (a + b) * side; };  // twice the centre in pixels
  const double x = twice(object.box.x1, object.box.x2), y = twice(object.box.y1, object.box.y2);
  const std::string column = x < 2.0 * side / 3 ? "left" : x > 4.0 * side / 3 ? "right" : "", row = y < 2.0 * side / 3 ? "top" : y > 4.0 * side / 3 ? "bottom" : "";
  if (row.empty() && column.empty()) return "middle";
  return row.empty() ? column : column.empty() ? row : row + " " + column;
}

// Takes a caption apart: strips its frame, then reads "NUMBER NAME [PLACE]" joined by ", " and " and ".
class Caption {
 public:
  Caption(const SceneWorld& world, std::string text) {
    for (const Kind& kind : world.kinds()) names_[kind.name] = names_[kind.plural] = kind.name;
    static const std::regex kGround("^on (an? [a-z ]*background[a-z ]*), |on (an? [a-z ]*background[a-z ]*)$|^a picture with (an? [a-z ]*background(?: from [a-z]+ to [a-z]+)?) and ");
    std::smatch match;
    if (std::regex_search(text, match, kGround)) {
      for (size_t i = 1; i < match.size(); ++i)
        if (match[i].matched) ground = match[i].str();
      text = std::string(match.prefix()) + std::string(match.suffix());
    }
    text = std::regex_replace(text, std::regex("^(there (is|are) |a picture of |the picture shows |you can see |this picture has |in this scene you find )"), "");
    text = std::regex_replace(text, std::regex(" in the picture$"), "");
    text = std::regex_replace(text, std::regex(" and "), ", ");
    static const std::regex kItem("^(an?|one|two|three|four|five|six) ([a-z]+)(?: (?:at|on|in) the ([a-z ]+))?$");
    static const std::map<std::string, int> kNumbers = {{"a", 1}, {"an", 1}, {"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}, {"five", 5}, {"six", 6}};
    for (size_t at = 0; at < text.size();) {
      const size_t comma = std::min(text.find(", ", at), text.size());
      std::string item = text.substr(at, comma - at);
      while (!item.empty() && item.back() == ' ') item.pop_back();
      if (!std::regex_match(item, match, kItem) || !names_.contains(match[2].str())) {
        wrong = item;
        return;
      }
      for (int n = 0; n < kNumbers.at(match[1].str()); ++n) things.insert({names_.at(match[2].str()), match[3].str()});
      at = comma + 2;
    }
  }
  std::multiset<Thing> things;
  std::string ground;
  std::string wrong;  // what could not be read

 private:
  std::map<std::string, std::string> names_;
};

}  // namespace

TEST_CASE("every caption of thousands of scenes is true, complete, and worded differently") {
  const auto world = SceneWorld::make({});
  int with_places = 0, with_ground = 0;
  for (const char* split : {"train", "test"})
    for (int i = 0; i < 1000; ++i) {
      const Scene scene = world->scene(split, i);
      const auto captions = world->captions(scene);
      REQUIRE(captions.size() == 5);
      CHECK(std::set<std::string>(captions.begin(), captions.end()).size() == 5);
      CHECK(captions == world->captions(scene));
      for (const std::string& text : captions) {
        INFO(scene.reference() << ": " << text);
        const Caption caption(*world, text);
        REQUIRE(caption.wrong.empty());
        const bool places = !caption.things.begin()->place.empty();
        std::multiset<Thing> truth;
        for (const Object& object : scene.objects)
          truth.insert({world->kinds()[static_cast<size_t>(object.kind)].name, places ? place_of(object, 80) : ""});
        CHECK(caption.things == truth);
        with_places += places;
        if (caption.ground.empty()) continue;
        ++with_ground;
        const BackgroundLook look = look_of(scene.background);
        CHECK(caption.ground.find(*colour_name(look.colour)) != std::string::npos);
        CHECK((caption.ground.find(" from ") != std::string::npos) == (scene.background.style == 1));
        if (scene.background.style == 1) CHECK(caption.ground.find("to " + *colour_name(look.second)) != std::string::npos);
        CHECK((caption.ground.find("striped") != std::string::npos) == (look.texture == BackgroundLook::Texture::kStripes));
        CHECK((caption.ground.find("checked") != std::string::npos) == (look.texture == BackgroundLook::Texture::kChecks));
      }
    }
  CHECK(with_places == 4000);
  CHECK(with_ground == 2000);
}
