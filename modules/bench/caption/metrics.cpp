#include "modules/bench/caption/metrics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "modules/base/error.h"
#include "modules/bench/caption/ptb.h"

namespace saucier::bench {
namespace {

using Tokens = std::vector<std::string>;
constexpr std::uint32_t kNone = 0xffffffff;

// Numbers for pairs of numbers; open addressing, since a corpus has a million of them.
class PairTable {
 public:
  std::uint32_t find(std::uint32_t a, std::uint32_t b) const { return slots_.empty() ? kNone : slots_[slot(key_of(a, b))].number; }
  std::uint32_t intern(std::uint32_t a, std::uint32_t b) {
    if (slots_.size() < 2 * (size_ + 1)) grow();
    Slot& found = slots_[slot(key_of(a, b))];
    if (found.number == kNone) found = {key_of(a, b), size_++};
    return found.number;
  }
  size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t number = kNone;
  };
  static std::uint64_t key_of(std::uint32_t a, std::uint32_t b) { return static_cast<std::uint64_t>(a) << 32 | b; }
  size_t slot(std::uint64_t key) const {
    size_t place = (key * 0x9e3779b97f4a7c15ull >> 17) & (slots_.size() - 1);
    while (slots_[place].number != kNone && slots_[place].key != key) place = (place + 1) & (slots_.size() - 1);
    return place;
  }
  void grow() {
    std::vector<Slot> old(std::max<size_t>(1024, 2 * slots_.size()));
    old.swap(slots_);
    for (const Slot& one : old)
      if (one.number != kNone) slots_[slot(one.key)] = one;
  }
  std::vector<Slot> slots_;
  std::uint32_t size_ = 0;
};

// Numbers for words and n-grams. An n-gram is the pair of what it is without its last word and that word, so a number stands for
// one length only. Looking up leaves the table as it is: n-grams that no reference has get numbers of a table on top of it.
struct Ngrams {
  const Ngrams* below = nullptr;
  std::unordered_map<std::string, std::uint32_t> words;
  PairTable pairs;

  size_t words_below() const { return below ? below->words.size() : 0; }
  size_t pairs_below() const { return below ? below->pairs.size() : 0; }
  std::uint32_t word(const std::string& text) {
    if (below)
      if (const auto found = below->words.find(text); found != below->words.end()) return found->second;
    return words.try_emplace(text, static_cast<std::uint32_t>(words_below() + words.size())).first->second;
  }
  // `prefix`: 0 for none, else 1 + the number of an n-gram.
  std::uint32_t ngram(std::uint32_t prefix, std::uint32_t last) {
    if (below)
      if (const std::uint32_t found = below->pairs.find(prefix, last); found != kNone) return found;
    return static_cast<std::uint32_t>(pairs_below()) + pairs.intern(prefix, last);
  }
  size_t size() const { return pairs_below() + pairs.size(); }
};

struct Counted {
  std::uint32_t ngram = 0;
  std::uint32_t count = 0;
};

// A caption, counted. N-grams stand in the order in which they are first met, shorter ones first, as the sums of the original do.
struct Cooked {
  std::array<std::vector<Counted>, kMaxNgram> ngrams;
  std::array<double, kMaxNgram> norm = {};
  std::vector<std::uint32_t> tokens;  // for ROUGE-L, which splits at spaces alone: at least one, "" where there is none
  size_t length = 0;                  // words
  double bigrams = 0;
};

// A number for each n-gram that is reset as cheaply as it is set.
class Scratch {
 public:
  std::uint32_t& operator[](std::uint32_t ngram) {
    if (ngram >= values_.size()) values_.resize(std::max<size_t>(ngram + 1, 2 * values_.size()), 0);
    if (!values_[ngram]) set_.push_back(ngram);
    return values_[ngram];
  }
  std::uint32_t get(std::uint32_t ngram) const { return ngram < values_.size() ? values_[ngram] : 0; }
  const std::vector<std::uint32_t>& set() const { return set_; }
  void clear() {
    for (const std::uint32_t ngram : set_) values_[ngram] = 0;
    set_.clear();
  }

