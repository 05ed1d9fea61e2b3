#include "modules/text/json_tokenizer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "modules/base/error.h"
#include "modules/text/byte_level.h"
#include "modules/text/fields.h"
#include "modules/text/unicode.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

constexpr double kUnknownPenalty = 10.0;  // K_UNK_PENALTY

const Json& part_of(const Json& document, const char* key) {
  static const Json none;
  if (!document.is_object()) throw Error("a tokenizer is not an object");
  const auto found = document.find(key);
  return found == document.end() ? none : *found;
}

Merges read_merges(const Json& list) {
  Merges merges;
  merges.reserve(list.size());
  for (const Json& merge : list) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : std::string();
    const size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
      throw Error(fmt::format("merge {} is not a pair: '{}'", merges.size(), merge.dump().substr(0, 100)));
    merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return merges;
}

// A score as serde_json reads it, whose last bit may differ from the nearest number: digits as an integer, then a power
// of ten. Paths of equal length would be chosen differently.
double as_read_by_serde(double score) {
  if (!std::isfinite(score)) return score;
  char text[64] = {};
  const auto [end, error] = std::to_chars(text, text + sizeof text - 1, std::abs(score), std::chars_format::scientific);
  std::uint64_t digits = 0;
  int exponent = 0;
  const char* at = text;
  for (bool behind_point = false; at < end && *at != 'e'; ++at) {
    if (*at == '.') {
      behind_point = true;
      continue;
    }
    digits = 10 * digits + static_cast<std::uint64_t>(*at - '0');
    exponent -= behind_point;
  }
  exponent += std::atoi(at + 1);
  const auto value = static_cast<double>(digits);
  const double power = std::pow(10.0, std::abs(exponent));
  const double read = exponent < 0 ? value / power : value * power;
  return std::signbit(score) ? -read : read;
}

}  // namespace

JsonTokenizer::JsonTokenizer(const Json& document)
    : normalizer_(part_of(document, "normalizer")),
      splitter_(part_of(document, "pre_tokenizer")),
      post_processor_(PostProcessor::read(part_of(document, "post_processor"))),
      decoder_(part_of(document, "decoder")) {
  const Json& model = part_of(document, "model");
  const Fields fields(model, "model");
  const std::string type = fields.text("type", fields.has("merges") ? "BPE" : fields.has("unk_id") ? "Unigram" : "");
  if (type == "BPE")
    read_bpe(model);
  else if (type == "Unigram")
    read_unigram(model);
  else
    throw Error(fmt::format("model '{}' is not supported (allowed 'BPE', 'Unigram')", type));
  const Json& added = part_of(document, "added_tokens");
  read_added(added.is_null() ? added : Fields(document, "").list("added_tokens"));
}

void JsonTokenizer::read_bpe(const Json& model) {
  const Fields fields(model, "model");
  if (fields.has("dropout") && !(fields.at("dropout").is_number() && fields.at("dropout") == 0))
    throw Error("'model.dropout' is not supported (allowed null)");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!fields.text(key, "").empty()) throw Error(fmt::format("'model.{}' is not supported (allowed null)", key));
  if (!fields.at("vocab").is_object()) throw Error("'model.vocab' is not an object");
  for (const auto& [token, id] : fields.at("vocab").items()) {
    if (!id.is_number_integer()) throw Error(fmt::format("'model.vocab' has the id {} for '{}'", id.dump(), token));
    vocabulary_.add(token, id.get<std::int64_t>(), false);
  }
  const bool bytes = splitter_.ends_in_bytes() && Bpe::takes_bytes(vocabulary_.ids());
  if (!bytes) splitter_.write_byte_characters();
  BpeOptions options{.bytes = bytes,
                     .ignore_merges = fields.flag("ignore_merges", false),
                     .byte_fallback = fields.flag("byte_fallback", false),
                     .fuse_unk = fields.flag("fuse_unk", false)};
  if (fields.has("unk_token")) options.unk = fields.text("unk_token");
  if (bytes) options.unk.reset();  // nothing is unknown
  model_.emplace<Bpe>(vocabulary_.ids(), read_merges(fields.list("merges")), options);
}

