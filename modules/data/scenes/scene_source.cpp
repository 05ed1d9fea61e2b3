#include "modules/data/scenes/scene_source.h"

#include <set>

#include "modules/base/error.h"
#include "modules/base/rng.h"
#include "modules/base/suggest.h"

namespace saucier::data {

namespace {

constexpr std::uint64_t kCaptionSeed = 0xCA9 + kGeneratorVersion;

class DescribedScenes : public DescribedPictures {
 public:
  DescribedScenes(std::shared_ptr<const SceneWorld> world, options::SceneOptions options)
      : world_(std::move(world)), pictures_(scene_pictures(world_)), options_(std::move(options)) {}
  std::int64_t size() const override { return options_.count; }
  CaptionsAndBoxes context(std::int64_t index) const override { return world_->context(scene(index)); }
  PictureRef picture(std::int64_t index) const override { return {.reference = scene_reference(index), .source = pictures_}; }
  std::vector<std::string> categories() const override {
    std::vector<std::string> names;
    for (const Kind& kind : world_->kinds()) names.push_back(kind.name);
    return names;
  }

 private:
  Scene scene(std::int64_t index) const { return world_->scene(options_.split, options_.first + index); }
  std::string scene_reference(std::int64_t index) const { return Scene{.split = options_.split, .index = options_.first + index, .background = {}, .objects = {}}.reference(); }

  std::shared_ptr<const SceneWorld> world_;
  std::shared_ptr<const PictureSource> pictures_;
  options::SceneOptions options_;
};

class CaptionSamples : public SampleSource {
 public:
  CaptionSamples(std::shared_ptr<const DescribedPictures> pictures, std::string source)
      : pictures_(std::move(pictures)), source_(std::move(source)) {}
  std::int64_t size() const override { return pictures_->size(); }
  Sample get(std::int64_t index) const override {
    const CaptionsAndBoxes context = pictures_->context(index);
    if (context.captions.empty()) throw Error(fmt::format("picture '{}' has no caption", context.id));
    return {.id = context.id,
            .source = source_,
            .kind = "caption",
            .system = {},
            .turns = caption_turns(context.id, context.captions),
            .pictures = {pictures_->picture(index)}};
  }

 private:
  std::shared_ptr<const DescribedPictures> pictures_;
  std::string source_;
};

class TextView : public SampleSource {
 public:
  TextView(std::shared_ptr<const SampleSource> samples, std::shared_ptr<const SceneWorld> world, std::string view)
      : samples_(std::move(samples)), world_(std::move(world)), view_(std::move(view)) {}
  std::int64_t size() const override { return samples_->size(); }
  Sample get(std::int64_t index) const override { return as_text(samples_->get(index), *world_, view_); }
  RowOf row(std::int64_t index) const override { return samples_->row(index); }
  const ReadReport& report() const override { return samples_->report(); }

 private:
  std::shared_ptr<const SampleSource> samples_;
  std::shared_ptr<const SceneWorld> world_;
  std::string view_;
};

}  // namespace

std::vector<std::string> DescribedPictures::categories() const {
  std::set<std::string> names;
  for (std::int64_t i = 0; i < size(); ++i)
    for (const auto& instance : context(i).instances) names.insert(instance.category);
  return {names.begin(), names.end()};
}

const std::vector<std::string>& brief_questions() {
  static const std::vector<std::string> kQuestions = {
      "Say in one sentence what the picture shows.", "Give a short caption for this picture.",
      "What does the picture show, in a few words?", "Describe this picture briefly.",
      "Sum up the picture in one line.",             "Write a brief caption.",
      "What is in this picture? Keep it short.",     "Tell me in short what you see."};
  return kQuestions;
}

std::vector<Turn> caption_turns(const std::string& id, const std::vector<std::string>& captions) {
  Rng rng(kCaptionSeed, "caption." + id);
  std::string question = std::string(kImageMarker) + "\n" + rng.pick(brief_questions());
  return {{.role = Role::kUser, .text = std::move(question)}, {.role = Role::kAssistant, .text = rng.pick(captions)}};
}

std::shared_ptr<const DescribedPictures> described_scenes(std::shared_ptr<const SceneWorld> world, const options::SceneOptions& options) {
  return std::make_shared<DescribedScenes>(std::move(world), options);
}

std::shared_ptr<const SampleSource> caption_samples(std::shared_ptr<const DescribedPictures> pictures, std::string source) {
  return std::make_shared<CaptionSamples>(std::move(pictures), std::move(source));
}

std::shared_ptr<const SampleSource> caption_samples(std::shared_ptr<const SceneWorld> world, const options::SceneOptions& options,
                                                    std::string source) {
  return caption_samples(described_scenes(std::move(world), options), std::move(source));
}

Sample as_text(Sample sample, const SceneWorld& world, const std::string& view) {
  static const std::vector<std::string> kViews = {"pixels", "grid", "context"};
  if (view == "pixels") return sample;
  if (view != "grid" && view != "context") throw Error(fmt::format("unknown view '{}' of a scene", view), suggestion(view, kViews));
  if (sample.pictures.empty()) return sample;
  const Scene scene = with_context(fmt::format("in sample '{}', shown as '{}'", sample.id, view), [&] { return world.find(sample.pictures.front().reference); });
  const std::string words = view == "grid" ? world.grid(scene, static_cast<int>(world.options().image_size / 5)) : world.context(scene).to_text(true);
  std::string& first = sample.turns.front().text;
  const size_t marker = first.find(kImageMarker);
  if (marker == std::string::npos) throw Error(fmt::format("sample '{}' does not say where its picture stands", sample.id), "put <image> in its first turn");
  first.replace(marker, kImageMarker.size(), words);
  sample.pictures.clear();
  return sample;
}

std::shared_ptr<const SampleSource> text_view(std::shared_ptr<const SampleSource> samples, std::shared_ptr<const SceneWorld> world,
                                              std::string view) {
  if (view == "pixels") return samples;
  return std::make_shared<TextView>(std::move(samples), std::move(world), std::move(view));
}

}  // namespace saucier::data
