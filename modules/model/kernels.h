// The element-wise chains of the layers, each as one pass over memory, forward and backward. Small models spend as long in
// such chains as in matrix products when every step of a chain is an operation. Loops on the CPU in float32 and bfloat16
// (read and written in it, computed in float32); elsewhere the same values come from plain operations. None of them
// records a gradient: modules/model/block.h does. N rows, D width, F feed-forward width.
#pragma once

#include <ATen/core/Tensor.h>

namespace saucier::model {

// CPU threads of all operations (0: as many as cores) and no slow arithmetic on numbers next to 0; returns their number.
int use_threads(std::int64_t threads);

// Whether tensors like x are computed by loops of this project.
bool has_loops(const at::Tensor& x);

// x [N, D], weight [D] → x / sqrt(mean(x²) + epsilon) * weight (Zhang & Sennrich, "Root Mean Square Layer Normalization",
// 2019); `inverse` gets 1 / sqrt(…), float32 [N].
at::Tensor rms_norm_forward(const at::Tensor& x, const at::Tensor& weight, double epsilon, at::Tensor* inverse = nullptr);
// The gradient of x, plus `residual` where it is defined; `weight_gradient`, where it is asked for, float32 [D].
at::Tensor rms_norm_backward(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse,
                             const at::Tensor& residual, at::Tensor* weight_gradient);

// gate_up [N, 2 F] → silu(gate) * up [N, F], with the gates in the first half of a row.
at::Tensor swiglu_forward(const at::Tensor& gate_up);
at::Tensor swiglu_backward(const at::Tensor& gradient, const at::Tensor& gate_up);

// x * sigmoid(1.702 x), CLIP's activation.
at::Tensor quick_gelu_forward(const at::Tensor& x);
at::Tensor quick_gelu_backward(const at::Tensor& gradient, const at::Tensor& x);

// logits [N, V], targets int64 [N] → losses float32 [N] (cross-entropy). With a scale the logits are overwritten by their
// gradients: (softmax - one at the target) * scale.
at::Tensor cross_entropy_in_place(at::Tensor& logits, const at::Tensor& targets, std::optional<double> scale);

}  // namespace saucier::model
