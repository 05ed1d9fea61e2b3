#include "modules/data/overlap/left_out.h"

#include "modules/base/error.h"

namespace saucier::data {
namespace {

class LeftOut : public SampleSource {
 public:
  LeftOut(std::shared_ptr<const SampleSource> samples, std::vector<std::int64_t> kept, ReadReport report)
      : samples_(std::move(samples)), kept_(std::move(kept)), report_(std::move(report)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(kept_.size()); }
  Sample get(std::int64_t index) const override { return samples_->get(at(index)); }
  RowOf row(std::int64_t index) const override { return samples_->row(at(index)); }
  const ReadReport& report() const override { return report_; }

 private:
  std::int64_t at(std::int64_t index) const {
    SAUCIER_CHECK(index >= 0 && index < size(), "sample {} of {}", index, size());
    return kept_[static_cast<size_t>(index)];
  }

  std::shared_ptr<const SampleSource> samples_;
  std::vector<std::int64_t> kept_;
  ReadReport report_;
};

}  // namespace

std::shared_ptr<const SampleSource> leave_out(std::shared_ptr<const SampleSource> samples, const std::vector<std::int64_t>& out, ReadReport report) {
  std::vector<std::int64_t> kept;
  size_t next = 0;
  for (std::int64_t i = 0; i < samples->size(); ++i) {
    if (next < out.size() && out[next] == i) ++next;
    else kept.push_back(i);
  }
  report.kept = static_cast<std::int64_t>(kept.size());
  return std::make_shared<LeftOut>(std::move(samples), std::move(kept), std::move(report));
}

ReadReport report_to_extend(const SampleSource& samples) {
  ReadReport report = samples.report();
  if (report.rows == 0) report.rows = report.kept = samples.size();
  return report;
}

void count_in(ReadReport& report, std::string_view name, bool left_out, const std::vector<ReadReport::Example>& examples, std::int64_t count) {
  if (count == 0) return;
  ReadReport::Reason& reason = report.reasons[std::string(name)];
  reason.count += count;
  reason.left_out = left_out;
  for (const ReadReport::Example& example : examples)
    if (reason.examples.size() < ReadReport::kExamples) reason.examples.push_back(example);
}

}  // namespace saucier::data
