#include "runner/recipe/tree.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

// toml++ 3.3 asserts that a header begins with a key before it reports one that does not ("[" and a line end).
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

namespace saucier::recipe {
namespace {

constexpr int kMostSyntaxErrors = 20;

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

bool is_header(const std::string& line) {
  static const std::regex pattern(R"(^\s*\[\[?[^\[\],{}]*\]?\]?\s*(#.*)?$)");
  return std::regex_match(line, pattern);
}

// A line that begins a statement: a header, or a key with its equals sign. A guess, good enough to go on after an error.
bool begins_statement(const std::string& line) {
  static const std::regex key(R"RE(^\s*([A-Za-z0-9_-]|"[^"]*"\s*[.=]|'[^']*'\s*[.=]).*=)RE");
  return is_header(line) || std::regex_search(line, key);
}

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
    try {
      const toml::table table = toml::parse(std::string_view(text));
      parsed.root = converter.convert(table);
      parsed.root.position = Position{source, 1, 1, 2};
      return parsed;
    } catch (const toml::parse_error& error) {
      parsed.complete = false;
      if (lines.empty()) lines = split_lines(source->text);
      const Position at = converter.position(error.source());
      const Blanked blanked = blank_statement(lines, static_cast<size_t>(std::max(at.line, 1) - 1));
      if (reported.insert(at.line).second) {
        Diagnostic problem{.severity = Severity::kError, .code = "syntax", .message = syntax_message(error.description()),
                           .position = at, .notes = {}, .hint = {}};
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
  try {
    const toml::table table = toml::parse(std::string(kBefore) + std::string(text));
    Node node = converter.convert(*table.get("v"));
    return node.is(Kind::kDate) ? as_string() : node;
  } catch (const toml::parse_error& error) {
    const size_t first = text.find_first_not_of(' ');
    const bool opens = first != std::string_view::npos && std::string_view("[{\"'").find(text[first]) != std::string_view::npos;
    if (!opens && first != std::string_view::npos) return as_string();
    problems.error("syntax", converter.position(error.source()), syntax_message(error.description()));
    return std::nullopt;
  }
}

}  // namespace saucier::recipe
