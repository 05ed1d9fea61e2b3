#include "modules/data/loader.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <set>
#include <thread>

#include "tests/modules/data/fake_source.h"
#include "tests/temp_folder.h"

using namespace saucier;
using namespace saucier::data;

namespace {

const text::Tokenizer& tokenizer() {
  static const text::Tokenizer value = text::Tokenizer::learn(std::vector<std::string>{"a red red"}, {.vocab_size = 262});
  return value;
}

const options::JobConversation kBare{{.system = "none"}, {}};

std::shared_ptr<const Mixture> mixture_of(std::shared_ptr<const SampleSource> source, std::int64_t samples) {
  return std::make_shared<Mixture>(std::vector<MixtureSource>{{"s", std::move(source)}},
                                   options::MixtureOptions{.weights = {{"s", {.natural = true, .share = 0}}}, .samples = samples}, 3);
}

// Four samples a picture.
std::shared_ptr<const SampleSource> with_pictures(std::int64_t size, std::shared_ptr<FakePictures> pictures) {
  return std::make_shared<FakeSource>(size, [pictures](std::int64_t i) {
    Sample sample = plain_sample(i);
    if (i % 2 == 0) sample.pictures = {PictureRef{std::to_string(i / 8), pictures}};
    return sample;
  });
}

bool same(const Batch& a, const Batch& b) {
  const auto pixels = [](const Batch& batch) {
    std::vector<std::vector<std::uint8_t>> out;
    for (const Picture& picture : batch.pictures) out.push_back(picture.pixels);
    return out;
  };
  return a.number == b.number && a.ids == b.ids && a.labels == b.labels && a.sample_ids == b.sample_ids && a.sources == b.sources &&
         a.shown == b.shown && pixels(a) == pixels(b) && a.dropped.size() == b.dropped.size() && a.draws == b.draws;
}

}  // namespace

TEST_CASE("an epoch of batches holds every sample once") {
  Loader loader(mixture_of(fake_source(205), 205), tokenizer(), kBare, {.global_batch = 8, .window = 4, .threads = 2});
  REQUIRE(loader.batches() == 26);
  std::set<std::string> seen;
  std::vector<size_t> sizes;
  for (std::int64_t b = 0; b < loader.batches(); ++b) {
    const Batch batch = loader.get(b);
    CHECK(batch.number == b);
    REQUIRE(batch.ids.size() == batch.labels.size());
    REQUIRE(batch.ids.size() == batch.sample_ids.size());
    REQUIRE(batch.ids.size() == batch.shown.size());
    sizes.push_back(batch.ids.size());
    seen.insert(batch.sample_ids.begin(), batch.sample_ids.end());
  }
  CHECK(seen.size() == 205);
  CHECK(std::count(sizes.begin(), sizes.end(), 8) == 25);
  CHECK(std::count(sizes.begin(), sizes.end(), 5) == 1);
}

TEST_CASE("a run that goes on at batch k sees the same batches") {
  const auto pictures = std::make_shared<FakePictures>();
  const LoaderOptions options{.global_batch = 8, .picture_tokens = {.each = 4}, .seed = 9, .window = 4, .threads = 2};
  const auto make = [&] { return std::make_unique<Loader>(mixture_of(with_pictures(300, pictures), 700), tokenizer(), kBare, options); };
  const auto whole = make();
  std::vector<Batch> batches;
  for (std::int64_t b = 0; b < whole->batches(); ++b) batches.push_back(whole->get(b));
  for (const std::int64_t k : {1, 4, 29, 87}) {
    const auto later = make();
    for (std::int64_t b = k; b < std::min<std::int64_t>(k + 9, later->batches()); ++b) CHECK(same(later->get(b), batches[b]));
  }
  CHECK(same(whole->get(3), batches[3]));  // back in the same loader, and forward
  CHECK(same(whole->get(60), batches[60]));
  CHECK(same(whole->get(61), batches[61]));
  CHECK(same(whole->make(11), batches[11]));
  LoaderOptions other = options;
  other.seed = 10;
  Loader shuffled(mixture_of(with_pictures(300, pictures), 700), tokenizer(), kBare, other);
  int equal = 0;
  for (std::int64_t b = 0; b < 8; ++b) equal += same(shuffled.get(b), batches[b]);
  CHECK(equal < 6);
}

