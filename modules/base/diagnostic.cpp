#include "modules/base/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace saucier {
namespace {

bool continues_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

int code_points(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return !continues_code_point(c); }));
}

// Blanks below the first `count` code points of `line`; tabs stay tabs, so that the caret stands right at any tab
// width.
std::string blanks_below(std::string_view line, int count) {
  std::string out;
  for (const char c : line) {
    if (continues_code_point(c)) continue;
    if (static_cast<int>(out.size()) == count) break;
    out += c == '\t' ? '\t' : ' ';
  }
  out.append(static_cast<size_t>(std::max(0, count - static_cast<int>(out.size()))), ' ');
  return out;
}

std::string entry(const Position& position, std::string_view kind, std::string_view message) {
  if (position.known()) return fmt::format("{}: {}: {}\n{}", position.to_string(), kind, message, snippet(position));
  // The file may be known where the line is not.
  if (position.source) return fmt::format("{}: {}: {}\n", position.source->name, kind, message);
  return fmt::format("{}: {}\n", kind, message);
}

std::string_view severity_name(Severity severity) { return severity == Severity::kError ? "error" : "warning"; }

}  // namespace

// The source line and, below it, a caret with a tail as long as the marked text on that line.
std::string snippet(const Position& position) {
  const std::string_view line = position.source->line(position.line);
  if (position.column < 1) return fmt::format("{:>5} | {}\n", position.line, line);
  const int line_end = code_points(line) + 1;  // the column just behind the line
  // A value that goes on in the next line has an end_column that belongs to that line: the first character is marked.
  const int end = std::min(position.end_column, std::max(line_end, position.column + 1));
  const int tail = std::max(0, end - position.column - 1);
  return fmt::format("{:>5} |{}{}\n      | {}^{}\n", position.line, line.empty() ? "" : " ", line,
                     blanks_below(line, position.column - 1), std::string(static_cast<size_t>(tail), '~'));
}

std::string render(const Diagnostic& diagnostic) {
  std::string out = entry(diagnostic.position, severity_name(diagnostic.severity), diagnostic.message);
  for (const Note& note : diagnostic.notes) out += entry(note.position, "note", note.message);
  if (!diagnostic.hint.empty()) out += fmt::format("hint: {}\n", diagnostic.hint);
  return out;
}

void Diagnostics::error(std::string code, const Position& position, std::string message, std::string hint) {
  add({.severity = Severity::kError,
       .code = std::move(code),
       .message = std::move(message),
       .position = position,
       .notes = {},
       .hint = std::move(hint)});
}

void Diagnostics::warning(std::string code, const Position& position, std::string message, std::string hint) {
  add({.severity = Severity::kWarning,
       .code = std::move(code),
       .message = std::move(message),
       .position = position,
       .notes = {},
       .hint = std::move(hint)});
}

bool Diagnostics::has_errors() const {
  return std::any_of(list_.begin(), list_.end(), [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

void Diagnostics::sort_by_position() {
  std::vector<const SourceText*> sources;  // in order of first appearance
  for (const Diagnostic& d : list_)
    if (std::find(sources.begin(), sources.end(), d.position.source.get()) == sources.end())
      sources.push_back(d.position.source.get());
  const auto rank = [&](const Diagnostic& d) {
    return std::tuple(std::find(sources.begin(), sources.end(), d.position.source.get()) - sources.begin(),
                      d.position.line, d.position.column);
  };
  std::stable_sort(list_.begin(), list_.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return rank(a) < rank(b); });
}

std::string Diagnostics::render() const {
  if (list_.empty()) return {};
  std::string out;
  for (const Diagnostic& d : list_) out += saucier::render(d);
  const auto errors =
      std::count_if(list_.begin(), list_.end(), [](const Diagnostic& d) { return d.severity == Severity::kError; });
  const auto warnings = static_cast<std::ptrdiff_t>(list_.size()) - errors;
  if (errors > 0) out += fmt::format("{} error{}", errors, errors == 1 ? "" : "s");
  if (errors > 0 && warnings > 0) out += ", ";
  if (warnings > 0) out += fmt::format("{} warning{}", warnings, warnings == 1 ? "" : "s");
  return out + "\n";
}

Json Diagnostics::to_json() const {
  Json out = Json::array();
  for (const Diagnostic& d : list_)
    out.push_back({{"severity", severity_name(d.severity)},
                   {"code", d.code},
                   {"file", d.position.source ? d.position.source->name : ""},
                   {"line", d.position.line},
                   {"column", d.position.column},
                   {"end_column", d.position.end_column},
                   {"message", d.message},
                   {"hint", d.hint}});
  return out;
}

}  // namespace saucier
