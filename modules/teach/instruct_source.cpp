#include "modules/teach/instruct_source.h"

#include "modules/base/error.h"

namespace saucier::teach {

namespace {

class InstructSamples : public data::SampleSource {
 public:
  InstructSamples(std::shared_ptr<const data::DescribedPictures> pictures, TemplateTeacher teacher, InstructSettings settings)
      : pictures_(std::move(pictures)), teacher_(std::move(teacher)), settings_(std::move(settings)) {
    SAUCIER_CHECK(settings_.per_picture >= 1, "{} samples a picture", settings_.per_picture);
    draw_kind(settings_.proportions, 0, 0);  // for its error
  }
  std::int64_t size() const override { return pictures_->size() * settings_.per_picture; }
  data::Sample get(std::int64_t index) const override {
    const std::int64_t picture = index / settings_.per_picture, number = index % settings_.per_picture;
    Request request{.context = pictures_->context(picture), .kind = draw_kind(settings_.proportions, settings_.seed, index),
                    .max_turns = settings_.max_turns, .seed = settings_.seed, .number = number};
    const std::string& id = request.context.id;
    return {.id = number == 0 ? id : fmt::format("{}#{}", id, number + 1),
            .source = settings_.source,
            .kind = request.kind,
            .system = {},
            .turns = teacher_.write(request),
            .pictures = {pictures_->picture(picture)}};
  }

 private:
  std::shared_ptr<const data::DescribedPictures> pictures_;
  TemplateTeacher teacher_;
  InstructSettings settings_;
};

}  // namespace

std::shared_ptr<const data::SampleSource> instruct_samples(std::shared_ptr<const data::DescribedPictures> pictures, TemplateTeacher teacher,
                                                           InstructSettings settings) {
  return std::make_shared<InstructSamples>(std::move(pictures), std::move(teacher), std::move(settings));
}

}  // namespace saucier::teach
