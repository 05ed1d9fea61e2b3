// Reading a tokenizer.model: a protocol buffer of which a few fields are needed.

#include <algorithm>
#include <bit>
#include <limits>

#include "modules/base/error.h"
#include "modules/text/sentence_piece.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

// One field of a message: `bytes` for texts and messages, `number` for the rest.
struct Field {
  std::uint32_t key = 0;  // field number and wire type, as written
  std::string_view bytes = {};
  std::uint64_t number = 0;
};
constexpr std::uint32_t varint(std::uint32_t field) { return field << 3; }
constexpr std::uint32_t text(std::uint32_t field) { return field << 3 | 2; }
constexpr std::uint32_t fixed32(std::uint32_t field) { return field << 3 | 5; }

class Message {
 public:
  Message(std::string_view bytes, std::string_view what) : rest_(bytes), what_(what) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const std::uint64_t key = read_varint();
    if (key > std::numeric_limits<std::uint32_t>::max()) broken();
    field = {.key = static_cast<std::uint32_t>(key)};
    switch (key & 7) {
      case 0: field.number = read_varint(); break;
      case 1: field.number = little_endian(take(8)); break;
      case 2: field.bytes = take(read_varint()); break;
      case 5: field.number = little_endian(take(4)); break;
      default: broken();
    }
    return true;
  }
  [[noreturn]] void broken() const { throw Error(fmt::format("'{}' is damaged {} bytes before its end", what_, rest_.size())); }

 private:
  std::uint64_t read_varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) broken();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    broken();
  }
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) broken();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  static std::uint64_t little_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
    return value;
  }
  std::string_view rest_;
  std::string_view what_;
};

}  // namespace

SentencePiece::SentencePiece(std::string_view bytes) {
  read_model(bytes);
  prepare();
}

void SentencePiece::read_model(std::string_view bytes) {
  Message message(bytes, "model");
  for (Field field; message.next(field);) {
    if (field.key == text(1))
      read_piece(field.bytes);
    else if (field.key == text(2))
      read_trainer(field.bytes);
    else if (field.key == text(3))
      read_normalizer(field.bytes);
    else if (field.key == text(5))  // denormalizer_spec
      for (Message inner(field.bytes, "denormalizer_spec"); inner.next(field);)
        if (field.key == text(2) && !field.bytes.empty()) throw Error("'denormalizer_spec.precompiled_charsmap' is not supported");
  }
  if (pieces_.empty()) throw Error("'pieces' is empty; this is no SentencePiece model");
}

void SentencePiece::read_piece(std::string_view bytes) {
  Piece piece;
  Message message(bytes, "pieces");
  for (Field field; message.next(field);) {
    if (field.key == text(1)) piece.text = field.bytes;
    if (field.key == fixed32(2)) piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field.number));
    if (field.key == varint(3)) {
      if (field.number < 1 || field.number > 6) throw Error(fmt::format("'pieces.type' of piece {} is {} (allowed 1 to 6)", pieces_.size(), field.number));
      piece.type = static_cast<Type>(field.number);
    }
  }
  if (piece.text.empty()) throw Error(fmt::format("'pieces.piece' of piece {} is empty", pieces_.size()));
  if (!is_valid_utf8(piece.text)) throw Error(fmt::format("'pieces.piece' of piece {} is not UTF-8", pieces_.size()));
  pieces_.push_back(std::move(piece));
}

void SentencePiece::read_trainer(std::string_view bytes) {
  std::uint64_t model = 1;
  Message message(bytes, "trainer_spec");
  for (Field field; message.next(field);) {
    if (field.key == varint(3)) model = field.number;
    if (field.key == varint(24)) space_behind_ = field.number != 0;
    if (field.key == varint(35)) byte_fallback_ = field.number != 0;
    if (field.key == text(44)) unknown_surface_ = to_valid_utf8(field.bytes);
  }
  if (model != 1 && model != 2) throw Error(fmt::format("'trainer_spec.model_type' {} is not supported (allowed 1, unigram, and 2, BPE)", model));
  bpe_ = model == 2;
}

