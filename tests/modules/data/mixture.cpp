#include "modules/data/mixture.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <set>

#include "modules/base/rng.h"
#include "tests/modules/data/fake_source.h"

using namespace saucier;
using namespace saucier::data;
using options::MixtureOptions;
using options::Weight;

namespace {

const Weight kNatural{.natural = true, .share = 0};
Weight part(double share) { return {.natural = false, .share = share}; }

Mixture mix(const std::vector<std::pair<std::string, std::int64_t>>& sizes, const MixtureOptions& options, std::uint64_t seed = 5) {
  std::vector<MixtureSource> sources;
  for (const auto& [name, size] : sizes) sources.push_back({name, fake_source(size)});
  return Mixture(std::move(sources), options, seed);
}

std::vector<std::int64_t> count(const Mixture& mixture, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> counts(mixture.sources().size());
  for (std::int64_t i = begin; i < end; ++i) ++counts[mixture.draw(i).source];
  return counts;
}

}  // namespace

TEST_CASE("natural sources: every sample once an epoch") {
  const Mixture mixture = mix({{"a", 700}, {"b", 200}, {"c", 33}}, {.weights = {{"a", kNatural}, {"b", kNatural}, {"c", kNatural}}});
  REQUIRE(mixture.size() == 933);
  std::set<std::pair<std::int32_t, std::int64_t>> seen;
  for (std::int64_t i = 0; i < mixture.size(); ++i) {
    const Draw draw = mixture.draw(i);
    CHECK(draw.pass == 0);
    seen.emplace(draw.source, draw.sample);
  }
  CHECK(seen.size() == 933);
  CHECK(mixture.drawn(0) == 700);
  CHECK(mixture.drawn(2) == 33);
}

