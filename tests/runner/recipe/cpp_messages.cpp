#include "tests/runner/recipe/cpp_messages.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace saucier::testing {
namespace {

using Text = std::string_view;
using Strings = std::vector<std::string>;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

Text trimmed(Text text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  return begin == Text::npos ? Text() : text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

// Behind the literal that begins at `at`; `at` itself where none does. A quote between digits is a separator.
size_t behind_literal(Text text, size_t at) {
  if (text[at] == '"' && at > 0 && text[at - 1] == 'R') {
    const size_t open = text.find('(', at);
    const std::string close = ")" + std::string(text.substr(at + 1, open - at - 1)) + "\"";
    return std::min(text.find(close, open), text.size() - close.size()) + close.size();
  }
  if (text[at] != '"' && (text[at] != '\'' || (at > 0 && is_word(text[at - 1])))) return at;
  size_t end = at + 1;
  while (end < text.size() && text[end] != text[at]) end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

std::string without_comments(std::string text) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (const size_t behind = behind_literal(text, at); behind > at) at = behind - 1;
    else if (text.compare(at, 2, "//") == 0)
      while (at < text.size() && text[at] != '\n') text[at++] = ' ';
  }
  return text;
}

// Calls `at_char(offset, depth)` for what stands outside of literals, until it returns false.
template <class F>
void scan(Text text, size_t from, F&& at_char) {
  int depth = 0;
  for (size_t at = from; at < text.size(); ++at) {
    if (const size_t behind = behind_literal(text, at); behind > at) {
      at = behind - 1;
      continue;
    }
    const char c = text[at];
    if (c == ')' || c == ']' || c == '}') --depth;
    if (!at_char(at, depth)) return;
    if (c == '(' || c == '[' || c == '{') ++depth;
  }
}

// The bracket that closes the one at `open`.
size_t closing(Text text, size_t open) {
  size_t out = text.size();
  scan(text, open, [&](size_t at, int depth) {
    if (depth == 0 && at > open) out = at;
    return out == text.size();
  });
  return out;
}

std::vector<Text> split(Text text, char separator) {
  std::vector<Text> parts;
  size_t start = 0;
  scan(text, 0, [&](size_t at, int depth) {
    if (depth == 0 && text[at] == separator) {
      parts.push_back(trimmed(text.substr(start, at - start)));
      start = at + 1;
    }
    return true;
  });
  if (!trimmed(text.substr(start)).empty() || !parts.empty()) parts.push_back(trimmed(text.substr(start)));
  return parts;
}

struct Word {
  Text text;
  size_t begin = 0;
};

std::vector<Word> words_of(Text text) {
  std::vector<Word> out;
  size_t last = Text::npos;
  scan(text, 0, [&](size_t at, int) {
    if (!is_word(text[at])) return true;
    if (last == Text::npos || at != last + 1) out.push_back({text.substr(at, 1), at});
    else out.back().text = text.substr(out.back().begin, at + 1 - out.back().begin);
    last = at;
    return true;
  });
  return out;
}

struct Parameter {
  std::string name;
  std::string otherwise;  // default value, as written
  bool text = false;
};

struct Function {
  std::string name;
  std::vector<Parameter> parameters;
  size_t begin = 0, body = 0, end = 0;  // of the name, of the opening brace, of the closing one
  bool returns_text = false;
};

struct File {
  std::string name;
  std::string text;
  std::vector<Word> words;
  std::vector<Function> functions;  // lambdas with a name, too
};

std::vector<Parameter> parameters_of(Text list) {
  std::vector<Parameter> out;
  for (const Text one : split(list, ',')) {
    const std::vector<Text> halves = split(one, '=');
    const std::vector<Word> words = words_of(halves.empty() ? Text() : halves[0]);
    if (words.empty()) continue;
    out.push_back({std::string(words.back().text), halves.size() > 1 ? std::string(halves[1]) : "",
                   one.find("string") != Text::npos || one.find("char*") != Text::npos});
  }
  return out;
}

std::vector<Function> functions_of(Text text, const std::vector<Word>& words) {
  static const std::set<Text> kNotOne = {"if", "for", "while", "switch", "catch", "return"};
  std::vector<Function> out;
  for (const Word& word : words) {
    size_t at = word.begin + word.text.size();
    const bool lambda = text.compare(at, 4, " = [") == 0;
    if (lambda) at = closing(text, at + 3) + 1;
    if (at >= text.size() || text[at] != '(' || kNotOne.count(word.text)) continue;
    const size_t close = closing(text, at);
    const size_t brace = text.find_first_of("{;=(,)", close + 1);
    if (brace == Text::npos || text[brace] != '{') continue;
    const Text between = trimmed(text.substr(close + 1, brace - close - 1));
    if (!between.empty() && !between.starts_with("const") && !between.starts_with("->")) continue;
    const size_t line = text.rfind('\n', word.begin) + 1;
    out.push_back({std::string(word.text), parameters_of(text.substr(at + 1, close - at - 1)), word.begin, brace, closing(text, brace),
                   text.substr(line, word.begin - line).find("std::string") != Text::npos});
  }
  return out;
}

std::string unescaped(Text literal) {
  std::string out;
  for (size_t i = 1; i + 1 < literal.size(); ++i) {
    if (literal[i] == '\\') ++i;
    out += literal[i];
  }
  return out;
}

// Literals side by side; nothing where there is anything else.
std::optional<std::string> literal_of(Text text) {
  std::string out;
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    if (text[0] != '"') return std::nullopt;
    const size_t behind = behind_literal(text, 0);
    out += unescaped(text.substr(0, behind));
    text = trimmed(text.substr(behind));
  }
  return out;
}

