#include "modules/base/suggest.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace saucier {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  const std::string s = lower(a), t = lower(b);
  // Three rows of the table: a swap looks two rows back.
  std::vector<int> before(t.size() + 1), above(t.size() + 1), row(t.size() + 1);
  for (size_t j = 0; j <= t.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= s.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= t.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (s[i - 1] != t[j - 1])});
      if (i > 1 && j > 1 && s[i - 1] == t[j - 2] && s[i - 2] == t[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[t.size()];
}

std::vector<std::string> nearest(std::string_view name, std::span<const std::string> known, size_t limit) {
  const std::string wanted = lower(name);
  const int allowed = std::max(1, static_cast<int>(name.size()) / 3);
  std::vector<std::pair<int, const std::string*>> near;
  for (const std::string& candidate : known) {
    const std::string other = lower(candidate);
    const int distance = edit_distance(wanted, other);
    // One letter is a prefix of too much to say anything.
    const bool prefix =
        std::min(wanted.size(), other.size()) >= 2 && (wanted.starts_with(other) || other.starts_with(wanted));
    if (distance <= allowed || prefix) near.emplace_back(distance, &candidate);
  }
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(limit, near.size()); ++i) out.push_back(*near[i].second);
  return out;
}

std::string suggestion(std::string_view name, std::span<const std::string> known) {
  const std::vector<std::string> near = nearest(name, known, 1);
  if (!near.empty()) return fmt::format("did you mean '{}'?", near[0]);
  if (known.empty() || known.size() > 8) return {};
  std::string out = "known: ";
  for (size_t i = 0; i < known.size(); ++i) out += fmt::format("{}'{}'", i > 0 ? ", " : "", known[i]);
  return out;
}

}  // namespace saucier
