#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "modules/base/error.h"
#include "modules/bench/catalogue.h"
#include "modules/bench/pope.h"
#include "modules/bench/statistics.h"
#include "modules/data/scenes/questions.h"

using namespace saucier;
using bench::Item;
using bench::Judged;

namespace {

constexpr int kPictures = 60;

options::EvaluateOptions some_options(std::int64_t pictures = kPictures, std::int64_t first = 0) {
  options::EvaluateOptions options;
  options.pictures = pictures;
  options.first = first;
  return options;
}

std::vector<Item> items_of(const std::string& name, const options::EvaluateOptions& options = some_options()) {
  return bench::make_scene_benchmark(name, options)->items();
}

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const size_t begin = text.find(before);
  REQUIRE(begin != std::string::npos);
  const size_t end = text.find(after, begin + before.size());
  REQUIRE(end != std::string::npos);
  return text.substr(begin + before.size(), end - begin - before.size());
}

// What is where, read from the scene itself.
struct Pictures {
  std::shared_ptr<const data::SceneWorld> world = data::SceneWorld::make(some_options().scenes);
  std::vector<std::string> names(const std::string& reference) const {
    std::vector<std::string> out;
    for (const data::Object& object : world->find(reference).objects) out.push_back(world->kinds()[static_cast<size_t>(object.kind)].name);
    return out;
  }
};

std::map<std::string, double> values(const std::vector<bench::Score>& scores) {
  std::map<std::string, double> out;
  for (const bench::Score& score : scores) out[score.metric] = score.value;
  return out;
}

std::vector<Judged> answer_all(const bench::Benchmark& benchmark, const std::vector<Item>& items, auto answer) {
  std::vector<Judged> judged;
  for (const Item& item : items) judged.push_back(benchmark.judge(item, answer(item)));
  return judged;
}

}  // namespace

TEST_CASE("POPE reads an answer as LLaVA's eval_pope.py does") {
  const auto pope = bench::make_scene_benchmark("scenes-pope", some_options(2));
  const std::vector<std::pair<std::string, std::string>> goldens = {
      {"Yes", "yes"}, {"No", "no"}, {"No, there is no dog.", "no"}, {"Yes. No", "yes"}, {"I cannot see it", "yes"},
      {"There is not a dog", "no"}, {"NO", "yes"}, {"no.", "no"}, {"nope", "yes"}, {"", "yes"}, {"no,", "no"}, {"Well no", "no"},
      {"Yes  no", "no"}};
  for (const auto& [answer, read] : goldens) {
    INFO(answer);
    const Item item{.id = "", .group = "", .category = "random", .question = "", .truth = "no", .pictures = {}};
    const Judged judged = pope->judge(item, answer);
    CHECK(judged.normalised == read);
    CHECK((judged.credit == 1) == (read == "no"));
    CHECK(judged.answer == answer);
  }
}

TEST_CASE("POPE asks about as many absent kinds as present ones, from the three categories") {
  const Pictures pictures;
  const auto items = items_of("scenes-pope");
  // Counted here from the scenes, to judge the order of the negatives.
  std::map<std::string, int> frequency;
  std::map<std::pair<std::string, std::string>, int> together;
  std::map<std::string, std::set<std::string>> there;
  for (int i = 0; i < kPictures; ++i) {
    const std::string reference = "scene:test:" + std::to_string(i);
    const auto names = pictures.names(reference);
    there[reference] = {names.begin(), names.end()};
    for (const auto& a : there[reference]) {
      ++frequency[a];
      for (const auto& b : there[reference]) together[{a, b}] += a != b;
    }
  }
  std::map<std::string, std::map<std::string, std::map<std::string, std::vector<std::string>>>> asked;  // picture, category, truth
  int yes = 0;
  for (const Item& item : items) {
    std::string kind;  // "Is there a fox in the picture?"
    for (const data::Kind& known : pictures.world->kinds())
      if (item.question == data::existence_question(known.name)) kind = known.name;
    REQUIRE(!kind.empty());
    CHECK(there.at(item.pictures.front()).contains(kind) == (item.truth == "yes"));
    yes += item.truth == "yes";
    asked[item.pictures.front()][item.category][item.truth].push_back(kind);
  }
  CHECK(yes * 2 == static_cast<int>(items.size()));
  CHECK(asked.size() == kPictures);
  for (auto& [picture, categories] : asked) {
    INFO(picture);
    REQUIRE(categories.size() == 3);
    const size_t pairs = std::min<size_t>(3, there.at(picture).size());
    const auto company = [&](const std::string& kind) {
      int sum = 0;
      for (const auto& own : there.at(picture)) sum += together[{own, kind}];
      return sum;
    };
    for (auto& [category, truths] : categories) {
      CHECK(truths["yes"].size() == pairs);
      CHECK(truths["no"].size() == pairs);
      CHECK(std::set<std::string>(truths["no"].begin(), truths["no"].end()).size() == pairs);
    }
    CHECK(categories["random"]["yes"] == categories["adversarial"]["yes"]);
    // No absent kind that was left out is more popular, or more often in this company, than one that was taken.
    for (const data::Kind& kind : pictures.world->kinds()) {
      if (there.at(picture).contains(kind.name)) continue;
      const auto left_out = [&](const std::string& category) {
        const auto& taken = categories[category]["no"];
        return std::find(taken.begin(), taken.end(), kind.name) == taken.end();
      };
      if (left_out("popular"))
        for (const auto& taken : categories["popular"]["no"]) CHECK(frequency[taken] >= frequency[kind.name]);
      if (left_out("adversarial"))
        for (const auto& taken : categories["adversarial"]["no"]) CHECK(company(taken) >= company(kind.name));
    }
    for (size_t i = 1; i < pairs; ++i) {
      CHECK(frequency[categories["popular"]["no"][i - 1]] >= frequency[categories["popular"]["no"][i]]);
      CHECK(company(categories["adversarial"]["no"][i - 1]) >= company(categories["adversarial"]["no"][i]));
    }
  }
}

