// The names that reader and writer of safetensors share.
#pragma once

#include "modules/weights/container.h"

namespace saucier::weights {

inline constexpr const char* kMetadataKey = "__metadata__";
inline constexpr Dtype kSafetensorsDtypes[] = {Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::i64,
                                               Dtype::i32, Dtype::i16, Dtype::i8,  Dtype::u8,   Dtype::boolean};

}  // namespace saucier::weights
