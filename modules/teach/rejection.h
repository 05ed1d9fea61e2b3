// Why a reply becomes no sample: one closed list, so that each is counted by name. What a teacher failed with
// (Reply::failure) is counted under its own name beside these.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace saucier::teach {

struct Rejection {
  std::string reason;  // empty: none
  std::string detail;  // for people: "pair 2: 'dog' is not in the picture"
  explicit operator bool() const { return !reason.empty(); }
};

struct RejectionText {
  std::string_view name;
  std::string_view meaning;
};
std::span<const RejectionText> rejections();

// `name` must be one of the list.
Rejection rejected(std::string_view name, std::string detail = {});

}  // namespace saucier::teach
