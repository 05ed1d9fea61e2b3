#include "modules/data/turn_limit.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/text/conversation.h"

namespace saucier::data {
namespace {

size_t markers_of(const std::vector<Turn>& turns, size_t begin, size_t end) {
  size_t count = 0;
  for (size_t i = begin; i < end; ++i) count += count_markers(turns[i].text);
  return count;
}

std::string with_markers(size_t markers, std::string_view text, bool behind = false) {
  std::string out(text);
  for (size_t i = 0; i < markers; ++i) out = behind ? fmt::format("{}\n{}", out, kImageMarker) : fmt::format("{}\n{}", kImageMarker, out);
  return out;
}

size_t pairs_of(const Sample& sample) { return (sample.turns.size() + 1) / 2; }

size_t pairs_of_part(const Sample& sample, const TurnLimit& limit) {
  return limit.max_turns > 0 ? static_cast<size_t>(limit.max_turns) : std::max<size_t>(pairs_of(sample), 1);
}

std::int64_t count_parts(const Sample& sample, const TurnLimit& limit) {
  const size_t each = pairs_of_part(sample, limit);
  return static_cast<std::int64_t>(std::max<size_t>(1, (pairs_of(sample) + each - 1) / each));
}

// Pairs [begin, end), of which only the first shows pictures, if any does.
void shuffle_group(std::vector<Turn>& turns, size_t begin, size_t end, Rng& rng) {
  std::vector<size_t> order;
  for (size_t i = begin; i < end; ++i) order.push_back(i);
  rng.shuffle(order);
  if (order.front() == begin && std::is_sorted(order.begin(), order.end())) return;
  std::string& shows = turns[2 * begin].text;
  const size_t markers = count_markers(shows);
  const bool behind = shows.ends_with(kImageMarker) && !shows.starts_with(kImageMarker);
  if (markers && order.front() != begin) {
    const std::string rest = text::place_image(shows, "back");
    if (rest.starts_with(kImageMarker)) return;  // a question that is nothing but the picture stays the first
    shows = rest.substr(0, rest.find(fmt::format("\n{}", kImageMarker)));
    std::string& first = turns[2 * order.front()].text;
    first = with_markers(markers, first, behind);
  }
  std::vector<Turn> shuffled;
  for (const size_t pair : order) shuffled.insert(shuffled.end(), {std::move(turns[2 * pair]), std::move(turns[2 * pair + 1])});
  std::move(shuffled.begin(), shuffled.end(), turns.begin() + static_cast<std::ptrdiff_t>(2 * begin));
}

Sample in_order(Sample sample, const TurnLimit& limit) {
  if (!limit.shuffled || sample.turns.size() % 2) return sample;  // what has no answer is dropped later, by name
  Rng rng(limit.seed, "conversation.turn_order", hash_of(sample));
  size_t begin = 0;
  for (size_t pair = 1; pair <= pairs_of(sample); ++pair) {
    if (pair < pairs_of(sample) && count_markers(sample.turns[2 * pair].text) == 0) continue;
    shuffle_group(sample.turns, begin, pair, rng);
    begin = pair;
  }
  return sample;
}

Sample take_part(const Sample& sample, const TurnLimit& limit, std::int64_t part) {
  const size_t each = pairs_of_part(sample, limit), begin = each * static_cast<size_t>(part);
  return take_pairs(sample, begin, begin + each, part == 0 ? sample.id : fmt::format("{}#{}", sample.id, part + 1));
}

class Limited : public SampleSource {
 public:
  Limited(std::shared_ptr<const SampleSource> source, const TurnLimit& limit) : source_(std::move(source)), limit_(limit) {
    if (!limit_.split || limit_.max_turns <= 0) return;
    first_part_ = {0};
    for (std::int64_t i = 0; i < source_->size(); ++i)
      first_part_.push_back(first_part_.back() + count_parts(source_->get(i), limit_));
  }
  std::int64_t size() const override { return first_part_.empty() ? source_->size() : first_part_.back(); }
  Sample get(std::int64_t index) const override {
    std::int64_t part = 0;
    if (!first_part_.empty()) {
      const auto above = std::upper_bound(first_part_.begin(), first_part_.end(), index);
      const auto sample = above - first_part_.begin() - 1;
      part = index - first_part_[static_cast<size_t>(sample)];
      index = sample;
    }
    return take_part(in_order(source_->get(index), limit_), limit_, part);
  }
  const ReadReport& report() const override { return source_->report(); }

