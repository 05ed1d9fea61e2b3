// The part of Python's pickle language that a torch.save of tensors is written in. A pickle is a program for a stack
// machine that may import and call anything; this machine knows dicts, lists, tuples, texts, numbers and the functions that
// put a tensor together, and does nothing but note down what they are given. Any other import is an Error that names it.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "modules/weights/container.h"

namespace saucier::weights::pickle {

using Id = std::uint32_t;  // of a value; they refer to each other by number, so that no nesting or circle can hurt

struct None {};
struct Mark {};  // where a tuple, a list's or a dict's items begin on the stack
struct Global {
  std::string_view module, name;
};
struct Sequence {  // a list or a tuple
  std::vector<Id> items;
};
struct Dict {
  std::vector<std::pair<Id, Id>> items;
};
struct Storage {  // numbers that lie elsewhere in the file
  Dtype dtype = Dtype::f32;
  std::string_view key;
  std::uint64_t elements = 0;
};
struct TensorView {
  Id storage = 0;
  std::uint64_t offset = 0;  // in elements, as the strides
  std::vector<std::int64_t> shape, strides;
};
using Value = std::variant<None, Mark, bool, std::int64_t, double, std::string_view, Global, Sequence, Dict, Storage, TensorView>;

struct Program {
  std::deque<Value> values;  // texts refer to the bytes that were read
  Id result = 0;
  size_t size = 0;           // bytes up to its end
};

// Runs the pickle at the front of `bytes`.
Program run(std::string_view bytes);

}  // namespace saucier::weights::pickle