 private:
  std::vector<std::uint32_t> values_, set_;
};

Cooked cook(const Tokens& tokens, Ngrams& table, Scratch& counts) {
  Cooked out;
  std::vector<std::uint32_t> words;
  for (const std::string& token : tokens) {
    out.tokens.push_back(table.word(token));
    // A no-break space, of "1 1/2", is a space to Python's split().
    for (size_t begin = 0; begin <= token.size();) {
      const size_t end = std::min(token.find("\u00a0", begin), token.size());
      if (end > begin) words.push_back(begin == 0 && end == token.size() ? out.tokens.back() : table.word(token.substr(begin, end - begin)));
      begin = end + 2;
    }
  }
  if (tokens.empty()) out.tokens.push_back(table.word(""));
  out.length = words.size();
  std::vector<std::uint32_t> prefixes(words.size(), 0);
  for (size_t n = 0; n < kMaxNgram; ++n) {
    for (size_t i = 0; i + n < words.size(); ++i) {
      const std::uint32_t ngram = table.ngram(prefixes[i], words[i + n]);
      prefixes[i] = ngram + 1;
      if (counts[ngram]++ == 0) out.ngrams[n].push_back({ngram, 0});
      if (n == 1) ++out.bigrams;
    }
    for (Counted& one : out.ngrams[n]) one.count = counts.get(one.ngram);
    counts.clear();
  }
  return out;
}

size_t longest_common(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
  std::vector<size_t> row(b.size() + 1, 0);
  for (const std::uint32_t token : a) {
    size_t corner = 0;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = token == b[j - 1] ? corner + 1 : std::max(row[j], row[j - 1]);
      corner = above;
    }
  }
  return row.back();
}

double rouge_l(const Cooked& caption, std::span<const Cooked> references) {
  constexpr double kBeta = 1.2;
  double precision = 0, recall = 0;
  for (const Cooked& reference : references) {
    const auto common = static_cast<double>(longest_common(reference.tokens, caption.tokens));
    precision = std::max(precision, common / static_cast<double>(caption.tokens.size()));
    recall = std::max(recall, common / static_cast<double>(reference.tokens.size()));
  }
  if (precision == 0 || recall == 0) return 0;
  return (1 + kBeta * kBeta) * precision * recall / (recall + kBeta * kBeta * precision);
}

BleuCounts bleu_counts(const Cooked& caption, std::span<const Cooked> references, Scratch& most) {
  BleuCounts out{.length = static_cast<double>(caption.length)};
  const auto distance = [&](const Cooked& one) { return one.length > caption.length ? one.length - caption.length : caption.length - one.length; };
  const Cooked* closest = &references.front();
  for (const Cooked& one : references)
    if (std::pair(distance(one), one.length) < std::pair(distance(*closest), closest->length)) closest = &one;
  out.reference = static_cast<double>(closest->length);
  for (size_t n = 0; n < kMaxNgram; ++n) {
    out.guesses[n] = caption.length > n ? static_cast<double>(caption.length - n) : 0;
    for (const Cooked& one : references)
      for (const Counted& counted : one.ngrams[n]) {
        std::uint32_t& value = most[counted.ngram];
        value = std::max(value, counted.count);
      }
    for (const Counted& counted : caption.ngrams[n]) out.correct[n] += std::min(most.get(counted.ngram), counted.count);
    most.clear();
  }
  return out;
}

}  // namespace

struct CaptionReferences::State {
  Ngrams table;
  std::vector<std::vector<Cooked>> references;
  std::vector<double> weight;  // of each n-gram: log of the pictures to the pictures that have it
  double log_pictures = 0;

  double weight_of(std::uint32_t ngram) const { return ngram < weight.size() ? weight[ngram] : log_pictures; }

  void norms(Cooked& caption) const {
    for (size_t n = 0; n < kMaxNgram; ++n) {
      double sum = 0;
      for (const Counted& one : caption.ngrams[n]) {
        const double value = one.count * weight_of(one.ngram);
        sum += value * value;
      }
      caption.norm[n] = std::sqrt(sum);
    }
  }

  double cider(const Cooked& caption, std::span<const Cooked> to, Scratch& counts) const {
    constexpr double kSigma = 6;
    std::array<double, kMaxNgram> sums = {};
    for (const Cooked& reference : to) {
      const double delta = caption.bigrams - reference.bigrams;
      const double penalty = std::pow(std::numbers::e, -(delta * delta) / (2 * kSigma * kSigma));
      for (size_t n = 0; n < kMaxNgram; ++n) {
        for (const Counted& one : reference.ngrams[n]) counts[one.ngram] = one.count;
        double value = 0;
        for (const Counted& one : caption.ngrams[n]) {
          const double weight = weight_of(one.ngram), of_reference = counts.get(one.ngram) * weight;
          value += std::min(one.count * weight, of_reference) * of_reference;
        }
        counts.clear();
        if (caption.norm[n] != 0 && reference.norm[n] != 0) value /= caption.norm[n] * reference.norm[n];
        sums[n] += value * penalty;
      }
    }
    double sum = 0;
    for (const double one : sums) sum += one;
    return sum / kMaxNgram / static_cast<double>(to.size()) * 10;
  }