TEST_CASE("POPE's score is the mean F1 of its categories") {
  const auto pope = bench::make_scene_benchmark("scenes-pope", some_options(2));
  std::vector<Item> items;
  std::vector<Judged> judged;
  const auto put = [&](const char* category, const char* truth, const char* said) {
    items.push_back({.id = "", .group = std::to_string(items.size() % 3), .category = category, .question = "", .truth = truth, .pictures = {}});
    judged.push_back({said, said, std::string(truth) == said ? 1.0 : 0.0});
  };
  // random: tp 2, fp 1, fn 0 -> F1 4/5; popular: tp 1, fp 0, fn 1 -> 2/3; adversarial: tp 0, fp 1, fn 1, tn 1 -> 0.
  put("random", "yes", "yes"), put("random", "yes", "yes"), put("random", "no", "yes");
  put("popular", "yes", "yes"), put("popular", "yes", "no");
  put("adversarial", "yes", "no"), put("adversarial", "no", "yes"), put("adversarial", "no", "no");
  const auto scores = bench::pope_scores(items, judged);
  auto value = values(scores);
  CHECK(scores.front().metric == pope->main_metric());
  CHECK(value["f1"] == Approx((0.8 + 2.0 / 3 + 0) / 3));
  CHECK(value["random.f1"] == Approx(0.8));
  CHECK(value["popular.f1"] == Approx(2.0 / 3));
  CHECK(value["adversarial.f1"] == 0);
  CHECK(value["accuracy"] == Approx(4.0 / 8));
  CHECK(value["precision"] == Approx(3.0 / 5));
  CHECK(value["recall"] == Approx(3.0 / 5));
  CHECK(value["yes_ratio"] == Approx(5.0 / 8));
  CHECK(scores.front().n == 8);
  CHECK(pope->chance() == 0.5);
  CHECK(pope->majority() == Approx(2.0 / 3));  // always yes: precision a half, recall one
}

TEST_CASE("perfect and constant answers score as they must") {
  for (const std::string& name : bench::scene_benchmark_names()) {
    INFO(name);
    const auto benchmark = bench::make_scene_benchmark(name, some_options(20));
    const auto items = benchmark->items();
    REQUIRE_FALSE(items.empty());
    const auto perfect = benchmark->score(answer_all(*benchmark, items, [](const Item& item) {
      return item.truth == "yes" ? "Yes" : item.truth == "no" ? "No" : item.truth + ".";
    }));
    CHECK(perfect.front().metric == benchmark->main_metric());
    CHECK(perfect.front().value == Approx(1));
    CHECK(perfect.front().stderr_value == Approx(0).margin(1e-12));
    CHECK(benchmark->majority() < 0.9);
    CHECK(benchmark->setting()["pictures"] == 20);
    CHECK(benchmark->setting()["generator_version"] == data::kGeneratorVersion);
  }
  CHECK_THROWS_WITH(bench::make_scene_benchmark("scenes-pop", some_options(1)), "unknown benchmark 'scenes-pop'");
}

