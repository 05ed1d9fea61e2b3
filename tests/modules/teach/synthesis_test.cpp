#include <catch2/catch.hpp>

#include <filesystem>
#include <set>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/teach/overview.h"
#include "modules/teach/synthesis.h"

using namespace saucier;
using namespace saucier::teach;

namespace {

// Three pictures: of a dog, a cat, and a dog with a cat.
class Pets : public data::DescribedPictures {
 public:
  std::int64_t size() const override { return 3; }
  data::CaptionsAndBoxes context(std::int64_t index) const override {
    data::CaptionsAndBoxes out{.id = "pet" + std::to_string(index), .captions = {"A pet sits there."}, .instances = {}};
    if (index != 1) out.instances.push_back({"dog", {0.1, 0.2, 0.3, 0.63}});
    if (index != 0) out.instances.push_back({"cat", {0.5, 0.2, 1, 0.6}});
    out.notes = {{"sign", "NO PETS"}};
    return out;
  }
  data::PictureRef picture(std::int64_t index) const override { return {.reference = std::to_string(index) + ".png", .source = nullptr}; }
};

// Replies as `say` makes them, the last prompt first: nobody may rely on the order.
class Says : public Writer {
 public:
  explicit Says(std::function<Reply(const Prompt&)> say) : say_(std::move(say)) {}
  std::string identity() const override { return R"({"kind":"says"})"; }
  void ask(std::span<const Prompt> prompts, const std::function<void(size_t, const Reply&)>& done) override {
    for (size_t i = prompts.size(); i-- > 0;) {
      asked.push_back(prompts[i]);
      done(i, say_(prompts[i]));
    }
  }
  std::vector<Prompt> asked;

