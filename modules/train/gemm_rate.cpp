#include "modules/train/gemm_rate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "modules/base/clock.h"

namespace saucier::train {
namespace {

constexpr std::int64_t kSide = 1024;
constexpr double kSeconds = 0.2;

double measure(at::ScalarType dtype) {
  at::NoGradGuard no_grad;
  const at::Tensor a = at::ones({kSide, kSide}, dtype), b = at::ones({kSide, kSide}, dtype);
  at::Tensor c = at::mm(a, b);
  const Clock& clock = system_clock();
  const double flops = 2.0 * kSide * kSide * kSide, begin = clock.steady_seconds();
  double best = 0;
  for (double now = begin; now - begin < kSeconds;) {
    at::mm_out(c, a, b);
    const double after = clock.steady_seconds();
    best = std::max(best, flops / std::max(after - now, 1e-9));
    now = after;
  }
  return best;
}

}  // namespace

double gemm_rate(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) {
    static const double narrow = measure(at::kBFloat16);
    return narrow;
  }
  static const double whole = measure(at::kFloat);
  return whole;
}

}  // namespace saucier::train
