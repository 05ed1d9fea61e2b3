// What a step of training reports beside its gradients.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace saucier::train {

// Seconds by what they went into; what is in none of them is the rest of the step.
struct Spent {
  double data = 0;      // waiting for the batch
  double vision = 0;    // preparing pixels, the tower's forward pass
  double forward = 0;   // of what stands behind them, and the loss
  double backward = 0;
  double exchange = 0;  // with other ranks
  double optimizer = 0; // from here on the trainer's own
  double logging = 0;   // metric rows and training states
};

// Adds the time it lives to a counter: `const Stopwatch watch(result.spent.forward);`
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// The loss of one source's learned tokens: its mean is sum / tokens.
struct SourceLoss {
  double sum = 0;
  std::int64_t tokens = 0;
};

struct StepResult {
  double loss = 0;
  std::int64_t samples = 0;
  std::int64_t tokens = 0;     // real tokens, pictures included
  std::int64_t learned = 0;    // supervised positions
  double flops = 0;            // of the arithmetic that the real tokens need (flops.h); 0: not counted
  Spent spent = {};
  std::map<std::string, SourceLoss> by_source = {};  // by data source; empty: not told apart
  std::map<std::string, double> extra = {};          // further metrics of the objective, summed up over a step
};

}  // namespace saucier::train
