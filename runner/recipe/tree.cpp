#include "runner/recipe/tree.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

// toml++ 3.3 asserts that a header begins with a key before it reports one that does not ("[" and a line end).
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

namespace saucier::recipe {
namespace {

constexpr int kMostSyntaxErrors = 20;
constexpr size_t kDeepest = 64;  // brackets and dots of a key, one inside the other

// Turns toml++ nodes into ours. `shift` is added to columns (a value inside a command-line argument).
class Converter {
 public:
  Converter(std::shared_ptr<const SourceText> source, std::shared_ptr<const Origin> origin, int shift)
      : source_(std::move(source)), origin_(std::move(origin)), shift_(shift) {}

  Node convert(const toml::node& in) const {
    Node out;
    out.position = position(in.source());
    out.origin = origin_;
    switch (in.type()) {
      case toml::node_type::table: convert_table(*in.as_table(), out); break;
      case toml::node_type::array:
        out.kind = Kind::kList;
        for (const toml::node& item : *in.as_array()) out.items.push_back(convert(item));
        break;
      case toml::node_type::string:
        out.kind = Kind::kString;
        out.scalar = in.as_string()->get();
        break;
      case toml::node_type::integer:
        out.kind = Kind::kInteger;
        out.scalar = in.as_integer()->get();
        break;
      case toml::node_type::floating_point:
        out.kind = Kind::kNumber;
        out.scalar = in.as_floating_point()->get();
        break;
      case toml::node_type::boolean:
        out.kind = Kind::kBool;
        out.scalar = in.as_boolean()->get();
        break;
      default: out.kind = Kind::kDate; break;
    }
    return out;
  }

  Position position(const toml::source_region& region) const {
    Position out{source_, static_cast<int>(region.begin.line), static_cast<int>(region.begin.column) + shift_, 0};
    if (region.end.line == region.begin.line && region.end.column > region.begin.column)
      out.end_column = static_cast<int>(region.end.column) + shift_;
    else if (region.end.line > region.begin.line)
      out.end_column = line_end(out.line);
    out.end_column = std::max(out.end_column, out.column + 1);
    return out;
  }

 private:
  void convert_table(const toml::table& in, Node& out) const {
    out.kind = Kind::kTable;
    for (const auto& [key, value] : in) {
      Node entry = convert(value);
      entry.key = std::string(key.str());
      entry.key_position = position(key.source());
      out.items.push_back(std::move(entry));
    }
    std::stable_sort(out.items.begin(), out.items.end(), [](const Node& a, const Node& b) {
      return std::pair(a.key_position.line, a.key_position.column) < std::pair(b.key_position.line, b.key_position.column);
    });
  }

  int line_end(int number) const { return code_points(source_->line(number)) + 1; }

