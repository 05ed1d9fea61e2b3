// Both moments of Adam in a byte a parameter each (Dettmers et al., "8-bit Optimizers via Block-wise Quantization", ICLR
// 2022, arXiv 2110.02861, section 2).
//
// A block of 256 numbers is kept as its largest magnitude (float32) and for each number the nearest of 256 values of
// [-1, 1], or [0, 1] where nothing is negative. The values are the paper's dynamic tree: the decade 10^(e-6) … 10^(e-7) of
// e = 6 … 0 is cut into 2^e equal cells on each side of 0 (2^(e+1) on the one side), whose middles are values, beside 0
// and 1. So large numbers of a block have two digits, and what is a millionth of them is still not 0.
//
// Other than in the paper the second moment is kept as its root, and rounded up or down at random, by how near either
// value is. Its decades would else run out at half of those of the first moment, and an update that is divided by a second
// moment of 0 explodes; and with a decay of 0.999 a step moves it by less than half a cell, so that the nearest value
// would be the old one for ever. The random numbers follow from the number of the step.
#pragma once

#include <ATen/core/Tensor.h>

namespace saucier::train {

class ByteMoments {
 public:
  static constexpr std::int64_t kBlock = 256;

  // Zeros; `count` is a multiple of kBlock.
  explicit ByteMoments(std::int64_t count, const at::Device& device = at::kCPU);

  // Of the numbers [begin, end), multiples of kBlock; float32.
  at::Tensor first(std::int64_t begin, std::int64_t end) const;
  at::Tensor root_of_second(std::int64_t begin, std::int64_t end) const;
  void put(std::int64_t begin, std::int64_t end, const at::Tensor& first, const at::Tensor& root_of_second, std::int64_t step);

  struct Codes {
    at::Tensor codes;    // uint8 [count]
    at::Tensor largest;  // float32 [count / kBlock]
  };
  Codes first_codes, second_codes;

 private:
  struct Values {
    at::Tensor values, borders;  // float32 [256], [255]
  };
  static Values dynamic_tree(bool with_sign, const at::Device& device);
  static at::Tensor decode(const Codes& kept, const Values& values, std::int64_t begin, std::int64_t end);
  // `chance` [count], uniform in [0, 1): which of the two next values; undefined: the nearest.
  static void encode(Codes& kept, const Values& values, std::int64_t begin, const at::Tensor& numbers, const at::Tensor& chance);

  Values signed_, unsigned_;
};

}  // namespace saucier::train
