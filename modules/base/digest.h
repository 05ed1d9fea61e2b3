// SHA-256 (OpenSSL's libcrypto), in lower-case hex.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace saucier {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  std::string hex();  // 64 characters; call once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256(std::string_view text);
std::string sha256_file(const std::filesystem::path& path);  // throws Error when it cannot be read
// Of a folder: the relative names (sorted) and contents of all regular files below it, links followed. Of a file:
// sha256_file.
std::string sha256_path(const std::filesystem::path& path);

}  // namespace saucier
