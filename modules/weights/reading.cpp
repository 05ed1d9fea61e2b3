#include "modules/weights/reading.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

static_assert(std::endian::native == std::endian::little, "the files are little-endian and their bytes are used as they are");

namespace saucier::weights {
namespace {

// Notes what the tree would no longer show. Stops at the first problem; a syntax error is left to parse_json.
class Checker : public nlohmann::json_sax<Json> {
 public:
  Checker(std::string_view what, std::string_view key_is) : what_(what), key_is_(key_is) {}
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(Json::number_integer_t) override { return true; }
  bool number_unsigned(Json::number_unsigned_t) override { return true; }
  bool number_float(Json::number_float_t, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(Json::binary_t&) override { return true; }
  bool start_object(size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool key(std::string& name) override {
    if (depth_ == 1 && !names_.insert(name).second)
      throw Error(fmt::format("{} '{}' stands in {} twice", key_is_, shown(std::string_view(name)), what_));
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool enter() {
    if (++depth_ > 10) throw Error(fmt::format("{} is nested more than ten deep", what_));
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }
  std::string what_, key_is_;
  std::set<std::string> names_;
  int depth_ = 0;
};

}  // namespace

MappedFile::MappedFile(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(fmt::format("cannot read '{}': {}", path.string(), std::strerror(errno)));
  struct stat status {};
  int error = ::fstat(fd, &status) == 0 ? 0 : errno;
  if (error == 0 && !S_ISREG(status.st_mode)) error = S_ISDIR(status.st_mode) ? EISDIR : ESPIPE;
  if (error == 0 && status.st_size > 0) {
    size_ = static_cast<size_t>(status.st_size);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // a disk's file is mostly read through: further ahead than for a stray page
    // Without a reserve: pages that nobody writes to cost no memory, however large the file is.
    data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (data_ == MAP_FAILED) error = errno;
  }
  ::close(fd);
  if (error != 0) throw Error(fmt::format("cannot read '{}': {}", path.string(), std::strerror(error)));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Container Builder::build(std::map<std::string, Tensor> tensors, Json metadata, std::shared_ptr<const void> memory) {
  Container out;
  out.tensors_ = std::move(tensors);
  out.metadata_ = std::move(metadata);
  out.memory_ = std::move(memory);
  return out;
}

size_t bytes_of(Dtype dtype, std::span<const std::int64_t> shape) {
  std::uint64_t bytes = block_bytes(dtype);
  bool fits = true, empty = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    std::uint64_t side = static_cast<std::uint64_t>(shape[i]);
    if (i + 1 == shape.size()) {
      if (side % block_elements(dtype) != 0)
        throw Error(fmt::format("rows of {} numbers are no whole blocks of '{}'", side, name_of(dtype)));
      side /= block_elements(dtype);
    }
    empty = empty || side == 0;
    // An empty tensor's other sides count too: libraries compute strides from their product.
    fits = fits && !__builtin_mul_overflow(bytes, std::max<std::uint64_t>(side, 1), &bytes);
  }
  if (!fits || bytes > INT64_MAX) throw Error(fmt::format("shape '{}' is too large", shown(Json(std::vector(shape.begin(), shape.end())))));
  if (shape.empty() && is_quantised(dtype)) throw Error(fmt::format("a single number is no whole block of '{}'", name_of(dtype)));
  return empty ? 0 : bytes;
}

Json checked_json(std::string_view text, std::string_view what, std::string_view key_is) {
  Checker checker(what, key_is);
  Json::sax_parse(text, &checker);
  return parse_json(text, what);
}

std::string shown(const Json& value) { return shown(std::string_view(value.dump(-1, ' ', false, Json::error_handler_t::replace))); }

std::string shown(std::string_view text) {
  constexpr size_t kMost = 80;
  std::string out(text.substr(0, kMost));
  std::replace_if(out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');  // as a terminal would not take it
  if (text.size() > kMost) out += " ...";
  return out;
}

}  // namespace saucier::weights
