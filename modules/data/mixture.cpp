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

std::vector<double> shares_of(const std::vector<MixtureSource>& sources, const options::MixtureOptions& options) {
  double given = 0;
  double natural = 0;
  for (const MixtureSource& source : sources) {
    const options::Weight& weight = options.weights.at(source.name);
    if (weight.natural)
      natural += static_cast<double>(source.samples->size());
    else if (weight.share >= 0 && std::isfinite(weight.share))
      given += weight.share;
    else
      throw Error(fmt::format("the share of data source '{}' is {}; it must be 0 or more", source.name, weight.share));
  }
  if (natural > 0 && given >= 1)
    throw Error(fmt::format("the shares sum to {:g}, which leaves nothing for the natural sources", given),
                "let the shares sum to less than 1, or give every source a share");
  if (natural <= 0 && given <= 0) throw Error("all shares of the mixture are 0");
  const double left = natural > 0 ? 1 - given : 0;
  const double scale = natural > 0 ? 1 : 1 / given;
  std::vector<double> shares;
  for (const MixtureSource& source : sources) {
    const options::Weight& weight = options.weights.at(source.name);
    shares.push_back(weight.natural ? left * static_cast<double>(source.samples->size()) / natural : weight.share * scale);
  }
  return shares;
}

std::int64_t draws_of(const std::vector<MixtureSource>& sources, const std::vector<double>& shares,
                      const options::MixtureOptions& options) {
  if (options.samples && options.epochs)
    throw Error("a mixture has both samples and epochs", "keep one of them");
  if (options.samples) return *options.samples;
  double natural_size = 0, natural_share = 0, all = 0;
  for (size_t j = 0; j < sources.size(); ++j) {
    if (shares[j] <= 0) continue;
    const auto size = static_cast<double>(sources[j].samples->size());
    all += size;
    if (!options.weights.at(sources[j].name).natural) continue;
    natural_size += size;
    natural_share += shares[j];
  }
  const double passes = options.epochs.value_or(1);
  const double draws = natural_share > 0 ? passes * natural_size / natural_share : passes * all;
  return std::max<std::int64_t>(1, std::llround(draws));
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
    if (source.samples->size() <= 0 && (weight->second.natural || weight->second.share > 0))
      throw Error(fmt::format("data source '{}' has no samples", source.name));
    order_seed_.push_back(order_seed(seed, source.name));
  }
  for (const auto& [name, weight] : options.weights)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(fmt::format("the mixture weighs '{}', which is no data source", name), suggestion(name, names));
  if (sources_.empty()) throw Error("a mixture needs at least one data source");
  if (sources_.size() > std::numeric_limits<std::uint16_t>::max())
    throw Error(fmt::format("a mixture of {} data sources is too large", sources_.size()));
  share_ = shares_of(sources_, options);
  choose(draws_of(sources_, share_, options), options.exhausted);
}

void Mixture::choose(std::int64_t draws, const std::string& exhausted) {
  if (exhausted != "repeat" && exhausted != "stop" && exhausted != "drop")
    throw Error(fmt::format("exhausted '{}' is not known (allowed 'repeat', 'stop', 'drop')", exhausted));
  const size_t k = sources_.size();
  std::vector<double> weights = share_;
  Chairman chairman(weights);
  drawn_.assign(k, 0);
  if (exhausted == "repeat") choice_.reserve(static_cast<size_t>(draws));
  while (size() < draws) {
    const size_t j = chairman.next();
    if (exhausted != "repeat" && drawn_[j] == sources_[j].samples->size()) {
      if (exhausted == "stop") break;
      weights[j] = 0;
      double rest = 0;
      for (const double w : weights) rest += w;
      if (rest <= 0) break;
      for (double& w : weights) w /= rest;
      chairman = Chairman(weights);
      continue;
    }
    if (size() % kBlock == 0) before_.insert(before_.end(), drawn_.begin(), drawn_.end());
    choice_.push_back(static_cast<std::uint16_t>(j));
    ++drawn_[j];
  }
}

Draw Mixture::draw(std::int64_t i) const {
  SAUCIER_CHECK(i >= 0 && i < size(), "draw {} of {}", i, size());
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
