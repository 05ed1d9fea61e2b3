#include "modules/data/readers/row_count.h"

#include <algorithm>

namespace saucier::data {
namespace {

using options::DataOptions;

constexpr size_t kTold = 3;  // examples of a reason in a line for people

}  // namespace

void RowCount::leave_out(const BadRow& bad, const std::string& file, std::int64_t line) {
  ReadReport::Example example{.file = file, .line = line, .id = bad.id(), .detail = bad.what()};
  if (++bad_ == 1) hint_ = bad.hint();
  if (first_.size() < ReadReport::kExamples) first_.push_back(example);
  count(bad.reason(), std::move(example), true);
}

void RowCount::duplicate(ReadReport::Example example, bool left_out) { count(Reason::kDuplicate, std::move(example), left_out); }

void RowCount::count(Reason why, ReadReport::Example example, bool left_out) {
  ReadReport::Reason& reason = report_.reasons[std::string(name_of(why))];
  ++reason.count;
  reason.left_out = left_out;
  if (reason.examples.size() < ReadReport::kExamples) reason.examples.push_back(std::move(example));
}

ReadReport RowCount::report(std::int64_t kept, const std::string& name, const DataOptions& options) const {
  ReadReport report = report_;
  report.kept = kept;
  if (options.mode == "strict") throw_bad();
  check_tolerance(report, name, options);
  return report;
}

void RowCount::throw_bad() const {
  if (first_.empty()) return;
  Error error(told(first_.front()), hint_);
  for (size_t i = 1; i < first_.size(); ++i) error.add_context("also: " + told(first_[i]));
  const std::int64_t more = bad_ - static_cast<std::int64_t>(first_.size());
  if (more > 0) error.add_context(fmt::format("and {} more samples that cannot be used", more));
  throw error;
}

void check_tolerance(const ReadReport& report, const std::string& name, const DataOptions& options) {
  for (const auto& [reason_name, reason] : report.reasons) {
    if (!reason.left_out || reason_name == name_of(Reason::kDuplicate)) continue;
    const auto own = options.tolerate_reason.find(reason_name);
    const double limit = own != options.tolerate_reason.end() ? own->second : options.tolerate;
    if (static_cast<double>(reason.count) <= limit * static_cast<double>(report.rows)) continue;
    Error error(fmt::format("{} of {} rows are left out for '{}', {:g} % are tolerated", reason.count, report.rows, reason_name, 100 * limit),
                own != options.tolerate_reason.end() ? fmt::format("repair the rows, or raise data.{}.tolerate_reason.{}", name, reason_name)
                                                     : fmt::format("repair the rows, or raise data.{}.tolerate", name));
    for (std::string& line : report_lines(report)) error.add_context(std::move(line));
    throw error;
  }
}

std::string told(const ReadReport::Example& example) {
  return fmt::format("{}{}{}", example.line > 0 ? fmt::format("'{}', line {}: ", example.file, example.line) : "",
                     example.id.empty() ? "" : fmt::format("sample '{}': ", example.id), example.detail);
}

std::vector<std::string> report_lines(const ReadReport& report) {
  std::vector<std::string> lines;
  for (const ReasonText& text : row_reasons()) {
    const auto found = report.reasons.find(std::string(text.name));
    if (found == report.reasons.end()) continue;
    const ReadReport::Reason& reason = found->second;
    std::string examples;
    for (size_t i = 0; i < std::min(reason.examples.size(), kTold); ++i) examples += (i > 0 ? "; " : "") + told(reason.examples[i]);
    lines.push_back(fmt::format("{} of {} rows {}: {} ({}), such as {}", reason.count, report.rows, reason.left_out ? "are left out" : "are kept all the same", text.name, text.meaning, examples));
  }
  return lines;
}

}  // namespace saucier::data
