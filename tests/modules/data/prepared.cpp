#include "modules/data/prepared.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include "modules/base/file.h"
#include "modules/base/rng.h"
#include "modules/data/readers/open.h"
#include "tests/modules/data/fake_source.h"
#include "tests/temp_folder.h"

using namespace saucier;
using namespace saucier::data;

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kSamples = 2500;  // three shards
const std::atomic<bool> kGoOn = false;

const text::Tokenizer& tokenizer() {
  static const text::Tokenizer value = text::Tokenizer::learn(std::vector<std::string>{"a red red"}, {.vocab_size = 262});
  return value;
}

// Captions and dialogues, with one picture, several or none; some are dropped, and some are cut.
std::shared_ptr<const SampleSource> mixed_source(std::atomic<int>* reads = nullptr, bool one_picture_source = true) {
  const auto first = std::make_shared<FakePictures>(), second = std::make_shared<FakePictures>();
  return std::make_shared<FakeSource>(kSamples, [=](std::int64_t i) {
    if (reads) ++*reads;
    Sample sample = plain_sample(i);
    for (std::int64_t turn = 0; turn < i % 9; ++turn) {
      sample.turns.push_back({Role::kUser, "more?"});
      sample.turns.push_back({Role::kAssistant, "red red red"});
    }
    if (i % 17 == 5) sample.turns[1].text = "";
    for (std::int64_t p = 0; p < i % 3; ++p) sample.pictures.push_back({std::to_string(i / 100 + p), one_picture_source || i % 2 ? first : second});
    return sample;
  });
}

Encode encoder(const options::JobConversation& options = {{.system = "none", .max_length = 90}, {}}) {
  Encode plain = encode_with(std::make_shared<ConversationWriter>(tokenizer(), options, image::PictureTokens{.each = 4}, 1));
  return [plain](const Sample& sample) {  // every tenth becomes two conversations, as a split one would
    WrittenSample written = plain(sample);
    if (!written.conversations.empty() && std::stoi(sample.id) % 10 == 3) {
      written.conversations.push_back(written.conversations.front());
      written.conversations.back().id += "~2";
      written.drops.push_back({sample.id + "~3", sample.source, Reason::kTooLong});
      written.parts = 3;
    }
    return written;
  };
}

void check_same(const WrittenSample& a, const WrittenSample& b) {
  REQUIRE(a.drops.size() == b.drops.size());
  for (size_t d = 0; d < a.drops.size(); ++d)
    CHECK((a.drops[d].id == b.drops[d].id && a.drops[d].source == b.drops[d].source && a.drops[d].reason == b.drops[d].reason));
  CHECK((a.cut_pairs == b.cut_pairs && a.cut_answers == b.cut_answers && a.parts == b.parts));
  const auto &x = a.conversations, &y = b.conversations;
  REQUIRE(x.size() == y.size());
  for (size_t c = 0; c < x.size(); ++c) {
    CHECK((x[c].id == y[c].id && x[c].encoded.ids == y[c].encoded.ids && x[c].encoded.labels == y[c].encoded.labels));
    CHECK(x[c].length == y[c].length);
    REQUIRE(x[c].pictures.size() == y[c].pictures.size());
    for (size_t p = 0; p < x[c].pictures.size(); ++p)
      CHECK((x[c].pictures[p].reference == y[c].pictures[p].reference && x[c].pictures[p].source == y[c].pictures[p].source));
  }
}

void check_all(const PreparedSource& prepared, const SampleSource& samples) {
  const Encode encode = encoder();
  for (std::int64_t i = 0; i < kSamples; ++i) check_same(prepared.get(i), encode(samples.get(i)));
}

}  // namespace

TEST_CASE("prepared samples are those that are written out, in one process or in several at once") {
  const int threads = GENERATE(1, 2, 4);
  const TempFolder folder;
  const auto samples = mixed_source();
  // Each stands for a process: they share the files alone.
  std::vector<std::unique_ptr<PreparedSource>> all;
  for (int i = 0; i < 3; ++i) all.push_back(std::make_unique<PreparedSource>(samples, encoder(), "s", folder.path(), Json("key")));
  check_same(all[0]->get(2499), encoder()(samples->get(2499)));  // before anything is there
  {
    PreparedAhead first({all[0].get()}, threads), second({all[1].get()}, threads);
    check_same(all[2]->get(1500), encoder()(samples->get(1500)));
    first.wait();
    second.wait();
  }
  for (std::int64_t shard = 0; shard < 3; ++shard) CHECK(fs::exists(all[0]->file(shard)));
  CHECK(all[0]->shards() == 3);
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(all[0]->folder())) files += entry.is_regular_file();
  CHECK(files == 4);  // and key.json: nothing is left half made
  for (const auto& one : all) {
    check_all(*one, *samples);
    CHECK(one->take_warnings().empty());
  }
}

