// The two ways in which libtorch lets processes sum tensors, each behind its own headers.
#pragma once

#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <string>

namespace saucier::train {

// `host`: an address of this machine that the others reach.
c10::intrusive_ptr<c10d::Backend> gloo_backend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int count, const std::string& host);
// Error in a build without CUDA.
c10::intrusive_ptr<c10d::Backend> nccl_backend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int count);

}  // namespace saucier::train
