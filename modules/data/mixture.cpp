#include "modules/data/mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/base/suggest.h"

namespace saucier::data {
namespace {

constexpr std::int64_t kBlock = 256;  // draws between two remembered counts

// Tijdeman's chairman assignment: one winner a round, among `weights` (sum 1). Before round n + 1 a source with weight w
// has won n * w rounds, off by at most 1 - 1 / (2k - 2).
class Chairman {
 public:
  explicit Chairman(std::vector<double> weights) : weights_(std::move(weights)), won_(weights_.size()) {
    const auto taking_part = std::count_if(weights_.begin(), weights_.end(), [](double w) { return w > 0; });
    slack_ = taking_part > 1 ? 1 / (2 * static_cast<double>(taking_part) - 2) : 0;
  }

  size_t next() {
    ++round_;
    size_t best = weights_.size();
    double earliest = std::numeric_limits<double>::infinity();
    double most_due = -std::numeric_limits<double>::infinity();
    size_t due = 0;
    for (size_t j = 0; j < weights_.size(); ++j) {
      if (weights_[j] <= 0) continue;
      const double behind = static_cast<double>(round_) * weights_[j] - static_cast<double>(won_[j]);
      if (behind > most_due) {
        most_due = behind;
        due = j;
      }
      // Only who is far enough behind may win; of those, who would first be too far behind.
      if (behind < slack_ - 1e-9) continue;
      const double deadline = (1 - slack_ - behind) / weights_[j];
      if (deadline < earliest - 1e-9) {
        earliest = deadline;
        best = j;
      }
    }
    if (best == weights_.size()) best = due;  // rounding alone
    ++won_[best];
    return best;
  }

