// A template as other programs read it: Jinja, as transformers' apply_chat_template, vLLM and llama.cpp run it.
#pragma once

#include <string>
#include <string_view>

#include "modules/text/conversation.h"

namespace saucier::text {

// Renders messages to the text that write_out() gives, without the token that begins a text. A message of the role "system" in
// front takes the place of `system`. The content of a message is a text, with "<image>" where a picture stands, or a list of
// parts: then its pictures stand in front of its texts, or behind them with `image_position` "back", one a line.
std::string chat_template(const Template& form, std::string_view system, std::string_view image_position);

}  // namespace saucier::text