Text argument_at(const std::vector<Text>& arguments, size_t i) { return i < arguments.size() ? arguments[i] : Text(); }

class Extractor {
 public:
  explicit Extractor(const std::vector<CppText>& sources) {
    for (const CppText& source : sources) {
      File file{source.name, without_comments(source.text), {}, {}};
      files_.push_back(std::move(file));
    }
    for (File& file : files_) {
      file.words = words_of(file.text);
      file.functions = functions_of(file.text, file.words);
    }
  }

  Messages read() {
    for (const File& file : files_) {
      for (const Word& word : file.words) {
        const Text text = file.text;
        const size_t behind = word.begin + word.text.size();
        const bool member = word.begin > 0 && text[word.begin - 1] == '.';
        if (member && (word.text == "error" || word.text == "warning") && text[behind] == '(') {
          const std::vector<Text> arguments = split(text.substr(behind + 1, closing(text, behind) - behind - 1), ',');
          report(file, word.begin, argument_at(arguments, 2), argument_at(arguments, 3));
        } else if (member && word.text == "message" && text.compare(behind, 3, " = ") == 0) {  // of a Diagnostic
          const size_t hint = text.find(".hint = ", behind);
          report(file, word.begin, until_comma(text.substr(behind + 3)), hint == Text::npos ? Text() : until_comma(text.substr(hint + 8)));
        }
      }
    }
    return std::move(out_);
  }

 private:
  static Text until_comma(Text text) {
    size_t end = text.size();
    scan(text, 0, [&](size_t at, int depth) {
      if (depth < 0 || (depth == 0 && text[at] == ',')) end = at;
      return end == text.size();
    });
    return trimmed(text.substr(0, end));
  }

  void report(const File& file, size_t at, Text message, Text hint) {
    ++out_.reports;
    follow(file, at, std::string(message), std::string(hint), 0);
  }

