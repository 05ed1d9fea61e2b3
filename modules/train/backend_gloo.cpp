// libtorch's wheels carry Gloo but not its headers, which ProcessGroupGloo.hpp includes: they are Debian's (libgloo-dev).
// Only pointers to Gloo's types cross over, so their age does not matter.
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "modules/train/backend.h"

namespace saucier::train {

c10::intrusive_ptr<c10d::Backend> gloo_backend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int count, const std::string& host) {
  auto options = c10d::ProcessGroupGloo::Options::create();
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(host));
  options->threads = 1;  // one sum at a time
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, count, options);
}

}  // namespace saucier::train