TEST_CASE("batches hold samples of like length, in no order of length") {
  Loader loader(mixture_of(fake_source(512), 512), tokenizer(), kBare, {.global_batch = 16, .window = 8});
  std::int64_t padded = 0, tokens = 0;
  std::vector<size_t> longest;
  for (std::int64_t b = 0; b < 8; ++b) {
    size_t most = 0;
    const Batch batch = loader.get(b);
    for (const auto& ids : batch.ids) {
      tokens += static_cast<std::int64_t>(ids.size());
      most = std::max(most, ids.size());
    }
    longest.push_back(most);
    padded += static_cast<std::int64_t>(most * batch.ids.size());
  }
  CHECK(static_cast<double>(padded) < 1.06 * static_cast<double>(tokens));
  CHECK_FALSE(std::is_sorted(longest.begin(), longest.end()));
}

TEST_CASE("samples of a batch share their picture") {
  const auto pictures = std::make_shared<FakePictures>();
  Loader loader(mixture_of(with_pictures(64, pictures), 64), tokenizer(), kBare, {.global_batch = 64, .picture_tokens = {.each = 4}});
  const Batch batch = loader.get(0);
  CHECK(batch.pictures.size() == 8);
  CHECK(pictures->loads == 8);
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    const int sample = std::stoi(batch.sample_ids[i]);
    if (sample % 2) {
      CHECK(batch.shown[i].empty());
    } else {
      CHECK(batch.pictures.at(static_cast<size_t>(batch.shown[i].at(0))).pixels[0] == sample / 8);
    }
    CHECK(std::count(batch.ids[i].begin(), batch.ids[i].end(), tokenizer().image()) == (sample % 2 ? 0 : 1));
  }
}

TEST_CASE("dropped samples are named once and make the batches of their window smaller") {
  const auto source = std::make_shared<FakeSource>(64, [](std::int64_t i) {
    Sample sample = plain_sample(i);
    if (i % 4 == 0) sample.turns[1].text = "";
    return sample;
  });
  Loader loader(mixture_of(source, 64), tokenizer(), kBare, {.global_batch = 8, .window = 4});
  std::set<std::string> dropped;
  size_t drops = 0, kept = 0;
  for (std::int64_t b = 0; b < loader.batches(); ++b) {
    const Batch batch = loader.get(b);
    kept += batch.ids.size();
    CHECK(batch.ids.size() >= 4);
    CHECK(batch.ids.size() <= 8);
    for (const Drop& drop : batch.dropped) {
      CHECK(drop.reason == Reason::kEmptyTurn);
      CHECK(drop.source == "s");
      dropped.insert(drop.id);
      ++drops;
    }
  }
  CHECK(kept == 48);
  CHECK(drops == 16);
  CHECK(dropped.size() == 16);
}

TEST_CASE("a window without enough usable samples is an error that names one") {
  const auto source = std::make_shared<FakeSource>(32, [](std::int64_t i) {
    Sample sample = plain_sample(i);
    sample.turns.clear();
    return sample;
  });
  Loader loader(mixture_of(source, 32), tokenizer(), kBare, {.global_batch = 8});
  CHECK_THROWS_WITH(loader.get(0), Catch::Contains("batch 0 is empty: 32 of the samples around it were dropped") && Catch::Contains("'no-turns'"));
}

