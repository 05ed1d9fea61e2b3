// Opcodes: CPython's Lib/pickletools.py. What torch writes: torch/serialization.py, torch/_utils.py.
#include "modules/weights/pickle.h"

#include <algorithm>

#include "modules/weights/cursor.h"
#include "modules/weights/reading.h"

namespace saucier::weights::pickle {
namespace {

constexpr size_t kMostValues = 4'000'000;  // a tensor takes about twenty; bounds the memory that a pickle can ask for
constexpr size_t kMostSides = 64;          // torch's own limit

struct StorageType {
  std::string_view name;
  Dtype dtype;
};
constexpr StorageType kStorages[] = {{"FloatStorage", Dtype::f32},     {"DoubleStorage", Dtype::f64}, {"HalfStorage", Dtype::f16},
                                     {"BFloat16Storage", Dtype::bf16}, {"LongStorage", Dtype::i64},   {"IntStorage", Dtype::i32},
                                     {"ShortStorage", Dtype::i16},     {"CharStorage", Dtype::i8},    {"ByteStorage", Dtype::u8},
                                     {"BoolStorage", Dtype::boolean}};
constexpr Global kFunctions[] = {{"collections", "OrderedDict"},
                                 {"torch._utils", "_rebuild_tensor_v2"},
                                 {"torch._utils", "_rebuild_tensor"},
                                 {"torch._utils", "_rebuild_parameter"},
                                 {"torch", "Size"}};

const StorageType* storage_type(const Global& global) {
  if (global.module != "torch" && global.module != "torch.cuda") return nullptr;
  const auto found = std::find_if(std::begin(kStorages), std::end(kStorages), [&](const StorageType& t) { return t.name == global.name; });
  return found == std::end(kStorages) ? nullptr : found;
}

Global known_global(std::string_view module, std::string_view name) {
  const Global out{module, name};
  const bool known = storage_type(out) || std::any_of(std::begin(kFunctions), std::end(kFunctions),
                                                      [&](const Global& f) { return f.module == module && f.name == name; });
  if (!known)
    throw Error(fmt::format("it imports '{}.{}', which a file of tensors does not need", shown(module), shown(name)),
                "save the tensors alone, as a dict: torch.save(model.state_dict(), file), or as safetensors");
  return out;
}

class Machine {
 public:
  explicit Machine(std::string_view bytes) : in_(bytes) {}

  Program run() {
    for (bool going = true; going;) {
      const size_t at = in_.at();
      try {
        going = step(in_.number<std::uint8_t>("an instruction"));
      } catch (Error& error) {
        error.add_context(fmt::format("in the pickle's instruction at its byte {}", at));
        throw;
      }
    }
    program_.result = pop();
    program_.size = in_.at();
    return std::move(program_);
  }

 private:
  Value& value(Id id) { return program_.values[id]; }

  void push(Value value) {
    if (program_.values.size() >= kMostValues) throw Error(fmt::format("more than {} values", kMostValues));
    program_.values.push_back(std::move(value));
    push_id(static_cast<Id>(program_.values.size() - 1));
  }
  void push_id(Id id) {
    if (stack_.size() >= kMostValues) throw Error(fmt::format("more than {} values", kMostValues));
    stack_.push_back(id);
  }
  Id top() {
    if (stack_.empty()) throw Error("a value is missing on the stack");
    return stack_.back();
  }
  Id pop() {
    const Id out = top();
    stack_.pop_back();
    return out;
  }
  std::vector<Id> pop_to_mark() {
    size_t begin = stack_.size();
    while (begin > 0 && !std::holds_alternative<Mark>(value(stack_[begin - 1]))) --begin;
    if (begin == 0) throw Error("a mark is missing on the stack");
    std::vector<Id> out(stack_.begin() + static_cast<std::ptrdiff_t>(begin), stack_.end());
    stack_.resize(begin - 1);
    return out;
  }
  template <class T>
  T& as(Id id, std::string_view what) {
    if (T* found = std::get_if<T>(&value(id))) return *found;
    throw Error(fmt::format("{} is of another kind than it should be", what));
  }
  std::uint64_t count_of(Id id, std::string_view what) {
    const std::int64_t number = as<std::int64_t>(id, what);
    if (number < 0) throw Error(fmt::format("{} is {}, a negative number", what, number));
    return static_cast<std::uint64_t>(number);
  }
  std::vector<std::int64_t> counts_of(Id id, std::string_view what) {
    const std::vector<Id>& items = as<Sequence>(id, what).items;
    if (items.size() > kMostSides) throw Error(fmt::format("{} has {} sides, at most {} are allowed", what, items.size(), kMostSides));
    std::vector<std::int64_t> out;
    for (const Id item : items) out.push_back(static_cast<std::int64_t>(count_of(item, what)));
    return out;
  }

