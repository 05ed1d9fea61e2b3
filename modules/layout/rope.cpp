#include "modules/layout/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "modules/base/error.h"
#include "modules/layout/fields.h"

namespace saucier::layout {
namespace {

std::int64_t width_of(const Rope& rope, std::int64_t head_dim) {
  return static_cast<std::int64_t>(static_cast<double>(head_dim) * rope.partial);
}

std::vector<double> numbers(const Fields& fields, const char* key) {
  std::vector<double> read;
  if (!fields.has(key)) throw Error(fmt::format("config field 'rope_scaling' has no '{}'", key));
  const Json& list = fields[key];
  if (!list.is_array()) throw Error(fmt::format("config field '{}' of 'rope_scaling' is not a list", key));
  for (const Json& value : list) {
    if (!value.is_number() || value.get<double>() == 0)
      throw Error(fmt::format("config field '{}' of 'rope_scaling' holds '{}', not a number that divides", key, value.dump()));
    read.push_back(value.get<double>());
  }
  return read;
}

double required(const Fields& fields, const char* key) {
  if (!fields.has(key)) throw Error(fmt::format("config field 'rope_scaling' has no '{}'", key));
  return fields.number(key, 0);
}

std::optional<double> optional(const Fields& fields, const char* key) {
  return fields.has(key) ? std::optional(fields.number(key, 0)) : std::nullopt;
}

// Slow frequencies are divided by the factor, fast ones stay, those between are mixed (Llama 3.1).
void stretch_llama3(const Rope& rope, std::vector<double>& inverse) {
  const auto original = static_cast<double>(rope.original_positions);
  const double longest = original / rope.low_frequency_factor, shortest = original / rope.high_frequency_factor;
  for (double& value : inverse) {
    const double wave = 2 * std::numbers::pi / value;
    if (wave < shortest) continue;
    if (wave > longest) {
      value /= rope.factor;
      continue;
    }
    const double smooth = (original / wave - rope.low_frequency_factor) / (rope.high_frequency_factor - rope.low_frequency_factor);
    value = (1 - smooth) * value / rope.factor + smooth * value;
  }
}

// Peng et al., "YaRN: Efficient Context Window Extension of Large Language Models", 2023.
double stretch_yarn(const Rope& rope, std::int64_t width, std::int64_t max_positions, std::vector<double>& inverse) {
  const double original = static_cast<double>(rope.original_positions > 0 ? rope.original_positions : max_positions);
  const auto mscale = [&](double scale) { return rope.factor <= 1 ? 1.0 : 0.1 * scale * std::log(rope.factor) + 1; };
  const double attention = rope.attention_factor ? *rope.attention_factor
                           : rope.mscale && rope.mscale_all_dim && *rope.mscale != 0 && *rope.mscale_all_dim != 0
                               ? mscale(*rope.mscale) / mscale(*rope.mscale_all_dim)
                               : mscale(1);
  const auto dimension = [&](double rotations) {  // whose wave turns so often over the original length
    return static_cast<double>(width) * std::log(original / (rotations * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
  };
  double low = dimension(rope.beta_fast), high = dimension(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(width) - 1);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < inverse.size(); ++i) {
    const double kept = 1 - std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    inverse[i] = inverse[i] / rope.factor * (1 - kept) + inverse[i] * kept;
  }
  return attention;
}

}  // namespace

Frequencies frequencies(const Rope& rope, std::int64_t head_dim, std::int64_t max_positions, std::int64_t tokens) {
  const std::int64_t width = width_of(rope, head_dim);
  double theta = rope.theta;
  if (rope.type == "dynamic" && tokens > max_positions)
    theta *= std::pow(rope.factor * static_cast<double>(tokens) / static_cast<double>(max_positions) - (rope.factor - 1),
                      static_cast<double>(width) / static_cast<double>(width - 2));
  std::vector<double> inverse;
  for (std::int64_t i = 0; i < width; i += 2)
    inverse.push_back(1 / std::pow(theta, static_cast<double>(i) / static_cast<double>(width)));

  double scale = 1;
  if (rope.type == "linear") {
    for (double& value : inverse) value /= rope.factor;
  } else if (rope.type == "llama3") {
    stretch_llama3(rope, inverse);
  } else if (rope.type == "yarn") {
    scale = stretch_yarn(rope, width, max_positions, inverse);
  } else if (rope.type == "longrope" || rope.type == "factors") {
    const std::int64_t original = rope.original_positions > 0 ? rope.original_positions : max_positions;
    const std::vector<double>& by = rope.type == "longrope" && tokens > original ? rope.long_factor : rope.short_factor;
    if (by.size() != inverse.size())
      throw Error(fmt::format("the rotary embedding has {} factors for {} frequencies", by.size(), inverse.size()));
    for (size_t i = 0; i < inverse.size(); ++i) inverse[i] /= by[i];
    if (rope.type == "longrope") {
      const double factor = rope.original_positions > 0 ? static_cast<double>(max_positions) / static_cast<double>(original) : rope.factor;
      scale = rope.attention_factor ? *rope.attention_factor
              : factor <= 1         ? 1
                                    : std::sqrt(1 + std::log(factor) / std::log(static_cast<double>(original)));
    }
  }
  Frequencies out{{}, scale};
  for (const double value : inverse) out.inverse.push_back(static_cast<float>(value));
  return out;
}

Rope read_rope(const Json& config, double missing_theta) {
  const Fields fields(config);
  Rope rope;
  rope.theta = fields.number("rope_theta", missing_theta);
  rope.partial = fields.number("partial_rotary_factor", 1);
  rope.original_positions = fields.count("original_max_position_embeddings", 0);
  const bool newer = fields.has("rope_parameters");
  if (newer || fields.has("rope_scaling")) {
    const Fields scaling(fields[newer ? "rope_parameters" : "rope_scaling"]);
    rope.theta = scaling.number("rope_theta", rope.theta);
    rope.partial = scaling.number("partial_rotary_factor", rope.partial);
    const char* key = scaling.has("rope_type") ? "rope_type" : "type";
    rope.type = scaling.one_of(key, "default", {"default", "linear", "dynamic", "llama3", "yarn", "longrope", "su"});
    if (rope.type == "su") rope.type = "longrope";  // as the first Phi-3 files call it
    if (rope.type != "default" && rope.type != "longrope") rope.factor = required(scaling, "factor");
    if (rope.type == "longrope") {
      rope.factor = scaling.number("factor", 1);
      rope.short_factor = numbers(scaling, "short_factor");
      rope.long_factor = numbers(scaling, "long_factor");
    }
    if (rope.type == "llama3") {
      rope.low_frequency_factor = required(scaling, "low_freq_factor");
      rope.high_frequency_factor = required(scaling, "high_freq_factor");
      required(scaling, "original_max_position_embeddings");
    }
    rope.beta_fast = scaling.number("beta_fast", 32);
    rope.beta_slow = scaling.number("beta_slow", 1);
    rope.truncate = scaling.flag("truncate", true);
    rope.attention_factor = optional(scaling, "attention_factor");
    rope.mscale = optional(scaling, "mscale");
    rope.mscale_all_dim = optional(scaling, "mscale_all_dim");
    rope.original_positions = scaling.count("original_max_position_embeddings", rope.original_positions);
  }
  if (rope.theta <= 0) throw Error(fmt::format("config field 'rope_theta' is '{}', not a positive number", rope.theta));
  if (rope.partial <= 0 || rope.partial > 1)
    throw Error(fmt::format("config field 'partial_rotary_factor' is '{}', not a share of 1", rope.partial));
  if (rope.factor <= 0) throw Error(fmt::format("config field 'factor' of 'rope_scaling' is '{}', not a positive number", rope.factor));
  return rope;
}

void write_rope(const Rope& rope, Json& config) {
  config["rope_theta"] = rope.theta;
  if (rope.partial != 1) config["partial_rotary_factor"] = rope.partial;
  if (rope.type == "longrope" && rope.original_positions > 0) config["original_max_position_embeddings"] = rope.original_positions;
  config["rope_scaling"] = Json();
  if (rope.type == "default") return;
  if (rope.type == "factors")
    throw Error("the rotary embedding's factors come from a GGUF file and fit no known 'rope_scaling'",
                "export from the model's Hugging Face folder");
  Json scaling = {{"rope_type", rope.type}};
  if (rope.type != "longrope") scaling["factor"] = rope.factor;
  if (rope.type == "llama3") {
    scaling["low_freq_factor"] = rope.low_frequency_factor;
    scaling["high_freq_factor"] = rope.high_frequency_factor;
  }
  if (rope.type == "yarn") {
    scaling["beta_fast"] = rope.beta_fast;
    scaling["beta_slow"] = rope.beta_slow;
    scaling["truncate"] = rope.truncate;
  }
  if (rope.type == "longrope") {
    scaling["short_factor"] = rope.short_factor;
    scaling["long_factor"] = rope.long_factor;
    if (rope.original_positions == 0) scaling["factor"] = rope.factor;
  } else if (rope.original_positions > 0) {
    scaling["original_max_position_embeddings"] = rope.original_positions;
  }
  if (rope.attention_factor) scaling["attention_factor"] = *rope.attention_factor;
  if (rope.mscale) scaling["mscale"] = *rope.mscale;
  if (rope.mscale_all_dim) scaling["mscale_all_dim"] = *rope.mscale_all_dim;
  config["rope_scaling"] = scaling;
}

}  // namespace saucier::layout