TEST_CASE("an error of a thread reaches the one who asks for its batch") {
  const auto pictures = std::make_shared<FakePictures>();
  const auto source = std::make_shared<FakeSource>(64, [pictures](std::int64_t i) {
    Sample sample = plain_sample(i);
    sample.pictures = {PictureRef{i == 40 ? "broken" : "1", pictures}};
    return sample;
  });
  Loader loader(mixture_of(source, 64), tokenizer(), kBare, {.global_batch = 8, .picture_tokens = {.each = 4}, .window = 2});
  int errors = 0;
  for (std::int64_t b = 0; b < loader.batches(); ++b) {
    try {
      const Batch batch = loader.get(b);
      CHECK(std::count(batch.sample_ids.begin(), batch.sample_ids.end(), "40") == 0);
    } catch (const Error& error) {
      ++errors;
      CHECK(std::string(error.what()) == "cannot read picture 'broken'");
      REQUIRE_FALSE(error.context().empty());
      CHECK(error.context()[0] == "while loading the picture of sample '40' of data source 's'");
    }
  }
  CHECK(errors == 1);
}

TEST_CASE("grouped: batches of pictures and of text, each draw once, the rest at the end") {
  const auto pictures = std::make_shared<FakePictures>();
  const auto source = with_pictures(150, pictures);  // 75 of each
  const auto make = [&](std::uint64_t seed) {
    const auto mixture = std::make_shared<Mixture>(std::vector<MixtureSource>{{"s", source}},
                                                   options::MixtureOptions{.weights = {{"s", {.natural = true}}}, .order = "grouped"}, 3);
    return std::make_unique<Loader>(mixture, tokenizer(), kBare, LoaderOptions{.global_batch = 8, .picture_tokens = {.each = 4}, .seed = seed});
  };
  const auto loader = make(1);
  REQUIRE(loader->batches() == 19);
  std::multiset<std::string> seen;
  std::vector<bool> kinds;
  for (std::int64_t b = 0; b < 19; ++b) {
    const Batch batch = loader->make(b);
    CHECK(batch.ids.size() == (b < 18 ? 8 : 6));
    CHECK(std::is_sorted(batch.lengths.begin(), batch.lengths.end()));
    seen.insert(batch.sample_ids.begin(), batch.sample_ids.end());
    if (b >= 18) continue;
    const auto shown = std::count_if(batch.shown.begin(), batch.shown.end(), [](const auto& one) { return !one.empty(); });
    CHECK((shown == 0 || shown == 8));
    kinds.push_back(shown > 0);
  }
  CHECK(seen.size() == 150);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 150);
  CHECK(std::count(kinds.begin(), kinds.end(), true) == 9);
  CHECK_FALSE(std::is_sorted(kinds.begin(), kinds.end()));
  CHECK_FALSE(std::is_sorted(kinds.rbegin(), kinds.rend()));
  CHECK(same(make(1)->make(11), loader->make(11)));
  CHECK(make(2)->make(0).sample_ids != loader->make(0).sample_ids);
}

TEST_CASE("sequential: batches as the file has them") {
  const auto mixture = std::make_shared<Mixture>(std::vector<MixtureSource>{{"s", fake_source(20)}},
                                                 options::MixtureOptions{.weights = {{"s", {.natural = true}}}, .epochs = 1.5, .order = "sequential"}, 3);
  Loader loader(mixture, tokenizer(), kBare, {.global_batch = 8});
  std::vector<std::string> ids;
  for (std::int64_t b = 0; b < 4; ++b) {
    const Batch batch = loader.get(b);
    ids.insert(ids.end(), batch.sample_ids.begin(), batch.sample_ids.end());
  }
  REQUIRE(ids.size() == 30);
  for (size_t i = 0; i < 30; ++i) CHECK(ids[i] == std::to_string(i % 20));
}

