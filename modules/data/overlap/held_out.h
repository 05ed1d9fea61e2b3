// Training samples that stand in sources which are held out for judging: by their pictures and by their questions.
//
// A sample overlaps with a held-out source when one of its pictures is one of the source's, or near one (picture_mark.h):
// overlap-picture; and when it asks about that picture what the source asks, or nearly that: overlap-question. A sample
// without pictures overlaps by a long question alone (questions.h): short ones stand in all data.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "modules/data/overlap/picture_marks.h"
#include "modules/data/overlap/questions.h"
#include "modules/data/reason.h"
#include "modules/data/sample.h"
#include "modules/options/data_options.h"

namespace saucier::data {

struct Overlap {
  Reason reason = Reason::kOverlapPicture;
  bool same = false;              // all that is alike, picture and question; else something is only near
  std::optional<size_t> picture;  // the sample's
  std::optional<size_t> turn;     // with its question
  std::int64_t other = 0;         // sample of the held-out source
  std::int64_t sample = 0;        // of the source that was looked through
  size_t held_out = 0;            // which of the held-out sources
};

class HeldOut {
 public:
  // Looks at every sample of the source, in threads. Throws Error where a picture cannot be read.
  HeldOut(std::string name, std::shared_ptr<const SampleSource> samples, PictureMarks& marks, int threads);

  const std::string& name() const { return name_; }
  const SampleSource& samples() const { return *samples_; }

  // The gravest that there is: a question before a picture, the same before near. Thread-safe.
  std::optional<Overlap> find(const Sample& sample, PictureMarks& marks) const;

 private:
  struct Like {
    std::uint32_t picture = 0;
    bool same = false;
  };
  std::vector<Like> pictures_like(const PictureMark& mark) const;

  std::string name_;
  std::shared_ptr<const SampleSource> samples_;
  std::vector<std::vector<QuestionMark>> questions_;                // of every sample
  std::unordered_map<Digest128, std::uint32_t, DigestHash> exact_;  // pictures are numbered
  std::vector<std::vector<std::uint32_t>> shown_by_;                // of every picture
  NearShapes near_;
  LongQuestions long_questions_;
};

using HeldOuts = std::vector<std::shared_ptr<const HeldOut>>;

// Of all samples, in their order, each with its gravest overlap. `name`: of the source, for errors.
std::vector<Overlap> find_overlaps(const SampleSource& samples, const std::string& name, const HeldOuts& held_out, PictureMarks& marks, int threads);

// "its picture 'a.png' is also in data source 'test': sample 'q7' ('test.json', line 3)", with the sample's own place.
ReadReport::Example example_of(const Overlap& overlap, const SampleSource& samples, const HeldOuts& held_out);

// What options.overlap says: "refuse" throws Error where something overlaps, with the first examples; "drop" gives the source
// without it, and throws where more is left out than tolerated; "count" gives all of it. The report counts by reason.
std::shared_ptr<const SampleSource> hold_out(std::shared_ptr<const SampleSource> samples, const std::string& name, const options::DataOptions& options,
                                             const HeldOuts& held_out, PictureMarks& marks, int threads);

}  // namespace saucier::data
