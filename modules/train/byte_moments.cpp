#include "modules/train/byte_moments.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/rng.h"

namespace saucier::train {
namespace {

constexpr std::int64_t kBlocksAThread = 64;
constexpr float kSmallest = 1e-38F;  // what a block of zeros is divided by

// How many of 255 rising numbers are below x, or not above it where `equal`.
template <bool equal>
std::int32_t count_below(const float* rising, float x) {
  std::int32_t count = 0;
  for (std::int32_t step = 128; step > 0; step /= 2) {
    const float at = rising[count + step - 1];
    count += (equal ? at <= x : at < x) ? step : 0;
  }
  return count;
}

}  // namespace

ByteMoments::ByteMoments(std::int64_t count, const at::Device& device)
    : signed_(dynamic_tree(true, device)), unsigned_(dynamic_tree(false, device)) {
  SAUCIER_CHECK(count % kBlock == 0, "{} numbers in blocks of {}", count, kBlock);
  for (Codes* kept : {&first_codes, &second_codes}) {
    kept->codes = at::zeros({count}, at::TensorOptions(at::kByte).device(device));
    kept->largest = at::zeros({count / kBlock}, at::TensorOptions(at::kFloat).device(device));
  }
}

ByteMoments::Values ByteMoments::dynamic_tree(bool with_sign, const at::Device& device) {
  constexpr int kDecades = 7;
  std::vector<float> values = {0, 1};
  for (int decade = 0; decade < kDecades; ++decade) {
    const int cells = 1 << (with_sign ? decade : decade + 1);
    for (int cell = 0; cell < cells; ++cell) {
      const double middle = 0.1 + 0.9 * (cell + 0.5) / cells;
      const auto value = static_cast<float>(middle * std::pow(10.0, decade + 1 - kDecades));
      values.push_back(value);
      if (with_sign) values.push_back(-value);
    }
  }
  std::sort(values.begin(), values.end());
  std::vector<float> borders;
  for (size_t i = 1; i < values.size(); ++i) borders.push_back((values[i - 1] + values[i]) / 2);
  return {at::tensor(values).to(device), at::tensor(borders).to(device)};
}

at::Tensor ByteMoments::decode(const Codes& kept, const Values& values, std::int64_t begin, std::int64_t end) {
  if (kept.codes.is_cpu()) {
    at::Tensor numbers = at::empty({end - begin}, at::kFloat);
    const std::uint8_t* code = kept.codes.const_data_ptr<std::uint8_t>() + begin;
    const float *value = values.values.const_data_ptr<float>(), *largest = kept.largest.const_data_ptr<float>() + begin / kBlock;
    float* out = numbers.mutable_data_ptr<float>();
    at::parallel_for(0, (end - begin) / kBlock, kBlocksAThread, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first * kBlock; i < last * kBlock; ++i) out[i] = value[code[i]] * largest[i / kBlock];
    });
    return numbers;
  }
  const at::Tensor codes = kept.codes.narrow(0, begin, end - begin).to(at::kInt);
  const at::Tensor largest = kept.largest.narrow(0, begin / kBlock, (end - begin) / kBlock);
  return values.values.index_select(0, codes).view({-1, kBlock}).mul_(largest.unsqueeze(1)).view({-1});
}

void ByteMoments::encode(Codes& kept, const Values& values, std::int64_t begin, const at::Tensor& numbers, const at::Tensor& chance) {
  if (numbers.is_cpu()) {
    std::uint8_t* code = kept.codes.mutable_data_ptr<std::uint8_t>() + begin;
    float* largest = kept.largest.mutable_data_ptr<float>() + begin / kBlock;
    const float *number = numbers.const_data_ptr<float>(), *value = values.values.const_data_ptr<float>(), *border = values.borders.const_data_ptr<float>();
    const float* drawn = chance.defined() ? chance.const_data_ptr<float>() : nullptr;
    at::parallel_for(0, numbers.size(0) / kBlock, kBlocksAThread, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t block = first; block < last; ++block) {
        const float* x = number + block * kBlock;
        float top = 0;
        for (std::int64_t i = 0; i < kBlock; ++i) top = std::max(top, std::fabs(x[i]));
        largest[block] = top;
        const float divisor = std::max(top, kSmallest);
        for (std::int64_t i = 0; i < kBlock; ++i) {
          const float share = x[i] / divisor;
          std::int32_t at = drawn == nullptr ? count_below<false>(border, share) : std::min(count_below<true>(value + 1, share), 254);
          if (drawn != nullptr) at += drawn[block * kBlock + i] < (share - value[at]) / (value[at + 1] - value[at]) ? 1 : 0;
          code[block * kBlock + i] = static_cast<std::uint8_t>(at);
        }
      }
    });
    return;
  }
  const at::Tensor blocks = numbers.view({-1, kBlock});
  const at::Tensor largest = blocks.abs().amax(1);
  kept.largest.narrow(0, begin / kBlock, largest.size(0)).copy_(largest);
  const at::Tensor shares = blocks.div(largest.clamp_min(kSmallest).unsqueeze(1));
  at::Tensor codes = kept.codes.narrow(0, begin, numbers.size(0));
  if (!chance.defined()) {
    codes.copy_(at::bucketize(shares, values.borders, /*out_int32=*/true).view({-1}));
    return;
  }
  const at::Tensor below = at::bucketize(shares, values.values.narrow(0, 1, values.values.size(0) - 2), /*out_int32=*/true, /*right=*/true).view({-1});
  const at::Tensor low = values.values.index_select(0, below), high = values.values.index_select(0, below + 1);
  codes.copy_(below.add(chance.lt(shares.view({-1}).sub(low).div_(high.sub(low)))));
}

at::Tensor ByteMoments::first(std::int64_t begin, std::int64_t end) const { return decode(first_codes, signed_, begin, end); }

at::Tensor ByteMoments::root_of_second(std::int64_t begin, std::int64_t end) const {
  return decode(second_codes, unsigned_, begin, end);
}

void ByteMoments::put(std::int64_t begin, std::int64_t end, const at::Tensor& first, const at::Tensor& root_of_second, std::int64_t step) {
  SAUCIER_CHECK(first.size(0) == end - begin && root_of_second.size(0) == end - begin, "moments of {} to {}", begin, end);
  at::Generator generator = at::detail::createCPUGenerator(Rng(static_cast<std::uint64_t>(step), "byte-moments", static_cast<std::uint64_t>(begin)).next64());
  encode(first_codes, signed_, begin, first, {});
  encode(second_codes, unsigned_, begin, root_of_second, at::rand({end - begin}, generator, at::TensorOptions(at::kFloat)).to(root_of_second.device()));
}

}  // namespace saucier::train
