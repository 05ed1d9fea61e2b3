// A text that is being changed and still knows where each of its bytes comes from.
//
// The rules are those of NormalizedString in Hugging Face's `tokenizers`, since offsets must be the same: a character
// that is put in for one has its place, one that is added has the place of the one in front, and what swallows the
// characters behind it does not take over their places.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "modules/text/unicode.h"

namespace saucier::text {

// Bytes [begin, end) of the text that everything began with.
struct Span {
  std::int32_t begin = 0;
  std::int32_t end = 0;
};

class Aligned {
 public:
  Aligned() = default;
  // A part of a valid text that begins at byte `begin` of it; not copied until it is changed.
  Aligned(std::string_view part, size_t begin) : text_(part), shift_(begin) {}
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  Aligned(Aligned&& other) noexcept;
  Aligned& operator=(Aligned&& other) noexcept;

  std::string_view text() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool changed() const { return changed_; }

  // Where bytes [begin, end) come from. A part of a character comes from the whole character.
  Span span(size_t begin, size_t end) const;
  Span place(size_t byte) const;  // of one byte

  // The whole text anew. Of each character: change 0 replaces one, 1 is added, -n replaces one and swallows the n behind
  // it. The first `removed` characters go before that.
  void transform(const std::vector<Change>& changes, size_t removed = 0);
  void prepend(std::string_view added);
  // A part becomes the content; parts must be in order and apart.
  struct Replaced {
    size_t begin = 0;
    size_t end = 0;
  };
  void replace(const std::vector<Replaced>& parts, std::string_view content);
  void filter(bool (*keep)(char32_t));
  void map(char32_t (*to)(char32_t));
  void lower();
  void strip(bool left, bool right);

  // Appends bytes [begin, end) of another text, with their places. This one must not be a view (see Aligned()).
  void append(const Aligned& other, size_t begin, size_t end);
  void append(std::string_view added, Span place);

 private:
  void set(std::string text, std::vector<Span> places);

  std::string_view text_;
  std::string own_;
  std::vector<Span> places_;  // a byte each, once changed
  size_t shift_ = 0;
  bool changed_ = false;
};

}  // namespace saucier::text
