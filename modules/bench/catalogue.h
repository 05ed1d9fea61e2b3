// The plain table of benchmarks; adding one is a line in catalogue.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "modules/bench/benchmark.h"
#include "modules/options/benchmark_options.h"
#include "modules/options/stage_options.h"

namespace saucier::bench {

std::vector<std::string> scene_benchmark_names();
// Over the scenes that an evaluate stage describes. Throws Error with the nearest names.
std::unique_ptr<Benchmark> make_scene_benchmark(const std::string& name, const options::EvaluateOptions& options);

// A benchmark over files.
struct Entry {
  std::string kind;   // "vqav2": what it offers is options::find_protocol(kind)
  std::string title;  // "VQAv2 (Goyal et al. 2017)"
  std::string unit;   // the sample unit of its standard errors: "question", "picture"
  std::unique_ptr<Benchmark> (*make)(const options::BenchmarkOptions&);  // split and variant are filled in
};
const std::vector<Entry>& catalogue();

// Reads the benchmark's files. Throws Error: unknown kind, split or variant (with the ones there are), a file missing or damaged
// (naming it and what it is for), a limit applied.
std::unique_ptr<Benchmark> make_benchmark(options::BenchmarkOptions options);

}  // namespace saucier::bench