TEST_CASE("what is prepared is not written out again") {
  const TempFolder folder;
  std::atomic<int> reads = 0;
  const auto samples = mixed_source(&reads);
  {
    const PreparedSource prepared(samples, encoder(), "s", folder.path(), Json("key"));
    for (std::int64_t shard = 0; shard < 3; ++shard) CHECK(prepared.prepare(shard, kGoOn));
  }
  CHECK(reads == kSamples);
  const PreparedSource again(samples, [](const Sample&) -> WrittenSample { throw Error("written out again"); }, "s", folder.path(), Json("key"));
  for (std::int64_t i = 0; i < kSamples; ++i) again.get(i);
  CHECK(reads == kSamples + 3);  // one a shard, for its PictureSource
  const PreparedSource other(samples, encoder(), "s", folder.path(), Json("another key"));
  CHECK(other.folder() != again.folder());
  CHECK_FALSE(fs::exists(other.file(0)));
}

TEST_CASE("samples of several picture sources get their own") {
  const TempFolder folder;
  const auto samples = mixed_source(nullptr, false);
  const PreparedSource prepared(samples, encoder(), "s", folder.path(), Json("key"));
  for (std::int64_t shard = 0; shard < 3; ++shard) prepared.prepare(shard, kGoOn);
  check_all(prepared, *samples);
}

TEST_CASE("a damaged, torn or foreign file is never believed and is made again") {
  const TempFolder folder;
  const auto samples = mixed_source();
  const auto make = [&] { return std::make_unique<PreparedSource>(samples, encoder(), "s", folder.path(), Json("key")); };
  const auto first = make();
  for (std::int64_t shard = 0; shard < 3; ++shard) first->prepare(shard, kGoOn);
  const fs::path file = first->file(1);
  const std::string whole = read_file(file);

  std::vector<std::pair<std::string, std::string>> damages = {
      {"", "is no file of prepared samples"},
      {whole.substr(0, 100), "is no file of prepared samples"},
      {"x" + whole.substr(1), "is no file of prepared samples"},
      {whole.substr(0, whole.size() - 1), "bytes and should have"},
      {whole + "x", "bytes and should have"},
      {read_file(first->file(0)), "holds other samples"},
  };
  const PreparedSource other(samples, encoder({{.system = "none"}, {}}), "s", folder.path(), Json("another key"));
  other.prepare(1, kGoOn);
  damages.emplace_back(read_file(other.file(1)), "was made for something else");
  std::string next = whole;
  ++next[8];
  damages.emplace_back(next, "has layout 2, not 1");
  Rng rng(1, "test.damage");
  for (int i = 0; i < 40; ++i) {  // any bit, anywhere behind the key; a count may be among them
    std::string flipped = whole;
    flipped[static_cast<size_t>(rng.integer(12 + 4 + 64, static_cast<std::int64_t>(whole.size()) - 1))] ^= static_cast<char>(1 << rng.integer(0, 7));
    damages.emplace_back(flipped, "");
  }
  for (const auto& [bytes, problem] : damages) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    const auto again = make();
    check_same(again->get(1025), encoder()(samples->get(1025)));
    const auto warnings = again->take_warnings();
    REQUIRE(warnings.size() == 1);
    CHECK_THAT(warnings[0], Catch::Contains(file.string()) && Catch::Contains(problem) && Catch::Contains("; it is made again"));
    CHECK(again->prepare(1, kGoOn));
    CHECK(read_file(file) == whole);
  }
  fs::remove(file);
  check_all(*make(), *samples);
}