 private:
  std::vector<double> weights_;
  std::vector<std::int64_t> won_;
  std::int64_t round_ = 0;
  double slack_ = 0;
};

// What the weights ask for, in draws where they are counted and in parts otherwise.
struct Asked {
  std::vector<std::int64_t> count;  // 0: none
  std::vector<double> size;         // of the natural sources, by temperature; 0: no natural source
  double counts = 0, shares = 0, sizes = 0, natural = 0, all = 0;  // sums; natural: of the plain sizes
};

Asked asked_of(const std::vector<MixtureSource>& sources, const options::MixtureOptions& options) {
  Asked asked;
  for (const MixtureSource& source : sources) {
    const options::Weight& weight = options.weights.at(source.name);
    const auto size = static_cast<double>(source.samples->size());
    if (!weight.natural && !weight.counted() && !(weight.share >= 0 && std::isfinite(weight.share)))
      throw Error(fmt::format("the share of data source '{}' is {}; it must be 0 or more", source.name, weight.share));
    asked.count.push_back(!weight.counted() ? 0 : weight.samples ? *weight.samples : std::max<std::int64_t>(1, std::llround(*weight.epochs * size)));
    asked.size.push_back(!weight.natural ? 0 : options.temperature == 1 ? size : std::pow(size, 1 / options.temperature));
    asked.counts += static_cast<double>(asked.count.back());
    asked.sizes += asked.size.back();
    if (weight.natural) asked.natural += size;
    if (!weight.natural && !weight.counted()) asked.shares += weight.share;
    if (weight.takes_part()) asked.all += size;
  }
  return asked;
}

std::int64_t draws_of(const Asked& asked, const options::MixtureOptions& options) {
  if (options.samples && options.epochs)
    throw Error("a mixture has both samples and epochs", "keep one of them");
  if (asked.sizes > 0 && asked.shares >= 1)
    throw Error(fmt::format("the shares sum to {:g}, which leaves nothing for the natural sources", asked.shares),
                "let the shares sum to less than 1, or give every source a share");
  if (asked.sizes <= 0 && asked.shares <= 0 && asked.counts <= 0) throw Error("all shares of the mixture are 0");
  if (options.samples) {
    const auto samples = static_cast<double>(*options.samples);
    const bool nothing_left = asked.sizes > 0 ? samples * (1 - asked.shares) <= asked.counts : asked.shares > 0 && samples <= asked.counts;
    if (nothing_left)
      throw Error(fmt::format("the counted sources take {:.0f} of {} samples, which leaves nothing for the others", asked.counts, *options.samples),
                  "raise samples, or lower the counts");
    return asked.sizes > 0 || asked.shares > 0 ? *options.samples : static_cast<std::int64_t>(asked.counts);
  }
  const double passes = options.epochs.value_or(1);
  if (asked.sizes <= 0 && asked.counts > 0 && asked.shares >= 1)
    throw Error(fmt::format("the shares sum to {:g}, which leaves nothing for the counted sources", asked.shares),
                "let the shares sum to less than 1, or say samples");
  const double filled = asked.counts + passes * asked.natural;
  return std::max<std::int64_t>(1, std::llround(filled > 0 ? filled / (1 - asked.shares) : passes * asked.all));
}

std::vector<double> shares_of(const std::vector<MixtureSource>& sources, const options::MixtureOptions& options, const Asked& asked,
                              std::int64_t draws) {
  const double counted = asked.counts / static_cast<double>(draws);
  const double left = 1 - asked.shares - counted;
  const double scale = asked.sizes > 0 ? 1 : (1 - counted) / asked.shares;
  std::vector<double> shares;
  for (size_t j = 0; j < sources.size(); ++j) {
    const options::Weight& weight = options.weights.at(sources[j].name);
    shares.push_back(weight.counted() ? static_cast<double>(asked.count[j]) / static_cast<double>(draws)
                     : weight.natural ? left * asked.size[j] / asked.sizes
                                      : weight.share * scale);
  }
  return shares;
}

std::uint64_t order_seed(std::uint64_t seed, const std::string& name) { return Rng(seed, "mixture.order." + name).next64(); }

}  // namespace

Mixture::Mixture(std::vector<MixtureSource> sources, const options::MixtureOptions& options, std::uint64_t seed)
    : sources_(std::move(sources)) {
  std::vector<std::string> names;
  for (const MixtureSource& source : sources_) {
    names.push_back(source.name);
    const auto weight = options.weights.find(source.name);
    if (weight == options.weights.end()) throw Error(fmt::format("data source '{}' has no weight in the mixture", source.name));
    if (source.samples->size() <= 0 && weight->second.takes_part())
      throw Error(fmt::format("data source '{}' has no samples", source.name));
    order_seed_.push_back(order_seed(seed, source.name));
  }
  for (const auto& [name, weight] : options.weights)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(fmt::format("the mixture weighs '{}', which is no data source", name), suggestion(name, names));
  if (sources_.empty()) throw Error("a mixture needs at least one data source");
  if (sources_.size() > std::numeric_limits<std::uint16_t>::max())
    throw Error(fmt::format("a mixture of {} data sources is too large", sources_.size()));
  const Asked asked = asked_of(sources_, options);
  const std::int64_t draws = draws_of(asked, options);
  share_ = shares_of(sources_, options, asked, draws);
  count_ = asked.count;
  order_ = options.order;
  if (order_ != "shuffled" && order_ != "grouped" && order_ != "sequential")
    throw Error(fmt::format("order '{}' is not known (allowed 'shuffled', 'grouped', 'sequential')", order_));
  choose(draws, options);
}

void Mixture::choose(std::int64_t draws, const options::MixtureOptions& options) {
  const std::string& exhausted = options.exhausted;
  if (exhausted != "repeat" && exhausted != "stop" && exhausted != "drop")
    throw Error(fmt::format("exhausted '{}' is not known (allowed 'repeat', 'stop', 'drop')", exhausted));
  const size_t k = sources_.size();
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> most(k, kNever);  // draws of a source after which it is out
  std::vector<bool> ends(k, false);           // then the mixture ends
  for (size_t j = 0; j < k; ++j) {
    const options::Weight& weight = options.weights.at(sources_[j].name);
    const std::int64_t size_j = sources_[j].samples->size();
    if (count_[j] > 0) most[j] = count_[j];
    if (const auto passes = weight.max_passes ? weight.max_passes : options.max_passes; passes && *passes <= kNever / std::max<std::int64_t>(1, size_j))
      most[j] = std::min(most[j], *passes * size_j);
    if (exhausted == "repeat" || size_j > most[j] || (size_j == most[j] && count_[j] == size_j)) continue;
    most[j] = size_j;
    ends[j] = exhausted == "stop";
  }
  std::vector<double> weights = share_;
  Chairman chairman(weights);
  drawn_.assign(k, 0);
  std::int64_t made = 0;
  if (exhausted == "repeat") choice_.reserve(static_cast<size_t>(draws));
  for (; made < draws; ++made) {
    size_t j = chairman.next();
    while (j < k && drawn_[j] == most[j] && !ends[j]) {
      weights[j] = 0;
      if (!divide_again(weights, draws - made)) break;
      chairman = Chairman(weights);
      j = chairman.next();
    }
    if (drawn_[j] == most[j]) break;
    if (made % kBlock == 0) before_.insert(before_.end(), drawn_.begin(), drawn_.end());
    choice_.push_back(static_cast<std::uint16_t>(j));
    ++drawn_[j];
  }
}

// The weights that are left, scaled to sum to 1. What a counted source still lacks is its part of the draws to come.
bool Mixture::divide_again(std::vector<double>& weights, std::int64_t draws) const {
  double rest = 0, counted = 0;
  for (size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] <= 0) continue;
    if (count_[j] > 0) {
      weights[j] = static_cast<double>(count_[j] - drawn_[j]) / static_cast<double>(draws);
      counted += weights[j];
    } else {
      rest += weights[j];
    }
  }
  if (rest <= 0 && counted <= 0) return false;
  const double scale = rest > 0 ? std::max(0.0, 1 - counted) : 1 / counted;
  for (size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] <= 0) continue;
    if (count_[j] > 0) weights[j] *= rest > 0 ? 1 : scale;
    else weights[j] = counted > 0 ? weights[j] / rest * scale : weights[j] / rest;
  }
  return true;
}

Draw Mixture::draw(std::int64_t i) const {
  SAUCIER_CHECK(i >= 0 && i < size(), "draw {} of {}", i, size());
  if (order_ == "sequential") {
    size_t j = 0;
    for (; i >= drawn_[j]; ++j) i -= drawn_[j];
    const std::int64_t size_j = sources_[j].samples->size();
    return {.source = static_cast<std::int32_t>(j), .sample = i % size_j, .pass = i / size_j};
  }
  const size_t j = choice_[i];
  const std::int64_t block = i / kBlock;
  std::int64_t place = before_[block * sources_.size() + j];
  for (std::int64_t at = block * kBlock; at < i; ++at) place += choice_[at] == j;
  const std::int64_t size_j = sources_[j].samples->size();
  const std::int64_t pass = place / size_j;
  return {.source = static_cast<std::int32_t>(j),
          .sample = static_cast<std::int64_t>(permuted_index(static_cast<std::uint64_t>(place % size_j), static_cast<std::uint64_t>(size_j),
                                                             order_seed_[j], static_cast<std::uint64_t>(pass))),
          .pass = pass};
}

Sample Mixture::sample(const Draw& draw) const {
  const MixtureSource& source = sources_[draw.source];
  return with_context(fmt::format("while reading sample {} of data source '{}'", draw.sample, source.name),
                      [&] { return source.samples->get(draw.sample); });
}

}  // namespace saucier::data