 private:
  std::shared_ptr<const SampleSource> source_;
  TurnLimit limit_;
  std::vector<std::int64_t> first_part_;  // of every sample, and the number of all parts; empty where none is split
};

}  // namespace

options::JobConversation conversation_for(options::JobConversation conversation, const options::DataOptions& source) {
  if (source.system || !source.systems.empty()) {
    conversation.systems = source.systems;
    conversation.system = source.system.value_or(conversation.system);
  }
  conversation.image_position = source.image_position.value_or(conversation.image_position);
  conversation.max_turns = source.max_turns.value_or(conversation.max_turns);
  conversation.turn_overflow = source.turn_overflow.value_or(conversation.turn_overflow);
  conversation.turn_order = source.turn_order.value_or(conversation.turn_order);
  return conversation;
}

TurnLimit turn_limit(const options::ConversationOptions& conversation, std::uint64_t seed) {
  if (conversation.turn_overflow != "split" && conversation.turn_overflow != "truncate")
    throw Error(fmt::format("turn_overflow '{}' is not known (allowed 'split', 'truncate')", conversation.turn_overflow));
  return {.max_turns = conversation.max_turns,
          .split = conversation.turn_overflow == "split",
          .shuffled = conversation.turn_order == "shuffled",
          .seed = seed};
}

std::vector<Sample> limit_turns(const Sample& sample, const TurnLimit& limit) {
  const Sample ordered = in_order(sample, limit);
  std::vector<Sample> parts;
  const std::int64_t count = limit.split ? count_parts(ordered, limit) : 1;
  for (std::int64_t part = 0; part < count; ++part) parts.push_back(take_part(ordered, limit, part));
  return parts;
}

std::shared_ptr<const SampleSource> limit_turns(std::shared_ptr<const SampleSource> source, const TurnLimit& limit) {
  if (limit.max_turns <= 0 && !limit.shuffled) return source;
  return std::make_shared<Limited>(std::move(source), limit);
}

Sample take_pairs(const Sample& sample, size_t begin, size_t end, std::string id) {
  begin = std::min(sample.turns.size(), 2 * begin);
  end = std::min(sample.turns.size(), 2 * end);
  Sample out{.id = std::move(id),
             .source = sample.source,
             .kind = sample.kind,
             .system = sample.system,
             .turns = {sample.turns.begin() + static_cast<std::ptrdiff_t>(begin), sample.turns.begin() + static_cast<std::ptrdiff_t>(end)},
             .pictures = sample.pictures};
  const size_t before = markers_of(sample.turns, 0, begin), here = markers_of(sample.turns, begin, end);
  if (out.turns.empty() || before + here + markers_of(sample.turns, end, sample.turns.size()) != sample.pictures.size()) return out;
  out.pictures.resize(before + here);
  out.turns[0].text = with_markers(before, out.turns[0].text);
  return out;
}

std::uint64_t hash_of(const Sample& sample) {  // FNV-1a
  std::uint64_t value = 0xcbf29ce484222325u;
  const auto add = [&value](unsigned char byte) { value = (value ^ byte) * 0x100000001b3u; };
  for (const char c : sample.source) add(static_cast<unsigned char>(c));
  add(0);
  for (const char c : sample.id) add(static_cast<unsigned char>(c));
  return value;
}

}  // namespace saucier::data