TEST_CASE("what an interrupted process left is taken up, and what another does is left to it") {
  const TempFolder folder;
  const auto samples = mixed_source();
  const PreparedSource prepared(samples, encoder(), "s", folder.path(), Json("key"));
  std::ofstream(prepared.folder() / "000000.building") << "half of it";  // its process is gone, and so is its lock
  CHECK(prepared.prepare(0, kGoOn));
  CHECK_FALSE(fs::exists(prepared.folder() / "000000.building"));

  std::atomic<bool> begun = false, go = false;
  const PreparedSource slow(samples, [&, encode = encoder()](const Sample& sample) {
    begun = true;
    while (!go) std::this_thread::yield();
    return encode(sample);
  }, "s", folder.path(), Json("key"));
  std::thread thread([&] { slow.prepare(1, kGoOn); });
  while (!begun) std::this_thread::yield();
  CHECK_FALSE(prepared.prepare(1, kGoOn));
  go = true;
  thread.join();
  CHECK(prepared.prepare(1, kGoOn));

  const std::atomic<bool> stop = true;
  CHECK_FALSE(prepared.prepare(2, stop));
  CHECK_FALSE(fs::exists(prepared.file(2)));
  CHECK_FALSE(fs::exists(prepared.folder() / "000002.building"));
  check_all(prepared, *samples);
}

TEST_CASE("a sample that cannot be written out stops no thread, and says why") {
  const TempFolder folder;
  const auto samples = mixed_source();
  const PreparedSource prepared(samples, [encode = encoder()](const Sample& sample) -> WrittenSample {
    if (sample.id == "1100") throw Error("no such picture");
    return encode(sample);
  }, "s", folder.path(), Json("key"));
  PreparedAhead({&prepared}, 2).wait();
  CHECK(fs::exists(prepared.file(0)));
  CHECK_FALSE(fs::exists(prepared.file(1)));
  CHECK(fs::exists(prepared.file(2)));
  CHECK(prepared.take_warnings() == std::vector<std::string>{"some samples are not prepared ahead: no such picture"});
  CHECK_THROWS_WITH(prepared.get(1100), "no such picture");
}

TEST_CASE("the key has what alters tokens, and nothing else") {
  const Json contents = {{"source", {{"path", {{"content", "1"}}}, {"images", {{"content", "2"}}}}}, {"max_turns", 3}};
  const options::JobConversation plain;
  const image::PictureTokens each{.each = 4};
  const Json key = prepared_key(contents, plain, tokenizer(), each, 7);
  CHECK(key == prepared_key(contents, plain, tokenizer(), each, 8));  // nothing is random
  options::JobConversation other = plain;
  other.image_aspect = "pad";
  other.max_turns = 1;  // the source's contents say which limit it has
  CHECK(key == prepared_key(contents, other, tokenizer(), each, 7));
  Json pictures = contents;
  pictures["source"]["images"] = {{"content", "3"}};
  CHECK(key == prepared_key(pictures, plain, tokenizer(), each, 7));

  const image::PictureTokens by_size{.pinpoints = {{2, 2}}, .side = 1, .side_patches = 1};
  std::vector<Json> different = {key, prepared_key(contents, plain, tokenizer(), {.each = 5}, 7),
                                 prepared_key(contents, plain, tokenizer(), by_size, 7), prepared_key(pictures, plain, tokenizer(), by_size, 7),
                                 prepared_key(contents, plain, tokenizer().with_added(std::vector<std::string>{"<x>"}), each, 7)};
  const auto with = [&](auto change, std::uint64_t seed = 7) {
    options::JobConversation options = plain;
    change(options);
    different.push_back(prepared_key(contents, options, tokenizer(), each, seed));
  };
  with([](auto& o) { o.template_name = "llava_v1"; });
  with([](auto& o) { o.system = "none"; });
  with([](auto& o) { o.max_length = 100; });
  with([](auto& o) { o.image_position = "back"; });
  with([](auto& o) { o.image_position = "random"; });
  with([](auto& o) { o.image_position = "random"; }, 8);
  with([](auto& o) { o.systems = {{"One.", 1.0}, {"Two.", 1.0}}; });
  with([](auto& o) { o.systems = {{"One.", 1.0}, {"Two.", 1.0}}; }, 8);
  with([](auto& o) { o.form.emplace().user = "Q: "; });
  for (const char* what : {"path", "max_turns"}) {
    Json changed = contents;
    (what[0] == 'p' ? changed["source"][what] : changed[what]) = 9;
    different.push_back(prepared_key(changed, plain, tokenizer(), each, 7));
  }
  for (size_t i = 0; i < different.size(); ++i)
    for (size_t j = 0; j < i; ++j) CHECK(different[i] != different[j]);
}

TEST_CASE("a tokenizer's fingerprint is that of its copy on disk") {
  const TempFolder folder;
  tokenizer().save(folder.path() / "one");
  CHECK(text::Tokenizer::load(folder.path() / "one").fingerprint() == tokenizer().fingerprint());
  const text::Tokenizer other = text::Tokenizer::learn(std::vector<std::string>{"a blue blue"}, {.vocab_size = 262});
  CHECK(other.fingerprint() != tokenizer().fingerprint());
}

