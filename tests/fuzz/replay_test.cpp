// The fuzzer's target without a fuzzer: every seed, and seeds damaged at random, the same ones each time.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <utility>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/fuzz/recipe_input.h"

using namespace saucier;

namespace {

struct Here {  // recipes name folders of the repository
  Here() : before(fuzz::fs::current_path()) { fuzz::fs::current_path(SAUCIER_SOURCE_DIR); }
  ~Here() { fuzz::fs::current_path(before); }
  Here(const Here&) = delete;
  Here& operator=(const Here&) = delete;
  fuzz::fs::path before;
};

class Damage {
 public:
  explicit Damage(std::uint32_t seed) : random_(seed), seeds_(fuzz::seeds(SAUCIER_SOURCE_DIR)), words_(fuzz::words()) {}

  const std::vector<std::string>& seeds() const { return seeds_; }
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

  std::string edited(std::string text) {
    for (size_t edits = 1 + below(2) * below(4); edits > 0; --edits) {
      const size_t at = below(text.size() + 1), size = below(1 + below(40));
      switch (below(6)) {
        case 0: text.insert(at, words_[below(words_.size())]); break;
        case 1: text.erase(at, size); break;
        case 2: text.insert(at, text.substr(below(text.size()), size)); break;
        case 3: text.insert(at, 1, static_cast<char>(below(256))); break;
        case 4: {
          const std::string& other = seeds_[below(seeds_.size())];
          text.insert(at, other.substr(below(other.size()), size));
          break;
        }
        default:
          if (at < text.size()) text[at] = static_cast<char>(below(3) ? "=[]{}\"'.,#\n\\$ -_0"[below(17)] : below(256));
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
  std::vector<std::string> seeds_;
  std::vector<std::string> words_;
};

// Runs of every seed, damaged at random, and how many of them were still recipes.
std::pair<int, int> run_damaged(std::uint32_t number, int rounds_of_right, int rounds_of_wrong) {
  Damage damage(number);
  std::pair<int, int> count;
  for (const std::string& seed : damage.seeds()) {
    const int rounds = fuzz::run_input(seed) ? rounds_of_right : rounds_of_wrong;
    for (int round = 0; round < rounds; ++round, ++count.first) {
      const std::string text = damage.edited(seed);
      INFO(text);
      bool valid = false;
      REQUIRE_NOTHROW(valid = fuzz::run_input(text));
      count.second += valid;
    }
  }
  return count;
}

}  // namespace

TEST_CASE("every seed of the fuzzer runs") {
  const Here here;
  int right = 0;
  const std::vector<std::string> seeds = fuzz::seeds(SAUCIER_SOURCE_DIR);
  for (const std::string& seed : seeds) {
    INFO(seed);
    bool valid = false;
    CHECK_NOTHROW(valid = fuzz::run_input(seed));
    right += valid;
  }
  CHECK(seeds.size() >= 150);
  CHECK(right >= 15);
}

TEST_CASE("random edits of every seed end in a clean error or a valid recipe") {
  const Here here;
  const auto [runs, right] = run_damaged(20260601, 100, 15);
  CHECK(runs >= 4000);
  CHECK(right >= 100);  // damage that leaves nothing to load would test little
  CHECK(right <= runs - 1000);
}

// SAUCIER_FUZZ_ROUNDS=720, or 361-720 beside another process: about 14,000 runs a round.
TEST_CASE("the same for SAUCIER_FUZZ_ROUNDS rounds, each with other damage", "[.fuzz]") {
  const Here here;
  const char* given = std::getenv("SAUCIER_FUZZ_ROUNDS");
  const std::string said = given ? given : "1";
  const size_t dash = said.find('-');
  const int first = dash == std::string::npos ? 1 : std::stoi(said);
  const int last = std::stoi(dash == std::string::npos ? said : said.substr(dash + 1));
  long runs = 0;
  for (int round = first; round <= last; ++round) {
    runs += run_damaged(static_cast<std::uint32_t>(round), 100, 50).first;
    WARN("round " << round << ": " << runs << " runs so far");
  }
  CHECK(runs > 0);
}
