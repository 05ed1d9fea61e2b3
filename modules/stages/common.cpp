#include "modules/stages/common.h"

#include <ATen/Context.h>
#include <torch/version.h>

#include <cstdlib>

#include "modules/base/paths.h"
#include "modules/model/kernels.h"

namespace saucier::stages {

std::filesystem::path output_folder(const options::Job& job) { return std::filesystem::path(job.work) / paths::kOutput; }

at::Device device_of(const options::Job& job) { return at::Device(job.device); }

void prepare(const options::Job& job, EventWriter& events) {
  if (job.device != "cpu" && !at::hasCUDA())
    throw Error(fmt::format("device '{}' is asked for, but this libtorch sees no CUDA device", job.device),
                "run with --devices cpu, or build against a CUDA libtorch on a machine with a GPU");
  if (job.train && job.train->deterministic) {
    ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // cuBLAS has no other way, and reads it when it starts
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
    at::globalContext().setDeterministicCuDNN(true);
    at::globalContext().setBenchmarkCuDNN(false);
  }
  const int threads = model::use_threads(job.threads);
  // What an earlier attempt left half done is made again; its training state is elsewhere.
  std::filesystem::remove_all(output_folder(job));
  make_folders(output_folder(job));
  events.environment({{"torch", TORCH_VERSION}, {"threads", std::to_string(threads)}, {"device", job.device},
                      {"seed", std::to_string(job.seed)}});
}

}  // namespace saucier::stages
