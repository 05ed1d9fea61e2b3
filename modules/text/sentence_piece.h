// SentencePiece's tokenizer.model (BPE and unigram), read and applied as the library of that name does.
//
// Not by that library: it reads a damaged character map outside its bytes, and brings a protobuf of its own beside
// libtorch's. Both algorithms are needed for tokenizer.json anyway.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "modules/text/charsmap.h"
#include "modules/text/string_map.h"
#include "modules/text/token.h"
#include "modules/text/unigram.h"

namespace saucier::text {

class SentencePiece {
 public:
  // The bytes of a tokenizer.model. Throws Error naming the field that is wrong.
  explicit SentencePiece(std::string_view bytes);

  enum class Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    Type type = Type::normal;
  };
  const std::vector<Piece>& pieces() const { return pieces_; }
  std::int32_t id(std::string_view piece) const;  // the unknown piece's where there is none
  std::int32_t unknown() const { return unknown_; }

  // Whether a space is put in front of a text; the model says so, LlamaTokenizer without `legacy` switches it off.
  bool dummy_prefix() const { return dummy_prefix_; }
  void set_dummy_prefix(bool on) { dummy_prefix_ = on; }

  // Of a valid text. Of the byte tokens of a character the last has its place, those before it are empty and in front.
  std::vector<Token> encode(std::string_view text) const;
  std::string decode(const std::vector<std::string>& pieces) const;

 private:
  struct Normal {
    std::string text;
    std::vector<std::int32_t> place;  // of each byte, and of the end
  };
  struct Segment {
    size_t end = 0;  // in the normalised text; it begins where the last one ends
    std::int32_t id = 0;
  };
  struct Merged {
    std::int32_t id = 0;
  };
  void read_model(std::string_view bytes);
  void read_piece(std::string_view bytes);
  void read_trainer(std::string_view bytes);
  void read_normalizer(std::string_view bytes);
  void prepare();
  void prepare_merges();
  Normal normalise(std::string_view text) const;
  std::vector<Segment> segment_bpe(std::string_view text) const;
  std::vector<Segment> segment_unigram(std::string_view text) const;
  size_t user_defined_prefix(std::string_view text) const;  // bytes of the longest, 0 where there is none

  std::vector<Piece> pieces_;
  Charsmap charsmap_;
  bool bpe_ = false;
  bool byte_fallback_ = false;
  bool dummy_prefix_ = true;
  bool remove_extra_spaces_ = true;
  bool escape_spaces_ = true;
  bool space_behind_ = false;
  std::string unknown_surface_ = " \xe2\x81\x87 ";

  StringMap<std::int32_t> ids_;       // normal, user defined and unused pieces
  StringMap<std::int32_t> reserved_;  // the others
  std::vector<std::int32_t> byte_ids_;
  std::int32_t unknown_ = -1;
  Trie user_defined_;
  bool has_user_defined_ = false;
  // Unigram: what may be found, and the scores.
  Trie trie_;
  std::vector<double> scores_;
  float unknown_score_ = 0;
  // BPE: symbols are pieces, and from pieces_.size() on characters that stand in pieces but are none.
  std::vector<std::int32_t> symbol_of_;  // by code point; -1, and behind the end: none
  std::vector<char32_t> characters_;     // those that are no pieces
  FlatMap<Merged> merges_;
};

}  // namespace saucier::text
