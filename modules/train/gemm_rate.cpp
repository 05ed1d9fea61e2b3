#include "modules/train/gemm_rate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "modules/base/clock.h"

namespace saucier::train {
namespace {

constexpr double kSeconds = 0.2;

double measure(at::ScalarType dtype, const at::Device& device) {
  at::NoGradGuard no_grad;
  const std::int64_t side = device.is_cuda() ? 8192 : 1024;  // enough to fill either
  const auto kind = at::TensorOptions(dtype).device(device);
  const at::Tensor a = at::ones({side, side}, kind), b = at::ones({side, side}, kind);
  at::Tensor c = at::mm(a, b);
  const Clock& clock = system_clock();
  const double flops = 2.0 * static_cast<double>(side * side * side), begin = clock.steady_seconds();
  double best = 0;
  for (double now = begin; now - begin < kSeconds;) {
    at::mm_out(c, a, b);
    if (device.is_cuda()) c.select(0, 0).select(0, 0).item();  // waits for it
    const double after = clock.steady_seconds();
    best = std::max(best, flops / std::max(after - now, 1e-9));
    now = after;
  }
  return best;
}

}  // namespace

double gemm_rate(at::ScalarType dtype, const at::Device& device) {
  if (dtype == at::kBFloat16) {
    static const double narrow = measure(at::kBFloat16, device);
    return narrow;
  }
  static const double whole = measure(at::kFloat, device);
  return whole;
}

}  // namespace saucier::train
