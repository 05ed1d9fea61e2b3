// A power cut must never show a folder whose files are not on disk: what is fsynced before what, as the kernel is asked.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "modules/base/file.h"
#include "tests/temp_folder.h"

namespace {

std::vector<std::string>* calls = nullptr;  // where the calls below are written down, while somebody listens

std::string name_of(int fd) {
  std::array<char, 4096> target{};
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target.data(), target.size());
  return {target.data(), static_cast<std::size_t>(std::max<ssize_t>(0, length))};
}

}  // namespace

// In the place of the C library's: the program's own symbols come first.
extern "C" int fsync(int fd) {
  if (calls != nullptr) calls->push_back("sync " + name_of(fd));
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (calls != nullptr) calls->push_back(std::string("rename ") + from + " " + to);
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

using namespace saucier;

namespace {

std::vector<std::string> calls_of_commit(const fs::path& from, const fs::path& to) {
  std::vector<std::string> said;
  calls = &said;
  commit_folder(from, to);
  calls = nullptr;
  return said;
}

fs::path some_folder(const fs::path& parent) {
  make_folders(parent / "out" / "model");
  write_file_atomic(parent / "out" / "model" / "w", "weights");
  write_file_atomic(parent / "out" / "manifest.json", "{}");
  return parent / "out";
}

std::ptrdiff_t place(const std::vector<std::string>& calls_made, const std::string& call) {
  const auto it = std::find(calls_made.begin(), calls_made.end(), call);
  INFO(call);
  REQUIRE(it != calls_made.end());
  return it - calls_made.begin();
}

}  // namespace

TEST_CASE("a folder is committed in the order that a power cut asks for") {
  TempFolder temp;
  const fs::path from = some_folder(temp.path() / "work"), to = temp.path() / "artifacts" / "key";
  make_folders(to.parent_path());
  const auto said = calls_of_commit(from, to);
  const auto at = [&](const std::string& call) { return place(said, call); };
  const auto renamed = at("rename " + from.string() + " " + to.string());
  const auto file = at("sync " + (from / "model" / "w").string()), folder = at("sync " + (from / "model").string());
  CHECK(file < folder);
  CHECK(folder < at("sync " + from.string()));
  CHECK(at("sync " + (from / "manifest.json").string()) < at("sync " + from.string()));
  CHECK(at("sync " + from.string()) < renamed);
  CHECK(renamed < at("sync " + to.parent_path().string()));
  CHECK(renamed < at("sync " + from.parent_path().string()));
}

TEST_CASE("from another file system it is a copy that is committed, in the same order") {
  const fs::path other = "/dev/shm";
  struct stat here {}, there {};
  TempFolder temp;
  if (::stat(other.c_str(), &there) != 0 || ::access(other.c_str(), W_OK) != 0 || ::stat(temp.path().c_str(), &here) != 0 ||
      here.st_dev == there.st_dev) {
    WARN("this machine has no second file system to write to");
    return;
  }
  const fs::path root = other / ("saucier-test-" + std::to_string(::getpid())), to = temp.path() / "key";
  const fs::path from = some_folder(root);
  const auto said = calls_of_commit(from, to);
  CHECK(read_file(to / "model" / "w") == "weights");
  CHECK_FALSE(fs::exists(from));
  const auto renamed = std::find_if(said.begin(), said.end(), [&](const std::string& call) { return call.ends_with(" " + to.string()) && call.starts_with("rename " + temp.path().string()); });
  REQUIRE(renamed != said.end());
  const std::string near = renamed->substr(7, renamed->find(' ', 7) - 7);
  CHECK(place(said, "sync " + near + "/model/w") < renamed - said.begin());
  CHECK(renamed - said.begin() < place(said, "sync " + temp.path().string()));
  CHECK(std::distance(fs::directory_iterator(temp.path()), fs::directory_iterator()) == 1);
  fs::remove_all(root);
}
