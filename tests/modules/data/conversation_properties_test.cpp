// What holds for every conversation, on random ones: the seed is fixed.
#include <algorithm>

#include "modules/base/rng.h"
#include "tests/modules/data/dialogue.h"

using namespace saucier;
using namespace saucier::data;

namespace {

std::string random_text(Rng& rng) {
  static const std::vector<std::string> words = {"red", "apple", "Ä", "鸟", "a:", "7", "\n", "x_y", " ", "🍎", "\u00a0", "it's", "(", "e"};
  std::string out;
  for (std::int64_t n = rng.integer(1, 12); n > 0; --n) out += rng.pick(words) + (rng.chance(0.5) ? " " : "");
  return text::strip(out).empty() ? "text" : out;
}

Sample random_sample(std::uint64_t number, bool several_pictures = true) {
  Rng rng(11, "random_sample", number);
  Sample sample{.id = std::to_string(number), .source = "s", .kind = "", .system = {}, .turns = {}, .pictures = {}};
  const std::int64_t pairs = rng.integer(1, 7);
  for (std::int64_t i = 0; i < pairs; ++i) {
    std::string question = random_text(rng);
    if (rng.chance(several_pictures ? 0.3 : i == 0 ? 0.5 : 0)) {
      question = rng.chance(0.5) ? "<image>\n" + question : question + "\n<image>";
      sample.pictures.push_back(picture(std::to_string(sample.pictures.size())));
    }
    sample.turns.push_back({Role::kUser, question});
    sample.turns.push_back({Role::kAssistant, random_text(rng)});
  }
  if (rng.chance(0.2)) sample.system = random_text(rng);
  return sample;
}

// Ids that are learned, decoded, and the others.
std::pair<std::string, std::string> decoded(const text::Encoded& encoded) {
  std::vector<std::int32_t> learned, rest;
  for (size_t i = 0; i < encoded.ids.size(); ++i) {
    if (encoded.labels[i] != text::kIgnore) CHECK(encoded.labels[i] == encoded.ids[i]);
    (encoded.labels[i] == text::kIgnore ? rest : learned).push_back(encoded.ids[i]);
  }
  return {tokenizer().decode(learned, false), tokenizer().decode(rest, false)};
}

std::string without_space(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string without_markers(std::string text) {
  for (size_t at = text.find(kImageMarker); at != std::string::npos; at = text.find(kImageMarker)) text.erase(at, kImageMarker.size());
  return std::string(text::strip(text));
}

void add_pairs(Pairs& out, const Sample& sample) {
  for (size_t i = 0; i < sample.turns.size(); i += 2) out.emplace_back(without_markers(sample.turns[i].text), sample.turns[i + 1].text);
}

void add_pairs(Pairs& out, const Conversation& conversation) {
  for (size_t i = 0; i < conversation.messages.size(); i += 2) out.emplace_back(without_markers(conversation.messages[i].text), conversation.messages[i + 1].text);
}

}  // namespace

TEST_CASE("every character of an answer is learned exactly once, and nothing else ever") {
  for (const auto& [name, form] : text::templates()) {
    if (!form.questions) continue;
    for (std::uint64_t number = 0; number < 200; ++number) {
      const Sample sample = random_sample(number);
      INFO(name << ", sample " << number);
      const Conversation all = written(sample, {.template_name = name});
      std::string answers, last, rest;
      for (const Turn& turn : sample.turns) {
        if (turn.role == Role::kUser) continue;
        const std::string text = form.answer_start + (form.trim ? std::string(text::strip(turn.text)) : turn.text) + form.assistant_end;
        answers += text;
        last = text;
      }
      for (const text::Piece& piece : all.pieces)
        if (!piece.learned) rest += piece.text;
      CHECK(decoded(all.encoded).first == answers);
      CHECK(without_space(decoded(all.encoded).second) == without_space("<s>" + rest));  // "<image>" takes the space in front of it
      CHECK(decoded(written(sample, {.template_name = name, .learn = "last_answer"}).encoded).first == last);
      // Everything: all but the beginning and the pictures.
      std::string pictures = "<s>";
      for (size_t i = 0; i < all.pictures.size(); ++i) pictures += kImageMarker;
      CHECK(decoded(written(sample, {.template_name = name, .learn = "all"}).encoded).second == pictures);
      // With their labels: the same and no less than the answers, whatever it takes along.
      const Conversation turns = written(sample, {.template_name = name, .learn = "turns"});
      REQUIRE(turns.encoded.ids == all.encoded.ids);
      for (size_t i = 0; i < turns.encoded.ids.size(); ++i)
        if (all.encoded.labels[i] != text::kIgnore) CHECK(turns.encoded.labels[i] == all.encoded.labels[i]);
    }
  }
}

TEST_CASE("splitting then joining gives the conversation back") {
  for (std::uint64_t number = 0; number < 500; ++number) {
    const Sample sample = random_sample(number);
    INFO("sample " << number);
    // At turns: the markers in front are those of the pictures shown before.
    for (const std::int64_t most : {1, 2, 3}) {
      std::vector<Turn> joined;
      size_t shown = 0;
      for (const Sample& part : limit_turns(sample, {.max_turns = most})) {
        CHECK(part.turns.size() <= static_cast<size_t>(2 * most));
        std::string front;
        for (size_t i = 0; i < shown; ++i) front += "<image>\n";
        REQUIRE(part.turns[0].text.starts_with(front));
        size_t here = 0;
        for (size_t i = 0; i < part.turns.size(); ++i) {
          joined.push_back(part.turns[i]);
          if (i == 0) joined.back().text.erase(0, front.size());
          here += count_markers(joined.back().text);
        }
        shown += here;
        REQUIRE(part.pictures.size() == shown);
        for (size_t i = 0; i < shown; ++i) CHECK(part.pictures[i].reference == sample.pictures[i].reference);
      }
      REQUIRE(joined.size() == sample.turns.size());
      for (size_t i = 0; i < joined.size(); ++i) CHECK((joined[i].text == sample.turns[i].text && joined[i].role == sample.turns[i].role));
    }
    // At the length: with room for every pair alone.
    std::int64_t longest = 0;
    for (const Sample& part : limit_turns(sample, {.max_turns = 1})) longest = std::max(longest, written(part, kBare).length);
    Pairs joined, original;
    const WrittenSample split = write(sample, {.system = "none", .sample_system = "ignore", .max_length = longest + 20, .length_overflow = "split"});
    CHECK(split.drops.empty());
    CHECK(split.parts == static_cast<std::int64_t>(split.conversations.size()));
    for (const Conversation& part : split.conversations) {
      CHECK(part.length <= longest + 20);
      add_pairs(joined, part);
    }
    add_pairs(original, sample);
    if (split.cut_answers == 0) CHECK(joined == original);
  }
}

TEST_CASE("turn limit, image position and length policy together give what each gives alone") {
  std::int64_t cut_pairs = 0, cut_answers = 0, split = 0, dropped = 0;
  for (std::uint64_t number = 0; number < 600; ++number) {
    Rng rng(12, "together", number);
    const Sample sample = random_sample(number);
    const std::int64_t most = rng.integer(0, 4);
    options::ConversationOptions options = kBare;
    options.image_position = rng.pick(std::vector<std::string>{"front", "back", "as_is", "random"});
    options.sample_system = "ignore";
    options::ConversationOptions limited = options;
    limited.max_length = rng.integer(60, 220);
    limited.length_overflow = rng.pick(std::vector<std::string>{"truncate", "split", "drop"});
    INFO("sample " << number << ", " << limited.image_position << ", " << limited.length_overflow << ", " << limited.max_length);
    for (const Sample& part : limit_turns(sample, {.max_turns = most, .shuffled = rng.chance(0.3), .seed = 1})) {
      if (most > 0) CHECK(part.turns.size() <= static_cast<size_t>(2 * most));
      const Conversation alone = written(part, options);
      const WrittenSample together = write(part, limited);
      Pairs wanted, got;
      add_pairs(wanted, part);
      for (const Conversation& conversation : together.conversations) {
        CHECK(conversation.length <= limited.max_length);
        add_pairs(got, conversation);
        for (const text::Message& message : conversation.messages)
          if (!message.assistant && options.image_position != "random")
            CHECK((count_markers(message.text) == 0 || text::place_image(message.text, options.image_position) == message.text));
      }
      if (alone.length <= limited.max_length) {
        REQUIRE(together.conversations.size() == 1);
        CHECK(together.conversations[0].encoded.ids == alone.encoded.ids);
        CHECK(together.conversations[0].encoded.labels == alone.encoded.labels);
      } else if (limited.length_overflow == "drop") {
        CHECK(together.conversations.empty());
      } else if (together.drops.empty()) {
        CHECK(static_cast<std::int64_t>(wanted.size()) == static_cast<std::int64_t>(got.size()) + together.cut_pairs);
        CHECK((together.cut_pairs == 0 || limited.length_overflow == "truncate"));
        std::int64_t cut = 0;
        for (size_t i = 0; i < got.size(); ++i) {
          CHECK(got[i].first == wanted[i].first);
          CHECK(wanted[i].second.starts_with(got[i].second));
          CHECK_FALSE(text::strip(got[i].second).empty());
          cut += got[i].second != wanted[i].second;
        }
        CHECK(cut <= together.cut_answers);  // one may have lost its end token alone
      }
      cut_pairs += together.cut_pairs;
      cut_answers += together.cut_answers;
      split += together.parts > 1;
      dropped += static_cast<std::int64_t>(together.drops.size());
    }
  }
  for (const std::int64_t happened : {cut_pairs, cut_answers, split, dropped}) CHECK(happened > 20);
}