void SentencePiece::read_normalizer(std::string_view bytes) {
  Message message(bytes, "normalizer_spec");
  for (Field field; message.next(field);) {
    if (field.key == text(2)) charsmap_ = Charsmap(field.bytes);
    if (field.key == varint(3)) dummy_prefix_ = field.number != 0;
    if (field.key == varint(4)) remove_extra_spaces_ = field.number != 0;
    if (field.key == varint(5)) escape_spaces_ = field.number != 0;
  }
}

void SentencePiece::prepare() {
  byte_ids_.assign(256, -1);
  float lowest = std::numeric_limits<float>::max(), highest = std::numeric_limits<float>::min();
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    const auto id = static_cast<std::int32_t>(i);
    const bool reserved = piece.type == Type::unknown || piece.type == Type::control || piece.type == Type::byte;
    if (!(reserved ? reserved_ : ids_).emplace(piece.text, id).second) throw Error(fmt::format("'pieces.piece' has '{}' twice", piece.text));
    if (piece.type == Type::unknown) {
      if (unknown_ >= 0) throw Error("'pieces.type' has two unknown pieces");
      unknown_ = id;
    }
    if (piece.type == Type::user_defined) {
      user_defined_.add(piece.text, id);
      has_user_defined_ = true;
    }
    if (piece.type != Type::normal) continue;
    lowest = std::min(lowest, piece.score);
    highest = std::max(highest, piece.score);
  }
  if (unknown_ < 0) throw Error("'pieces.type' has no unknown piece");
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = reserved_.find(fmt::format("<0x{:02X}>", byte));
    if (found != reserved_.end() && pieces_[found->second].type == Type::byte) byte_ids_[byte] = found->second;
  }
  if (byte_fallback_ && std::count(byte_ids_.begin(), byte_ids_.end(), -1) > 0)
    throw Error("'trainer_spec.byte_fallback' is set, but not every byte has a piece");
  if (bpe_) return prepare_merges();
  unknown_score_ = lowest - 10.0f;  // kUnkPenalty
  scores_.resize(pieces_.size());
  for (const auto& [piece, id] : ids_) {
    if (pieces_[id].type == Type::unused) continue;
    trie_.add(piece, id);
    // float and double in the library's way: a user defined symbol shall always be taken.
    scores_[id] = pieces_[id].type == Type::user_defined ? static_cast<float>(piece.size()) * highest - 0.1 : static_cast<double>(pieces_[id].score);
  }
}

// Every way to put a piece together from two symbols.
void SentencePiece::prepare_merges() {
  const auto symbol_at = [this](char32_t point) -> std::int32_t& {
    if (point >= symbol_of_.size()) symbol_of_.resize(point + 1, -1);
    return symbol_of_[point];
  };
  for (const auto& [piece, id] : ids_)
    if (const Char first = char_at(piece, 0); first.length == piece.size()) symbol_at(first.point) = id;
  for (const auto& [piece, id] : ids_)
    for (size_t at = 0; at < piece.size();) {
      const Char c = char_at(piece, at);
      at += c.length;
      std::int32_t& symbol = symbol_at(c.point);
      if (symbol >= 0) continue;
      symbol = static_cast<std::int32_t>(pieces_.size() + characters_.size());
      characters_.push_back(c.point);
    }
  const auto symbol = [&](std::string_view part) {
    const Char first = char_at(part, 0);
    if (first.length == part.size()) return symbol_of_[first.point];
    const auto piece = ids_.find(part);
    return piece == ids_.end() ? -1 : piece->second;
  };
  constexpr size_t kLongest = 512;  // bytes of a piece; the library's trainer makes at most 16 characters
  for (const auto& [piece, id] : ids_) {
    if (piece.size() > kLongest && pieces_[id].type != Type::user_defined)
      throw Error(fmt::format("'pieces.piece' of piece {} has {} bytes (allowed {})", id, piece.size(), kLongest));
    if (piece.size() > kLongest) continue;
    for (size_t at = char_at(piece, 0).length; at < piece.size(); at += char_at(piece, at).length) {
      const std::int32_t left = symbol(std::string_view(piece).substr(0, at)), right = symbol(std::string_view(piece).substr(at));
      if (left >= 0 && right >= 0) merges_.set(static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right), {id});
    }
  }
}

}  // namespace saucier::text