TEST_CASE("the share of every source holds in every beginning of the draws") {
  const std::vector<double> shares = {0.5, 0.3, 0.1, 0.07, 0.03};
  const Mixture mixture = mix({{"a", 50}, {"b", 50}, {"c", 50}, {"d", 50}, {"e", 50}},
                              {.weights = {{"a", part(0.5)}, {"b", part(0.3)}, {"c", part(0.1)}, {"d", part(0.07)}, {"e", part(0.03)}}, .samples = 10'000});
  std::vector<std::int64_t> counts(5);
  double worst = 0;
  for (std::int64_t i = 0; i < mixture.size(); ++i) {
    ++counts[mixture.draw(i).source];
    for (size_t j = 0; j < 5; ++j) worst = std::max(worst, std::abs(static_cast<double>(counts[j]) - static_cast<double>(i + 1) * shares[j]));
  }
  CHECK(worst < 1);
  CHECK(counts == std::vector<std::int64_t>{5000, 3000, 1000, 700, 300});
  const std::vector<std::int64_t> inside = count(mixture, 4321, 4421);
  for (size_t j = 0; j < 5; ++j) CHECK(std::abs(static_cast<double>(inside[j]) - 100 * shares[j]) < 2);
}

TEST_CASE("natural sources divide what the shares leave") {
  const Mixture mixture = mix({{"a", 300}, {"b", 100}, {"c", 10}}, {.weights = {{"a", kNatural}, {"b", kNatural}, {"c", part(0.2)}}});
  CHECK(mixture.share(0) == Approx(0.6));
  CHECK(mixture.share(1) == Approx(0.2));
  CHECK(mixture.share(2) == Approx(0.2));
  CHECK(mixture.size() == 500);  // one pass over a and b is 400 draws, 0.8 of all
  CHECK(mixture.drawn(0) == 300);
  CHECK(mixture.drawn(1) == 100);
  CHECK(mixture.drawn(2) == 100);  // ten passes
  CHECK(mix({{"a", 300}, {"c", 10}}, {.weights = {{"a", kNatural}, {"c", part(0.25)}}, .epochs = 1.5}).size() == 600);
}

TEST_CASE("shares without natural sources are scaled") {
  const Mixture mixture = mix({{"a", 10}, {"b", 10}, {"c", 10}}, {.weights = {{"a", part(3)}, {"b", part(1)}, {"c", part(0)}}});
  CHECK(mixture.share(0) == Approx(0.75));
  CHECK(mixture.size() == 20);  // sizes of the sources that take part
  CHECK(count(mixture, 0, 20) == std::vector<std::int64_t>{15, 5, 0});
}

TEST_CASE("repeat goes through every sample before any comes again, in another order") {
  const Mixture mixture = mix({{"a", 40}, {"b", 1000}}, {.weights = {{"a", part(0.5)}, {"b", part(0.5)}}, .samples = 240});
  std::vector<std::vector<std::int64_t>> passes(3);
  for (std::int64_t i = 0; i < mixture.size(); ++i)
    if (const Draw draw = mixture.draw(i); draw.source == 0) passes.at(draw.pass).push_back(draw.sample);
  for (const auto& pass : passes) {
    CHECK(pass.size() == 40);
    CHECK(std::set<std::int64_t>(pass.begin(), pass.end()).size() == 40);
  }
  CHECK(passes[0] != passes[1]);
  CHECK(passes[1] != passes[2]);
}

TEST_CASE("stop ends before the first source would begin again") {
  const Mixture mixture = mix({{"a", 10}, {"b", 1000}}, {.weights = {{"a", part(0.5)}, {"b", part(0.5)}}, .exhausted = "stop", .samples = 500});
  CHECK(mixture.drawn(0) == 10);
  CHECK(mixture.size() >= 20);
  CHECK(mixture.size() <= 21);
  for (std::int64_t i = 0; i < mixture.size(); ++i) CHECK(mixture.draw(i).pass == 0);
}

TEST_CASE("drop goes on with the others in their proportions, until all have ended") {
  const MixtureOptions options{.weights = {{"a", part(0.5)}, {"b", part(0.3)}, {"c", part(0.2)}}, .exhausted = "drop", .samples = 100'000};
  const Mixture mixture = mix({{"a", 10}, {"b", 300}, {"c", 300}}, options);
  CHECK(mixture.size() == 610);
  CHECK(mixture.drawn(0) == 10);
  const std::vector<std::int64_t> later = count(mixture, 100, 200);
  CHECK(later[0] == 0);
  CHECK(std::abs(later[1] - 60) < 2);
  std::set<std::pair<std::int32_t, std::int64_t>> seen;
  for (std::int64_t i = 0; i < mixture.size(); ++i) seen.emplace(mixture.draw(i).source, mixture.draw(i).sample);
  CHECK(seen.size() == 610);
}

TEST_CASE("a draw is a function of seed and place") {
  const MixtureOptions options{.weights = {{"a", kNatural}, {"b", part(0.3)}}, .samples = 2000};
  const std::vector<std::pair<std::string, std::int64_t>> sizes = {{"a", 700}, {"b", 90}};
  const Mixture first = mix(sizes, options), again = mix(sizes, options), other = mix(sizes, options, 6);
  int same = 0;
  for (std::int64_t i = 1999; i >= 0; --i) {
    const Draw x = first.draw(i), y = again.draw(i), z = other.draw(i);
    CHECK((x.source == y.source && x.sample == y.sample && x.pass == y.pass));
    CHECK(x.source == z.source);
    same += x.sample == z.sample;
  }
  CHECK(same < 100);
}

TEST_CASE("the order inside a source does not depend on the other sources") {
  const auto order = [](const Mixture& mixture) {
    std::vector<std::int64_t> samples;
    for (std::int64_t i = 0; i < mixture.size() && samples.size() < 50; ++i)
      if (const Draw draw = mixture.draw(i); mixture.sources()[draw.source].name == "a") samples.push_back(draw.sample);
    return samples;
  };
  const auto alone = order(mix({{"a", 100}}, {.weights = {{"a", kNatural}}}));
  CHECK(alone == order(mix({{"b", 80}, {"a", 100}}, {.weights = {{"a", part(0.4)}, {"b", part(0.6)}}, .samples = 300})));
}

TEST_CASE("temperature flattens the natural sources and keeps the number of draws") {
  const std::vector<std::pair<std::string, std::int64_t>> sizes = {{"a", 6400}, {"b", 100}, {"c", 400}};
  const std::map<std::string, Weight> weights = {{"a", kNatural}, {"b", kNatural}, {"c", kNatural}};
  const Mixture mixture = mix(sizes, {.weights = weights, .temperature = 2});
  CHECK(mixture.size() == 6900);
  CHECK(mixture.share(0) == Approx(80.0 / 110));
  CHECK(mixture.share(1) == Approx(10.0 / 110));
  CHECK(std::abs(static_cast<double>(mixture.drawn(2)) - 6900 * 20.0 / 110) < 1);
  const Mixture plain = mix(sizes, {.weights = weights}), one = mix(sizes, {.weights = weights, .temperature = 1});
  for (std::int64_t i = 0; i < 6900; ++i) CHECK((plain.draw(i).source == one.draw(i).source && plain.draw(i).sample == one.draw(i).sample));
}

TEST_CASE("a source can count its samples or its passes") {
  const Weight thirty{.samples = 30}, twice{.epochs = 2};
  const Mixture alone = mix({{"a", 20}, {"b", 50}}, {.weights = {{"a", thirty}, {"b", twice}}});
  CHECK(alone.size() == 130);
  CHECK(alone.drawn(0) == 30);
  CHECK(alone.drawn(1) == 100);

  const Mixture natural = mix({{"a", 20}, {"b", 50}, {"c", 70}}, {.weights = {{"a", thirty}, {"b", twice}, {"c", kNatural}}, .epochs = 1});
  CHECK(natural.size() == 200);
  CHECK(natural.drawn(2) == 70);

  // A share is a part of all draws: 30 and 100 are what 0.35 leaves of 200.
  const Mixture shared = mix({{"a", 20}, {"b", 50}, {"c", 70}}, {.weights = {{"a", thirty}, {"b", twice}, {"c", part(0.35)}}});
  CHECK(shared.size() == 200);
  CHECK(shared.drawn(2) == 70);

  // Shares without natural sources fill what the counts leave of the samples asked for.
  const Mixture filled = mix({{"a", 20}, {"b", 50}, {"c", 70}}, {.weights = {{"a", thirty}, {"b", part(1)}, {"c", part(3)}}, .samples = 110});
  CHECK(filled.drawn(0) == 30);
  CHECK(filled.drawn(1) == 20);
  CHECK(filled.drawn(2) == 60);

  const Mixture once = mix({{"a", 20}, {"b", 50}}, {.weights = {{"a", thirty}, {"b", twice}}, .exhausted = "drop"});
  CHECK(once.drawn(0) == 20);
  CHECK(once.drawn(1) == 50);
}

TEST_CASE("a source that reached its cap leaves its place to the others") {
  const Weight capped{.share = 0.5, .max_passes = 3};
  const Mixture mixture = mix({{"a", 10}, {"b", 100}, {"c", 100}}, {.weights = {{"a", capped}, {"b", part(0.3)}, {"c", part(0.2)}}, .samples = 500});
  CHECK(mixture.size() == 500);
  CHECK(mixture.drawn(0) == 30);
  for (std::int64_t i = 0; i < mixture.size(); ++i)
    if (const Draw draw = mixture.draw(i); draw.source == 0) CHECK(draw.pass < 3);
  const std::vector<std::int64_t> later = count(mixture, 100, 500);
  CHECK(std::abs(later[1] - 240) < 2);

  // The mixture's cap holds for every source without one of its own; nothing is left, so it ends early.
  const Mixture all = mix({{"a", 10}, {"b", 20}}, {.weights = {{"a", {.natural = true, .max_passes = 1}}, {"b", kNatural}}, .max_passes = 2, .samples = 500});
  CHECK(all.drawn(0) == 10);
  CHECK(all.drawn(1) == 40);
  CHECK(all.size() == 50);

  // A counted source gets its count, not the place of the one that is out.
  const Mixture counted = mix({{"a", 10}, {"b", 100}}, {.weights = {{"a", capped}, {"b", {.samples = 100}}}});
  CHECK(counted.drawn(0) == 30);
  CHECK(counted.drawn(1) == 100);
  CHECK(counted.size() == 130);
}

TEST_CASE("sequential: one source after the other in file order, as often as the weights say") {
  const MixtureOptions options{.weights = {{"a", part(0.5)}, {"b", part(0.5)}}, .samples = 50, .order = "sequential"};
  const Mixture mixture = mix({{"b", 100}, {"a", 10}}, options);
  for (std::int64_t i = 49; i >= 0; --i) {
    const Draw draw = mixture.draw(i);
    CHECK(draw.source == (i < 25 ? 0 : 1));
    CHECK(draw.sample == (i < 25 ? i : (i - 25) % 10));
    CHECK(draw.pass == (i < 25 ? 0 : (i - 25) / 10));
  }
}

TEST_CASE("random weights of every kind: never off by one draw while nothing runs out") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed, "test.mixture");
    const auto k = static_cast<size_t>(rng.integer(1, 12));
    MixtureOptions options{.samples = rng.integer(500, 4000)};
    if (rng.chance(0.5)) options.temperature = rng.uniform(0.5, 5);
    std::vector<std::pair<std::string, std::int64_t>> sizes;
    for (size_t j = 0; j < k; ++j) {
      const std::string name(1, static_cast<char>('a' + j));
      sizes.emplace_back(name, rng.integer(1, 900));
      const double kind = rng.uniform();
      options.weights[name] = j == 0 || kind < 0.4 ? kNatural : kind < 0.7 ? part(rng.uniform(0, 0.9 / 12)) : Weight{.samples = rng.integer(1, 30)};
    }
    const Mixture mixture = mix(sizes, options, seed);
    REQUIRE(mixture.size() == *options.samples);
    std::vector<double> counts(k);
    double worst = 0, sum = 0;
    for (size_t j = 0; j < k; ++j) sum += mixture.share(j);
    for (std::int64_t i = 0; i < mixture.size(); ++i) {
      ++counts[mixture.draw(i).source];
      for (size_t j = 0; j < k; ++j) worst = std::max(worst, std::abs(counts[j] - static_cast<double>(i + 1) * mixture.share(j)));
    }
    INFO(seed);
    CHECK(worst < 1);
    CHECK(sum == Approx(1));
    for (size_t j = 0; j < k; ++j)
      if (const Weight& weight = options.weights.at(sizes[j].first); weight.samples) CHECK(mixture.drawn(j) == *weight.samples);
  }
}