  CaptionScore score(const Cooked& caption, size_t picture, Scratch& scratch) const {
    const auto& to = references[picture];
    return {cider(caption, to, scratch), rouge_l(caption, to), bleu_counts(caption, to, scratch)};
  }
};

std::array<double, kMaxNgram> bleu(const BleuCounts& sums) {
  constexpr double kSmall = 1e-9, kTiny = 1e-15;
  std::array<double, kMaxNgram> out = {};
  double product = 1;
  const double ratio = (sums.length + kTiny) / (sums.reference + kSmall);
  for (size_t n = 0; n < kMaxNgram; ++n) {
    product *= (sums.correct[n] + kTiny) / (sums.guesses[n] + kSmall);
    out[n] = std::pow(product, 1.0 / static_cast<double>(n + 1));
    if (ratio < 1) out[n] *= std::exp(1 - 1 / ratio);
  }
  return out;
}

CaptionReferences::CaptionReferences(std::span<const std::vector<std::string>> references) : state_(std::make_unique<State>()) {
  std::vector<std::string> all;
  for (const auto& one : references) {
    SAUCIER_CHECK(!one.empty(), "a picture without references");
    all.insert(all.end(), one.begin(), one.end());
  }
  const std::vector<Tokens> tokens = ptb_tokens(all);
  Scratch scratch, seen;
  std::vector<double> frequency;
  size_t next = 0;
  for (const auto& one : references) {
    auto& cooked = state_->references.emplace_back();
    for (size_t i = 0; i < one.size(); ++i) cooked.push_back(cook(tokens[next++], state_->table, scratch));
    for (const Cooked& caption : cooked)
      for (const auto& ngrams : caption.ngrams)
        for (const Counted& counted : ngrams) seen[counted.ngram] = 1;
    frequency.resize(state_->table.size(), 0);
    for (const std::uint32_t ngram : seen.set()) ++frequency[ngram];
    seen.clear();
  }
  state_->log_pictures = references.empty() ? 0 : std::log(static_cast<double>(references.size()));
  for (const double pictures : frequency) state_->weight.push_back(state_->log_pictures - std::log(std::max(1.0, pictures)));
  for (auto& cooked : state_->references)
    for (Cooked& caption : cooked) state_->norms(caption);
}

CaptionReferences::~CaptionReferences() = default;
CaptionReferences::CaptionReferences(CaptionReferences&&) noexcept = default;

size_t CaptionReferences::size() const { return state_->references.size(); }

std::vector<CaptionScore> CaptionReferences::score(std::span<const std::string> captions) const {
  SAUCIER_CHECK(captions.size() == size(), "{} captions of {} pictures", captions.size(), size());
  const std::vector<Tokens> tokens = ptb_tokens(captions);
  Ngrams table{.below = &state_->table, .words = {}, .pairs = {}};
  Scratch scratch;
  std::vector<CaptionScore> out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    Cooked caption = cook(tokens[i], table, scratch);
    state_->norms(caption);
    out.push_back(state_->score(caption, i, scratch));
  }
  return out;
}

CaptionScore CaptionReferences::score_one(size_t picture, std::string_view text) const {
  Ngrams table{.below = &state_->table, .words = {}, .pairs = {}};
  Scratch scratch;
  Cooked caption = cook(ptb_tokens(text), table, scratch);
  state_->norms(caption);
  return state_->score(caption, picture, scratch);
}

double CaptionReferences::constant_cider(std::string_view text) const {
  Ngrams table{.below = &state_->table, .words = {}, .pairs = {}};
  Scratch scratch;
  Cooked caption = cook(ptb_tokens(text), table, scratch);
  state_->norms(caption);
  double sum = 0;
  for (const auto& to : state_->references) sum += state_->cider(caption, to, scratch);
  return size() ? sum / static_cast<double>(size()) : 0;
}

}  // namespace saucier::bench