void JsonTokenizer::read_unigram(const Json& model) {
  splitter_.write_byte_characters();
  const Fields fields(model, "model");
  UnigramModel made;
  double lowest = std::numeric_limits<double>::infinity();
  for (const Json& piece : fields.list("vocab")) {
    const auto id = static_cast<std::int32_t>(made.scores.size());
    if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number())
      throw Error(fmt::format("'model.vocab' has at {} no piece with its score", id));
    const auto text = piece[0].get<std::string>();
    made.scores.push_back(as_read_by_serde(piece[1].get<double>()));
    lowest = std::min(lowest, made.scores.back());
    vocabulary_.add(text, id, false);
    made.ids[text] = id;
    if (!text.empty()) made.trie.add(text, id);
  }
  made.unknown_score = lowest - kUnknownPenalty;
  if (fields.has("unk_id")) made.unk = static_cast<std::int32_t>(fields.number("unk_id", 0, static_cast<std::int64_t>(made.scores.size()) - 1));
  if (fields.flag("byte_fallback", false))
    for (int byte = 0; byte < 256; ++byte) made.bytes.push_back(vocabulary_.id(fmt::format("<0x{:02X}>", byte)));
  model_.emplace<UnigramModel>(std::move(made));
}

// Ids as AddedVocabulary::add_tokens gives them: the model's, else the next free one; the field "id" is not looked at.
void JsonTokenizer::read_added(const Json& added_tokens) {
  std::vector<AddedToken> tokens;
  const auto model_size = static_cast<std::int64_t>(vocabulary_.ids().size());
  std::int64_t next = model_size;
  for (const Json& object : added_tokens) {
    const Fields fields(object, "added_tokens");
    AddedToken token{.content = fields.text("content"),
                     .single_word = fields.flag("single_word", false),
                     .lstrip = fields.flag("lstrip", false),
                     .rstrip = fields.flag("rstrip", false),
                     .normalized = fields.flag("normalized", !fields.flag("special", false)),
                     .special = fields.flag("special", false)};
    if (token.content.empty()) continue;
    const std::int32_t known = vocabulary_.id(token.content);
    const std::int64_t id = known >= 0 ? known : next++;
    vocabulary_.add(token.content, id, token.special);
    token.id = static_cast<std::int32_t>(id);
    is_added_.resize(static_cast<size_t>(vocabulary_.size()));
    is_added_[static_cast<size_t>(id)] = true;
    tokens.push_back(std::move(token));
  }
  if (vocabulary_.id(kImage) < 0) tokens.push_back({.id = kPicturePlace, .content = kImage, .special = true});
  std::vector<AddedToken> plain, normalized;
  std::vector<std::string> plain_contents, normalized_contents;
  for (AddedToken& token : tokens) {
    Aligned content(token.content, 0);
    if (token.normalized) normalizer_.apply(content);
    (token.normalized ? normalized_contents : plain_contents).emplace_back(content.text());
    (token.normalized ? normalized : plain).push_back(token);
  }
  added_ = AddedTokens(std::move(plain), plain_contents);
  normalized_ = AddedTokens(std::move(normalized), normalized_contents);
}

std::vector<Token> JsonTokenizer::encode(std::string_view text, bool special, bool trimmed) const {
  std::vector<Token> tokens;
  for (const Part& part : added_.split(text, special)) {
    if (part.token)
      tokens.push_back({part.token->id, static_cast<std::int32_t>(part.begin), static_cast<std::int32_t>(part.end)});
    else
      encode_part(text.substr(part.begin, part.end - part.begin), part.begin, special, tokens);
  }
  if (trimmed && post_processor_.trim_offsets) trim(text, tokens);
  return tokens;
}

void JsonTokenizer::encode_part(std::string_view text, size_t begin, bool special, std::vector<Token>& tokens) const {
  Aligned aligned(text, begin);
  normalizer_.apply(aligned);
  if (normalized_.empty()) return encode_words(std::move(aligned), tokens);
  for (const Part& part : normalized_.split(aligned.text(), special)) {
    if (part.token) {
      const Span span = aligned.span(part.begin, part.end);
      tokens.push_back({part.token->id, span.begin, span.end});
    } else if (!aligned.changed()) {
      encode_words(Aligned(text.substr(part.begin, part.end - part.begin), begin + part.begin), tokens);
    } else {
      Aligned piece;
      piece.append(aligned, part.begin, part.end);
      encode_words(std::move(piece), tokens);
    }
  }
}

