// The one way to write a recipe file: `saucier fmt`. toml++ drops comments, so this reads the text itself.
//
// - Keys keep their order, and values and comments their spelling. No line is indented but a list's items; no white
//   space at line ends; LF line ends, one at the end of the file; no byte order mark.
// - `key = value`, `a.b = 1`, `[a.b]`, `[[a]]`, `[1, 2]`, `[]`, `{ a = 1, b = 2 }`, `{}`.
// - One blank line before a header; the comment lines directly above a header belong to it and stay with it. None at
//   the start of the file, at its end, behind a header, and inside a list next to its brackets; at most one
//   elsewhere.
// - `#x` becomes `# x` (`##x` `## x`); `#:schema`, `#!` and a comment of `#` alone stay.
// - Comments behind values on lines that follow each other are a block (a header's is one of its own) and stand in
//   one column, two spaces behind the longest of the lines. Where a comment would go past 120 code points so, each
//   of the block stands two spaces behind its own line. A column made by hand (two spaces or more before it)
//   stays if two blocks or more of the file stand in it, with room for it.
// - A list stays on one line if it is on one. A list over several lines goes on one if its first item is on the
//   bracket's line, it has no comment and no string with a line end, and the line fits in 120 code points. Else each
//   item has a line, indented by two spaces, with a comma. A table in braces is on one line but for the lists in it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "modules/base/diagnostic.h"

namespace saucier::recipe {

// The text formatted; nullopt, and problems, where it is no TOML. Formatted once more it stays as it is, and it says
// the same: both texts are read and compared before it is returned.
std::optional<std::string> format(const std::shared_ptr<const SourceText>& source, Diagnostics& problems);

}  // namespace saucier::recipe
