#include "modules/bench/caption/ptb_rules.h"

#include <set>

namespace saucier::bench::ptb {
namespace {

// Abbreviations that end a sentence when a capital follows.
const std::set<std::string, std::less<>> kEnding = {
    "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "tues", "wed", "thu", "thurs", "fri",
    "ala", "ariz", "calif", "colo", "conn", "ct", "dak", "fla", "ga", "ind", "kan", "kans", "ky", "md", "mich", "minn", "mo", "mont", "neb", "nev",
    "okla", "penn", "tenn", "va", "vt", "wis", "wisc", "wyo", "inc", "co", "cos", "corp", "pty", "pte", "ptys", "ptes", "ppty", "ppte", "pptys",
    "pptes", "ltd", "plc", "rt", "bancorp", "bhd", "assn", "univ", "intl", "sys", "tel", "est", "ext", "sq", "jr", "sr", "bros", "blvd", "rd",
    "esq", "etc", "al", "seq", "bldg"};
// The same, of states whose names are words when they are not capitalised.
const std::set<std::string, std::less<>> kEndingCapital = {"az", "ark", "del", "ill", "la", "mass", "miss", "ore", "pa", "tex", "wash"};
// Abbreviations in front of a name.
const std::set<std::string, std::less<>> kBefore = {
    "mr", "mrs", "ms", "dr", "drs", "prof", "profs", "sen", "sens", "rep", "reps", "atty", "attys", "lt", "col", "gen", "messrs", "gov", "govs",
    "adm", "rev", "maj", "sgt", "cpl", "pvt", "capt", "st", "ste", "ave", "pres", "lieut", "hon", "brig", "cmdr", "comdr", "pfc", "spc", "supt",
    "supts", "det", "mt", "ft", "adj", "adv", "asst", "assoc", "ens", "insp", "mlle", "mme", "msgr", "sfc", "vs", "alex", "wm", "jos", "cie",
    "cf", "treas", "ph", "invt", "elec", "natl", "mtg", "mfg", "dept"};
// Abbreviations in front of a number.
const std::set<std::string, std::less<>> kNumbered = {"ca", "fig", "figs", "prop", "no", "nos", "art", "bldg", "pp", "op"};
// Words that begin a sentence behind an acronym; their first letter must be a capital.
const std::set<std::string, std::less<>> kBeginning = {
    "about", "according", "additionally", "after", "an", "a", "as", "at", "but", "earlier", "he", "her", "here", "however", "if", "in", "it",
    "last", "many", "more", "now", "once", "one", "other", "our", "she", "since", "so", "some", "such", "that", "the", "their", "then", "there",
    "these", "they", "this", "we", "when", "while", "what", "yet", "you"};
const std::set<std::string, std::less<>> kFileEndings = {
    "bat", "bmp", "c", "class", "cgi", "cpp", "dll", "doc", "docx", "exe", "gif", "gz", "h", "htm", "html", "jar", "java", "jpeg", "jpg", "mov",
    "mp3", "pdf", "php", "pl", "png", "ppt", "ps", "py", "sql", "tar", "txt", "wav", "x", "xml", "zip"};

bool ends_address(char32_t c) { return c == 0 || c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' || is_any_of(c, U"\"<>|()"); }
bool ends_url_path(char32_t c) { return ends_address(c) || is_any_of(c, U".!?{},-"); }

class Matcher {
 public:
  Matcher(Text text, size_t place) : text_(text), place_(place), first_(text[place]) {}

  Match best() {
    if (is_ascii_letter(first_)) ascii_words();
    if (is_ascii_word(first_)) {
      slashed();
      hyphenated();
    }
    if (const size_t end = word(text_, place_)) words(end);
    if (is_word(first_)) things();
    if (is_word_letter(first_) || is_digit(first_) || first_ == '&') file_names();
    if (is_digit(first_) || is_any_of(first_, U"+-(.:,\u00ad\u066b\u066c")) numbers();
    apostrophes();
    addresses();
    marks();
    if (!best_.total) offer(Rule::unknown, place_ + 1);
    return best_;
  }

 private:
  char32_t ahead(size_t n) const { return at(text_, place_ + n); }
  void offer(Rule rule, size_t end) { offer(rule, end, end); }
  void offer(Rule rule, size_t end, size_t total) {
    if (end && (total > best_.total || (total == best_.total && rule < best_.rule))) best_ = {rule, total, end};
  }
  bool is_inside_mark(size_t place) const { return is_any_of(at(text_, place), U",;:\u3001") && place < text_.size(); }
  void stopped(Rule rule, size_t end) {  // a full stop and a comma or the like behind it
    if (end && at(text_, end) == '.' && is_inside_mark(end + 1)) offer(rule, end + 1, end + 2);
  }
  size_t markup(size_t place) const;

  void words(size_t end);
  void ascii_words();
  void abbreviations();
  void slashed();
  void hyphenated();
  void hyphen_groups(size_t place);
  void things();
  size_t thing_part(size_t place) const;
  void file_names();
  void numbers();
  void apostrophes();
  void addresses();
  size_t url_path(size_t host) const;
  void marks();
  void smileys();

  Text text_;
  size_t place_;
  char32_t first_;
  Match best_;
};

// A tag, a closing tag, a comment or a declaration of SGML.
size_t Matcher::markup(size_t place) const {
  if (at(text_, place) != '<') return 0;
  const auto spaces = [&](size_t p) {
    while (at(text_, p) == ' ') ++p;
    return p;
  };
  const auto name = [&](size_t p) -> size_t {
    if (!is_ascii_letter(at(text_, p))) return 0;
    while (is_ascii_word(at(text_, p)) || is_any_of(at(text_, p), U"_:.-")) {
      if (p >= text_.size()) break;
      ++p;
    }
    return p;
  };
  const auto closed = [&](size_t p) -> size_t { return at(text_, spaces(p)) == '>' ? spaces(p) + 1 : 0; };
  size_t p = place + 1;
  if (is_any_of(at(text_, p), U"!?") && p < text_.size()) {
    if (!is_ascii_letter(at(text_, p + 1)) && at(text_, p + 1) != '-') return 0;
    p += 2;
    while (p < text_.size() && !is_any_of(text_[p], U">\n")) ++p;
    return closed(p);
  }
  if (at(text_, p) == '/') {
    const size_t end = name(p + 1);
    return end ? closed(end) : 0;
  }
  p = name(p);
  if (!p) return 0;
  for (;;) {
    const size_t attribute = spaces(p);
    const size_t end = attribute > p ? name(attribute) : 0;
    if (!end) break;
    p = end;
    const size_t equals = spaces(p);
    if (at(text_, equals) != '=') continue;
    const size_t quote = spaces(equals + 1);
    if (at(text_, quote) != '\'' && at(text_, quote) != '"') return 0;
    const size_t close = text_.find(text_[quote], quote + 1);
    if (close == Text::npos) return 0;
    p = close + 1;
  }
  p = spaces(p);
  if (at(text_, p) == '/') ++p;
  return closed(p);
}

void Matcher::words(size_t end) {
  offer(Rule::word, end);
  if (const size_t total = ptb::clitic(text_, end)) offer(Rule::word_clitic, end, total);
  stopped(Rule::stopped_word, end);
}

void Matcher::ascii_words() {
  if (first_ == 'c' || first_ == 'C') {
    if (ahead(1) == '+' && ahead(2) == '+') offer(Rule::plus_plus, place_ + 3);
  }
  if (is_any_of(first_, U"cCfF") && ahead(1) == '#') offer(Rule::sharp, place_ + 2);
  if (const size_t end = literal(text_, place_, "cannot")) offer(Rule::can_not, end - 3, end);
  if (const size_t end = one_of(text_, place_, {"gonna", "gotta", "lemme", "gimme", "wanna"})) offer(Rule::going_to, end - 2, end);
  if (const size_t end = one_of(text_, place_, {"C.D.s", "pro-", "anti-", "S&P-500", "S&amp;P-500", "S&Ls", "S&amp;Ls"})) offer(Rule::treebank_word, end);
  if (const size_t cap = literal(text_, place_, "Cap"))
    if (const size_t mark = apostrophe(text_, cap)) offer(Rule::treebank_word, literal(text_, mark, "n"));
  if (const size_t mark = literal(text_, place_, "c") ? apostrophe(text_, place_ + 1) : 0) offer(Rule::treebank_word, literal(text_, mark, "est"));
  // "is" of "isn't": letters that do not end in n.
  size_t end = place_;
  while (is_ascii_letter(at(text_, end)) || at(text_, end) == 0xad) ++end;
  if (end > place_ + 1) {
    const size_t total = ptb::negation(text_, end - 1);
    size_t last = end - 1;
    while (last > place_ && text_[last - 1] == 0xad) --last;
    if (total && last > place_ && !is_any_of(text_[last - 1], U"nN")) offer(Rule::word_negation, end - 1, total);
  }
  size_t capitals = place_;
  while (is_ascii_capital(at(text_, capitals))) ++capitals;
  if (at(text_, capitals) == '$') offer(Rule::dollar, capitals + 1);
  size_t company = capitals;
  for (size_t next = capitals; next > place_;) {
    company = next;
    const size_t joined = is_any_of(at(text_, next), U"+&") && next < text_.size() ? next + 1 : 0;
    const size_t entity = literal(text_, next, "&amp;");
    next = entity && is_ascii_capital(at(text_, entity)) ? entity : joined;
    if (!next || !is_ascii_capital(at(text_, next))) break;
    while (is_ascii_capital(at(text_, next))) ++next;
  }
  if (company > capitals) {
    offer(Rule::company_name, company);
    stopped(Rule::company_stop, company);
  }
  abbreviations();
}

void Matcher::abbreviations() {
  const std::string name = letters_there(text_, place_);
  const size_t end = place_ + name.size();
  if (at(text_, end) == '.') {
    const size_t stop = end + 1;
    const bool doctor = (name == "ph" || name == "ed") && literal(text_, end, ".d.");
    if (kEnding.contains(name) || (kEndingCapital.contains(name) && is_ascii_capital(first_)) || doctor) {
      const size_t dot = doctor ? stop + 2 : stop;
      if (is_blank(at(text_, dot)) && dot < text_.size()) {
        if (is_blank(at(text_, dot + 1)) || is_capital(at(text_, dot + 1))) offer(Rule::ending_abbreviation, dot, dot + 2);
        if (const size_t tag = markup(dot + 1)) offer(Rule::ending_abbreviation, dot, tag);
      }
      if (dot + 2 <= text_.size()) offer(Rule::abbreviation, dot, dot + 2);
      offer(Rule::last_abbreviation, dot);
    }
    if (kBefore.contains(name) || (name == "miss" && is_ascii_capital(first_))) offer(Rule::acronym_stop, stop);
    if (kNumbered.contains(name)) {
      if (is_digit(at(text_, stop))) offer(Rule::number_abbreviation, stop, stop + 1);
      if (is_blank(at(text_, stop)) && is_digit(at(text_, stop + 1))) offer(Rule::number_abbreviation, stop, stop + 2);
    }
    if ((name == "pty" || name == "pte" || name == "co") && is_space(at(text_, stop)))
      if (const size_t total = one_of(text_, stop + 1, {"ltd", "lim"})) offer(Rule::company, stop, total);
  }
  if (const size_t known = literal(text_, place_, "a.k.a.")) offer(Rule::acronym_stop, known);
  for (const size_t acronym : acronyms(text_, place_)) {
    if (is_blank(at(text_, acronym))) offer(Rule::acronym_then, acronym, acronym + 1);
    if (at(text_, acronym) != '.') continue;
    offer(Rule::acronym_stop, acronym + 1);
    size_t next = acronym + 1;
    while (is_blank(at(text_, next))) ++next;
    if (next == acronym + 1) continue;
    const std::string follows = letters_there(text_, next);
    size_t behind = next + follows.size();
    if ((follows == "mr" || follows == "ms") && at(text_, behind) == '.') ++behind;
    else if (!kBeginning.contains(follows)) behind = 0;
    if (behind && !is_ascii_capital(text_[next])) behind = 0;
    if (const size_t tag = markup(next)) behind = tag;
    if (behind && is_blank(at(text_, behind))) offer(Rule::sentence_acronym, acronym + 1, behind + 1);
  }
}

// black/white, and-or/if
void Matcher::slashed() {
  const auto part = [&](size_t p) {
    while (is_ascii_word(at(text_, p))) ++p;
    for (int group = 0; group < 2 && at(text_, p) == '-' && is_ascii_letter(at(text_, p + 1)); ++group) {
      ++p;
      while (is_ascii_letter(at(text_, p))) ++p;
    }
    return p;
  };
  size_t p = part(place_), found = 0;
  for (int slashes = 0; slashes < 2; ++slashes) {
    if (at(text_, p) == '\\' && at(text_, p + 1) == '/') ++p;
    if (at(text_, p) != '/' || !is_ascii_word(at(text_, p + 1))) break;
    found = p = part(p + 1);
  }
  offer(Rule::slashed, found);
}

// t-shirt, 3.5-inch
void Matcher::hyphenated() {
  size_t p = place_;
  while (is_ascii_word(at(text_, p)) || (p < text_.size() && is_any_of(text_[p], U".,\u00ad"))) ++p;
  if (at(text_, p) == '-') hyphen_groups(p);
}

void Matcher::hyphen_groups(size_t place) {
  const auto found = [&](size_t end) {
    offer(Rule::hyphenated, end);
    stopped(Rule::hyphenated_stop, end);
    if (at(text_, end) == '-') hyphen_groups(end);
  };
  size_t p = place + 1;
  while (is_ascii_word(at(text_, p)) || at(text_, p) == 0xad) ++p;
  if (p > place + 1) found(p);
  for (const size_t acronym : acronyms(text_, place + 1))
    if (acronym > place + 2 && at(text_, acronym) == '.') found(acronym + 1);
}

size_t Matcher::thing_part(size_t place) const {
  size_t p = place;
  if (is_any_of(at(text_, p), U"dDoOlL") && p < text_.size())
    if (const size_t mark = any_apostrophe(text_, p + 1); mark && is_word(at(text_, mark)) && is_word(at(text_, mark + 1))) p = mark + 1;
  if (!is_word(at(text_, p))) return 0;
  while (is_word(at(text_, p))) ++p;
  return p;
}

// o'clock, a_b, élan-vital
void Matcher::things() {
  size_t end = thing_part(place_);
  while (end && is_hyphen(at(text_, end))) {
    const size_t next = thing_part(end + 1);
    if (!next) break;
    end = next;
  }
  offer(Rule::thing, end);
  stopped(Rule::thing_stop, end);
}

void Matcher::file_names() {
  std::string ending;
  bool dotted = false, ascii = true;
  for (size_t p = place_;;) {
    const size_t letter = is_digit(at(text_, p)) ? p + 1 : letter_of_word(text_, p);
    if (letter) {
      const char32_t c = text_[p];
      ascii = ascii && is_ascii_word(c) && letter == p + 1;
      if (ascii) ending += static_cast<char>(is_ascii_capital(c) ? c + 32 : c);
      p = letter;
      continue;
    }
    if (p > place_ && dotted && ascii && kFileEndings.contains(ending) && p < text_.size() && (is_blank(text_[p]) || is_any_of(text_[p], U".?!,")))
      offer(Rule::file_name, p, p + 1);
    if (at(text_, p) != '.' || p == place_ || ending.empty() == ascii) break;
    dotted = ascii = true;
    ending.clear();
    ++p;
  }
}

void Matcher::numbers() {
  const std::u32string_view points = U".:,\u00ad\u066b\u066c";
  size_t p = place_ + (first_ == '+' || first_ == '-');
  size_t end = 0;
  while (is_digit(at(text_, p))) end = ++p;
  while (p < text_.size() && is_any_of(text_[p], points) && is_digit(at(text_, p + 1))) {
    ++p;
    while (is_digit(at(text_, p))) end = ++p;
  }
  offer(Rule::number, end);
  const Ends here(text_, place_);
  if (is_digit(first_)) {
    offer(Rule::date, Ends(here).digits(1, 2).one(U"-/").digits(1, 2).one(U"-/").digits(2, 4).longest());
    Ends whole = here;
    whole.digits(1, 4).one(U"- \u00a0").add(here);
    whole.digits(1, 4);
    Ends escaped = whole;
    offer(Rule::fraction, whole.one(U"/\u2044").add(escaped.one(U"\\").one(U"/")).digits(1, 4).longest());
  }
  if (is_ascii_digit(first_) || first_ == '(' || first_ == '+') {
    const std::u32string_view gap = U"- \u00a0";
    Ends country = here;
    country.maybe(U"+");
    if (first_ == '+') country.maybe(U"+");
    Ends area = country;
    area.add(Ends(country).ascii_digits(2, 4).one(gap)).ascii_digits(2, 4).one(gap);
    area.add(Ends(here).one(U"(").ascii_digits(2, 3).one(U")").maybe(U" \u00a0"));
    area.ascii_digits(3, 4).maybe(gap).ascii_digits(3, 5);
    Ends dotted = here;
    dotted.add(Ends(country).ascii_digits(2, 4).one(U".")).ascii_digits(2, 4).one(U".").ascii_digits(3, 4).one(U".").ascii_digits(3, 5);
    offer(Rule::phone, area.add(dotted).longest());
  }
}

void Matcher::apostrophes() {
  const size_t mark = apostrophe(text_, place_);
  if (mark) {
    const size_t n = literal(text_, mark, "n");
    offer(Rule::apostrophe_word, n);
    if (n) offer(Rule::apostrophe_word, apostrophe(text_, n));
    offer(Rule::apostrophe_word, one_of(text_, mark, {"em", "till", "til", "cause"}));
    if (is_any_of(at(text_, mark), U"23456789") && mark < text_.size()) offer(Rule::apostrophe_word, literal(text_, mark + 1, "0s"));
    if (is_ascii_digit(at(text_, mark)) && is_ascii_digit(at(text_, mark + 1)) && is_blank(at(text_, mark + 2))) offer(Rule::year, mark + 2, mark + 3);
  }
  if (first_ == '\'') {
    if (const size_t end = literal(text_, place_, "'twas")) offer(Rule::it_was, end - 3, end);
    if (const size_t end = literal(text_, place_, "'tis")) offer(Rule::it_is, end - 2, end);
    if (is_ascii_letter(ahead(1)) && place_ + 2 < text_.size() && !is_any_of(ahead(2), U" \t\n\r\u00a0")) offer(Rule::opening_apostrophe, place_ + 1, place_ + 3);
  }
  if (const size_t end = ptb::clitic(text_, place_)) {
    offer(Rule::clitic, end);
    if (end < text_.size() && !is_ascii_letter(text_[end])) offer(Rule::clitic_then, end, end + 1);
  }
  if (const size_t end = ptb::negation(text_, place_)) {
    offer(Rule::negation, end);
    if (end < text_.size() && !is_ascii_letter(text_[end])) offer(Rule::negation_then, end, end + 1);
  }
  if (!is_letter(first_)) return;
  const size_t behind = any_apostrophe(text_, place_ + 1);
  if (is_any_of(first_, U"lLdDjJ")) offer(Rule::apostrophe_word, apostrophe(text_, place_ + 1));
  if (is_any_of(first_, U"yY"))
    if (const size_t you = apostrophe(text_, place_ + 1); you && is_letter(at(text_, you))) offer(Rule::you_know, you, you + 1);
  if (behind) {
    const auto letters = [&](size_t p) {
      while (is_letter(at(text_, p))) ++p;
      return p;
    };
    if (((first_ >= 'A' && first_ <= 'X' && first_ != 'I') || first_ == 'Z' || first_ == 'n') && letters(behind) >= behind + 2)
      offer(Rule::apostrophe_word, letters(behind));
    if (is_any_of(first_, U"oO")) offer(Rule::apostrophe_word, literal(text_, behind, "o"));
  }
  size_t end = place_;
  while (is_letter(at(text_, end))) ++end;
  if (end > place_ + 1 && is_any_of(text_[end - 1], U"aeiouyAEIOUY"))
    if (size_t p = any_apostrophe(text_, end); p && (is_ascii_capital(at(text_, p)) || (is_any_of(at(text_, p), U"aeiou") && p < text_.size()))) {
      while (is_letter(at(text_, p))) ++p;
      offer(Rule::apostrophe_word, p);
    }
  for (const std::string_view name : {"Dunkin", "somethin", "ol"})
    if (const size_t stem = literal(text_, place_, name)) offer(Rule::apostrophe_word, apostrophe(text_, stem));
  offer(Rule::apostrophe_word, one_of(text_, place_, {"cont'd.", "cont'd", "nor'easter", "c'mon", "e'er", "s'mores", "ev'ry", "li'l", "nat'l"}));
}

size_t Matcher::url_path(size_t host) const {
  if (at(text_, host) != '/') return host;
  size_t p = host + 1;
  while (p < text_.size() && !ends_address(text_[p])) ++p;
  while (p > host + 2 && ends_url_path(text_[p - 1])) --p;
  return p > host + 2 ? p : host;
}

void Matcher::addresses() {
  if (size_t p = literal(text_, place_, "https://") ? literal(text_, place_, "https://") : literal(text_, place_, "http://")) {
    const size_t begin = p;
    while (p < text_.size() && !ends_address(text_[p]) && !is_any_of(text_[p], U"{}")) ++p;
    while (p > begin + 1 && ends_url_path(text_[p - 1])) --p;
    if (p > begin + 1) offer(Rule::url, p);
  }
  const auto host = [&](size_t p, const auto& in_label, const auto& endings) {
    for (;;) {
      const size_t begin = p;
      while (p < text_.size() && in_label(text_[p])) ++p;
      if (p == begin || at(text_, p) != '.') return;
      ++p;
      endings(p);
    }
  };
  if (const size_t www = literal(text_, place_, "www."))
    host(
        www, [](char32_t c) { return !ends_address(c) && !is_any_of(c, U".!?{},"); },
        [&](size_t p) {
          for (size_t n = 0; n < 4 && is_ascii_letter(at(text_, p + n)); ++n)
            if (n >= 1) offer(Rule::bare_url, url_path(p + n + 1));
        });
  host(
      // A slip of the original excludes all from the comma to the underscore: digits and capitals too.
      place_, [](char32_t c) { return !ends_address(c) && !(c >= ',' && c <= '_') && !is_any_of(c, U"`'!?{}$"); },
      [&](size_t p) {
        if (const size_t end = one_of(text_, p, {"com", "net", "org", "edu"})) offer(Rule::bare_url, url_path(end));
      });

  size_t name = place_;
  if (const size_t opened = literal(text_, name, "&lt;")) name = opened;
  else if (first_ == '<') ++name;
  if (is_ascii_word(at(text_, name)))
    for (size_t p = name + 1; p < text_.size() && !ends_address(text_[p]) && !is_any_of(text_[p], U"\u00a0{}"); ++p) {
      if (text_[p] != '@') continue;
      const auto in_label = [](char32_t c) { return !ends_address(c) && !is_any_of(c, U".\u00a0{}"); };
      size_t end = p + 1;
      while (end < text_.size() && (in_label(text_[end]) || (text_[end] == '.' && end > p + 1 && in_label(at(text_, end + 1)) && text_[end - 1] != '.'))) ++end;
      if (end > p + 1) offer(Rule::mail, at(text_, end) == '>' ? end + 1 : end);
    }
  if (first_ == '@' && (is_ascii_letter(ahead(1)) || ahead(1) == '_')) {
    size_t p = place_ + 1;
    while (is_ascii_word(at(text_, p)) || at(text_, p) == '_') ++p;
    offer(Rule::handle, p);
  }
  if (first_ == '#') {
    size_t p = place_ + 1;
    while (const size_t next = letter_of_word(text_, p)) p = next;
    if (p > place_ + 1) offer(Rule::handle, p);
  }
}

void Matcher::smileys() {
  const std::u32string_view mouths = U"()DPdpO\\{@|[]";
  for (const size_t brow : {0u, 1u}) {
    if (brow && first_ != '<' && first_ != '>') continue;
    if (!is_any_of(ahead(brow), U":;=") || place_ + brow >= text_.size()) continue;
    for (const size_t nose : {0u, 1u}) {
      if (nose && !is_any_of(ahead(brow + 1), U"-o*'")) continue;
      const size_t mouth = place_ + brow + 1 + nose;
      if (mouth + 1 < text_.size() && is_any_of(text_[mouth], mouths) && !is_ascii_word(text_[mouth + 1])) offer(Rule::smiley, mouth + 1, mouth + 2);
    }
  }
  const auto eye = [&](size_t n, std::u32string_view set) { return place_ + n < text_.size() && is_any_of(text_[place_ + n], set); };
  if (eye(0, U"-^x=~<>'") && ahead(1) == '_' && eye(2, U"-^x=~<>'")) offer(Rule::kaomoji, place_ + 3);
  if (first_ == '(' && eye(1, U"-^x=~<>'")) {
    const size_t nose = eye(2, U"_.") ? 1 : 0;
    for (const size_t n : {size_t{0}, nose})
      if (eye(2 + n, U"-^x=~<>'") && ahead(3 + n) == ')') offer(Rule::kaomoji, place_ + 4 + n);
  }
  if (first_ == '(' && eye(1, U"^x=~<>'") && ahead(2) == '-' && eye(3, U"^x=~<>'`") && ahead(4) == ')') offer(Rule::kaomoji, place_ + 5);
}

void Matcher::marks() {
  const char32_t c = first_;
  const auto run = [&](std::u32string_view set) {
    size_t p = place_;
    while (p < text_.size() && is_any_of(text_[p], set)) ++p;
    return p;
  };
  smileys();
  if (c == '<') {
    offer(Rule::markup, markup(place_));
    offer(Rule::less, place_ + 1);
    if (ahead(1) == '<') offer(Rule::duck_feet, place_ + 2);
  }
  if (c == '>') {
    offer(Rule::greater, place_ + 1);
    if (ahead(1) == '>') offer(Rule::duck_feet, place_ + 2);
  }
  if (c == '&') {
    offer(Rule::dash, one_of(text_, place_, {"&MD;", "&mdash;", "&ndash;"}));
    offer(Rule::ampersand, literal(text_, place_, "&amp;"));
    offer(Rule::entity, one_of(text_, place_, {"&HT;", "&TL;", "&UR;", "&LR;", "&QC;", "&QL;", "&QR;", "&odq;", "&cdq;"}));
    if (ahead(1) == '#') {
      size_t p = place_ + 2;
      while (is_ascii_digit(at(text_, p))) ++p;
      if (p > place_ + 2 && at(text_, p) == ';') offer(Rule::entity, p + 1);
    }
    offer(Rule::less, literal(text_, place_, "&lt;"));
    offer(Rule::greater, literal(text_, place_, "&gt;"));
    offer(Rule::skipped, literal(text_, place_, "&nbsp;"));
  }
  if (c == 0x96 || c == 0x97 || (c >= 0x2013 && c <= 0x2015)) offer(Rule::dash, place_ + 1);
  if (const size_t quote = c == '"' ? place_ + 1 : literal(text_, place_, "&quot;")) {
    offer(Rule::double_quote, quote);
    if (is_ascii_word(at(text_, quote)) || at(text_, quote) == '$') offer(Rule::opening_quote, quote, quote + 1);
  }
  if (const size_t mark = apostrophe(text_, place_)) offer(Rule::quotes, mark);
  if (c == '\'' && ahead(1) == '\'') offer(Rule::quotes, place_ + 2);
  if (is_quote(c)) offer(Rule::quotes, is_quote(ahead(1)) ? place_ + 2 : place_ + 1);
  if (c == '$' || c == '#') offer(Rule::dollar, place_ + 1);
  if (is_any_of(c, U"\u00a2\u00a3\u00a4\u00a5\u0080\u20a0\u20ac\u060b\u0e3f\u20a4\uffe0\uffe1\uffe5\uffe6")) offer(Rule::currency, place_ + 1);
  const auto is_raised = [](char32_t d) { return d == 0x2070 || d == 0xb9 || d == 0xb2 || d == 0xb3 || (d >= 0x2074 && d <= 0x2079); };
  const auto is_lowered = [](char32_t d) { return d >= 0x2080 && d <= 0x2089; };
  size_t raised = place_ + is_any_of(c, U"\u207a\u207b\u208a\u208b");
  const size_t begin = raised;
  while (is_raised(at(text_, raised))) ++raised;
  if (raised == begin)
    while (is_lowered(at(text_, raised))) ++raised;
  if (raised > begin) offer(Rule::raised_number, raised);
  if ((c >= 0xbc && c <= 0xbe) || (c >= 0x2153 && c <= 0x215e)) offer(Rule::fraction_sign, place_ + 1);
  if (c == '-') {
    offer(Rule::treebank_word, one_of(text_, place_, {"-RRB-", "-LRB-", "-RCB-", "-LCB-", "-RSB-", "-LSB-"}));
    offer(Rule::hyphens, run(U"-"));
  }
  if (c == '.') {
    offer(Rule::end_mark, place_ + 1);
    const size_t dots = std::min(run(U"."), place_ + 5);
    if (dots >= place_ + 3) offer(Rule::dots, dots);
    size_t spaced = place_;
    for (int n = 0; n < 4 && at(text_, spaced) == '.' && is_any_of(at(text_, spaced + 1), U" \u00a0"); ++n) {
      spaced += 2;
      if (n >= 1 && at(text_, spaced) == '.') offer(Rule::dots, spaced + 1);
    }
  }
  if (c == 0x85 || c == 0x2026) offer(Rule::dots, place_ + 1);
  if (c == '@' || c == '#' || c == '_') offer(Rule::repeated_marks, run(std::u32string_view(&first_, 1)));
  if (c == '*') offer(Rule::asterisks, run(U"*"));
  size_t escaped = place_;
  for (int n = 0; n < 3 && at(text_, escaped) == '\\' && at(text_, escaped + 1) == '*'; ++n) escaped += 2;
  if (escaped > place_) offer(Rule::asterisks, escaped);
  if (is_inside_mark(place_)) offer(Rule::inside_mark, place_ + 1);
  if (c == '?' || c == '!') offer(Rule::end_marks, run(U"?!"));
  if (is_any_of(c, U"\u00a1\u00bf\u037e\u0589\u061f\u06d4\u0700\u0701\u0702\u07fa\u3002")) offer(Rule::end_mark, place_ + 1);
  if (c == '=') offer(Rule::equals, place_ + 1);
  if (c == '/') offer(Rule::slash, place_ + 1);
  const Rule brackets[] = {Rule::brace, Rule::closing_brace, Rule::bracket, Rule::closing_bracket, Rule::parenthesis, Rule::closing_parenthesis};
  if (const size_t bracket = std::u32string_view(U"{}[]()").find(c); bracket != std::u32string_view::npos) offer(brackets[bracket], place_ + 1);
  if (is_symbol(c)) offer(Rule::symbol, place_ + 1);
  if (is_skipped(c)) {
    size_t p = place_ + 1;
    while (is_space(c) && is_space(at(text_, p))) ++p;
    offer(Rule::skipped, p);
  }
}

}  // namespace

Match best_match(Text text, size_t place) { return Matcher(text, place).best(); }

}  // namespace saucier::bench::ptb