  std::shared_ptr<const SourceText> source_;
  std::shared_ptr<const Origin> origin_;
  int shift_;
};

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string_view without_spaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r"), text.size()));
}

// No std::regex here: it takes a stack frame for every character of a long line.
bool is_header(std::string_view line) {
  line = without_spaces(line);
  if (!line.starts_with('[')) return false;
  line.remove_prefix(line.starts_with("[[") ? 2 : 1);
  line.remove_prefix(std::min(line.find_first_of("[],{}"), line.size()));
  for (int i = 0; i < 2 && line.starts_with(']'); ++i) line.remove_prefix(1);
  line = without_spaces(line);
  return line.empty() || line.starts_with('#');
}

// A line that begins a statement: a header, or a key with its equals sign. A guess, good enough to go on after an error.
bool begins_statement(std::string_view line) {
  if (is_header(line)) return true;
  line = without_spaces(line);
  if (line.empty() || line.find('=') == std::string_view::npos) return false;
  if (line[0] != '"' && line[0] != '\'') return std::isalnum(static_cast<unsigned char>(line[0])) || line[0] == '_' || line[0] == '-' || (line[0] & 0x80);
  const size_t close = line.find(line[0], 1);
  const std::string_view behind = close == std::string_view::npos ? std::string_view() : without_spaces(line.substr(close + 1));
  return behind.starts_with('.') || behind.starts_with('=');
}

// Behind the string that begins at `at`; behind the line where one of a single line is not closed.
size_t behind_string(std::string_view text, size_t at) {
  const char quote = text[at];
  const bool block = text.substr(at, 3) == std::string(3, quote);
  size_t end = at + (block ? 3 : 1);
  while (end < text.size()) {
    if (quote == '"' && text[end] == '\\') end += 2;
    else if (!block && text[end] == '\n') return end;
    else if (text[end] != quote) ++end;
    else if (!block) return end + 1;
    else if (text.substr(end, 3) == std::string(3, quote)) {  // up to two quotes may belong to the text
      end += 3;
      for (int i = 0; i < 2 && end < text.size() && text[end] == quote; ++i) ++end;
      return end;
    } else ++end;
  }
  return text.size();
}

struct Trap {
  size_t offset = 0;
  std::string_view message, hint;
};

// What must not get to toml++ 3.3: a bare key with another letter than ASCII's (for some it runs into
// __builtin_unreachable; TOML 1.0 has none of them), and nesting that recursion over the tree does not survive.
std::optional<Trap> find_trap(std::string_view text) {
  std::vector<size_t> depth = {0};  // at each open bracket: those around it and the dots of the key before it
  for (size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = behind_string(text, at);
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (static_cast<unsigned char>(c) >= 0x80)
      return Trap{at, "syntax error: only ASCII can stand outside of quotes", "put the name or the text in quotes"};
    if (c == '[' || c == '{') depth.push_back(depth.back() + 1);
    else if ((c == ']' || c == '}') && depth.size() > 1) depth.pop_back();
    else if (c == ',' || (c == '\n' && depth.size() == 1)) depth.back() = depth.size() == 1 ? 0 : depth[depth.size() - 2] + 1;
    else if (c == '.') ++depth.back();
    if (depth.back() > kDeepest) return Trap{at, "syntax error: nested deeper than 64 levels", ""};
    ++at;
  }
  return std::nullopt;
}

struct SyntaxError {
  Position at;
  std::string message;
  std::string hint;
};

// Brackets opened and not closed on the lines [first, last); strings and comments are not looked into.
int open_brackets(const std::vector<std::string>& lines, size_t first, size_t last) {
  int open = 0;
  for (size_t i = first; i < last; ++i)
    for (char c : lines[i]) open += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
  return open;
}

struct Blanked {
  bool any = false;
  bool header = false;
  std::optional<size_t> unclosed;  // index of the line whose list or table is left open before the error
};

// Blanks the statement that holds line `index` (from 0). When that line begins a statement because the one above never
// closed its bracket, the one above is blanked.
Blanked blank_statement(std::vector<std::string>& lines, size_t index) {
  index = std::min(index, lines.size() - 1);
  const auto start_of = [&](size_t at) {
    while (at > 0 && !begins_statement(lines[at])) --at;
    return at;
  };
  Blanked result;
  size_t first = start_of(index);
  size_t last = index + 1;
  if (first == index && index > 0) {
    const size_t above = start_of(index - 1);
    if (begins_statement(lines[above]) && !is_header(lines[above]) && open_brackets(lines, above, index) > 0) {
      first = above;
      last = index;
      result.unclosed = above;
    }
  }
  if (!result.unclosed)
    while (last < lines.size() && !begins_statement(lines[last])) ++last;
  for (size_t i = first; i < last; ++i) {
    if (lines[i].find_first_not_of(" \t\r") == std::string::npos) continue;
    if (lines[i].front() != '#') result.any = true;
    result.header = result.header || is_header(lines[i]);
    lines[i].clear();
  }
  return result;
}

// toml++ says "Error while parsing key-value pair: …": the fact first, in lower case and on one line.
std::string syntax_message(std::string_view text) {
  constexpr std::string_view kPrefix = "Error while parsing ";
  std::string what;
  if (text.starts_with(kPrefix)) {
    text.remove_prefix(kPrefix.size());
    const size_t colon = text.find(": ");
    if (colon != std::string_view::npos) {
      const bool vowel = text.find_first_of("aeiou") == 0;
      what = fmt::format(" in {} {}", vowel ? "an" : "a", text.substr(0, colon));
      text.remove_prefix(colon + 2);
    }
  }
  return fmt::format("syntax error{}: {}", what, text);
}

// The tree of `text`, or the first thing in it that is no TOML.
std::variant<Node, SyntaxError> read_toml(std::string_view text, const Converter& converter) {
  const std::optional<Trap> trap = find_trap(text);
  const size_t line = trap ? text.rfind('\n', trap->offset) + 1 : 0;
  try {
    const toml::table table = toml::parse(trap ? text.substr(0, line) : text);
    if (!trap) return converter.convert(table);
  } catch (const toml::parse_error& error) {
    const auto before = static_cast<toml::source_index>(trap ? std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(line), '\n') : 0);
    if (!trap || error.source().begin.line <= before) return SyntaxError{converter.position(error.source()), syntax_message(error.description()), ""};
  }
  const auto number = static_cast<toml::source_index>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(line), '\n') + 1);
  const auto column = static_cast<toml::source_index>(code_points(text.substr(line, trap->offset - line)) + 1);
  return SyntaxError{converter.position({{number, column}, {number, column + 1}, nullptr}), std::string(trap->message), std::string(trap->hint)};
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  if (kind != Kind::kTable) return nullptr;
  auto it = std::find_if(items.begin(), items.end(), [&](const Node& n) { return n.key == name; });
  return it == items.end() ? nullptr : &*it;
}

