#include "modules/sources/preview.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/rng.h"
#include "modules/layout/pictures.h"

namespace saucier::sources {
namespace {

namespace fs = std::filesystem;

// What an earlier stage left of a part of the model; empty where it did not.
fs::path brought(const options::Job& job, std::string_view part) {
  const fs::path path = job.from.empty() ? fs::path() : fs::path(job.from) / paths::kModelFolder / part;
  return fs::exists(path) ? path : fs::path();
}

std::shared_ptr<const text::Tokenizer> tokenizer_of(const options::Job& job, const data::Mixture& mixture) {
  fs::path folder = brought(job, paths::kLanguageFolder);
  const options::LanguageModelOptions& language = job.model.language_model;
  if (folder.empty() && language.init == "random") {
    if (job.train->objective == "text" && job.from.empty()) return learn_tokenizer(job, mixture, language.tokenizer);
    throw Error("the language model is made from nothing, so its tokenizer is not there yet", "run the stage that this one goes on from first");
  }
  return std::make_shared<const text::Tokenizer>(text::Tokenizer::load(folder.empty() ? fs::path(language.path) : folder));
}

image::PictureTokens picture_tokens_of(const options::Job& job) {
  const options::VisionTowerOptions& options = job.model.vision_tower;
  if (job.train->objective == "text") return {};
  fs::path folder = brought(job, paths::kTowerFolder);
  if (folder.empty()) folder = options.path;
  layout::VisionConfig config;
  if (!folder.empty()) {
    const fs::path file = folder / paths::kModelConfig;
    config = layout::vision_config(parse_json(read_file(file), "'" + file.string() + "'"));
  } else if (options.init == "random") {
    config.image_size = options.image_size;
    config.patch_size = options.patch_size;
  } else {
    return {};  // a model of text alone
  }
  const image::Processor processor = folder.empty() ? layout::usual_processor(config) : layout::read_processor(folder, config);
  const layout::ProjectorConfig projector{.kind = job.model.projector.kind, .latents = job.model.projector.resampler.latents};
  return layout::picture_tokens(config, processor, projector, options.features == "cls_patch", job.conversation.image_aspect);
}

}  // namespace

Preview::Preview(const options::Job& job) {
  SAUCIER_CHECK(job.train.has_value(), "a preview of a stage of kind '{}'", job.kind);
  if (job.train->objective == "contrastive")
    throw Error("a contrastive stage matches pictures with captions: it has no conversations to show");
  mixture_ = make_mixture(job, job.train->data);
  tokenizer_ = tokenizer_of(job, *mixture_);
  picture_tokens_ = picture_tokens_of(job);
  const std::uint64_t seed = Rng(static_cast<std::uint64_t>(job.seed), "loader." + job.stage).next64();
  writer_ = std::make_unique<data::ConversationWriter>(*tokenizer_, job.conversation, picture_tokens_, seed, job.data);
}

std::vector<ShownSample> Preview::drawn(std::int64_t i) const { return show(mixture_->sample(mixture_->draw(i))); }

std::vector<ShownSample> Preview::of_source(size_t source, std::int64_t index) const {
  return show(mixture_->sources().at(source).samples->get(index));
}

std::vector<ShownSample> Preview::show(const data::Sample& sample) const {
  const data::WrittenSample written = writer_->write(sample);
  std::vector<ShownSample> all;
  const auto add = [&](const std::string& id) -> ShownSample& {
    ShownSample& shown = all.emplace_back();
    shown.id = id;
    shown.source = sample.source;
    shown.kind = sample.kind;
    shown.turns = sample.turns;
    return shown;
  };
  for (const data::Conversation& conversation : written.conversations) {
    ShownSample& shown = add(conversation.id);
    shown.pieces = conversation.pieces;
    size_t picture = 0;
    for (size_t i = 0; i < conversation.encoded.ids.size(); ++i) {
      const std::int32_t id = conversation.encoded.ids[i], label = conversation.encoded.labels[i];
      std::int64_t times = 1;
      if (id == tokenizer_->image() && picture < conversation.pictures.size()) {
        const data::PictureRef& ref = conversation.pictures[picture++];
        times = picture_tokens_.count(picture_tokens_.by_size() ? ref.source->size(ref.reference) : image::Size{});
        const auto begin = static_cast<std::int64_t>(shown.ids.size());
        shown.pictures.push_back({ref, begin, begin + times});
      }
      shown.ids.insert(shown.ids.end(), static_cast<size_t>(times), id);
      shown.labels.insert(shown.labels.end(), static_cast<size_t>(times), label);
      shown.learned += label != text::kIgnore;
    }
  }
  for (const data::Drop& drop : written.drops) {
    ShownSample& shown = add(drop.id);
    shown.dropped = std::string(data::name_of(drop.reason));
    shown.dropped_because = data::explain(drop.reason);
  }
  return all;
}

SourceSummary Preview::summary(size_t source, std::int64_t most) const {
  const data::SampleSource& samples = *mixture_->sources().at(source).samples;
  SourceSummary out;
  out.source = mixture_->sources()[source].name;
  out.samples = samples.size();
  out.looked_at = std::min(most, out.samples);
  for (std::int64_t i = 0; i < out.looked_at; ++i) {
    const data::WrittenSample written = writer_->write(samples.get(i * out.samples / out.looked_at));
    out.cut_pairs += written.cut_pairs;
    out.cut_answers += written.cut_answers;
    out.split += written.parts - 1;
    for (const data::Drop& drop : written.drops) ++out.dropped[std::string(data::name_of(drop.reason))];
    for (const data::Conversation& conversation : written.conversations) {
      ++out.conversations;
      out.turns += static_cast<std::int64_t>(conversation.messages.size());
      out.pictures += static_cast<std::int64_t>(conversation.pictures.size());
      out.tokens += conversation.length;
      out.learned += std::count_if(conversation.encoded.labels.begin(), conversation.encoded.labels.end(),
                                   [](std::int32_t label) { return label != text::kIgnore; });
      out.lengths.push_back(conversation.length);
    }
  }
  std::sort(out.lengths.begin(), out.lengths.end());
  return out;
}

}  // namespace saucier::sources
