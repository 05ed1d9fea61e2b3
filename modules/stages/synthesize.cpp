// synthesize: a teacher that sees captions and boxes, never the picture, writes instruction data.
//
// Leaves out/samples.json (LLaVA JSON, picture references as the source gives them) and out/scenes.json.

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "modules/base/rng.h"
#include "modules/base/stop.h"
#include "modules/data/readers/llava_json.h"
#include "modules/data/scenes/scene_source.h"
#include "modules/sources/sources.h"
#include "modules/stages/common.h"
#include "modules/stages/stage.h"
#include "modules/teach/teacher.h"

namespace saucier::stages {

void synthesize(const options::Job& job, EventWriter& events) {
  prepare(job, events);
  const options::SynthesizeOptions& options = *job.synthesize;
  const options::DataOptions& source = job.data.at(options.source);
  if (source.format != "scenes")
    throw Error(fmt::format("the template teacher reads scenes, source '{}' is '{}'", options.source, source.format));
  const auto world = data::SceneWorld::make(source.scenes);
  const auto pictures = data::described_scenes(world, source.scenes);
  const teach::TemplateTeacher teacher(world->kinds());
  const std::uint64_t seed = Rng(static_cast<std::uint64_t>(job.seed), "synthesize." + job.stage).next64();

  const std::int64_t total = pictures->size() * options.samples_per_picture;
  const double started = system_clock().steady_seconds();
  std::vector<data::Sample> samples;
  std::map<std::string, std::int64_t> written;
  std::int64_t turns = 0;
  for (std::int64_t i = 0; i < total; ++i) {
    if (stop_requested()) throw Interrupted(fmt::format("stopped after {} of {} samples", i, total));
    const std::int64_t picture = i / options.samples_per_picture;
    teach::Request request{.context = pictures->context(picture), .kind = {}, .max_turns = options.max_turns, .seed = seed};
    request.number = i % options.samples_per_picture;
    request.kind = teach::draw_kind(options.kinds, seed, i);
    data::Sample sample;
    sample.id = fmt::format("{}#{}", request.context.id, request.number);
    sample.kind = request.kind;
    sample.turns = teacher.write(request);
    sample.pictures = {pictures->picture(picture)};
    ++written[sample.kind];
    turns += static_cast<std::int64_t>(sample.turns.size()) / 2;
    samples.push_back(std::move(sample));
    if ((i + 1) % 1000 == 0 || i + 1 == total) {
      const double rate = static_cast<double>(i + 1) / std::max(system_clock().steady_seconds() - started, 1e-9);
      events.progress(i + 1, total, rate, "samples", 0, static_cast<double>(total - i - 1) / rate);
    }
  }
  const std::filesystem::path out = output_folder(job);
  data::write_llava_json(out / paths::kSynthesized, samples);
  write_file_atomic(out / sources::kSceneOptions, options::to_json(source.scenes).dump(1) + "\n");
  std::map<std::string, double> values = {{"samples", static_cast<double>(total)}, {"turns", static_cast<double>(turns)}};
  for (const auto& [kind, count] : written) values[kind] = static_cast<double>(count);
  events.metric(total, values);
  events.done({{"samples", total}, {"turns", turns}, {"kinds", written}});
}

}  // namespace saucier::stages
