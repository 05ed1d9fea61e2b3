#include "modules/options/trained_part.h"

#include <charconv>

namespace saucier::options {
namespace {

using Of = TrainedPart::Of;
using Which = TrainedPart::Which;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.front() == '-' || wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What stands behind `begin`; nothing where it does not begin so.
std::optional<std::string_view> behind(std::string_view word, std::string_view begin) {
  if (!word.starts_with(begin)) return std::nullopt;
  return word.substr(begin.size());
}

std::optional<TrainedPart> by_layers(Of of, std::string_view rest) {
  TrainedPart part{.of = of};
  if (const auto count = behind(rest, ".last.")) {
    const auto number = whole_number(*count);
    if (!number || *number < 1) return std::nullopt;
    part.which = Which::last;
    part.count = *number;
    return part;
  }
  const auto range = behind(rest, ".layers.");
  if (!range || of == Of::vision_tower) return std::nullopt;
  const size_t dash = range->find('-');
  const auto first = whole_number(range->substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : whole_number(range->substr(dash + 1));
  if (!first || !last) return std::nullopt;
  part.which = Which::layers;
  part.first = *first;
  part.last = *last;
  return part;
}

}  // namespace

std::string_view name_of(Of of) {
  switch (of) {
    case Of::projector: return "projector";
    case Of::language_model: return "language_model";
    case Of::vision_tower: break;
  }
  return "vision_tower";
}

std::optional<TrainedPart> trained_part(std::string_view word) {
  for (const Of of : {Of::projector, Of::language_model, Of::vision_tower}) {
    const auto rest = behind(word, name_of(of));
    if (!rest) continue;
    if (rest->empty()) return TrainedPart{.of = of};
    if (of == Of::projector) return std::nullopt;
    if (*rest == ".lora") return TrainedPart{.of = of, .which = Which::lora};
    if (of == Of::language_model && *rest == ".norms") return TrainedPart{.of = of, .which = Which::norms};
    if (of == Of::language_model && *rest == ".embeddings") return TrainedPart{.of = of, .which = Which::embeddings};
    return by_layers(of, *rest);
  }
  return std::nullopt;
}

}  // namespace saucier::options