TEST_CASE("a mixture that makes no sense is refused") {
  const auto refuses = [](const std::vector<std::pair<std::string, std::int64_t>>& sizes, const MixtureOptions& options, const char* message) {
    CHECK_THROWS_WITH(mix(sizes, options), Catch::Contains(message));
  };
  refuses({{"a", 1}}, {.weights = {{"a", kNatural}, {"b", kNatural}}}, "the mixture weighs 'b', which is no data source");
  refuses({{"a", 1}, {"b", 1}}, {.weights = {{"a", kNatural}}}, "data source 'b' has no weight");
  refuses({{"a", 0}}, {.weights = {{"a", kNatural}}}, "data source 'a' has no samples");
  refuses({{"a", 1}, {"b", 1}}, {.weights = {{"a", kNatural}, {"b", part(1)}}}, "leaves nothing for the natural sources");
  refuses({{"a", 1}}, {.weights = {{"a", part(0)}}}, "all shares of the mixture are 0");
  refuses({{"a", 1}}, {.weights = {{"a", part(-1)}}}, "it must be 0 or more");
  refuses({{"a", 1}}, {.weights = {{"a", kNatural}}, .samples = 1, .epochs = 1}, "both samples and epochs");
  refuses({{"a", 1}}, {.weights = {{"a", kNatural}}, .exhausted = "again"}, "exhausted 'again' is not known");
  refuses({{"a", 1}}, {.weights = {{"a", kNatural}}, .order = "backwards"}, "order 'backwards' is not known");
  refuses({{"a", 9}, {"b", 9}}, {.weights = {{"a", {.epochs = 2}}, {"b", kNatural}}, .samples = 18}, "the counted sources take 18 of 18 samples, which leaves nothing for the others");
  refuses({{"a", 9}, {"b", 9}}, {.weights = {{"a", {.samples = 5}}, {"b", part(1)}}}, "leaves nothing for the counted sources");
  refuses({}, {}, "at least one data source");
}
