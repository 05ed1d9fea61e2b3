// Where the entries of a zip file lie. Own code because torch.save stores its entries unpacked and aligned so that they can
// be used in place: libzip and minizip hand out copies only, and no offsets.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace saucier::weights {

// The central directory's names, each with its bytes inside of `file`. Packed and encrypted entries are errors; checksums
// are not computed (that would read every byte).
std::map<std::string, std::string_view> zip_entries(std::string_view file);

}  // namespace saucier::weights
