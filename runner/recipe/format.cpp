#include "runner/recipe/format.h"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "runner/recipe/tree.h"

namespace saucier::recipe {
namespace {

constexpr int kLongestLine = 120;

struct Comment {
  std::string text;    // from its '#' on
  int column = 0;      // of its '#' in the source, from 0; 0 where less than two spaces stand before it
  bool blank = false;  // a blank line before it
};

struct Entry;

// The whole text is one, too: its entries are the statements.
struct Value {
  char bracket = 0;               // '[' or '{'; 0: a scalar
  std::string text;               // of a scalar, as in the source
  std::vector<Entry> entries;
  std::optional<Comment> behind;  // the opening bracket
  std::vector<Comment> below;     // lines before the closing bracket
  bool one_line = true;           // from bracket to bracket, line ends in strings aside
  bool begins_here = true;        // the first entry is on the bracket's line
};

struct Entry {
  std::vector<Comment> above;
  bool blank = false;   // a blank line before it, below `above`
  bool header = false;  // no value
  std::string start;    // "key = " or "[header]"; empty for a list's item
  Value value;
  std::optional<Comment> behind;
};

std::string comment_text(std::string_view text) {
  text = text.substr(0, text.find_last_not_of(" \t") + 1);
  const size_t from = text.find_first_not_of('#');
  std::string out(text);
  if (from != std::string_view::npos && text[from] != ' ' && text[from] != '\t' && !text.starts_with("#!") &&
      !text.starts_with("#:schema"))
    out.insert(from, " ");
  return out;
}

// Reads a text that toml++ has accepted (so it takes some liberties) and that has LF line ends. Throws Error where it
// does not understand it.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Value document() {
    Value out;
    for (;;) {
      const bool blank = gap(out);
      if (at_ == text_.size()) return out;
      Entry& entry = begin(out, blank);
      entry.header = peek() == '[';
      if (entry.header)
        entry.start = header();
      else
        std::tie(entry.start, entry.value) = assignment();
    }
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(bool condition) const {
    if (!condition) throw Error(fmt::format("not understood at byte {}", at_));
  }
  void spaces() { at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size()); }

  // White space, line ends and comments between the entries of `in`. A comment on the line of what stands before it
  // goes there, others wait in `in.below` for the next entry. Says whether a blank line ends the gap.
  bool gap(Value& in) {
    std::optional<Comment>& behind = in.entries.empty() ? in.behind : in.entries.back().behind;
    bool same_line = at_ != 0;
    for (int ends = 0;; same_line = false) {
      spaces();
      if (take('\n')) {
        ++ends;
        ++line_;
      } else if (peek() == '#') {
        const size_t begin = text_.rfind('\n', at_) + 1, end = std::min(text_.find('\n', at_), text_.size());
        const std::string_view before = text_.substr(begin, at_ - begin);
        Comment comment{.text = comment_text(text_.substr(at_, end - at_)), .column = 0, .blank = ends > 1};
        if (before.ends_with("  ")) comment.column = code_points(before);
        if (same_line && !behind)
          behind = std::move(comment);
        else
          in.below.push_back(std::move(comment));
        at_ = end;
        ends = 0;
      } else {
        return ends > 1;
      }
    }
  }

  Entry& begin(Value& in, bool blank) {
    Entry& entry = in.entries.emplace_back();
    entry.blank = blank;
    entry.above = std::exchange(in.below, {});
    return entry;
  }

  std::string header() {
    const size_t brackets = text_.substr(at_, 2) == "[[" ? 2 : 1;
    at_ += brackets;
    const std::string out = std::string(brackets, '[') + key() + std::string(brackets, ']');
    for (size_t i = 0; i < brackets; ++i) expect(take(']'));
    return out;
  }

  std::pair<std::string, Value> assignment() {
    std::string start = key() + " = ";
    expect(take('='));
    spaces();
    return {std::move(start), value()};
  }

  std::string key() {
    std::string out;
    do {
      spaces();
      const size_t begin = at_;
      if (peek() == '"' || peek() == '\'')
        string();
      else
        at_ = std::min(text_.find_first_of(" \t\n.=]", at_), text_.size());
      expect(at_ > begin);
      out += (out.empty() ? "" : ".") + std::string(text_.substr(begin, at_ - begin));
      spaces();
    } while (take('.'));
    return out;
  }

  Value value() {
    Value out;
    const int line = line_;
    const size_t begin = at_;
    if (peek() == '[') {
      list(out);
    } else if (peek() == '{') {
      table(out);
    } else {
      peek() == '"' || peek() == '\'' ? string() : word();
      expect(at_ > begin);
      out.text = text_.substr(begin, at_ - begin);
    }
    out.one_line = line == line_;
    return out;
  }