  void put(std::uint64_t number) {
    if (number >= kMostValues) throw Error(fmt::format("memo number {} is too large", number));
    if (number >= memo_.size()) memo_.resize(std::max<size_t>(number + 1, memo_.size() + memo_.size() / 2));
    memo_[number] = top() + 1;
  }
  void get(std::uint64_t number) {
    if (number >= memo_.size() || memo_[number] == 0) throw Error(fmt::format("memo number {} was never set", number));
    push_id(memo_[number] - 1);
  }
  void push_tuple(size_t size) {
    Sequence out{std::vector<Id>(size)};
    for (size_t i = size; i > 0; --i) out.items[i - 1] = pop();
    push(std::move(out));
  }
  void set_items(const std::vector<Id>& items) {
    if (items.size() % 2 != 0) throw Error("a key without a value");
    Dict& dict = as<Dict>(top(), "what gets items");
    for (size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
  }
  void push_integer(std::string_view bytes) {
    if (bytes.size() > 8) throw Error(fmt::format("a whole number of {} bytes is not supported", bytes.size()));
    std::uint64_t out = !bytes.empty() && (bytes.back() & 0x80) ? ~std::uint64_t{0} : 0;
    for (size_t i = bytes.size(); i > 0; --i) out = out << 8 | static_cast<std::uint8_t>(bytes[i - 1]);
    push(static_cast<std::int64_t>(out));
  }
  // torch's persistent ids: ('storage', type, key, where it was, elements), and in the older format a view's data or None.
  void push_storage() {
    const std::vector<Id>& parts = as<Sequence>(pop(), "a storage's description").items;
    if (parts.size() < 5 || parts.size() > 6 || as<std::string_view>(parts[0], "a storage's kind") != "storage") throw Error("what it refers to is no storage");
    const StorageType* type = storage_type(as<Global>(parts[1], "a storage's type"));
    if (!type) throw Error("a storage's type is none");
    if (parts.size() == 6 && !std::holds_alternative<None>(value(parts[5]))) throw Error("a view of a storage is not supported", "save the file again with a newer torch");
    push(Storage{type->dtype, as<std::string_view>(parts[2], "a storage's key"), count_of(parts[4], "a storage's size")});
  }

  void call() {
    const std::vector<Id>& arguments = as<Sequence>(pop(), "what a function is given").items;
    const Global function = as<Global>(pop(), "what is called");
    const auto expect = [&](size_t least) {
      if (arguments.size() < least) throw Error(fmt::format("'{}' is given {} values, it needs {}", function.name, arguments.size(), least));
    };
    if (function.name == "OrderedDict") {
      if (!arguments.empty()) throw Error("an OrderedDict with contents given at once is not supported");
      push(Dict{});
    } else if (function.name == "_rebuild_parameter") {
      expect(1);
      as<TensorView>(arguments[0], "a parameter's tensor");
      push_id(arguments[0]);
    } else if (function.name == "Size") {
      expect(1);
      as<Sequence>(arguments[0], "a size");
      push_id(arguments[0]);
    } else if (function.name.starts_with("_rebuild_tensor")) {
      expect(4);
      as<Storage>(arguments[0], "a tensor's storage");
      TensorView out;
      out.storage = arguments[0];
      out.offset = count_of(arguments[1], "a tensor's offset");
      out.shape = counts_of(arguments[2], "a tensor's shape");
      out.strides = counts_of(arguments[3], "a tensor's strides");
      if (out.shape.size() != out.strides.size()) throw Error("a tensor has not as many strides as sides");
      push(std::move(out));
    } else {
      throw Error(fmt::format("'{}' is no function", function.name));
    }
  }

  // One instruction; false at the last one.
  bool step(std::uint8_t code) {
    constexpr const char* kWhat = "an instruction's value";
    switch (code) {
      case 0x80:  // PROTO
        if (const auto protocol = in_.number<std::uint8_t>(kWhat); protocol < 2 || protocol > 5) throw Error(fmt::format("pickle protocol {} is not supported", protocol));
        return true;
      case '.': return false;                                                             // STOP
      case '(': push(Mark{}); return true;                                                // MARK
      case '0': pop(); return true;                                                       // POP
      case 'N': push(None{}); return true;                                                // NONE
      case 0x88: push(true); return true;                                                 // NEWTRUE
      case 0x89: push(false); return true;                                                // NEWFALSE
      case 'J': push(std::int64_t{in_.number<std::int32_t>(kWhat)}); return true;         // BININT
      case 'K': push(std::int64_t{in_.number<std::uint8_t>(kWhat)}); return true;         // BININT1
      case 'M': push(std::int64_t{in_.number<std::uint16_t>(kWhat)}); return true;        // BININT2
      case 0x8a: push_integer(in_.take(in_.number<std::uint8_t>(kWhat), kWhat)); return true;      // LONG1
      case 'G': {                                                                         // BINFLOAT, big-endian
        std::string bytes(in_.take(8, kWhat));
        std::reverse(bytes.begin(), bytes.end());
        push(Cursor(bytes).number<double>(kWhat));
        return true;
      }
      case 'X': case 'T': push(in_.take(in_.number<std::uint32_t>(kWhat), kWhat)); return true;     // BINUNICODE, BINSTRING
      case 0x8c: case 'U': push(in_.take(in_.number<std::uint8_t>(kWhat), kWhat)); return true;     // SHORT_BINUNICODE, SHORT_BINSTRING
      case '}': push(Dict{}); return true;                                                // EMPTY_DICT
      case ']': case ')': push(Sequence{}); return true;                                  // EMPTY_LIST, EMPTY_TUPLE
      case 0x85: push_tuple(1); return true;                                              // TUPLE1
      case 0x86: push_tuple(2); return true;                                              // TUPLE2
      case 0x87: push_tuple(3); return true;                                              // TUPLE3
      case 't': push(Sequence{pop_to_mark()}); return true;                               // TUPLE
      case 'a': {                                                                         // APPEND
        const Id item = pop();
        as<Sequence>(top(), "what is appended to").items.push_back(item);
        return true;
      }
      case 'e': {                                                                         // APPENDS
        const std::vector<Id> items = pop_to_mark();
        std::vector<Id>& list = as<Sequence>(top(), "what is appended to").items;
        list.insert(list.end(), items.begin(), items.end());
        return true;
      }
      case 's': {                                                                         // SETITEM
        const Id item = pop(), key = pop();
        set_items({key, item});
        return true;
      }
      case 'u': set_items(pop_to_mark()); return true;                                    // SETITEMS
      case 'q': put(in_.number<std::uint8_t>(kWhat)); return true;                        // BINPUT
      case 'r': put(in_.number<std::uint32_t>(kWhat)); return true;                       // LONG_BINPUT
      case 0x94: put(memoized_++); return true;                                           // MEMOIZE
      case 'h': get(in_.number<std::uint8_t>(kWhat)); return true;                        // BINGET
      case 'j': get(in_.number<std::uint32_t>(kWhat)); return true;                       // LONG_BINGET
      case 0x95: in_.number<std::uint64_t>(kWhat); return true;                           // FRAME: how much follows
      case 'c': {                                                                         // GLOBAL
        const std::string_view module = in_.line("an import's module");
        push(known_global(module, in_.line("an import's name")));
        return true;
      }
      case 0x93: {                                                                        // STACK_GLOBAL
        const std::string_view name = as<std::string_view>(pop(), "an import's name");
        push(known_global(as<std::string_view>(pop(), "an import's module"), name));
        return true;
      }
      case 'Q': push_storage(); return true;                                              // BINPERSID
      case 'R': call(); return true;                                                      // REDUCE
      case 'b':                                                                           // BUILD: attributes of a state dict, such as its _metadata
        pop();
        as<Dict>(top(), "what gets attributes");
        return true;
      default: throw Error(fmt::format("instruction {:#04x} is not one of a file of tensors", code));
    }
  }

  Cursor in_;
  Program program_;
  std::vector<Id> stack_;
  std::vector<Id> memo_;  // one more than the value's number; 0: not set
  std::uint64_t memoized_ = 0;
};

}  // namespace

Program run(std::string_view bytes) { return Machine(bytes).run(); }

}  // namespace saucier::weights::pickle
