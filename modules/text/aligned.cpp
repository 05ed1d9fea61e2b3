#include "modules/text/aligned.h"

#include <algorithm>
#include <utility>

#include "modules/text/utf8.h"

namespace saucier::text {

Aligned::Aligned(Aligned&& other) noexcept { *this = std::move(other); }

Aligned& Aligned::operator=(Aligned&& other) noexcept {
  own_ = std::move(other.own_);
  places_ = std::move(other.places_);
  shift_ = other.shift_;
  changed_ = other.changed_;
  text_ = changed_ ? std::string_view(own_) : other.text_;  // a short string moves its bytes
  return *this;
}

Span Aligned::place(size_t byte) const {
  if (changed_) return places_[byte];
  size_t begin = byte, end = byte + 1;
  while (begin > 0 && continues(text_[begin])) --begin;
  while (end < text_.size() && continues(text_[end])) ++end;
  return {static_cast<std::int32_t>(shift_ + begin), static_cast<std::int32_t>(shift_ + end)};
}

Span Aligned::span(size_t begin, size_t end) const {
  if (begin >= end) return {static_cast<std::int32_t>(shift_ + begin), static_cast<std::int32_t>(shift_ + begin)};
  return {place(begin).begin, place(end - 1).end};
}

void Aligned::set(std::string text, std::vector<Span> places) {
  own_ = std::move(text);
  places_ = std::move(places);
  text_ = own_;
  changed_ = true;
}

void Aligned::transform(const std::vector<Change>& changes, size_t removed) {
  std::string text;
  std::vector<Span> places;
  text.reserve(text_.size());
  places.reserve(text_.size());
  size_t at = 0;
  const auto skip = [&](size_t chars) {
    for (; chars > 0 && at < text_.size(); --chars) at += char_at(text_, at).length;
  };
  skip(removed);
  for (const Change& change : changes) {
    Span from;
    if (change.change > 0) {
      if (at > 0) from = place(at - 1);
    } else {
      if (at < text_.size()) from = place(at);
      skip(1 + static_cast<size_t>(-change.change));
    }
    append_utf8(text, change.point);
    places.resize(text.size(), from);
  }
  set(std::move(text), std::move(places));
}

void Aligned::prepend(std::string_view added) {
  if (text_.empty()) return;
  const Span first = place(0);
  std::string text(added);
  text += text_;
  std::vector<Span> places(added.size(), first);
  places.reserve(text.size());
  for (size_t i = 0; i < text_.size(); ++i) places.push_back(place(i));
  set(std::move(text), std::move(places));
}

void Aligned::replace(const std::vector<Replaced>& parts, std::string_view content) {
  if (parts.empty()) return;
  Aligned out;
  size_t done = 0;
  for (const Replaced& part : parts) {
    out.append(*this, done, part.begin);
    out.append(content, part.end > 0 ? place(part.end - 1) : Span{});
    done = part.end;
  }
  out.append(*this, done, text_.size());
  set(std::move(out.own_), std::move(out.places_));
}

void Aligned::append(const Aligned& other, size_t begin, size_t end) {
  own_ += other.text_.substr(begin, end - begin);
  if (other.changed_) {
    places_.insert(places_.end(), other.places_.begin() + static_cast<std::ptrdiff_t>(begin), other.places_.begin() + static_cast<std::ptrdiff_t>(end));
  } else {
    for (size_t at = begin; at < end;) {
      const Span from = other.place(at);
      const size_t char_end = std::min(end, static_cast<size_t>(from.end) - other.shift_);
      places_.insert(places_.end(), char_end - at, from);
      at = char_end;
    }
  }
  text_ = own_;
  changed_ = true;
}

void Aligned::append(std::string_view added, Span from) {
  own_ += added;
  places_.resize(own_.size(), from);
  text_ = own_;
  changed_ = true;
}

void Aligned::filter(bool (*keep)(char32_t)) {
  std::vector<Change> changes;
  size_t removed_first = 0;
  int removed = 0, all_removed = 0;
  for (size_t at = 0; at < text_.size();) {
    const Char c = char_at(text_, at);
    at += c.length;
    if (!keep(c.point)) {
      ++removed;
      ++all_removed;
      continue;
    }
    if (changes.empty())
      removed_first = static_cast<size_t>(removed);
    else
      changes.back().change = -removed;
    changes.push_back({c.point, 0});
    removed = 0;
  }
  if (!changes.empty()) changes.back().change = -removed;
  if (all_removed) transform(changes, removed_first);
}

void Aligned::map(char32_t (*to)(char32_t)) {
  std::vector<Change> changes;
  bool different = false;
  for (size_t at = 0; at < text_.size();) {
    const Char c = char_at(text_, at);
    at += c.length;
    changes.push_back({to(c.point), 0});
    different |= changes.back().point != c.point;
  }
  if (different) transform(changes);
}

void Aligned::lower() {
  std::vector<Change> changes;
  std::vector<char32_t> lower;
  bool different = false;
  for (size_t at = 0; at < text_.size();) {
    const Char c = char_at(text_, at);
    at += c.length;
    lower.clear();
    append_lower(lower, c.point);
    for (size_t i = 0; i < lower.size(); ++i) changes.push_back({lower[i], i > 0});
    different |= lower[0] != c.point;
  }
  if (different) transform(changes);
}

void Aligned::strip(bool left, bool right) {
  size_t begin = 0, end = text_.size();
  if (left)
    while (begin < end && is_space(char_at(text_, begin).point)) begin += char_at(text_, begin).length;
  if (right)
    while (end > begin && is_space(char_at(text_, char_before(text_, end)).point)) end = char_before(text_, end);
  if (begin == 0 && end == text_.size()) return;
  Aligned out;
  out.append(*this, begin, end);
  set(std::move(out.own_), std::move(out.places_));
}

}  // namespace saucier::text
