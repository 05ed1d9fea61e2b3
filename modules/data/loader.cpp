#include "modules/data/loader.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/data/packing.h"

namespace saucier::data {
namespace {

constexpr size_t kWindowsKept = 3;

struct Item {
  Conversation conversation;
  std::int32_t source = 0;
  bool first = true;  // of its draw
  std::int64_t cut_pairs = 0, cut_answers = 0;  // of the whole draw, with the first
};

std::int64_t learned_of(const Conversation& conversation) {  // nothing stands before the first token, so it is not predicted
  const auto& labels = conversation.encoded.labels;
  return labels.empty() ? 0 : std::count_if(labels.begin() + 1, labels.end(), [](std::int32_t label) { return label != text::kIgnore; });
}

// The rows of one rank, in their order.
std::vector<size_t> rows_of(const std::vector<Item>& items, std::int64_t rank, std::int64_t ranks) {
  std::vector<size_t> rows(items.size());
  std::iota(rows.begin(), rows.end(), 0);
  if (ranks == 1) return rows;
  std::stable_sort(rows.begin(), rows.end(), [&](size_t a, size_t b) { return items[a].conversation.length > items[b].conversation.length; });
  const size_t most = (items.size() + static_cast<size_t>(ranks) - 1) / static_cast<size_t>(ranks);
  std::vector<std::int64_t> tokens(static_cast<size_t>(ranks));
  std::vector<std::vector<size_t>> parts(static_cast<size_t>(ranks));
  for (const size_t row : rows) {
    size_t lightest = parts.size();
    for (size_t r = 0; r < parts.size(); ++r)
      if (parts[r].size() < most && (lightest == parts.size() || tokens[r] < tokens[lightest])) lightest = r;
    parts[lightest].push_back(row);
    tokens[lightest] += items[row].conversation.length;
  }
  std::sort(parts[rank].begin(), parts[rank].end());
  return std::move(parts[rank]);
}

}  // namespace

struct Loader::Window {
  std::int64_t number = 0;
  std::int64_t first_batch = 0;
  std::vector<std::vector<Item>> batches;  // in the order of their numbers
  std::vector<Drop> dropped;
  std::vector<std::pair<std::int32_t, bool>> dropped_of;  // their sources, and whether they are the first of their draw
  std::int64_t draws = 0;
};

// A window that is made once: who comes first makes it, the others sleep on `mutex` until it is there.
struct Loader::Slot {
  std::int64_t number = 0;
  std::mutex mutex;
  std::shared_ptr<const Window> window;
};

Loader::Loader(std::shared_ptr<const Mixture> mixture, const text::Tokenizer& tokenizer,
               const options::JobConversation& conversation, const LoaderOptions& options)
    : mixture_(std::move(mixture)),
      encode_(encode_with(std::make_shared<ConversationWriter>(tokenizer, conversation, options.picture_tokens, options.seed, options.sources))),
      options_(options) {
  SAUCIER_CHECK(options.global_batch > 0 && options.window > 0 && options.ahead > 0 && options.threads > 0);
  SAUCIER_CHECK(options.rank >= 0 && options.rank < options.ranks, "rank {} of {}", options.rank, options.ranks);
  if (options.tokens_per_pack > 0 && options.tokens_per_pack < conversation.max_length)
    throw Error(fmt::format("a pack of {} tokens cannot hold a sample of {}", options.tokens_per_pack, conversation.max_length),
                fmt::format("let a pack hold at least max_length, {} tokens", conversation.max_length));
  batches_ = (mixture_->size() + options_.global_batch - 1) / options_.global_batch;
  if (mixture_->order() != "shuffled") options_.window = 1;
  if (mixture_->order() == "grouped") group();
  for (const MixtureSource& source : mixture_->sources()) {
    prepared_.emplace_back();
    const auto contents = options.contents.find(source.name);
    if (options.cache.empty() || contents == options.contents.end()) continue;
    const auto own = options.sources.find(source.name);
    const options::JobConversation said = own == options.sources.end() ? conversation : conversation_for(conversation, own->second);
    prepared_.back() = std::make_unique<PreparedSource>(
        source.samples, encode_, source.name, options.cache,
        prepared_key(parse_json(contents->second, "contents of a source"), said, tokenizer, options.picture_tokens, options.seed));
  }
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// The last window also takes the batches that would not fill another one.
std::int64_t Loader::windows() const { return std::max<std::int64_t>(1, batches_ / options_.window); }

// Batches of pictures and batches of text, in a random order; what is left of both fills the last ones.
void Loader::group() {
  const std::int64_t draws = mixture_->size();
  SAUCIER_CHECK(draws <= std::numeric_limits<std::uint32_t>::max(), "{} draws in a grouped order", draws);
  std::vector<std::vector<std::optional<bool>>> known;  // by source and sample: are there pictures
  for (const MixtureSource& source : mixture_->sources()) known.emplace_back(static_cast<size_t>(source.samples->size()));
  std::array<std::vector<std::uint32_t>, 2> kinds;
  for (std::int64_t i = 0; i < draws; ++i) {
    const Draw draw = mixture_->draw(i);
    std::optional<bool>& pictures = known[draw.source][draw.sample];
    if (!pictures) pictures = !mixture_->sample(draw).pictures.empty();
    kinds[*pictures].push_back(static_cast<std::uint32_t>(i));
  }
  const auto each = static_cast<size_t>(options_.global_batch);
  std::vector<std::span<const std::uint32_t>> full;
  std::vector<std::uint32_t> rest;
  for (const auto& kind : kinds) {
    size_t at = 0;
    for (; at + each <= kind.size(); at += each) full.push_back(std::span(kind).subspan(at, each));
    rest.insert(rest.end(), kind.begin() + static_cast<std::ptrdiff_t>(at), kind.end());
  }
  Rng(options_.seed, "loader.grouped").shuffle(full);
  std::sort(rest.begin(), rest.end());
  grouped_.reserve(static_cast<size_t>(draws));
  for (const auto& batch : full) grouped_.insert(grouped_.end(), batch.begin(), batch.end());
  grouped_.insert(grouped_.end(), rest.begin(), rest.end());
}

WrittenSample Loader::written(const Draw& draw) const {
  if (const auto& prepared = prepared_[draw.source]) {
    return with_context(fmt::format("while reading sample {} of data source '{}'", draw.sample, mixture_->sources()[draw.source].name),
                        [&] { return prepared->get(draw.sample); });
  }
  return encode_(mixture_->sample(draw));
}

std::shared_ptr<const Loader::Window> Loader::make_window(std::int64_t number) const {
  auto made = std::make_shared<Window>();
  made->number = number;
  made->first_batch = number * options_.window;
  const bool last = number + 1 == windows();
  const std::int64_t count = last ? batches_ - made->first_batch : options_.window;
  const std::int64_t begin = made->first_batch * options_.global_batch;
  const std::int64_t end = std::min(mixture_->size(), begin + count * options_.global_batch);
  made->draws = end;

  std::vector<Item> items;
  for (std::int64_t i = begin; i < end; ++i) {
    const Draw draw = mixture_->draw(grouped_.empty() ? i : grouped_[i]);
    WrittenSample written = this->written(draw);
    bool first = true;  // of what became of the draw
    for (Conversation& conversation : written.conversations) {
      items.push_back({std::move(conversation), draw.source, first, first ? written.cut_pairs : 0, first ? written.cut_answers : 0});
      first = false;
    }
    for (Drop& drop : written.drops) {
      made->dropped.push_back(std::move(drop));
      made->dropped_of.push_back({draw.source, std::exchange(first, false)});
    }
  }
  if (mixture_->order() != "sequential")
    std::stable_sort(items.begin(), items.end(),
                     [](const Item& a, const Item& b) { return a.conversation.length < b.conversation.length; });

  // Cut at the batches' ends, moved in proportion to what was dropped; none is empty while there are enough samples.
  const auto total = end - begin;
  const auto kept = static_cast<std::int64_t>(items.size());
  std::int64_t from = 0;
  for (std::int64_t b = 1; b <= count; ++b) {
    const std::int64_t nominal = std::min(total, b * options_.global_batch);
    const std::int64_t share = (nominal * kept + total / 2) / total;
    const std::int64_t to = kept < count ? std::min(b, kept) : std::clamp(share, from + 1, kept - (count - b));
    made->batches.emplace_back(std::make_move_iterator(items.begin() + from), std::make_move_iterator(items.begin() + to));
    from = to;
  }
  Rng(options_.seed, "loader.window", static_cast<std::uint64_t>(number)).shuffle(made->batches);
  return made;
}

std::shared_ptr<const Loader::Window> Loader::window(std::int64_t number) const {
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard lock(window_mutex_);
    for (const auto& known : windows_)
      if (known->number == number) slot = known;
    if (!slot) {
      slot = std::make_shared<Slot>();
      slot->number = number;
      windows_.push_back(slot);
      if (windows_.size() > kWindowsKept) windows_.pop_front();
    }
  }
  const std::lock_guard lock(slot->mutex);
  if (!slot->window) slot->window = make_window(number);
  return slot->window;
}

Batch Loader::make_from(const Window& window, std::int64_t number) const {
  Batch batch;
  batch.number = number;
  batch.draws = window.draws;
  if (number == window.first_batch && options_.rank == 0) batch.dropped = window.dropped;
  batch.drawn = drawn_in(window, number);
  for (const Drawn& one : batch.drawn) batch.global_learned += one.learned;
  const std::vector<Item>& items = window.batches[number - window.first_batch];
  if (items.empty()) {
    SAUCIER_CHECK(!window.dropped.empty(), "batch {} is empty", number);
    const Drop& drop = window.dropped.front();
    throw Error(fmt::format("batch {} is empty: {} of the samples around it were dropped, the first ('{}' of data source '{}') for '{}'",
                            number, window.dropped.size(), drop.id, drop.source, name_of(drop.reason)));
  }
  std::map<std::pair<const PictureSource*, std::string>, std::int32_t> known;
  for (const size_t row : rows_of(items, options_.rank, options_.ranks)) {
    const Item& item = items[row];
    const Conversation& conversation = item.conversation;
    batch.lengths.push_back(conversation.length);
    batch.ids.push_back(conversation.encoded.ids);
    batch.labels.push_back(conversation.encoded.labels);
    batch.sample_ids.push_back(conversation.id);
    batch.sources.push_back(item.source);
    batch.shown.emplace_back();
    for (const PictureRef& ref : conversation.pictures) {
      const auto [at, fresh] = known.try_emplace({ref.source.get(), ref.reference}, static_cast<std::int32_t>(batch.pictures.size()));
      if (fresh)
        batch.pictures.push_back(with_context(
            fmt::format("while loading the picture of sample '{}' of data source '{}'", conversation.id,
                        mixture_->sources()[item.source].name),
            [&] { return ref.source->load(ref.reference); }));
      batch.shown.back().push_back(at->second);
    }
  }
  if (options_.tokens_per_pack > 0) batch.packs = pack(batch.lengths, options_.tokens_per_pack).packs;
  return batch;
}

std::vector<Drawn> Loader::drawn_in(const Window& window, std::int64_t number) const {
  std::vector<Drawn> out(mixture_->sources().size());
  for (const Item& item : window.batches[number - window.first_batch]) {
    const Conversation& conversation = item.conversation;
    out[item.source] += {.draws = item.first, .samples = 1, .tokens = conversation.length, .learned = learned_of(conversation),
                         .pictures = static_cast<std::int64_t>(conversation.pictures.size()), .cut_pairs = item.cut_pairs, .cut_answers = item.cut_answers};
  }
  if (number != window.first_batch) return out;
  for (size_t i = 0; i < window.dropped.size(); ++i) {
    const auto& [source, first] = window.dropped_of[i];
    out[source] += {.draws = first, .dropped = {{std::string(name_of(window.dropped[i].reason)), 1}}};
  }
  return out;
}

std::vector<Drawn> Loader::drawn(std::int64_t begin, std::int64_t end) {
  given_.erase(given_.begin(), given_.lower_bound(begin));
  SAUCIER_CHECK(begin >= 0 && begin <= end && end <= batches_, "batches {} to {} of {}", begin, end, batches_);
  std::vector<Drawn> out(mixture_->sources().size());
  for (std::int64_t number = begin; number < end; ++number) {
    const auto given = given_.find(number);
    const std::vector<Drawn> one = given != given_.end() ? given->second : drawn_in(*window(window_of(number)), number);
    for (size_t j = 0; j < out.size(); ++j) out[j] += one[j];
  }
  return out;
}

std::vector<std::string> Loader::take_warnings() const {
  std::vector<std::string> out;
  for (const auto& prepared : prepared_)
    if (prepared)
      for (std::string& warning : prepared->take_warnings()) out.push_back(std::move(warning));
  return out;
}

Batch Loader::make(std::int64_t number) const {
  SAUCIER_CHECK(number >= 0 && number < batches_, "batch {} of {}", number, batches_);
  return make_from(*window(window_of(number)), number);
}

void Loader::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_.wait(lock, [this] { return stop_ || (next_make_ < batches_ && next_make_ < next_get_ + options_.ahead); });
    if (stop_) return;
    const std::int64_t number = next_make_++;
    const std::uint64_t run = run_;
    lock.unlock();
    Made made;
    try {
      made.batch = make(number);
    } catch (...) {
      made.error = std::current_exception();
    }
    lock.lock();
    if (run != run_) continue;
    made_.emplace(number, std::move(made));
    ready_.notify_one();
  }
}

Batch Loader::get(std::int64_t number) {
  SAUCIER_CHECK(number >= 0 && number < batches_, "batch {} of {}", number, batches_);
  std::unique_lock lock(mutex_);
  if (threads_.empty()) {
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
    std::vector<const PreparedSource*> sources;
    for (const auto& prepared : prepared_)
      if (prepared) sources.push_back(prepared.get());
    ahead_.emplace(std::move(sources), options_.prepare_threads);
  }
  if (number != next_get_) {
    ++run_;
    made_.clear();
    next_make_ = number;
  }
  // While it is waited for, it counts among those made ahead.
  next_get_ = number;
  wanted_.notify_all();
  ready_.wait(lock, [&] { return made_.contains(number); });
  const auto at = made_.find(number);
  Made made = std::move(at->second);
  made_.erase(at);
  next_get_ = number + 1;
  wanted_.notify_all();
  if (made.error) std::rethrow_exception(made.error);
  given_[number] = made.batch.drawn;
  return std::move(made.batch);
}

}  // namespace saucier::data
