#include "modules/base/digest.h"

#include <openssl/evp.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "modules/base/error.h"

namespace saucier {

namespace fs = std::filesystem;

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    SAUCIER_CHECK(context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1,
                  "libcrypto has no SHA-256");
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  SAUCIER_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span(text))); }

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  SAUCIER_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &size) == 1 && size == digest.size());
  std::string out;
  for (const unsigned char byte : digest) out += fmt::format("{:02x}", byte);
  return out;
}

std::string sha256(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

std::string sha256_file(const fs::path& path) {
  const auto fail = [&](int code) {
    throw Error(fmt::format("cannot read '{}': {}", path.string(), std::strerror(code)));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(errno);
  Sha256 hash;
  std::vector<std::byte> buffer(size_t{1} << 20);
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int code = errno;
      ::close(fd);
      fail(code);
    }
    if (got == 0) break;
    hash.update(std::span(buffer.data(), static_cast<size_t>(got)));
  }
  ::close(fd);
  return hash.hex();
}

std::string sha256_path(const fs::path& path) {
  if (!fs::is_directory(path)) return sha256_file(path);
  std::vector<std::string> names;
  try {
    // Links are followed: model folders of the Hugging Face cache are links into a blob store.
    for (const auto& entry : fs::recursive_directory_iterator(path, fs::directory_options::follow_directory_symlink))
      if (entry.is_regular_file()) names.push_back(entry.path().lexically_relative(path).generic_string());
  } catch (const fs::filesystem_error& error) {
    throw Error(fmt::format("cannot read '{}': {}", error.path1().string(), error.code().message()));
  }
  std::sort(names.begin(), names.end());
  Sha256 hash;
  for (const std::string& name : names) {
    hash.update(name);
    hash.update(std::string_view("\0", 1));  // no name holds it, so names and digests cannot run into each other
    hash.update(sha256_file(path / name));
    hash.update(std::string_view("\n"));
  }
  return hash.hex();
}

}  // namespace saucier
