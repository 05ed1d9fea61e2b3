// Numbers in what a judge says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace saucier::bench {

// All of `text` as a number, as Python's float() takes it of what a model may write; no infinity and no NaN.
std::optional<double> whole_number(std::string_view text);

// Split at white space.
std::vector<std::string> words_of(std::string_view text);

// The score from 0 to 1 that begins a reply: all in front of its first space, as MM-Vet's evaluator reads it. Throws Error.
double share_of_reply(const std::string& reply);

// What stands for a reply in messages: its first line, cut.
std::string quoted_reply(const std::string& reply);

}  // namespace saucier::bench
