#include "modules/data/loader.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/rng.h"

namespace saucier::data {
namespace {

constexpr size_t kWindowsKept = 3;

struct Item {
  Conversation conversation;
  std::int32_t source = 0;
};

}  // namespace

struct Loader::Window {
  std::int64_t number = 0;
  std::int64_t first_batch = 0;
  std::vector<std::vector<Item>> batches;  // in the order of their numbers
  std::vector<Drop> dropped;
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
      writer_(tokenizer, conversation, options.picture_tokens, options.seed, options.sources),
      options_(options) {
  SAUCIER_CHECK(options.global_batch > 0 && options.window > 0 && options.ahead > 0 && options.threads > 0);
  batches_ = (mixture_->size() + options_.global_batch - 1) / options_.global_batch;
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
    const Draw draw = mixture_->draw(i);
    WrittenSample written = writer_.write(mixture_->sample(draw));
    made->dropped.insert(made->dropped.end(), std::make_move_iterator(written.drops.begin()), std::make_move_iterator(written.drops.end()));
    for (Conversation& conversation : written.conversations) {
      conversation.messages.clear();  // batches need the tokens alone
      conversation.pieces.clear();
      items.push_back({std::move(conversation), draw.source});
    }
  }
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
  if (number == window.first_batch) batch.dropped = window.dropped;
  const std::vector<Item>& items = window.batches[number - window.first_batch];
  if (items.empty()) {
    SAUCIER_CHECK(!window.dropped.empty(), "batch {} is empty", number);
    const Drop& drop = window.dropped.front();
    throw Error(fmt::format("batch {} is empty: {} of the samples around it were dropped, the first ('{}' of data source '{}') for '{}'",
                            number, window.dropped.size(), drop.id, drop.source, name_of(drop.reason)));
  }
  std::map<std::pair<const PictureSource*, std::string>, std::int32_t> known;
  for (const Item& item : items) {
    const Conversation& conversation = item.conversation;
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
  return batch;
}

Batch Loader::make(std::int64_t number) const {
  SAUCIER_CHECK(number >= 0 && number < batches_, "batch {} of {}", number, batches_);
  return make_from(*window(std::min(number / options_.window, windows() - 1)), number);
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
  if (threads_.empty())
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
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
  return std::move(made.batch);
}

}  // namespace saucier::data