Node* Node::find(std::string_view name) { return const_cast<Node*>(std::as_const(*this).find(name)); }

void Node::erase(std::string_view name) {
  std::erase_if(items, [&](const Node& n) { return n.key == name; });
}

std::string Node::origin_text() const {
  if (origin && !origin->label.empty()) return origin->label;
  const Position& at = place(*this);
  return at.known() ? fmt::format("{}:{}", at.source->name, at.line) : "";
}

const Position& place(const Node& node) { return node.key_position.known() ? node.key_position : node.position; }

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kBool: return "true or false";
    case Kind::kInteger: return "an integer";
    case Kind::kNumber: return "a number";
    case Kind::kString: return "a string";
    case Kind::kDate: return "a date or time";
    case Kind::kList: return "a list";
    case Kind::kTable: return "a table";
  }
  return "";
}

Json to_json(const Node& node) {
  switch (node.kind) {
    case Kind::kList: {
      Json out = Json::array();
      for (const Node& item : node.items) out.push_back(to_json(item));
      return out;
    }
    case Kind::kTable: {
      Json out = Json::object();
      for (const Node& item : node.items) out[item.key] = to_json(item);
      return out;
    }
    case Kind::kDate: return nullptr;
    default: return std::visit([](const auto& value) { return Json(value); }, node.scalar);
  }
}

int code_points(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

Parsed parse_text(const std::shared_ptr<const SourceText>& source, const std::shared_ptr<const Origin>& origin,
                  Diagnostics& problems) {
  const Converter converter(source, origin, 0);
  Parsed parsed;
  parsed.root.origin = origin;
  std::vector<std::string> lines;  // split only when something is wrong
  std::set<int> reported;
  std::string text = source->text;
  for (int round = 0; round < kMostSyntaxErrors; ++round) {
    std::variant<Node, SyntaxError> read = read_toml(text, converter);
    if (Node* root = std::get_if<Node>(&read)) {
      parsed.root = std::move(*root);
      parsed.root.position = Position{source, 1, 1, 2};
      return parsed;
    }
    const SyntaxError& error = std::get<SyntaxError>(read);
    parsed.complete = false;
    if (lines.empty()) lines = split_lines(source->text);
    const Blanked blanked = blank_statement(lines, static_cast<size_t>(std::max(error.at.line, 1) - 1));
    if (reported.insert(error.at.line).second) {
      Diagnostic problem{.severity = Severity::kError, .code = "syntax", .message = error.message, .position = error.at, .notes = {},
                         .hint = error.hint};
      if (blanked.unclosed) {
        const int line = static_cast<int>(*blanked.unclosed) + 1;
        const int end = code_points(source->line(line)) + 1;
        problem.notes.push_back({"what is left open begins here", Position{source, line, 1, end}});
      }
      problems.add(std::move(problem));
    }
    parsed.header_lost = parsed.header_lost || blanked.header;
    if (!blanked.any) return parsed;
    text = join_lines(lines);
  }
  return parsed;
}

std::optional<Node> parse_value(const std::shared_ptr<const SourceText>& source, std::string_view text, int column,
                                const std::shared_ptr<const Origin>& origin, Diagnostics& problems) {
  constexpr std::string_view kBefore = "v = ";
  const Converter converter(source, origin, column - 1 - static_cast<int>(kBefore.size()));
  const auto as_string = [&] {
    Node node;
    node.kind = Kind::kString;
    node.scalar = std::string(text);
    node.position = Position{source, 1, column, column + std::max(code_points(text), 1)};
    node.origin = origin;
    return node;
  };
  std::variant<Node, SyntaxError> read = read_toml(std::string(kBefore) + std::string(text), converter);
  if (Node* root = std::get_if<Node>(&read)) {
    Node node = std::move(*root->find("v"));
    node.key.clear();
    node.key_position = {};
    return node.is(Kind::kDate) ? as_string() : node;
  }
  const size_t first = text.find_first_not_of(' ');
  const bool opens = first != std::string_view::npos && std::string_view("[{\"'").find(text[first]) != std::string_view::npos;
  if (!opens && first != std::string_view::npos) return as_string();
  const SyntaxError& error = std::get<SyntaxError>(read);
  problems.error("syntax", error.at, error.message, error.hint);
  return std::nullopt;
}

}  // namespace saucier::recipe
