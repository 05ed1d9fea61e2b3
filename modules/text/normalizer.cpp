#include "modules/text/normalizer.h"

#include <functional>

#include "modules/base/base64.h"
#include "modules/base/error.h"
#include "modules/text/byte_level.h"
#include "modules/text/charsmap.h"
#include "modules/text/fields.h"
#include "modules/text/pattern.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

bool nmt_keeps(char32_t c) {
  return !((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f);
}

char32_t nmt_maps(char32_t c) {
  const bool blank = c == 0x9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
                     c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
  return blank ? U' ' : c;
}

// `tokenizers` looks a whole grapheme cluster up when it has less than 6 bytes, and takes the shortest entry that
// begins it for all of it.
void apply_charsmap(const Charsmap& map, Aligned& aligned) {
  const std::string_view text = aligned.text();
  std::vector<Change> changes;
  bool modified = false;
  const auto replace = [&](std::string_view old_part, std::string_view new_part) {
    const size_t from = changes.size();
    for (size_t at = 0; at < new_part.size();) {
      const Char c = char_at(new_part, at);
      at += c.length;
      changes.push_back({c.point, 0});
    }
    const int more = static_cast<int>(changes.size() - from) - static_cast<int>(count_chars(old_part));
    if (more > 0)
      for (int i = 0; i < more && !changes.empty(); ++i) (changes.end() - 1 - i)->change = 1;
    else if (more < 0 && !changes.empty())
      changes.back().change += more;
    modified = true;
  };
  for (size_t at = 0; at < text.size();) {
    const Char first = char_at(text, at);
    const bool ascii = first.point < 0x80 && (at + 1 == text.size() || static_cast<unsigned char>(text[at + 1]) < 0x80) && first.point != 0xd;
    const size_t end = ascii ? at + 1 : grapheme_end(text, at);
    const std::string_view cluster = text.substr(at, end - at);
    if (cluster.size() < 6) {
      if (const auto found = map.shortest(cluster)) {
        replace(cluster, found->becomes);
        at = end;
        continue;
      }
    }
    for (; at < end;) {
      const Char c = char_at(text, at);
      if (const auto found = map.shortest(text.substr(at, c.length)))
        replace(text.substr(at, c.length), found->becomes);
      else
        changes.push_back({c.point, 0});
      at += c.length;
    }
  }
  if (modified) aligned.transform(changes);
}

}  // namespace

struct Normalizer::Step {
  std::function<void(Aligned&)> apply;
};

Normalizer::Normalizer(const Json& normalizer) {
  if (!normalizer.is_null()) add(normalizer, 0);
}
Normalizer::Normalizer(Normalizer&&) noexcept = default;
Normalizer& Normalizer::operator=(Normalizer&&) noexcept = default;
Normalizer::~Normalizer() = default;

void Normalizer::apply(Aligned& text) const {
  for (const Step& step : steps_)
    if (!text.empty()) step.apply(text);
}

void Normalizer::add(const Json& normalizer, int depth) {
  const Fields fields(normalizer, "normalizer");
  const std::string type = fields.type();
  const auto form = [this](NormalForm to) {
    steps_.push_back({[to](Aligned& text) {
      const std::vector<Change> changes = normalise(text.text(), to);
      if (!changes.empty()) text.transform(changes);
    }});
  };
  if (type == "Sequence") {
    fields.check_depth(depth);
    for (const Json& part : fields.list("normalizers")) add(part, depth + 1);
  } else if (type == "NFC") {
    form(NormalForm::nfc);
  } else if (type == "NFD") {
    form(NormalForm::nfd);
  } else if (type == "NFKC") {
    form(NormalForm::nfkc);
  } else if (type == "NFKD") {
    form(NormalForm::nfkd);
  } else if (type == "Lowercase") {
    steps_.push_back({[](Aligned& text) { text.lower(); }});
  } else if (type == "Strip") {
    const bool left = fields.flag("strip_left"), right = fields.flag("strip_right");
    steps_.push_back({[left, right](Aligned& text) { text.strip(left, right); }});
  } else if (type == "StripAccents") {
    steps_.push_back({[](Aligned& text) { text.filter([](char32_t c) { return !is_mark(c); }); }});
  } else if (type == "Nmt") {
    steps_.push_back({[](Aligned& text) {
      text.filter(nmt_keeps);
      text.map(nmt_maps);
    }});
  } else if (type == "Prepend") {
    steps_.push_back({[added = fields.text("prepend")](Aligned& text) { text.prepend(added); }});
  } else if (type == "Replace") {
    const auto pattern = std::make_shared<const Pattern>(Pattern::read(fields));
    steps_.push_back({[pattern, content = fields.text("content")](Aligned& text) {
      std::vector<Match> matches;
      pattern->find_all(text.text(), matches);
      std::vector<Aligned::Replaced> parts;
      for (const Match& match : matches) parts.push_back({match.begin, match.end});
      text.replace(parts, content);
    }});
  } else if (type == "Precompiled") {
    const std::optional<std::string> bytes = from_base64(fields.text("precompiled_charsmap"));
    if (!bytes) throw Error("'precompiled_charsmap' is not base64");
    const auto map = std::make_shared<const Charsmap>(*bytes);
    steps_.push_back({[map](Aligned& text) { apply_charsmap(*map, text); }});
  } else if (type == "ByteLevel") {
    steps_.push_back({[](Aligned& text) { to_byte_characters(text); }});
  } else {
    throw Error(fmt::format("normalizer '{}' is not supported", type));
  }
}

}  // namespace saucier::text
