// What the machine reaches in plain matrix products: the yardstick of a training step's arithmetic.
#pragma once

#include <ATen/core/Tensor.h>

namespace saucier::train {

// FLOP/s of products of square matrices in a number format on this process's threads: the best of a few, measured once
// for each format (a fifth of a second), so that it is the same in every stage of the process.
double gemm_rate(at::ScalarType dtype, const at::Device& device = at::kCPU);

}  // namespace saucier::train
