#include "modules/sources/sources.h"

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/rng.h"
#include "modules/data/overlap/across.h"
#include "modules/data/overlap/held_out.h"
#include "modules/data/readers/open.h"
#include "modules/data/readers/row_count.h"
#include "modules/data/scenes/scene_source.h"
#include "modules/data/turn_limit.h"
#include "modules/teach/instruct_source.h"
#include "modules/text/conversation.h"

namespace saucier::sources {
namespace {

std::shared_ptr<const data::SampleSource> scene_source(const options::Job& job, const std::string& name,
                                                       const options::DataOptions& options) {
  const auto world = data::SceneWorld::make(options.scenes);
  std::shared_ptr<const data::SampleSource> samples;
  if (options.content == "caption") {
    samples = data::caption_samples(world, options.scenes, name);
  } else {
    teach::InstructSettings settings{.seed = Rng(static_cast<std::uint64_t>(job.seed), "taught." + name).next64(), .source = name};
    if (!options.kinds.empty()) {
      settings.proportions.clear();
      for (const std::string& kind : options.kinds) settings.proportions[kind] = 1;
    }
    if (options.max_turns) settings.max_turns = *options.max_turns;
    samples = teach::instruct_samples(data::described_scenes(world, options.scenes),
                                      teach::TemplateTeacher(world->kinds()), settings);
  }
  return options.picture == "pixels" ? samples : data::text_view(samples, world, options.picture);
}

std::shared_ptr<const data::SampleSource> synthesized_source(const options::Job& job, const std::string& name,
                                                             const options::DataOptions& options) {
  const auto artifact = job.artifacts.find(options.stage);
  if (artifact == job.artifacts.end())
    throw Error(fmt::format("source '{}' reads stage '{}', which this job does not name", name, options.stage));
  const std::filesystem::path folder = artifact->second;
  options::DataOptions rows = options;
  rows.path = (folder / paths::kSynthesized).string();
  if (!std::filesystem::exists(folder / kSceneOptions)) {  // about pictures in files, in options.images
    if (options.picture != "pixels")
      throw Error(fmt::format("its pictures are no scenes, so they cannot be shown as '{}'", options.picture), fmt::format("remove data.{}.picture", name));
    return data::open_rows(name, rows);
  }
  const auto scenes = options::from_json<options::SceneOptions>(
      parse_json(read_file(folder / kSceneOptions), "the scenes of a synthesize stage"));
  const auto world = data::SceneWorld::make(scenes);
  const auto samples = data::open_rows(name, rows, world);
  return options.picture == "pixels" ? samples : data::text_view(samples, world, options.picture);
}

std::shared_ptr<const data::SampleSource> read_source(const options::Job& job, const std::string& name,
                                                      const options::DataOptions& options) {
  if (options.format == "scenes") return scene_source(job, name, options);
  if (options.format == "synthesized") return synthesized_source(job, name, options);
  return data::open_rows(name, options);
}

}  // namespace

std::shared_ptr<const data::SampleSource> make_source(const options::Job& job, const std::string& name) {
  return with_context(fmt::format("in data source '{}'", name), [&] {
    const auto it = job.data.find(name);
    if (it == job.data.end()) throw Error("the job lacks it");
    auto source = read_source(job, name, it->second);
    const std::int64_t expected = it->second.expected_samples.value_or(source->size());
    if (source->size() != expected)
      throw Error(fmt::format("it holds {} samples, the recipe expects {}", source->size(), expected),
                  fmt::format("bring the file that the recipe means, or change data.{}.expected_samples", name));
    return source;
  });
}

namespace {

data::Progress progress_to(EventWriter* events) {
  if (!events) return {};
  return data::Progress([events](const data::Progress::Now& now) {
    events->progress(now.done, now.samples, now.rate, "samples", 0, static_cast<double>(now.samples - now.done) / std::max(now.rate, 1e-9),
                     "compared: " + now.what);
  });
}

// The sources of one mixture, compared with what they hold out and with each other.
std::vector<data::NamedSource> compared(const options::Job& job, const options::MixtureOptions& mixture, EventWriter* events) {
  std::optional<data::PictureMarks> opened;
  const auto marks = [&]() -> data::PictureMarks& { return opened ? *opened : opened.emplace(job.cache, progress_to(events)); };
  const auto threads = static_cast<int>(job.threads);
  std::map<std::string, std::shared_ptr<const data::HeldOut>> known;
  std::vector<data::NamedSource> sources;
  for (const auto& [name, weight] : mixture.weights) {
    if (!weight.takes_part()) continue;
    const options::DataOptions& options = job.data.at(name);
    auto samples = make_source(job, name);
    data::HeldOuts held_out;
    for (const std::string& other : options.held_out) {
      auto& one = known[other];
      if (!one) one = std::make_shared<data::HeldOut>(other, make_source(job, other), marks(), threads);
      held_out.push_back(one);
    }
    if (!held_out.empty())
      samples = with_context(fmt::format("in data source '{}'", name), [&] { return data::hold_out(samples, name, options, held_out, marks(), threads); });
    sources.push_back({name, std::move(samples)});
  }
  if (mixture.duplicates == "keep") return sources;
  return data::without_twins(std::move(sources), mixture.duplicates == "drop", marks(), threads);
}

}  // namespace

std::shared_ptr<const data::Mixture> make_mixture(const options::Job& job, const std::string& data, EventWriter* events) {
  options::MixtureOptions mixture;
  const std::string name = data.substr(data.find('.') + 1);
  if (data.starts_with("mixture.")) {
    mixture = job.mixture.at(name);
  } else {
    mixture.weights[name] = {.natural = true};
  }
  std::vector<data::MixtureSource> sources;
  for (data::NamedSource& source : compared(job, mixture, events)) {
    const auto limit = data::turn_limit(data::conversation_for(job.conversation, job.data.at(source.name)), static_cast<std::uint64_t>(job.seed));
    sources.push_back({source.name, data::limit_turns(std::move(source.samples), limit)});
  }
  std::erase_if(mixture.weights, [](const auto& entry) { return !entry.second.takes_part(); });
  return std::make_shared<data::Mixture>(std::move(sources), mixture,
                                         Rng(static_cast<std::uint64_t>(job.seed), "mixture." + job.stage).next64());
}

std::shared_ptr<const text::Tokenizer> learn_tokenizer(const options::Job& job, const data::Mixture& mixture,
                                                       const options::TokenizerOptions& options) {
  std::vector<std::string> texts;
  const text::Template& form = text::template_of(job.conversation);
  const std::string system = text::system_text(job.conversation);
  for (std::int64_t i = 0; i < std::min(options.train_samples, mixture.size()); ++i) {
    std::vector<text::Message> messages;
    for (const data::Turn& turn : mixture.sample(mixture.draw(i)).turns)
      messages.push_back({turn.role == data::Role::kAssistant, turn.text});
    std::string all;
    for (const text::Piece& piece : text::write_out(form, system, messages)) all += piece.text;
    texts.push_back(std::move(all));
  }
  return std::make_shared<text::Tokenizer>(text::Tokenizer::learn(texts, {.vocab_size = options.vocab_size}));
}

void tell_reports(const data::Mixture& mixture, EventWriter& events) {
  for (const data::MixtureSource& source : mixture.sources())
    for (const std::string& line : data::report_lines(source.samples->report())) events.log("warning", fmt::format("data source '{}': {}", source.name, line));
}

}  // namespace saucier::sources