TEST_CASE("the jackknife leaves out one picture at a time") {
  std::vector<Item> items;
  std::vector<Judged> judged;
  const std::vector<std::vector<bool>> right = {{true, true}, {false}, {true, false, true}};
  for (size_t g = 0; g < right.size(); ++g)
    for (const bool correct : right[g]) {
      items.push_back({.id = "", .group = std::to_string(g), .category = "", .question = "", .truth = "", .pictures = {}});
      judged.push_back({"", "", correct ? 1.0 : 0.0});
    }
  const auto score = bench::mean_credits("accuracy", items, judged).front();
  CHECK(score.value == Approx(4.0 / 6));
  const double without[] = {2.0 / 4, 4.0 / 5, 2.0 / 3};
  const double mean = (without[0] + without[1] + without[2]) / 3;
  double squares = 0;
  for (const double value : without) squares += (value - mean) * (value - mean);
  CHECK(score.stderr_value == Approx(std::sqrt(2.0 / 3 * squares)));
  CHECK(score.n == 6);

  // One question a picture: the jackknife of a mean is its textbook standard error.
  for (size_t i = 0; i < items.size(); ++i) items[i].group = std::to_string(i);
  const auto plain = bench::mean_credits("accuracy", items, judged).front();
  CHECK(plain.stderr_value == Approx(std::sqrt((4.0 / 6) * (2.0 / 6) / 5)));

  for (Item& item : items) item.group = "one";
  CHECK(bench::mean_credits("accuracy", items, judged).front().stderr_value == 0);
}

TEST_CASE("counts are the number of boxes") {
  const Pictures pictures;
  std::map<std::string, int> answers;
  int of_kind = 0;
  for (const Item& item : items_of("scenes-count")) {
    const auto names = pictures.names(item.pictures.front());
    if (item.category == "total") {
      CHECK(item.question == data::total_question());
      CHECK(item.truth == std::to_string(names.size()));
      continue;
    }
    int found = -1;
    for (const data::Kind& kind : pictures.world->kinds())
      if (item.question == data::count_question(kind.plural)) found = static_cast<int>(std::count(names.begin(), names.end(), kind.name));
    CHECK(item.truth == std::to_string(found));
    ++answers[item.truth];
    ++of_kind;
  }
  CHECK(of_kind == kPictures);
  CHECK(answers["1"] < of_kind * 3 / 4);  // of all kinds shown more than three quarters stand once: balanced against it
}

TEST_CASE("counts are read as digits or words") {
  const auto benchmark = bench::make_scene_benchmark("scenes-count", some_options(2));
  const Item item{.id = "", .group = "", .category = "kind", .question = "", .truth = "2", .pictures = {}};
  for (const char* answer : {"2", "two", "Two.", " 2 foxes", "(2)"}) CHECK(benchmark->judge(item, answer).credit == 1);
  for (const char* answer : {"3", "", "There are 2", "22", "1, no, 2"}) CHECK_FALSE(benchmark->judge(item, answer).credit == 1);
  auto narrow = some_options(2);
  CHECK(benchmark->chance() == Approx(1.0 / 6));
  narrow.scenes.min_objects = 3;
  narrow.scenes.max_objects = 4;
  CHECK(bench::make_scene_benchmark("scenes-count", narrow)->chance() == Approx((1.0 / 4 + 1.0 / 2) / 2));
}

TEST_CASE("positions follow from the boxes, of objects that stand once") {
  const Pictures pictures;
  std::map<std::string, int> answers;
  int all = 0;
  for (const Item& item : items_of("scenes-position", some_options(120))) {
    const std::string a = between(item.question, "Where is the ", " relative to the ");
    const std::string b = between(item.question, " relative to the ", "?");
    std::vector<data::Box> of_a, of_b;
    for (const data::Object& object : pictures.world->find(item.pictures.front()).objects) {
      const std::string& name = pictures.world->kinds()[static_cast<size_t>(object.kind)].name;
      if (name == a) of_a.push_back(object.box);
      if (name == b) of_b.push_back(object.box);
    }
    REQUIRE(of_a.size() == 1);
    REQUIRE(of_b.size() == 1);
    const double dx = of_a[0].center_x() - of_b[0].center_x(), dy = of_a[0].center_y() - of_b[0].center_y();
    const std::string truth = std::abs(dx) > std::abs(dy) ? (dx < 0 ? "left" : "right") : (dy < 0 ? "above" : "below");
    CHECK(item.truth == truth);
    ++answers[item.truth];
    ++all;
  }
  CHECK(all > 60);
  CHECK(answers.size() == 4);
  for (const auto& [answer, count] : answers) CHECK(std::abs(count - all / 4.0) <= 3);  // as even as the pictures allow
}

