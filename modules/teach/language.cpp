#include "modules/teach/language.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "modules/base/error.h"
#include "modules/data/overlap/questions.h"
#include "modules/text/utf8.h"

namespace saucier::teach {

namespace {

constexpr double kOwnScript = 0.9;  // share of the letters

struct Language {
  std::string_view name;
  std::vector<UScriptCode> scripts;
  std::set<std::string_view> common;  // of those in Latin letters
};

const std::vector<Language>& languages() {
  static const std::vector<Language> kLanguages = {
      {"de", {USCRIPT_LATIN}, {"der", "die", "das", "und", "ist", "in", "ein", "eine", "einen", "einem", "einer", "zu", "den", "dem", "des", "mit", "auf", "von", "im", "es", "sich", "nicht", "sind", "für", "an", "wie", "was", "wo", "sie", "er", "auch", "als", "aus", "bei", "hat", "man", "zwei", "oder", "dass", "kann"}},
      {"en", {USCRIPT_LATIN}, {"the", "a", "of", "and", "to", "in", "is", "are", "it", "that", "on", "with", "what", "this", "there", "an", "as", "for", "at", "be", "by", "from", "or", "has", "how", "which", "his", "her", "they", "their", "he", "she", "not", "have", "you", "can", "where", "its", "two", "one"}},
      {"es", {USCRIPT_LATIN}, {"el", "la", "los", "las", "de", "del", "que", "y", "en", "un", "una", "es", "se", "no", "con", "por", "para", "al", "lo", "su", "está", "están", "hay", "como", "más", "qué", "cuántos", "son", "dos", "o", "sobre", "este", "esta", "muy", "sus", "pero", "dónde", "hombre", "tiene", "sí"}},
      {"fr", {USCRIPT_LATIN}, {"le", "la", "les", "de", "des", "du", "et", "un", "une", "est", "dans", "il", "elle", "que", "qui", "sur", "avec", "pour", "en", "au", "aux", "ce", "cette", "sont", "pas", "ne", "se", "y", "d", "l", "a", "on", "par", "plus", "deux", "où", "ou", "son", "sa", "quelle"}},
      {"it", {USCRIPT_LATIN}, {"il", "lo", "la", "i", "gli", "le", "di", "del", "della", "e", "è", "che", "in", "un", "una", "non", "si", "con", "per", "sono", "da", "al", "nel", "nella", "su", "sul", "sulla", "questo", "questa", "come", "più", "ci", "c", "due", "o", "anche", "dove", "quanti", "uno", "suo"}},
      {"nl", {USCRIPT_LATIN}, {"de", "het", "een", "en", "van", "in", "is", "dat", "op", "te", "zijn", "met", "voor", "niet", "er", "aan", "die", "om", "als", "bij", "ook", "naar", "uit", "of", "wat", "waar", "hoe", "staat", "deze", "dit", "man", "twee", "door", "over", "hij", "zij", "worden", "wordt", "hoeveel", "geen"}},
      {"pt", {USCRIPT_LATIN}, {"o", "a", "os", "as", "de", "do", "da", "dos", "das", "e", "que", "em", "um", "uma", "é", "no", "na", "com", "não", "para", "por", "se", "mais", "como", "está", "estão", "há", "são", "ao", "seu", "sua", "dois", "ou", "onde", "quantos", "este", "esta", "sobre", "ele", "ela"}},
      {"ar", {USCRIPT_ARABIC}, {}},
      {"hi", {USCRIPT_DEVANAGARI}, {}},
      {"ja", {USCRIPT_HAN, USCRIPT_HIRAGANA, USCRIPT_KATAKANA}, {}},
      {"ko", {USCRIPT_HANGUL}, {}},
      {"ru", {USCRIPT_CYRILLIC}, {}},
      {"zh", {USCRIPT_HAN}, {}}};
  return kLanguages;
}

bool in_scripts(std::string_view text, const std::vector<UScriptCode>& scripts) {
  std::int64_t letters = 0, own = 0;
  for (size_t at = 0; at < text.size();) {
    const text::Char c = text::char_at(text, at);
    at += c.length;
    if (u_isalpha(static_cast<UChar32>(c.point)) == 0) continue;
    UErrorCode error = U_ZERO_ERROR;
    ++letters;
    own += std::ranges::find(scripts, uscript_getScript(static_cast<UChar32>(c.point), &error)) != scripts.end();
  }
  return static_cast<double>(own) >= kOwnScript * static_cast<double>(letters);
}

std::int64_t common_words(const std::string& words, const Language& language) {
  std::int64_t count = 0;
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    count += language.common.contains(std::string_view(words).substr(at, end - at));
    at = end + 1;
  }
  return count;
}

}  // namespace

bool is_in_language(std::string_view text, std::string_view name) {
  const auto language = std::ranges::find(languages(), name, &Language::name);
  SAUCIER_CHECK(language != languages().end(), "no language '{}'", name);
  if (!in_scripts(text, language->scripts)) return false;
  if (language->common.empty()) return true;
  const std::string words = data::question_words(text);
  if (std::ranges::count(words, ' ') + 1 < kFewestWords) return true;
  const std::int64_t own = common_words(words, *language);
  return own > 0 && std::ranges::all_of(languages(), [&](const Language& other) { return common_words(words, other) <= own; });
}

}  // namespace saucier::teach