  void list(Value& out) {
    out.bracket = '[';
    ++at_;
    const int line = line_;
    do {
      const bool blank = gap(out);
      if (peek() == ']') break;
      if (out.entries.empty()) out.begins_here = line == line_;
      Entry& entry = begin(out, blank);
      entry.value = value();
      gap(out);
    } while (take(','));
    expect(take(']'));
  }

  void table(Value& out) {
    out.bracket = '{';
    ++at_;
    do {
      spaces();
      if (peek() == '}') break;
      Entry& entry = begin(out, false);
      std::tie(entry.start, entry.value) = assignment();
      spaces();
    } while (take(','));
    expect(take('}'));
  }

  void string() {
    const char quote = peek();
    const bool long_form = text_.substr(at_, 3) == std::string(3, quote);
    const std::string end(long_form ? 3 : 1, quote);
    for (at_ += end.size(); text_.substr(at_, end.size()) != end; at_ += quote == '"' && peek() == '\\' ? 2 : 1)
      expect(at_ + 1 < text_.size());
    at_ += end.size();
    for (int i = 0; long_form && i < 2; ++i) take(quote);  // """a"""" ends in a quote
  }

  void word() {
    constexpr std::string_view kEnds = " \t\n,]}#";
    const size_t begin = at_;
    at_ = std::min(text_.find_first_of(kEnds, at_), text_.size());
    const std::string_view day = text_.substr(begin, at_ - begin), next = text_.substr(at_, 2);
    const bool is_date = day.size() == 10 && day[4] == '-' && day[7] == '-';  // and perhaps " 07:32:00"
    if (is_date && next.size() == 2 && next[0] == ' ' && next[1] >= '0' && next[1] <= '9')
      at_ = std::min(text_.find_first_of(kEnds, at_ + 1), text_.size());
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 0;
};

struct Line {
  enum Kind { kValue, kHeader, kRemark } kind = kValue;  // a remark is all comment
  std::string text;                                      // several lines where a string goes over them
  std::optional<Comment> comment;                        // behind it
  bool blank = false;                                    // a blank line before it
};

// Of the last line of `text`.
int width(std::string_view text) { return code_points(text.substr(text.rfind('\n') + 1)); }
int width(const std::optional<Comment>& comment) { return comment ? 2 + code_points(comment->text) : 0; }

bool may_join(const Value& value) {
  return !value.behind && value.below.empty() && value.begins_here &&
         std::all_of(value.entries.begin(), value.entries.end(), [](const Entry& entry) {
           return !entry.behind && entry.above.empty() && may_join(entry.value);
         });
}

std::string joined(const Value& value) {
  if (!value.bracket) return value.text;
  std::string out;
  for (const Entry& entry : value.entries) out += (out.empty() ? "" : ", ") + entry.start + joined(entry.value);
  if (value.bracket == '[') return "[" + out + "]";
  return out.empty() ? "{}" : "{ " + out + " }";
}

class Writer {
 public:
  std::string write(const Value& document) {
    for (const Entry& entry : document.entries) {
      add_remarks(entry.above, "");
      const Line::Kind kind = entry.header ? Line::kHeader : Line::kValue;
      lines_.push_back({.kind = kind, .text = entry.start, .comment = {}, .blank = entry.blank});
      if (!entry.header) add(entry.value, "", width(entry.behind));
      lines_.back().comment = entry.behind;
    }
    add_remarks(document.below, "");
    set_blank_lines();
    std::string out;
    const std::vector<int> columns = comment_columns();
    for (size_t i = 0; i < lines_.size(); ++i) {
      const Line& line = lines_[i];
      out += (line.blank ? "\n" : "") + line.text;
      if (line.comment) out.append(static_cast<size_t>(columns[i] - width(line.text)), ' ') += line.comment->text;
      out += '\n';
    }
    return out;
  }

 private:
  void add_remarks(const std::vector<Comment>& comments, const std::string& indent) {
    for (const Comment& comment : comments)
      lines_.push_back({.kind = Line::kRemark, .text = indent + comment.text, .comment = {}, .blank = comment.blank});
  }

  // Goes on with the last line, which has `indent`; `rest` code points follow on the line that ends the value.
  void add(const Value& value, const std::string& indent, int rest) {
    const std::string text = value.one_line || may_join(value) ? joined(value) : "";
    const bool fits = text.find('\n') == std::string::npos && width(lines_.back().text + text) + rest <= kLongestLine;
    if (value.one_line || (!text.empty() && fits))
      lines_.back().text += text;
    else
      add_spread(value, indent);
  }

