#include "modules/train/backend.h"

#include "modules/base/error.h"

#ifdef SAUCIER_NCCL
#ifndef USE_C10D_NCCL
#define USE_C10D_NCCL
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace saucier::train {

c10::intrusive_ptr<c10d::Backend> nccl_backend([[maybe_unused]] const c10::intrusive_ptr<c10d::Store>& store, [[maybe_unused]] int rank,
                                               [[maybe_unused]] int count) {
#ifdef SAUCIER_NCCL
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, count, c10d::ProcessGroupNCCL::Options::create());
#else
  throw Error("several CUDA devices for one stage need NCCL, which this build has not", "build against a CUDA libtorch, or give each stage one device");
#endif
}

}  // namespace saucier::train