TEST_CASE("of four choices exactly one is in the picture, at any letter") {
  const Pictures pictures;
  std::map<std::string, int> letters;
  const auto items = items_of("scenes-choice", some_options(200));
  CHECK(items.size() == 200);
  for (const Item& item : items) {
    const auto names = pictures.names(item.pictures.front());
    std::string right;
    for (char letter = 'A'; letter <= 'D'; ++letter) {
      const std::string option = between(item.question, std::string("\n") + letter + ". ", "\n");
      if (std::find(names.begin(), names.end(), option) != names.end()) right += static_cast<char>(letter - 'A' + 'a');
    }
    CHECK(item.truth == right);
    ++letters[right];
  }
  for (const char* letter : {"a", "b", "c", "d"}) CHECK(letters[letter] >= 30);
  const auto benchmark = bench::make_scene_benchmark("scenes-choice", some_options(1));
  const Item item{.id = "", .group = "", .category = "", .question = "", .truth = "b", .pictures = {}};
  for (const char* answer : {"B", "b", "B.", "(B) fox", "B. fox"}) CHECK(benchmark->judge(item, answer).credit == 1);
  for (const char* answer : {"A", "", "the answer is B", "C or B"}) CHECK_FALSE(benchmark->judge(item, answer).credit == 1);
}

TEST_CASE("items are a function of the options") {
  const auto text = [](const std::vector<Item>& items) {
    std::string out;
    for (const Item& item : items) out += item.id + "|" + item.category + "|" + item.question + "|" + item.truth + "|" + item.pictures.front() + "\n";
    return out;
  };
  for (const std::string& name : bench::scene_benchmark_names()) {
    INFO(name);
    const auto items = items_of(name, some_options(12));
    CHECK(text(items) == text(items_of(name, some_options(12))));
    CHECK(text(items) != text(items_of(name, some_options(12, 12))));
    auto other = some_options(12);
    other.scenes.split = "validation";
    CHECK(text(items) != text(items_of(name, other)));
    auto few = some_options(12);
    few.scenes.objects = {"fox", "owl", "mango", "banana", "key", "bell", "rose", "frog"};
    CHECK(text(items) != text(items_of(name, few)));

    std::set<std::string> ids;
    for (const Item& item : items) {
      CHECK(ids.insert(item.id).second);
      CHECK(item.id.starts_with(item.group + "#"));
      CHECK(item.pictures.front() == "scene:test:" + item.group.substr(std::string("test-").size()));
    }
    CHECK(items.front().id.ends_with("#0"));
  }
}

TEST_CASE("the majority answers each kind of question for itself") {
  const auto benchmark = bench::make_scene_benchmark("scenes-count", some_options(40));
  std::map<std::string, std::map<std::string, int>> truths;
  for (const Item& item : benchmark->items()) ++truths[item.category][item.truth];
  int best = 0;
  for (const auto& [category, counts] : truths)
    best += std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->second;
  CHECK(benchmark->majority() == Approx(best / static_cast<double>(benchmark->items().size())));
}

TEST_CASE("a limit leaves whole pictures in, the same ones for a seed") {
  const auto all = bench::make_scene_benchmark("scenes-pope", some_options(40));
  const auto some = bench::make_scene_benchmark("scenes-pope", some_options(40));
  const auto again = bench::make_scene_benchmark("scenes-pope", some_options(40));
  const auto other = bench::make_scene_benchmark("scenes-pope", some_options(40));
  some->keep(100, 0), again->keep(100, 0), other->keep(100, 1);
  CHECK(some->items().size() >= 100);
  CHECK(some->items().size() < 100 + 18);
  const auto ids = [](const bench::Benchmark& benchmark) {
    std::vector<std::string> out;
    for (const Item& item : benchmark.items()) out.push_back(item.id);
    return out;
  };
  CHECK(ids(*some) == ids(*again));
  CHECK(ids(*some) != ids(*other));
  std::map<std::string, std::pair<int, int>> sizes;
  for (const Item& item : all->items()) ++sizes[item.group].first;
  for (const Item& item : some->items()) ++sizes[item.group].second;
  for (const auto& [picture, size] : sizes) CHECK((size.second == 0 || size.second == size.first));
  for (const Item& item : some->items()) CHECK(all->items()[item.number].id == item.id);
  some->keep(1'000'000, 0);
  CHECK(ids(*some) == ids(*again));
}
