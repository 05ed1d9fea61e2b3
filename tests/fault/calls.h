// Every system call on a file below one folder, seen before it happens; one of them can be made to fail. Linked into a
// program, its definitions come before those of libc for the libraries as well, SQLite and libstdc++ among them.
#pragma once

#include <string>

namespace saucier::calls {

enum class Mode { kNone, kFull, kBroken, kReadOnly, kShort };  // ENOSPC, EIO, EROFS; half a write, then ENOSPC

struct Plan {
  std::string under;       // only files below this folder count
  Mode mode = Mode::kNone;
  long at = 0;             // the call that fails, from 1, of those that can fail that way
  bool on = false;         // and all after it
  std::string struck = {};  // a file that is made when one has failed (not below `under`)
  void (*see)(const char* call, const std::string& path) = nullptr;  // called before each call on such a file
};

void arm(const Plan& plan);
long counted();

// The plan of a child program: "AT MODE ON STRUCK UNDER" in $SAUCIER_FAULT, read when it starts.
inline constexpr const char* kVariable = "SAUCIER_FAULT";
std::string to_variable(const Plan& plan);

}  // namespace saucier::calls
