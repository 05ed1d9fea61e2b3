#include "modules/train/byte_moments.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/rng.h"

namespace saucier::train {

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
  const at::Tensor codes = kept.codes.narrow(0, begin, end - begin).to(at::kInt);
  const at::Tensor largest = kept.largest.narrow(0, begin / kBlock, (end - begin) / kBlock);
  return values.values.index_select(0, codes).view({-1, kBlock}).mul_(largest.unsqueeze(1)).view({-1});
}

void ByteMoments::encode(Codes& kept, const Values& values, std::int64_t begin, const at::Tensor& numbers, const at::Tensor& chance) {
  const at::Tensor blocks = numbers.view({-1, kBlock});
  const at::Tensor largest = blocks.abs().amax(1);
  kept.largest.narrow(0, begin / kBlock, largest.size(0)).copy_(largest);
  // A block of zeros is divided by what cannot be 0.
  const at::Tensor shares = blocks.div(largest.clamp_min(1e-38).unsqueeze(1));
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
