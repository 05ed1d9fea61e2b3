#include "modules/text/decoder.h"

#include <charconv>
#include <memory>
#include <optional>

#include "modules/base/error.h"
#include "modules/text/byte_level.h"
#include "modules/text/fields.h"
#include "modules/text/pattern.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

using Tokens = std::vector<std::string>;

void join_bytes(Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) bytes += bytes_of_characters(token).value_or(token);
  tokens = {to_valid_utf8(bytes)};
}

// The byte of "<0xAB>".
std::optional<char> byte_of(const std::string& token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

// Byte tokens beside each other that are no UTF-8 together become one U+FFFD each.
void join_fallback_bytes(Tokens& tokens) {
  Tokens out;
  std::string bytes;
  const auto write = [&] {
    if (bytes.empty()) return;
    if (is_valid_utf8(bytes))
      out.push_back(bytes);
    else
      out.insert(out.end(), bytes.size(), "\xef\xbf\xbd");
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const auto byte = byte_of(token)) {
      bytes += *byte;
      continue;
    }
    write();
    out.push_back(std::move(token));
  }
  write();
  tokens = std::move(out);
}

void join_all(Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  tokens = {text};
}

std::string one_character(const Fields& fields, const char* key) {
  std::string text = fields.text(key);
  if (count_chars(text) != 1) throw Error(fmt::format("'{}' is not one character", fields.name(key)));
  return text;
}

}  // namespace

Decoder::Decoder(const Json& decoder) {
  if (!decoder.is_null()) add(decoder, 0);
}

std::string Decoder::decode(std::vector<std::string> tokens) const {
  if (steps_.empty())
    for (size_t i = 1; i < tokens.size(); ++i) tokens[i].insert(0, " ");
  for (const auto& step : steps_) step(tokens);
  join_all(tokens);
  return tokens.front();
}

void Decoder::add(const Json& decoder, int depth) {
  const Fields fields(decoder, "decoder");
  const std::string type = fields.type();
  if (type == "Sequence") {
    fields.check_depth(depth);
    for (const Json& part : fields.list("decoders")) add(part, depth + 1);
  } else if (type == "ByteLevel") {
    steps_.push_back(join_bytes);
  } else if (type == "ByteFallback") {
    steps_.push_back(join_fallback_bytes);
  } else if (type == "Fuse") {
    steps_.push_back(join_all);
  } else if (type == "Metaspace") {
    const std::string scheme = fields.text("prepend_scheme", fields.flag("add_prefix_space", true) ? "always" : "never");
    steps_.push_back([replacement = one_character(fields, "replacement"), prepended = scheme != "never"](Tokens& tokens) {
      for (size_t i = 0; i < tokens.size(); ++i) {
        std::string out;
        const std::string& token = tokens[i];
        for (size_t at = 0; at < token.size();) {
          if (token.compare(at, replacement.size(), replacement) == 0) {
            if (i > 0 || !prepended) out += ' ';
            at += replacement.size();
          } else {
            out += token[at++];
          }
        }
        tokens[i] = std::move(out);
      }
    });
  } else if (type == "Strip") {
    const std::int64_t start = fields.number("start", 0, 1 << 20), stop = fields.number("stop", 0, 1 << 20);
    steps_.push_back([content = one_character(fields, "content"), start, stop](Tokens& tokens) {
      for (std::string& token : tokens) {
        size_t begin = 0, end = token.size();
        for (std::int64_t i = 0; i < start && token.compare(begin, content.size(), content) == 0 && begin < end; ++i) begin += content.size();
        for (std::int64_t i = 0; i < stop && std::string_view(token).substr(begin, end - begin).ends_with(content); ++i) end -= content.size();
        token = token.substr(begin, end - begin);
      }
    });
  } else if (type == "Replace") {
    const auto pattern = std::make_shared<const Pattern>(Pattern::read(fields));
    steps_.push_back([pattern, content = fields.text("content")](Tokens& tokens) {
      std::vector<Match> matches;
      for (std::string& token : tokens) {
        matches.clear();
        pattern->find_all(token, matches);
        std::string out;
        size_t done = 0;
        for (const Match& match : matches) {
          out.append(token, done, match.begin - done);
          out += content;
          done = match.end;
        }
        out.append(token, done, std::string::npos);
        token = std::move(out);
      }
    });
  } else {
    throw Error(fmt::format("decoder '{}' is not supported", type));
  }
}

}  // namespace saucier::text
