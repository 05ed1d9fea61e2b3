#include "modules/data/overlap/held_out.h"

#include <algorithm>

#include "modules/data/overlap/in_threads.h"
#include "modules/data/overlap/left_out.h"
#include "modules/data/readers/row_count.h"
#include "modules/text/conversation.h"
#include "modules/text/utf8.h"

namespace saucier::data {
namespace {

std::vector<QuestionMark> questions_of(const Sample& sample) {
  std::vector<QuestionMark> questions;
  for (const Turn& turn : sample.turns)
    if (turn.role == Role::kUser) questions.push_back(mark_question(turn.text));
  return questions;
}

PictureMark mark_in(PictureMarks& marks, const PictureRef& picture, const Sample& sample, const std::string& source) {
  try {
    return marks.of(picture);
  } catch (Error& error) {
    error.add_context(fmt::format("picture '{}' of sample '{}' of data source '{}' must be read to be compared", picture.reference, sample.id, source));
    throw;
  }
}

int gravity(const Overlap& overlap) { return 2 * (overlap.reason == Reason::kOverlapQuestion) + overlap.same; }

// The turn that the question number `question` stands in.
size_t turn_of(const Sample& sample, size_t question) {
  for (size_t i = 0; i < sample.turns.size(); ++i)
    if (sample.turns[i].role == Role::kUser && question-- == 0) return i;
  return 0;
}

std::string shortened(std::string text) {
  constexpr size_t kLongest = 80;
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() <= kLongest) return text;
  size_t end = kLongest - 3;
  while (end > 0 && text::continues(text[end])) --end;
  return text.substr(0, end) + "...";
}

std::string place_of(const SampleSource& samples, std::int64_t index) {
  const RowOf row = samples.row(index);
  return row.line > 0 ? fmt::format(" ('{}', line {})", row.file, row.line) : "";
}

std::string alike(const Sample& sample, const Overlap& overlap) {
  std::string out;
  if (overlap.picture) out = fmt::format("its picture '{}'", sample.pictures[*overlap.picture].reference);
  if (overlap.turn) {
    std::string text = sample.turns[*overlap.turn].text;
    for (size_t at = text.find(kImageMarker); at != std::string::npos; at = text.find(kImageMarker)) text.erase(at, kImageMarker.size());
    out += fmt::format("{} question '{}'", overlap.picture ? " and" : "its", shortened(std::string(text::strip(text))));
  }
  const char* verb = overlap.picture && overlap.turn ? "are" : "is";
  return overlap.same ? fmt::format("{} {} also in", out, verb) : fmt::format("{} {} nearly in", out, verb);
}

}  // namespace

HeldOut::HeldOut(std::string name, std::shared_ptr<const SampleSource> samples, PictureMarks& marks, int threads)
    : name_(std::move(name)), samples_(std::move(samples)), questions_(static_cast<size_t>(samples_->size())) {
  std::vector<std::vector<PictureMark>> seen(questions_.size());
  Progress::Pass pass(marks.progress(), fmt::format("data source '{}'", name_), samples_->size());
  in_threads(samples_->size(), threads, [&](std::int64_t i) {
    const Sample sample = samples_->get(i);
    questions_[static_cast<size_t>(i)] = questions_of(sample);
    for (const PictureRef& picture : sample.pictures) seen[static_cast<size_t>(i)].push_back(mark_in(marks, picture, sample, name_));
    pass.step();
  });
  std::vector<Shape> shapes;
  for (size_t i = 0; i < seen.size(); ++i) {
    for (const PictureMark& mark : seen[i]) {
      const auto [at, fresh] = exact_.emplace(mark.exact, static_cast<std::uint32_t>(shapes.size()));
      if (fresh) {
        shapes.push_back(mark.shape);
        shown_by_.emplace_back();
      }
      shown_by_[at->second].push_back(static_cast<std::uint32_t>(i));
    }
    for (const QuestionMark& question : questions_[i]) long_questions_.add(question, static_cast<std::uint32_t>(i));
  }
  near_ = NearShapes(std::move(shapes));
  long_questions_.finish();
}

std::vector<HeldOut::Like> HeldOut::pictures_like(const PictureMark& mark) const {
  std::vector<Like> like;
  const auto same = exact_.find(mark.exact);
  if (same != exact_.end()) like.push_back({same->second, true});
  for (const std::uint32_t picture : near_.find(mark.shape))
    if (same == exact_.end() || picture != same->second) like.push_back({picture, false});
  return like;
}

