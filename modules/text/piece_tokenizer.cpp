#include "modules/text/piece_tokenizer.h"

#include <algorithm>
#include <charconv>

#include "modules/base/error.h"
#include "modules/text/fields.h"
#include "modules/text/utf8.h"

namespace saucier::text {
namespace {

constexpr std::string_view kSpaceSymbol = "\xe2\x96\x81";  // "▁"

struct Role {
  const char* key;
  const char* usual;  // nullptr: none
};
constexpr Role kRoles[] = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", nullptr}};

// A token as a text or as {"content": …, "lstrip": …}.
AddedToken read_token(const Json& value, const std::string& where) {
  if (value.is_string()) return {.content = value.get<std::string>(), .special = true};
  const Fields fields(value, where);
  return {.content = fields.text("content"),
          .single_word = fields.flag("single_word", false),
          .lstrip = fields.flag("lstrip", false),
          .rstrip = fields.flag("rstrip", false),
          .normalized = fields.flag("normalized", false),
          .special = fields.flag("special", true)};
}

}  // namespace

PieceTokenizer::PieceTokenizer(std::string_view model, const Json& config, const Json& added_tokens) : model_(model) {
  const Fields fields(config, "");
  legacy_ = fields.flag("legacy", true);
  prefix_space_ = fields.flag("add_prefix_space", true);
  adds_bos_ = fields.flag("add_bos_token", true);
  adds_eos_ = fields.flag("add_eos_token", false);
  if (!legacy_) model_.set_dummy_prefix(false);
  for (size_t i = 0; i < model_.pieces().size(); ++i) vocabulary_.add(model_.pieces()[i].text, static_cast<std::int64_t>(i), false);
  read_added(config, added_tokens);
  unk_length_ = model_.encode(unk_).size();
}

void PieceTokenizer::add(AddedToken token) {
  if (token.content.empty() || !known_.emplace(token.content, token.id).second) return;
  tokens_.push_back(std::move(token));
}

void PieceTokenizer::read_added(const Json& config, const Json& added_tokens) {
  const Fields fields(config, "");
  if (fields.has("added_tokens_decoder")) {
    const Json& decoder = fields.at("added_tokens_decoder");
    if (!decoder.is_object()) throw Error("'added_tokens_decoder' is not an object");
    for (const auto& [key, value] : decoder.items()) {
      AddedToken token = read_token(value, "added_tokens_decoder");
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
      if (error != std::errc() || end != key.data() + key.size()) throw Error(fmt::format("'added_tokens_decoder' has '{}' for an id", key));
      token.special = value.is_object() && Fields(value, "added_tokens_decoder").flag("special", false);
      vocabulary_.add(token.content, token.id, false);
      add(std::move(token));
    }
  }
  // Which tokens decode() may leave out: those with a role, as transformers does.
  std::vector<AddedToken> special;
  for (const Role& role : kRoles) {
    const Json usual = role.usual ? Json(role.usual) : Json();
    const Json& value = config.contains(role.key) ? config[role.key] : usual;
    if (!value.is_null()) special.push_back(read_token(value, role.key));
    if (std::string_view(role.key) == "unk_token" && !value.is_null()) unk_ = special.back().content;
  }
  if (fields.has("additional_special_tokens"))
    for (const Json& value : fields.list("additional_special_tokens")) special.push_back(read_token(value, "additional_special_tokens"));
  if (!added_tokens.is_null()) {
    if (!added_tokens.is_object()) throw Error("'added_tokens.json' is not an object");
    for (const auto& [content, id] : added_tokens.items()) {
      if (!id.is_number_integer()) throw Error(fmt::format("'added_tokens.json' has the id {} for '{}'", id.dump(), content));
      const bool has_role = std::any_of(special.begin(), special.end(), [&](const AddedToken& token) { return token.content == content; });
      vocabulary_.add(content, id.get<std::int64_t>(), false);
      add({.id = vocabulary_.id(content), .content = content, .normalized = !has_role, .special = has_role});
    }
  }
  for (AddedToken& token : special) {
    if (token.content.empty()) continue;
    const std::int32_t known = vocabulary_.id(token.content);
    token.id = known >= 0 ? known : static_cast<std::int32_t>(vocabulary_.size());
    token.special = true;
    vocabulary_.add(token.content, token.id, true);
    add(std::move(token));
  }
  std::vector<AddedToken> all = tokens_;
  if (vocabulary_.id(kImage) < 0) all.push_back({.id = kPicturePlace, .content = kImage, .special = true});
  std::vector<std::string> contents;
  for (const AddedToken& token : all) contents.push_back(token.content);
  added_ = AddedTokens(std::move(all), contents, true);
}

Json PieceTokenizer::added_tokens_decoder() const {
  Json out = Json::object();
  for (const AddedToken& token : tokens_)
    out[std::to_string(token.id)] = {{"content", token.content}, {"lstrip", token.lstrip}, {"normalized", token.normalized},
                                     {"rstrip", token.rstrip}, {"single_word", token.single_word}, {"special", token.special}};
  return out;
}

std::vector<Token> PieceTokenizer::encode(std::string_view text, bool special) const {
  std::vector<Token> tokens;
  if (text.empty()) return tokens;
  Aligned aligned(text, 0);
  if (!legacy_) {
    std::vector<Aligned::Replaced> symbols;
    for (size_t at = text.find(kSpaceSymbol); at != std::string_view::npos; at = text.find(kSpaceSymbol, at + kSpaceSymbol.size()))
      symbols.push_back({at, at + kSpaceSymbol.size()});
    aligned.replace(symbols, " ");
    if (prefix_space_) {
      Aligned prefixed;
      prefixed.append(kSpaceSymbol, {});
      prefixed.append(aligned, 0, aligned.text().size());
      aligned = std::move(prefixed);
    }
  }
  for (const Part& part : added_.split(aligned.text(), special)) {
    if (!part.token) {
      encode_part(aligned, part.begin, part.end, tokens);
      continue;
    }
    const std::int32_t id = part.token->id;
    // The space that was put in front goes again where nothing but it stands before a token with a role.
    if (!legacy_ && tokens.size() == 1 && tokens[0].id >= 0 && vocabulary_.token(tokens[0].id) == kSpaceSymbol && (id == kPicturePlace || vocabulary_.special(id)))
      tokens.clear();
    const Span span = aligned.span(part.begin, part.end);
    tokens.push_back({id, span.begin, span.end});
  }
  return tokens;
}

void PieceTokenizer::encode_part(const Aligned& text, size_t begin, size_t end, std::vector<Token>& tokens) const {
  std::string_view part = text.text().substr(begin, end - begin);
  std::string with_unk;
  size_t skip = 0, shift = 0;
  // The library strips a space at the begin of a text; behind the unknown token's text it does not.
  if (!legacy_ && (part.starts_with(kSpaceSymbol) || part.starts_with(' '))) {
    with_unk = unk_;
    with_unk += part;
    part = with_unk;
    shift = unk_.size();
    skip = unk_length_;
  }
  const std::vector<Token> found = model_.encode(part);
  if (found.size() < skip) skip = 0;
  const auto place = [&](std::int32_t at, bool is_end) -> std::int32_t {
    const size_t byte = begin + std::max(static_cast<size_t>(at), shift) - shift;
    if (byte >= end) return byte > begin ? text.place(end - 1).end : text.place(begin).begin;
    return is_end && byte > begin ? text.place(byte - 1).end : text.place(byte).begin;
  };
  for (size_t i = skip; i < found.size(); ++i) {
    const std::int32_t from = place(found[i].begin, false);
    tokens.push_back({found[i].id, from, found[i].end > found[i].begin ? place(found[i].end, true) : from});
  }
}

std::string PieceTokenizer::to_text(std::vector<std::string> tokens) const {
  const auto has_role = [this](const std::string& token) {
    const std::int32_t id = vocabulary_.id(token);
    return id >= 0 && vocabulary_.special(id);
  };
  if (prefix_space_ && tokens[0].starts_with(kSpaceSymbol)) tokens[0].erase(0, kSpaceSymbol.size());
  std::vector<std::string> run;
  std::string out;
  bool after_special = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (has_role(tokens[i])) {
      if (!after_special && i != 0 && legacy_) out += ' ';
      out += model_.decode(run) + tokens[i];
      run.clear();
      after_special = true;
    } else {
      if (after_special && i == 1 && prefix_space_ && !tokens[i].starts_with(kSpaceSymbol)) out += ' ';
      run.push_back(tokens[i]);
      after_special = false;
    }
  }
  return out + model_.decode(run);
}

std::string PieceTokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::vector<std::string> parts, run;
  const auto close = [&](bool keep_empty) {
    if (run.empty()) return;
    std::string text = to_text(std::move(run));
    if (keep_empty || !text.empty()) parts.push_back(std::move(text));
    run.clear();
  };
  for (const std::int32_t id : ids) {
    if (!vocabulary_.has(id) || (skip_special && vocabulary_.special(id))) continue;
    const std::string& token = vocabulary_.token(id);
    if (vocabulary_.special(id) || !known_.contains(token)) {
      run.push_back(token);
      continue;
    }
    close(false);
    parts.push_back(token);
  }
  close(true);
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) out += (i ? " " : "") + parts[i];
  return out;
}

}  // namespace saucier::text