// SAUCIER_TOKENIZER=FOLDER SAUCIER_MIX665K=FOLDER test_data "speed of preparing samples and of reading prepared ones"
TEST_CASE("speed of preparing samples and of reading prepared ones", "[.][speed]") {
  const char* said = std::getenv("SAUCIER_TOKENIZER");
  const text::Tokenizer tokenizer = text::Tokenizer::load(said ? said : SAUCIER_SOURCE_DIR "/recipes/models/reader");
  std::vector<std::string> words;  // of English text: the guides of this project
  for (const auto& entry : fs::directory_iterator(SAUCIER_SOURCE_DIR "/docs")) {
    if (entry.path().extension() != ".md") continue;
    std::istringstream in(read_file(entry.path()));
    for (std::string word; in >> word;)
      if (word.find('<') == std::string::npos) words.push_back(word);
  }
  // As in LLaVA-Instruct: about three questions of ten words with answers of forty, and a picture of 576 tokens.
  const auto pictures = std::make_shared<FakePictures>();
  const auto alike = std::make_shared<FakeSource>(20'480, [&](std::int64_t i) {
    Rng rng(static_cast<std::uint64_t>(i), "test.speed");
    Sample sample{.id = std::to_string(i), .source = "s", .kind = "", .system = {}, .turns = {}, .pictures = {{fmt::format("{:012}.jpg", i), pictures}}};
    for (std::int64_t turn = 0, turns = rng.integer(1, 5); turn < 2 * turns; ++turn) {
      std::string text;
      auto at = static_cast<size_t>(rng.integer(0, static_cast<std::int64_t>(words.size()) - 100));
      for (std::int64_t n = turn % 2 ? rng.integer(20, 60) : rng.integer(5, 15); n > 0; --n) text += words[at++] + (n > 1 ? " " : "");
      sample.turns.push_back({turn % 2 ? Role::kAssistant : Role::kUser, std::move(text)});
    }
    return sample;
  });
  std::shared_ptr<const SampleSource> samples = alike;
  if (const char* mix = std::getenv("SAUCIER_MIX665K"))
    samples = open_rows("mix", {.format = "llava", .path = fmt::format("{}/llava_v1_5_mix665k.json", mix), .images = mix, .check_pictures = "none"});
  const std::int64_t count = samples->size();
  const TempFolder folder;
  const auto encode = encode_with(std::make_shared<ConversationWriter>(tokenizer, options::JobConversation{}, image::PictureTokens{.each = 576}, 1));
  const auto seconds = [](auto&& body) {  // of one core, whatever else runs
    const std::clock_t begin = std::clock();
    body();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  const double reading = seconds([&] { for (std::int64_t i = 0; i < count; ++i) samples->get(i); });
  const PreparedSource prepared(samples, encode, "s", folder.path(), Json("key"));
  const double made = seconds([&] { for (std::int64_t shard = 0; shard < prepared.shards(); ++shard) prepared.prepare(shard, kGoOn); });
  const auto most_memory = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
  };
  const long before_reading = most_memory();
  std::int64_t tokens = 0, bytes = 0;
  const auto read_all = [&](std::uint64_t pass) {  // in the order of a mixture
    for (std::int64_t i = 0; i < count; ++i) {
      const WrittenSample written = prepared.get(static_cast<std::int64_t>(permuted_index(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(count), 1, pass)));
      for (const Conversation& one : written.conversations) tokens += static_cast<std::int64_t>(one.encoded.ids.size());
    }
  };
  const double first = seconds([&] { read_all(0); });
  const double again = seconds([&] { read_all(1); });
  for (const auto& entry : fs::directory_iterator(prepared.folder())) bytes += static_cast<std::int64_t>(fs::file_size(entry.path()));
  const auto all = static_cast<double>(count);
  WARN(fmt::format("{:.0f} tokens and {:.0f} bytes a sample; prepared {:.0f} samples/s ({:.0f} without making the text), read {:.0f} samples/s with the check of "
                   "the files, {:.0f} after it; at most {} MB while preparing, {} MB with all files mapped",
                   static_cast<double>(tokens) / 2 / all, static_cast<double>(bytes) / all, all / made, all / (made - reading), all / first, all / again,
                   before_reading, most_memory()));
}
