#include "modules/bench/judged/replies.h"

#include <charconv>
#include <cmath>

#include "modules/base/error.h"
#include "modules/bench/short_answer.h"
#include "modules/text/utf8.h"

namespace saucier::bench {

std::optional<double> whole_number(std::string_view text) {
  const std::string bare = trimmed(text);
  std::string_view digits = bare;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (size_t begin = 0; (begin = text.find_first_not_of(" \t\r\n\f\v", begin)) != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(" \t\r\n\f\v", begin), text.size());
    out.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

double share_of_reply(const std::string& reply) {
  const auto share = whole_number(std::string_view(reply).substr(0, reply.find(' ')));
  if (!share || *share < 0 || *share > 1) throw Error(fmt::format("the judge's reply does not begin with a score from 0 to 1 (got {})", quoted_reply(reply)));
  return *share;
}

std::string quoted_reply(const std::string& reply) {
  constexpr size_t kShown = 60;
  std::string line = text::to_valid_utf8(reply.substr(0, reply.find('\n')));
  if (line.size() > kShown) {
    size_t end = kShown;
    while (text::continues(line[end])) --end;
    line = line.substr(0, end) + "…";
  }
  return fmt::format("'{}'", line);
}

}  // namespace saucier::bench