TEST_CASE("the parts of all ranks are the batch, each with as many tokens as can be") {
  const std::string order = GENERATE("shuffled", "grouped", "sequential");
  const auto pictures = std::make_shared<FakePictures>();
  const auto source = with_pictures(300, pictures);
  const auto make = [&](std::int64_t rank, std::int64_t ranks) {
    const auto mixture = std::make_shared<Mixture>(std::vector<MixtureSource>{{"s", source}},
                                                   options::MixtureOptions{.weights = {{"s", {.natural = true}}}, .samples = 700, .order = order}, 3);
    return std::make_unique<Loader>(mixture, tokenizer(), kBare, LoaderOptions{.global_batch = 24, .picture_tokens = {.each = 4}, .seed = 9, .rank = rank, .ranks = ranks});
  };
  const auto whole = make(0, 1);
  for (const std::int64_t ranks : {2, 3, 5, 8}) {
    std::vector<std::unique_ptr<Loader>> parts;
    for (std::int64_t rank = 0; rank < ranks; ++rank) parts.push_back(make(rank, ranks));
    for (const std::int64_t b : {0, 7, 17, 29}) {
      const Batch all = whole->make(b);
      std::multiset<std::string> seen;
      std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = 0, longest = 0;
      for (const auto& part : parts) {
        const Batch batch = part->make(b);
        std::int64_t tokens = 0;
        for (const std::int64_t length : batch.lengths) tokens += length, longest = std::max(longest, length);
        least = std::min(least, tokens);
        most = std::max(most, tokens);
        seen.insert(batch.sample_ids.begin(), batch.sample_ids.end());
        CHECK(batch.ids.size() <= (all.ids.size() + static_cast<size_t>(ranks) - 1) / static_cast<size_t>(ranks));
        CHECK(batch.global_learned == all.global_learned);
        CHECK(batch.drawn == all.drawn);
      }
      CHECK(seen == std::multiset<std::string>(all.sample_ids.begin(), all.sample_ids.end()));
      if (all.ids.size() % static_cast<size_t>(ranks) == 0) CHECK(most - least <= longest);
    }
  }
}

TEST_CASE("a batch comes with its packs") {
  Loader loader(mixture_of(fake_source(205), 205), tokenizer(), {{.system = "none", .max_length = 64}, {}}, {.global_batch = 16, .tokens_per_pack = 100});
  for (const std::int64_t b : {0, 5, 12}) {
    const Batch batch = loader.get(b);
    std::set<std::int32_t> rows;
    for (const auto& pack : batch.packs) {
      std::int64_t tokens = 0;
      for (const std::int32_t row : pack) {
        CHECK(batch.lengths.at(row) == static_cast<std::int64_t>(batch.ids.at(row).size()));
        tokens += batch.lengths.at(row);
        rows.insert(row);
      }
      CHECK(tokens <= 100);
    }
    CHECK(rows.size() == batch.ids.size());
    CHECK(batch.packs.size() < batch.ids.size());
  }
  CHECK_THROWS_WITH(Loader(mixture_of(fake_source(9), 9), tokenizer(), kBare, {.tokens_per_pack = 100}), "a pack of 100 tokens cannot hold a sample of 2048");
}