  // A message that is made of the parameters of the function around it is read at that function's callers.
  void follow(const File& file, size_t at, const std::string& message, const std::string& hint, int depth) {
    for (const Function* function : around(file, at)) {
      const auto named = [&](const Parameter& p) { return p.text && (mentions(message, p.name) || mentions(hint, p.name)); };
      if (depth > 4 || std::none_of(function->parameters.begin(), function->parameters.end(), named)) continue;
      bool called = false;
      for (const Word& word : file.words) {
        const size_t open = word.begin + word.text.size();
        if (word.text != function->name || word.begin == function->begin || file.text[open] != '(') continue;
        if (word.begin > 0 && (file.text[word.begin - 1] == '.' || file.text[word.begin - 1] == ':')) continue;
        if (std::any_of(file.functions.begin(), file.functions.end(), [&](const Function& f) { return f.begin == word.begin; })) continue;
        const std::vector<Text> arguments = split(Text(file.text).substr(open + 1, closing(file.text, open) - open - 1), ',');
        if (arguments.size() > function->parameters.size()) continue;
        called = true;
        std::string its_message = message, its_hint = hint;
        for (size_t i = 0; i < function->parameters.size(); ++i) {
          const Parameter& parameter = function->parameters[i];
          if (!parameter.text) continue;
          const std::string value = "(" + std::string(i < arguments.size() ? arguments[i] : Text(parameter.otherwise)) + ")";
          its_message = put(its_message, parameter.name, value);
          its_hint = put(its_hint, parameter.name, value);
        }
        follow(file, word.begin, its_message, its_hint, depth + 1);
      }
      if (called) return;
    }
    const std::string place = fmt::format("{}:{}", file.name, std::count(file.text.begin(), file.text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1);
    const auto add = [&](std::vector<Said>& to, const std::string& said) {
      bool read = false;
      for (std::string& pattern : patterns(file, at, said, 0)) {
        if (pattern.find_first_not_of(kAnything) == std::string::npos) continue;
        read = true;
        to.push_back({place, std::move(pattern)});
      }
      return read;
    };
    if (!add(out_.messages, message)) out_.unread.push_back({place, message});
    add(out_.hints, hint);
  }

  // Innermost first.
  static std::vector<const Function*> around(const File& file, size_t at) {
    std::vector<const Function*> out;
    for (const Function& function : file.functions)
      if (function.body < at && at < function.end) out.push_back(&function);
    std::sort(out.begin(), out.end(), [](const Function* a, const Function* b) { return a->body > b->body; });
    return out;
  }

  static bool mentions(Text expression, Text name) {
    for (const Word& word : words_of(expression))
      if (word.text == name && (word.begin == 0 || expression[word.begin - 1] != '.')) return true;
    return false;
  }

  static std::string put(Text expression, Text name, const std::string& value) {
    std::string out;
    size_t done = 0;
    for (const Word& word : words_of(expression)) {
      if (word.text != name || (word.begin > 0 && expression[word.begin - 1] == '.')) continue;
      out += expression.substr(done, word.begin - done);
      out += value;
      done = word.begin + word.text.size();
    }
    return out + std::string(expression.substr(done));
  }

  // All that an expression may say. Alternatives inside one fmt::format are taken one at a time, not in every combination.
  // `part`: of a format's argument; what a function returns there is collected on its own.
  Strings patterns(const File& file, size_t at, Text said, int depth, bool part = false) {
    const Strings anything = {std::string(1, kAnything)};
    Text text = trimmed(said);
    while (text.starts_with('(') && closing(text, 0) == text.size() - 1) text = trimmed(text.substr(1, text.size() - 2));
    if (text.empty() || text == "{}" || text == "std::string()") return {""};
    if (depth > 12) return anything;
    if (const auto literal = literal_of(text)) return {*literal};
    if (const std::vector<Text> sides = alternatives(text); !sides.empty()) {
      Strings out;
      for (const Text side : sides)
        for (std::string& one : patterns(file, at, side, depth + 1, part)) out.push_back(std::move(one));
      return out;
    }
    if (const std::vector<Text> parts = split(text, '+'); parts.size() > 1) {
      Strings out = {""};
      for (const Text piece : parts) {
        Strings longer;
        for (const std::string& left : out)
          for (const std::string& right : patterns(file, at, piece, depth + 1, part)) longer.push_back(left + right);
        out = std::move(longer);
      }
      return out;
    }
    const size_t open = text.find('(');
    if (open != Text::npos && closing(text, open) == text.size() - 1) {
      const Text name = text.substr(0, open);
      const Text inner = text.substr(open + 1, text.size() - open - 2);
      if (name == "std::string" || name == "std::move" || name == "std::string_view") return patterns(file, at, inner, depth + 1, part);
      if (name == "fmt::format") return formatted(file, at, split(inner, ','), depth);
      Strings out = returned(file, name, depth);
      if (!part) return out;
      for (std::string& one : out)
        if (one.find_first_not_of(kAnything) != std::string::npos) out_.parts.push_back({std::string(name), std::move(one)});
      return anything;
    }
    if (std::all_of(text.begin(), text.end(), is_word)) return assigned(file, at, text, depth, part);
    return anything;
  }

  // The branches of `a ? b : c`.
  static std::vector<Text> alternatives(Text text) {
    size_t question = Text::npos, colon = Text::npos;
    int open = 0;
    scan(text, 0, [&](size_t at, int depth) {
      if (depth != 0) return true;
      if (text[at] == '?' && open++ == 0) question = at;
      const bool scope = (at + 1 < text.size() && text[at + 1] == ':') || (at > 0 && text[at - 1] == ':');
      if (text[at] == ':' && !scope && --open == 0) colon = at;
      return colon == Text::npos;
    });
    if (colon == Text::npos) return {};
    return {text.substr(question + 1, colon - question - 1), text.substr(colon + 1)};
  }

  Strings formatted(const File& file, size_t at, const std::vector<Text>& arguments, int depth) {
    Strings out;
    for (const std::string& format : patterns(file, at, argument_at(arguments, 0), depth + 1)) {
      std::vector<Strings> values;
      size_t most = 1;
      for (size_t i = 1; i < arguments.size(); ++i) {
        values.push_back(patterns(file, at, arguments[i], depth + 1, true));
        most = std::max(most, values.back().size());
      }
      for (size_t v = 0; v < most; ++v) {  // the v-th alternative of each argument
        std::string one;
        size_t next = 0;
        for (size_t i = 0; i < format.size(); ++i) {
          if (format.compare(i, 2, "{{") == 0 || format.compare(i, 2, "}}") == 0) one += format[i++];
          else if (format[i] == '{') {
            const Strings& value = next < values.size() ? values[next] : Strings{std::string(1, kAnything)};
            one += value.size() == 1 ? value[0] : v < value.size() ? value[v] : std::string(1, kAnything);
            ++next;
            i = format.find('}', i);
          } else {
            one += format[i];
          }
        }
        out.push_back(std::move(one));
      }
    }
    return out;
  }

  // All that a function of these sources returns; one of the same file hides others.
  Strings returned(const File& from, Text name, int depth) {
    const auto has = [&](const File& file) { return std::any_of(file.functions.begin(), file.functions.end(), [&](const Function& f) { return f.name == name; }); };
    Strings out;
    for (const File& file : files_)
      for (const Function& function : file.functions) {
        if (function.name != name || !function.returns_text || (&file != &from && has(from))) continue;
        for (const Word& word : file.words) {
          if (word.text != "return" || word.begin < function.body || word.begin > function.end) continue;
          const size_t begin = word.begin + 6;
          size_t end = begin;
          scan(file.text, begin, [&](size_t at, int) { return file.text[end = at] != ';'; });
          for (std::string& one : patterns(file, word.begin, Text(file.text).substr(begin, end - begin), depth + 1)) out.push_back(std::move(one));
        }
      }
    return out.empty() ? Strings{std::string(1, kAnything)} : out;
  }

  // All that is assigned to a variable in the functions around.
  Strings assigned(const File& file, size_t at, Text name, int depth, bool part) {
    Strings out;
    for (const Function* function : around(file, at)) {
      for (const Word& word : file.words) {
        const size_t behind = word.begin + name.size();
        if (word.text != name || word.begin < function->body || word.begin >= at || file.text.compare(behind, 3, " = ") != 0) continue;
        size_t end = behind + 3;
        scan(file.text, behind + 3, [&](size_t i, int below) { return (end = i, file.text[i] != ';' && !(below == 0 && file.text[i] == ',')); });
        for (std::string& one : patterns(file, word.begin, Text(file.text).substr(behind + 3, end - behind - 3), depth + 1, part)) out.push_back(std::move(one));
      }
      const bool grows = Text(file.text).substr(function->body, function->end - function->body).find(std::string(name) + " += ") != Text::npos;
      if (grows)
        for (std::string& one : out) one += kAnything;
      if (!out.empty()) return out;
    }
    return {std::string(1, kAnything)};
  }

  std::vector<File> files_;
  Messages out_;
};

}  // namespace

Messages messages_of(const std::vector<CppText>& sources) { return Extractor(sources).read(); }

bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == kAnything) {
      star = p++;
      from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == kAnything) ++p;
  return p == pattern.size();
}

std::string shown(std::string pattern) {
  for (size_t at; (at = pattern.find(kAnything)) != std::string::npos;) pattern.replace(at, 1, "…");
  return pattern;
}

}  // namespace saucier::testing