void JsonTokenizer::encode_words(Aligned text, std::vector<Token>& tokens) const {
  const Words words = splitter_.split(std::move(text));
  std::vector<WordToken> found;
  const auto* bpe = std::get_if<Bpe>(&model_);
  const auto* unigram = std::get_if<UnigramModel>(&model_);
  WordCache::Reader known(bpe ? bpe->cache() : *unigram->cache);
  for (const Word& word : words.words) {
    const std::string_view bytes = words.text.text().substr(word.begin, word.end - word.begin);
    found.clear();
    if (bpe)
      bpe->encode(bytes, found, known);
    else
      known.get(bytes, found, [unigram](std::string_view part, std::vector<WordToken>& out) { unigram->encode(part, out); });
    for (const WordToken& token : found) {
      const Span span = words.text.span(word.begin + static_cast<size_t>(token.begin), word.begin + static_cast<size_t>(token.end));
      tokens.push_back({token.id, span.begin, span.end});
    }
  }
}

void JsonTokenizer::UnigramModel::encode(std::string_view word, std::vector<WordToken>& out) const {
  const std::vector<PathPiece> path = best_path<double>(word, trie, scores, unknown_score);
  const auto unknown = [this](const PathPiece& piece) { return piece.id < 0 || piece.id == unk; };
  for (size_t i = 0; i < path.size();) {
    if (path[i].id < 0 && unk < 0) throw Error("a character is not in the vocabulary, and 'model.unk_id' names no token for it");
    const size_t begin = path[i].begin;
    size_t end = path[i].end;
    size_t next = i + 1;
    if (unk >= 0 && unknown(path[i]))  // a run of them is one piece
      for (; next < path.size() && unknown(path[next]); ++next) end = path[next].end;
    piece(word, begin, end, out);
    i = next;
  }
}

void JsonTokenizer::UnigramModel::piece(std::string_view word, size_t begin, size_t end, std::vector<WordToken>& out) const {
  const std::string_view text = word.substr(begin, end - begin);
  const auto add = [&](std::int32_t id) { out.push_back({id, static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end)}); };
  const auto byte_id = [this](char byte) { return bytes[static_cast<unsigned char>(byte)]; };
  if (const auto found = ids.find(text); found != ids.end()) {
    add(found->second);
  } else if (!bytes.empty() && std::all_of(text.begin(), text.end(), [&](char byte) { return byte_id(byte) >= 0; })) {
    for (const char byte : text) add(byte_id(byte));
  } else {
    add(unk);
  }
}

void JsonTokenizer::trim(std::string_view text, std::vector<Token>& tokens) const {
  const auto blank = [](char32_t c) { return c == 0x120 || is_space(c); };  // 0x120 is a space in GPT-2's alphabet
  for (size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    if (token.id < 0) continue;
    // An added token is what it took of the text, spaces too.
    const std::string_view written = static_cast<size_t>(token.id) < is_added_.size() && is_added_[static_cast<size_t>(token.id)]
                                         ? text.substr(static_cast<size_t>(token.begin), static_cast<size_t>(token.end - token.begin))
                                         : std::string_view(vocabulary_.token(token.id));
    int leading = 0, trailing = 0;
    for (size_t at = 0; at < written.size() && blank(char_at(written, at).point); at += char_at(written, at).length) ++leading;
    for (size_t at = written.size(); at > 0 && blank(char_at(written, char_before(written, at)).point); at = char_before(written, at)) ++trailing;
    if (leading == 1 && post_processor_.add_prefix_space && (i == 0 || token.begin == 0)) leading = 0;
    auto begin = static_cast<size_t>(token.begin), end = static_cast<size_t>(token.end);
    for (; leading > 0 && begin < end; --leading) begin += char_at(text, begin).length;
    size_t before = end;
    for (; trailing > 0 && before > 0; --trailing) before = char_before(text, before);
    if (trailing == 0) end = std::max(before, begin);
    token.begin = static_cast<std::int32_t>(begin);
    token.end = static_cast<std::int32_t>(end);
  }
}

std::string JsonTokenizer::decode(std::span<const std::int32_t> ids) const {
  std::vector<std::string> tokens;
  for (const std::int32_t id : ids)
    if (vocabulary_.has(id)) tokens.push_back(vocabulary_.token(id));
  return decoder_.decode(std::move(tokens));
}

}  // namespace saucier::text