std::optional<Overlap> HeldOut::find(const Sample& sample, PictureMarks& marks) const {
  std::optional<Overlap> gravest;
  const auto offer = [&](bool same, std::optional<size_t> picture, std::optional<size_t> turn, std::uint32_t other) {
    const Overlap one{.reason = turn ? Reason::kOverlapQuestion : Reason::kOverlapPicture, .same = same, .picture = picture, .turn = turn, .other = other};
    if (!gravest || gravity(one) > gravity(*gravest)) gravest = one;
  };
  if (sample.pictures.empty()) {
    const std::vector<QuestionMark> questions = questions_of(sample);
    for (size_t q = 0; q < questions.size(); ++q)
      if (const auto found = long_questions_.find(questions[q])) offer(found->same, {}, turn_of(sample, q), found->of);
    return gravest;
  }
  std::vector<QuestionMark> questions;
  for (size_t p = 0; p < sample.pictures.size(); ++p) {
    for (const Like& like : pictures_like(marks.of(sample.pictures[p]))) {
      if (questions.empty()) questions = questions_of(sample);
      for (const std::uint32_t other : shown_by_[like.picture]) {
        offer(like.same, p, {}, other);
        for (size_t q = 0; q < questions.size(); ++q)
          for (const QuestionMark& asked : questions_[other]) {
            const bool same = asked.exact == questions[q].exact && asked.exact != 0;
            if (same || near_about_one_picture(asked, questions[q])) offer(same && like.same, p, turn_of(sample, q), other);
          }
      }
    }
  }
  return gravest;
}

std::vector<Overlap> find_overlaps(const SampleSource& samples, const std::string& name, const HeldOuts& held_out, PictureMarks& marks, int threads) {
  std::mutex mutex;
  std::vector<Overlap> all;
  Progress::Pass pass(marks.progress(), fmt::format("data source '{}'", name), samples.size());
  in_threads(samples.size(), threads, [&](std::int64_t i) {
    const Sample sample = samples.get(i);
    for (const PictureRef& picture : sample.pictures) mark_in(marks, picture, sample, name);
    pass.step();
    std::optional<Overlap> gravest;
    for (size_t h = 0; h < held_out.size(); ++h) {
      std::optional<Overlap> one = held_out[h]->find(sample, marks);
      if (!one || (gravest && gravity(*one) <= gravity(*gravest))) continue;
      gravest = one;
      gravest->held_out = h;
    }
    if (!gravest) return;
    gravest->sample = i;
    const std::lock_guard lock(mutex);
    all.push_back(*gravest);
  });
  std::sort(all.begin(), all.end(), [](const Overlap& a, const Overlap& b) { return a.sample < b.sample; });
  return all;
}

ReadReport::Example example_of(const Overlap& overlap, const SampleSource& samples, const HeldOuts& held_out) {
  const Sample sample = samples.get(overlap.sample);
  const HeldOut& other = *held_out[overlap.held_out];
  const RowOf row = samples.row(overlap.sample);
  return {.file = row.file, .line = row.line, .id = sample.id,
          .detail = fmt::format("{} data source '{}': sample '{}'{}", alike(sample, overlap), other.name(), other.samples().get(overlap.other).id,
                                place_of(other.samples(), overlap.other))};
}

std::shared_ptr<const SampleSource> hold_out(std::shared_ptr<const SampleSource> samples, const std::string& name, const options::DataOptions& options,
                                             const HeldOuts& held_out, PictureMarks& marks, int threads) {
  const std::vector<Overlap> overlaps = find_overlaps(*samples, name, held_out, marks, threads);
  if (overlaps.empty()) return samples;
  ReadReport report = report_to_extend(*samples);
  const bool drop = options.overlap == "drop";
  for (const Reason reason : {Reason::kOverlapPicture, Reason::kOverlapQuestion}) {
    std::vector<ReadReport::Example> examples;
    std::int64_t count = 0;
    for (const Overlap& overlap : overlaps)
      if (overlap.reason == reason && ++count <= static_cast<std::int64_t>(ReadReport::kExamples)) examples.push_back(example_of(overlap, *samples, held_out));
    count_in(report, name_of(reason), drop, examples, count);
  }
  if (options.overlap == "refuse") {
    Error error(fmt::format("{} of {} samples overlap with what is held out", overlaps.size(), samples->size()),
                fmt::format("'saucier overlap RECIPE' shows more; to leave them out, say data.{}.overlap = \"drop\"", name));
    for (const auto& [reason, found] : report.reasons)
      if (reason_named(reason) >= Reason::kOverlapPicture)
        for (const ReadReport::Example& example : found.examples) error.add_context(fmt::format("{}: {}", reason, told(example)));
    throw error;
  }
  if (!drop) return leave_out(std::move(samples), {}, std::move(report));
  check_tolerance(report, name, options);
  std::vector<std::int64_t> out;
  for (const Overlap& overlap : overlaps) out.push_back(overlap.sample);
  return leave_out(std::move(samples), out, std::move(report));
}

}  // namespace saucier::data