 private:
  std::function<Reply(const Prompt&)> say_;
};

Reply text(std::string said) {
  return {.text = std::move(said), .finish = "stop", .model = "m", .usage = {.prompt_tokens = 10, .reply_tokens = 4, .cost = 0.5}};
}

SynthesisSettings of_kind(const std::string& kind) {
  SynthesisSettings settings;
  settings.options.kinds = {{kind, 1}};
  settings.seed = 7;
  return settings;
}

std::vector<Draft> written(const SynthesisSettings& settings, Writer& teacher, Writer* blind = nullptr, Writer* judge = nullptr) {
  const Synthesis synthesis(std::make_shared<Pets>(), settings);
  std::vector<Draft> drafts;
  std::int64_t replies = 0;
  const options::TeacherOptions usual;
  synthesis.write({&teacher, &usual}, {blind, &usual}, {judge, &usual}, [&](std::int64_t n) { replies += n; }, [&](const Draft& draft) { drafts.push_back(draft); });
  CHECK(replies == synthesis.size());
  REQUIRE(static_cast<std::int64_t>(drafts.size()) == synthesis.size());
  return drafts;
}

std::string last(const Prompt& prompt) { return prompt.messages.back().text; }

std::filesystem::path folder_of(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / ("saucier-" + name + std::to_string(getpid()));
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace

TEST_CASE("a teacher gets captions, and boxes and notes where its kind has them") {
  Says teacher([](const Prompt&) { return text("It is a fine day."); });
  written(of_kind("conversation"), teacher);
  CHECK(last(teacher.asked.back()) == "A pet sits there.");
  teacher.asked.clear();
  written(of_kind("detail"), teacher);
  CHECK(last(teacher.asked.back()) == "A pet sits there.\n\ndog: [0.1, 0.2, 0.3, 0.63]\n\nsign: NO PETS");
  const Prompt& prompt = teacher.asked.back();
  CHECK(prompt.messages.front().role == "system");
  for (size_t i = 1; i < prompt.messages.size(); ++i) CHECK(prompt.messages[i].role == (i % 2 == 1 ? "user" : "assistant"));
}

TEST_CASE("the ready kinds read their own examples, which pass the filters") {
  for (const WritingKind& kind : ready_kinds()) {
    INFO(kind.name);
    REQUIRE(kind.examples.size() >= 2);
    for (const auto& example : kind.examples) {
      const Parsed parsed = parse_reply(kind.layout, example.reply);
      CHECK(parsed.rejection.reason == "");
      CHECK(mention_in(example.reply) == "");
      CHECK((example.context.find(": [0") != std::string::npos) == kind.boxes);
    }
    CHECK(kind.questions.empty() == (kind.layout != Layout::kAnswer));
  }
}

TEST_CASE("as many pairs are asked for and shown as the stage wants, and no more are kept") {
  const std::string four = write_pairs({{"What is a?", "It is A."}, {"What is b?", "It is B."}, {"What is c?", "It is C."}, {"What is d?", "It is D."}});
  Says teacher([&](const Prompt&) { return text(four); });
  SynthesisSettings settings = of_kind("conversation");
  settings.options.max_turns = 2;
  settings.options.filters.near_duplicates = 0;
  const auto drafts = written(settings, teacher);
  for (const Draft& draft : drafts) CHECK(draft.exchanges.size() == 2);
  CHECK(teacher.asked[0].messages[0].text.find("answers: two question-answer pairs") != std::string::npos);
  CHECK(parse_reply(Layout::kDialogue, teacher.asked[0].messages[2].text).exchanges.size() == 2);
}

TEST_CASE("each sample has a seed of its own, the same every time") {
  const Synthesis one(std::make_shared<Pets>(), of_kind("detail")), other(std::make_shared<Pets>(), of_kind("detail"));
  CHECK(one.begin(0).prompt.seed == other.begin(0).prompt.seed);
  CHECK(one.begin(0).prompt.seed != one.begin(1).prompt.seed);
}

TEST_CASE("what is kept and what is rejected does not hang on the order of replies") {
  Says teacher([](const Prompt& prompt) {
    if (last(prompt).find("cat") == std::string::npos) return text("A dog sits there and looks about.");
    return last(prompt).find("dog") == std::string::npos ? text("A dog sits there, all alone.") : text("A dog sits there and looks about.");
  });
  const auto drafts = written(of_kind("detail"), teacher);
  CHECK(drafts[0].rejection.reason == "");
  CHECK(drafts[1].rejection.reason == "absent-object");
  CHECK(drafts[1].rejection.detail == "pair 1: 'dog' is not in the picture");
  CHECK(drafts[2].rejection.reason == "near-duplicate");
  CHECK(drafts[2].rejection.detail == "of 'pet0#0'");
}

TEST_CASE("failures and cut replies are rejections of their own") {
  Says teacher([](const Prompt& prompt) {
    if (last(prompt).find("cat") == std::string::npos) return Reply{.text = {}, .failure = "http-400", .detail = "too long"};
    Reply cut = text("A cat sits");
    cut.finish = "length";
    return cut;
  });
  const auto drafts = written(of_kind("detail"), teacher);
  CHECK(drafts[0].rejection.reason == "http-400");
  CHECK(drafts[0].rejection.detail == "too long");
  CHECK(drafts[1].rejection.reason == "cut-off");
}

TEST_CASE("questions that are answered right without the picture teach nothing") {
  Says teacher([](const Prompt& prompt) {
    return text(write_pairs({{"What colour is the sky?", "Blue."}, {"Who sits there?", last(prompt) == "A pet sits there." ? "A pet sits." : ""}}));
  });
  Says blind([](const Prompt& prompt) { return text(last(prompt).find("sky") != std::string::npos ? "Blue, I guess." : "A man."); });
  SynthesisSettings settings = of_kind("conversation");
  settings.options.filters.near_duplicates = 0;
  for (const Draft& draft : written(settings, teacher, &blind)) {
    CHECK(draft.rejection.reason == "");
    CHECK(draft.asked["blind"]["right"] == 1);
    CHECK(draft.asked["blind"]["answers"] == Json({"Blue, I guess.", "A man."}));
    CHECK(draft.further.cost == 1);
  }
  settings.options.filters.blind_share = 0.5;
  for (const Draft& draft : written(settings, teacher, &blind)) CHECK(draft.rejection.reason == "answered-blind");
  for (const Prompt& prompt : blind.asked)
    for (const Message& message : prompt.messages) CHECK(message.text.find("A pet sits there") == std::string::npos);  // the question alone
}

TEST_CASE("a judge's score decides, and one that cannot be read rejects") {
  Says teacher([](const Prompt& prompt) { return text(last(prompt).find("cat") == std::string::npos ? "A dog sits there." : last(prompt).find("dog") == std::string::npos ? "A cat sits there." : "Both sit there."); });
  Says judge([](const Prompt& prompt) {
    if (last(prompt).find("A dog sits") != std::string::npos) return text("Score: 8");
    return text(last(prompt).find("A cat sits") != std::string::npos ? "It is fine.\n**Score**: 5.5/10" : "Good!");
  });
  const auto drafts = written(of_kind("detail"), teacher, nullptr, &judge);
  CHECK(drafts[0].rejection.reason == "");
  CHECK(drafts[0].asked["judge"]["score"] == 8);
  CHECK(drafts[1].rejection.reason == "low-score");
  CHECK(drafts[1].rejection.detail == "5.5 of at least 6");
  CHECK(drafts[2].rejection.reason == "no-score");
  CHECK(last(judge.asked.back()).find("dog: [0.1, 0.2, 0.3, 0.63]") != std::string::npos);
}

TEST_CASE("answers are compared by their words, scores are read where they stand") {
  CHECK(same_answer("Yes", "yes!"));
  CHECK(same_answer("Yes", "Yes, there is."));
  CHECK_FALSE(same_answer("Yes", "Yesterday"));
  CHECK_FALSE(same_answer("It is a big brown dog", "It is a big brown dog with a hat"));
  CHECK_FALSE(same_answer("", ""));
  CHECK(read_score("Score: 7") == 7);
  CHECK(read_score("9/10") == 9);
  CHECK(read_score("2 reasons. Score: 4") == 4);
  CHECK(read_score("Score: 11") < 0);
  CHECK(read_score("Score: -3") < 0);
  CHECK(read_score("good") < 0);
}

TEST_CASE("a sample's provenance says where it is from") {
  Says teacher([](const Prompt&) { return text("A pet sits there in peace."); });
  const auto drafts = written(of_kind("detail"), teacher);
  const Json line = drafts[0].provenance(parse_json(teacher.identity(), "identity"));
  CHECK(line["id"] == "pet0#0");
  CHECK(line["picture"] == "0.png");
  CHECK(line["kind"] == "detail");
  CHECK(line["teacher"]["kind"] == "says");
  CHECK(line["reply"] == "A pet sits there in peace.");
  CHECK(line["verdict"] == "kept");
  CHECK(line["tokens"] == Json({{"prompt", 10}, {"reply", 4}}));
  CHECK(line["cost"] == 0.5);
  CHECK(line["context"].get<std::string>().size() == 64);
  CHECK(line["context"] != drafts[1].provenance({})["context"]);
  const data::Sample sample = drafts[0].sample();
  CHECK(sample.turns[0].text.starts_with("<image>\n"));
  CHECK(sample.turns[1].text == "A pet sits there in peace.");
}

TEST_CASE("a folder in LLaVA's layout is a kind of the recipe's own") {
  const auto folder = folder_of("kind");
  write_file_atomic(folder / "system_message.txt", "Write {turns} riddles.\n");
  write_file_atomic(folder / "000_caps.txt", "A hat.\n");
  write_file_atomic(folder / "000_conv.txt", "Question:\nWhat has a brim?\n===\nAnswer:\nThe hat.\n");
  write_file_atomic(folder / "questions.txt", "Riddle me.\n\nWhat is it?\n");
  options::KindOptions options{.prompts = folder.string(), .system = {}, .layout = "answer", .boxes = {}, .questions = {}};
  const WritingKind kind = writing_kind("riddle", &options);
  CHECK(kind.questions == std::vector<std::string>{"Riddle me.", "What is it?"});
  const Prompt prompt = kind.prompt(Pets().context(0), 3);
  REQUIRE(prompt.messages.size() == 4);
  CHECK(prompt.messages[0].text == "Write three riddles.");
  CHECK(prompt.messages[1].text == "A hat.");
  CHECK(prompt.messages[2].text == "Question:\nWhat has a brim?\n===\nAnswer:\nThe hat.");

  options.system = "Write a riddle.";
  CHECK(writing_kind("riddle", &options).version() != kind.version());
  write_file_atomic(folder / "000_conv.txt", "Another one.");
  options.system.clear();
  CHECK(writing_kind("riddle", &options).version() != kind.version());

  std::filesystem::remove(folder / "000_conv.txt");
  CHECK_THROWS_WITH(writing_kind("riddle", &options), Catch::Contains("000_conv.txt"));
  std::filesystem::remove_all(folder);
  CHECK_THROWS_WITH(writing_kind("riddle", &options), Catch::Contains("is not a folder of prompts"));
}

TEST_CASE("a kind that says too little is an error, a ready one changes where it is told") {
  const options::KindOptions nothing;
  CHECK_THROWS_WITH(writing_kind("riddle", &nothing), "nothing says what is to be written");
  const options::KindOptions no_questions{.prompts = {}, .system = "Write.", .layout = "answer", .boxes = {}, .questions = {}};
  CHECK_THROWS_WITH(writing_kind("riddle", &no_questions), "its answers have no questions");
  CHECK_THROWS_WITH(writing_kind("convresation", nullptr), "there is no kind 'convresation'");
  const options::KindOptions with_boxes{.prompts = {}, .system = {}, .layout = {}, .boxes = true, .questions = {}};
  const WritingKind changed = writing_kind("conversation", &with_boxes), ready = writing_kind("conversation", nullptr);
  CHECK(changed.boxes);
  CHECK_FALSE(ready.boxes);
  CHECK(changed.system == ready.system);
}

TEST_CASE("an overview counts, and draws some of each to look at") {
  Says teacher([](const Prompt& prompt) { return text(prompt.seed % 3 == 0 ? "I'm sorry, I cannot see it." : "A pet sits there in peace."); });
  SynthesisSettings settings = of_kind("detail");
  settings.options.samples_per_picture = 20;
  settings.options.filters.near_duplicates = 0;
  const auto drafts = written(settings, teacher);
  Overview one(1), same(1), other(2);
  std::int64_t kept = 0;
  for (const Draft& draft : drafts) {
    for (Overview* overview : {&one, &same, &other}) overview->add(draft);
    kept += !draft.rejection;
  }
  const Json json = one.json();
  CHECK(json["verdicts"]["kept"] == kept);
  CHECK(json["verdicts"]["refusal"] == 60 - kept);
  CHECK(json["kinds"]["detail"]["samples"] == kept);
  CHECK(json["kinds"]["detail"]["answer_words"] == 6 * kept);
  CHECK(one.kept().size() == Overview::kShown);
  CHECK(one.rejected().size() == Overview::kShown);
  CHECK(json["shown"].size() == 2 * Overview::kShown);
  CHECK(json == same.json());
  CHECK(json != other.json());
  std::set<std::string> ids;
  for (const Draft& draft : one.kept()) ids.insert(draft.id);
  CHECK(ids.size() == Overview::kShown);  // each once
}