  // A value that was on several lines and cannot be joined.
  void add_spread(const Value& value, const std::string& indent) {
    if (value.one_line) {
      lines_.back().text += joined(value);
    } else if (value.bracket == '{') {
      lines_.back().text += "{ ";
      for (const Entry& entry : value.entries) {
        lines_.back().text += (&entry == &value.entries.front() ? "" : ", ") + entry.start;
        add_spread(entry.value, indent);
      }
      lines_.back().text += " }";
    } else {
      lines_.back().text += '[';
      lines_.back().comment = value.behind;
      const size_t first = lines_.size();
      const std::string inner = indent + "  ";
      for (const Entry& entry : value.entries) {
        add_remarks(entry.above, inner);
        lines_.push_back({.text = inner, .comment = {}, .blank = entry.blank});
        add(entry.value, inner, 1 + width(entry.behind));
        lines_.back().text += ',';
        lines_.back().comment = entry.behind;
      }
      add_remarks(value.below, inner);
      lines_.push_back({.text = indent + ']', .comment = {}});
      lines_[first].blank = false;
    }
  }

  void set_blank_lines() {
    for (size_t i = 1; i < lines_.size(); ++i) {
      if (lines_[i - 1].kind == Line::kHeader) lines_[i].blank = false;
      if (lines_[i].kind != Line::kHeader) continue;
      size_t top = i;
      while (top > 0 && !lines_[top].blank && lines_[top - 1].kind == Line::kRemark) --top;
      lines_[top].blank = true;
    }
    if (!lines_.empty()) lines_.front().blank = false;
  }

  // For each line with a comment, where it stands (from 0).
  std::vector<int> comment_columns() const {
    struct Block {
      std::vector<size_t> lines;  // those with comments
      int least = 0;              // the first column with room behind each of them
      int by_hand = 0;            // the column they all had, or 0
    };
    std::vector<Block> blocks;
    std::map<int, int> uses;  // of a column made by hand
    const auto fits = [&](const Block& block, int column) {
      return column >= block.least && std::all_of(block.lines.begin(), block.lines.end(), [&](size_t i) {
        return column + code_points(lines_[i].comment->text) <= kLongestLine;
      });
    };
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (!lines_[i].comment) continue;
      const auto ends = [](const Line& line) { return !line.comment || line.kind == Line::kHeader; };
      if (i == 0 || lines_[i].blank || ends(lines_[i]) || ends(lines_[i - 1])) blocks.emplace_back();
      Block& block = blocks.back();
      const int column = lines_[i].comment->column;
      block.by_hand = block.lines.empty() || block.by_hand == column ? column : 0;
      block.least = std::max(block.least, width(lines_[i].text) + 2);
      block.lines.push_back(i);
    }
    for (Block& block : blocks)
      if (fits(block, block.by_hand)) ++uses[block.by_hand];
    std::vector<int> columns(lines_.size());
    for (const Block& block : blocks) {
      const bool by_hand = fits(block, block.by_hand) && uses[block.by_hand] > 1;
      const int column = by_hand ? block.by_hand : fits(block, block.least) ? block.least : 0;
      for (size_t i : block.lines) columns[i] = column ? column : width(lines_[i].text) + 2;
    }
    return columns;
  }

  std::vector<Line> lines_;
};

// Without a byte order mark, and with LF line ends; in a string, too, where TOML reads both as one.
std::string plain(std::string_view text) {
  std::string out;
  for (size_t i = text.starts_with("\xEF\xBB\xBF") ? 3 : 0; i < text.size(); ++i)
    if (text.substr(i, 2) != "\r\n") out += text[i];
  return out;
}

bool same(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.key != b.key) return false;
  // Bits, as nan is not equal to itself.
  const auto bits = [](const Node& node) { return std::bit_cast<std::uint64_t>(std::get<double>(node.scalar)); };
  return (a.is(Kind::kNumber) ? bits(a) == bits(b) : a.scalar == b.scalar) &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same);
}

}  // namespace

std::optional<std::string> format(const std::shared_ptr<const SourceText>& source, Diagnostics& problems) {
  const Parsed before = parse_text(source, nullptr, problems);
  if (!before.complete) return std::nullopt;
  try {
    const std::string text = plain(source->text);
    const auto formatted = std::make_shared<const SourceText>(SourceText{source->name, Writer().write(Reader(text).document())});
    Diagnostics none;
    const Parsed after = parse_text(formatted, nullptr, none);
    if (after.complete && same(before.root, after.root)) return formatted->text;
  } catch (const Error&) {  // the reader's: the same problem as a text that came out wrong
  }
  problems.error("format", Position{source, 0, 0, 0}, "could not be formatted",
                 "it stays as it is; please report it as a bug of 'saucier fmt'");
  return std::nullopt;
}

}  // namespace saucier::recipe