TEST_CASE("what was drawn is a function of the batches, resumed or not") {
  const auto pictures = std::make_shared<FakePictures>();
  const auto a = std::make_shared<FakeSource>(40, [pictures](std::int64_t i) {
    Sample sample = plain_sample(i);
    sample.source = "a";
    if (i % 4 == 1) sample.turns[1].text = "";
    if (i % 4 == 2) sample.pictures = {PictureRef{"1", pictures}, PictureRef{"2", pictures}};
    return sample;
  });
  const auto make = [&] {
    const auto mixture = std::make_shared<Mixture>(std::vector<MixtureSource>{{"a", a}, {"b", fake_source(100)}},
                                                   options::MixtureOptions{.weights = {{"a", {.share = 0.5}}, {"b", {.share = 0.5}}}, .samples = 200}, 3);
    return std::make_unique<Loader>(mixture, tokenizer(), kBare, LoaderOptions{.global_batch = 8, .picture_tokens = {.each = 4}, .window = 4, .threads = 2});
  };
  const auto whole = make();
  std::vector<Drawn> sum(2);
  std::int64_t learned = 0;
  for (std::int64_t b = 0; b < whole->batches(); ++b) {
    const Batch batch = whole->get(b);
    learned += batch.global_learned;
    for (size_t row = 0; row < batch.ids.size(); ++row) {
      Drawn& one = sum[batch.sources[row]];
      ++one.draws, ++one.samples;
      one.tokens += batch.lengths[row];
      one.pictures += static_cast<std::int64_t>(batch.shown[row].size());
      one.learned += std::count_if(batch.labels[row].begin() + 1, batch.labels[row].end(), [](std::int32_t label) { return label != text::kIgnore; });
    }
    for (const Drop& drop : batch.dropped) {
      Drawn& one = sum[drop.source == "a" ? 0 : 1];
      ++one.draws, ++one.dropped[std::string(name_of(drop.reason))];
    }
  }
  CHECK(whole->drawn(0, whole->batches()) == sum);
  CHECK(sum[0].draws == 100);
  CHECK(sum[0].dropped.at("empty-turn") == 100 - sum[0].samples);
  CHECK(sum[0].samples == 75);
  CHECK(sum[0].pictures == 50);
  CHECK(sum[0].learned + sum[1].learned == learned);
  for (const std::int64_t k : {1, 7, 24}) {
    const auto later = make();
    for (std::int64_t b = k; b < later->batches(); ++b) later->get(b);
    CHECK(later->drawn(0, later->batches()) == sum);  // what it never gave is made again
    std::vector<Drawn> added = whole->drawn(0, k);
    const std::vector<Drawn> rest = later->drawn(k, later->batches());
    for (size_t j = 0; j < 2; ++j) added[j] += rest[j];
    CHECK(added == sum);
  }
  const Json event = to_json(sum, whole->mixture());
  CHECK(event[0]["source"] == "a");
  CHECK(event[0]["size"] == 40);
  CHECK(event[0]["dropped"] == Json{{"empty-turn", 25}});
}

TEST_CASE("batches of prepared samples are the batches") {
  const TempFolder folder;
  const auto pictures = std::make_shared<FakePictures>();
  const auto source = with_pictures(2000, pictures);
  LoaderOptions options{.global_batch = 8, .picture_tokens = {.each = 4}, .seed = 9, .threads = 2};
  Loader plain(mixture_of(source, 3000), tokenizer(), kBare, options);
  options.cache = folder.path();
  options.contents = {{"s", "\"what it holds\""}};
  for (int run = 0; run < 2; ++run) {
    Loader prepared(mixture_of(source, 3000), tokenizer(), kBare, options);
    for (std::int64_t b = 0; b < plain.batches(); b += run == 0 ? 1 : 37) CHECK(same(prepared.make(b), plain.make(b)));
    prepared.get(0);
    CHECK(prepared.take_warnings().empty());
    for (int i = 0; i < 1000 && run == 0; ++i) {  // until the threads have made both shards
      size_t files = 0;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) files += entry.path().extension() == ".rows";
      if (files == 2) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("no more is made ahead than asked for") {
  const auto pictures = std::make_shared<FakePictures>();
  const auto source = std::make_shared<FakeSource>(800, [pictures](std::int64_t i) {
    Sample sample = plain_sample(i);
    sample.pictures = {PictureRef{std::to_string(i % 100), pictures}};
    return sample;
  });
  Loader loader(mixture_of(source, 800), tokenizer(), kBare, {.global_batch = 1, .picture_tokens = {.each = 4}, .ahead = 3, .threads = 2});
  loader.get(0);
  for (int i = 0; i < 1000 && pictures->loads < 4; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(pictures->loads == 4);  // batch 0 and three ahead
}

TEST_CASE("a loader can be thrown away while its threads work") {
  for (int i = 0; i < 20; ++i) {
    Loader loader(mixture_of(fake_source(400), 400), tokenizer(), kBare, {.global_batch = 4, .ahead = 8, .threads = 3});
    CHECK(loader.get(i).number == i);
  }
}
