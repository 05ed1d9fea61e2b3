#include <unistd.h>
#include <catch2/catch.hpp>

#include <fstream>
#include <functional>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "tests/modules/base/scratch.h"
#include "tests/modules/base/size_limit.h"

using namespace saucier;

namespace {

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.render();
  }
  return "no error";
}

size_t entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("files are written whole and read back") {
  const Scratch scratch;
  const std::string content("a\0b\n", 4);
  write_file_atomic(scratch / "f", content);
  CHECK(read_file(scratch / "f") == content);
  write_file_atomic(scratch / "f", "");
  CHECK(read_file(scratch / "f").empty());
  CHECK(entries(scratch.path()) == 1);
}

TEST_CASE("file errors say what could not be done with which file") {
  const Scratch scratch;
  const std::string none = (scratch / "none").string(), folder = scratch.path().string();
  CHECK(error_of([&] { read_file(none); }) == "error: cannot read '" + none + "': No such file or directory\n");
  CHECK(error_of([&] { read_file(folder); }) == "error: cannot read '" + folder + "': Is a directory\n");
  CHECK(error_of([&] { write_file_atomic(none + "/f", "x"); }) ==
        "error: cannot write '" + none + "/f': No such file or directory\n");
  write_file_atomic(none, "file");
  CHECK(error_of([&] { make_folders(none + "/sub"); }) ==
        "error: cannot make folder '" + none + "/sub': Not a directory\n");
  CHECK(error_of([&] { make_folders(none); }) == "error: cannot make folder '" + none + "': Not a directory\n");
}

TEST_CASE("a write that fails leaves the old file and nothing else") {
  const Scratch scratch;
  write_file_atomic(scratch / "f", "old");
  {
    const SizeLimit limit(1000);
    CHECK(error_of([&] { write_file_atomic(scratch / "f", std::string(5000, 'x')); }) ==
          "error: cannot write '" + (scratch / "f").string() + "': File too large\n");
  }
  CHECK(read_file(scratch / "f") == "old");
  CHECK(entries(scratch.path()) == 1);
}

TEST_CASE("a full disk comes with a hint") {
  LineAppender full("/dev/full");
  CHECK(error_of([&] { full.append("x"); }) ==
        "error: cannot write '/dev/full': No space left on device\nhint: free some space and run the same command "
        "again\n");
}

TEST_CASE("a folder is committed once") {
  const Scratch scratch;
  make_folders(scratch / "work/sub");
  write_file_atomic(scratch / "work/sub/f", "x");
  commit_folder(scratch / "work", scratch / "done");
  CHECK(read_file(scratch / "done/sub/f") == "x");
  CHECK_FALSE(fs::exists(scratch / "work"));
  make_folders(scratch / "work");
  fs::remove_all(scratch / "done/sub");  // an empty folder, which plain rename would replace
  CHECK(error_of([&] { commit_folder(scratch / "work", scratch / "done"); }) ==
        fmt::format("error: cannot move '{}' to '{}': File exists\n", (scratch / "work").string(),
                    (scratch / "done").string()));
  CHECK(fs::exists(scratch / "work"));
}

TEST_CASE("appended lines, and a torn last one") {
  const Scratch scratch;
  const fs::path file = scratch / "lines";
  {
    LineAppender lines(file);
    lines.append("one");
    lines.append("two");
    lines.sync();
  }
  CHECK(read_file(file) == "one\ntwo\n");
  const std::string tear = GENERATE(std::string("thr"), std::string(10000, 'x'));
  std::ofstream(file, std::ios::app) << tear;
  LineAppender(file).append("three");
  CHECK(read_file(file) == "one\ntwo\nthree\n");
}

TEST_CASE("a file of one torn line becomes empty") {
  const Scratch scratch;
  std::ofstream(scratch / "lines") << std::string(5000, 'x');
  const LineAppender lines(scratch / "lines");
  CHECK(read_file(scratch / "lines").empty());
}

TEST_CASE("half a line that the disk could not take is taken back") {
  const Scratch scratch;
  LineAppender lines(scratch / "lines");
  lines.append("one");
  {
    const SizeLimit limit(20);
    CHECK_THROWS_AS(lines.append(std::string(100, 'x')), Error);
  }
  lines.append("two");
  CHECK(read_file(scratch / "lines") == "one\ntwo\n");
}
