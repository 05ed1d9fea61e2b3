// synthesize: a teacher that sees captions and boxes, never the picture, writes instruction data.
//
// Leaves out/samples.json (LLaVA JSON, picture references as the source gives them); of scenes out/scenes.json; of a teacher
// in words out/provenance.jsonl, a line for every sample that was asked for, rejected or not, and for the report out/overview.json and out/pictures/.

#include <fstream>

#include "modules/base/clock.h"
#include "modules/base/paths.h"
#include "modules/base/stop.h"
#include "modules/data/readers/llava_json.h"
#include "modules/image/picture.h"
#include "modules/sources/described.h"
#include "modules/sources/sources.h"
#include "modules/stages/common.h"
#include "modules/stages/stage.h"
#include "modules/stages/writers.h"
#include "modules/teach/overview.h"
#include "modules/teach/teacher.h"

namespace saucier::stages {
namespace {

constexpr std::int64_t kSayEvery = 1000;  // samples, of a teacher that needs no time

class Synthesizing {
 public:
  Synthesizing(const options::Job& job, EventWriter& events)
      : job_(job), options_(*job.synthesize), events_(events), started_(system_clock().steady_seconds()) {}

  void run() {
    if (job_.teachers.empty()) by_template();
    else by_writer();
    const std::filesystem::path out = output_folder(job_);
    data::write_llava_json(out / paths::kSynthesized, samples_);
    if (const options::DataOptions& source = job_.data.at(options_.source); source.format == "scenes")
      write_file_atomic(out / sources::kSceneOptions, options::to_json(source.scenes).dump(1) + "\n");
    std::map<std::string, std::int64_t> kinds;
    std::int64_t turns = 0;
    for (const data::Sample& sample : samples_) {
      ++kinds[sample.kind];
      turns += static_cast<std::int64_t>(sample.turns.size()) / 2;
    }
    values_["samples"] = static_cast<double>(samples_.size());
    values_["turns"] = static_cast<double>(turns);
    for (const auto& [kind, count] : kinds) values_[kind] = static_cast<double>(count);
    events_.metric(total_, values_);
    events_.done({{"samples", samples_.size()}, {"turns", turns}, {"kinds", kinds}});
  }

 private:
  void by_template() {
    const options::DataOptions& source = job_.data.at(options_.source);
    if (source.format != "scenes")
      throw Error(fmt::format("the template teacher reads scenes, source '{}' is '{}'", options_.source, source.format));
    const auto world = data::SceneWorld::make(source.scenes);
    const auto pictures = data::described_scenes(world, source.scenes);
    const teach::TemplateTeacher teacher(world->kinds());
    const std::uint64_t seed = sources::synthesize_seed(job_);
    total_ = pictures->size() * options_.samples_per_picture;
    for (std::int64_t i = 0; i < total_; ++i) {
      if (stop_requested()) throw Interrupted(fmt::format("stopped after {} of {} samples", i, total_));
      const std::int64_t picture = i / options_.samples_per_picture;
      teach::Request request{.context = pictures->context(picture), .kind = {}, .max_turns = options_.max_turns, .seed = seed};
      request.number = i % options_.samples_per_picture;
      request.kind = teach::draw_kind(options_.kinds, seed, i);
      data::Sample sample;
      sample.id = fmt::format("{}#{}", request.context.id, request.number);
      sample.kind = request.kind;
      sample.turns = teacher.write(request);
      sample.pictures = {pictures->picture(picture)};
      samples_.push_back(std::move(sample));
      if ((i + 1) % kSayEvery == 0 || i + 1 == total_) show(i + 1, "samples");
    }
  }

  void by_writer() {
    const teach::Synthesis synthesis = sources::open_synthesis(job_, std::filesystem::path(job_.work) / "shown");
    Writers writers(job_);
    const teach::Asked teacher = writers.asked(options_.teacher);
    const Json identity = parse_json(teacher.writer->identity(), "the identity of a teacher");
    total_ = synthesis.size();
    std::int64_t replies = 0;
    teach::Usage used;
    teach::Overview overview(sources::synthesize_seed(job_));
    std::ofstream provenance(output_folder(job_) / paths::kProvenance, std::ios::binary);
    synthesis.write(teacher, writers.asked(options_.filters.blind), writers.asked(options_.filters.judge),
                    [&](std::int64_t more) { show(replies += more, "replies"); },
                    [&](const teach::Draft& draft) {
                      const Json line = draft.provenance(identity);
                      provenance << line.dump() << "\n";
                      used.prompt_tokens += line.at("tokens").at("prompt").get<std::int64_t>();
                      used.reply_tokens += line.at("tokens").at("reply").get<std::int64_t>();
                      used.cost += line.at("cost").get<double>();
                      overview.add(draft);
                      if (!draft.rejection) samples_.push_back(draft.sample());
                      if (!draft.reply.failure.empty()) ++failed_;
                    });
    provenance.close();
    if (!provenance) throw Error(fmt::format("cannot write '{}'", (output_folder(job_) / paths::kProvenance).string()));
    std::map<std::string, std::int64_t> rejected = overview.verdicts();
    rejected.erase("kept");
    say_rejections(rejected);
    leave(overview);
    values_["asked"] = static_cast<double>(total_);
    values_["rejected"] = static_cast<double>(total_ - static_cast<std::int64_t>(samples_.size()));
    for (const auto& [reason, count] : rejected) values_["rejected." + reason] = static_cast<double>(count);
    values_["prompt_tokens"] = static_cast<double>(used.prompt_tokens);
    values_["reply_tokens"] = static_cast<double>(used.reply_tokens);
    values_["cost"] = used.cost;
  }

  void say_rejections(const std::map<std::string, std::int64_t>& rejected) {
    std::string reasons;
    for (const auto& [reason, count] : rejected) reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", reason, count);
    if (!reasons.empty()) events_.log("info", fmt::format("{} of {} samples kept; rejected: {}", samples_.size(), total_, reasons));
    if (static_cast<double>(failed_) > options_.tolerate * static_cast<double>(total_))
      throw Error(fmt::format("the teacher failed to reply for {} of {} samples, more than 'tolerate' allows ({})", failed_, total_, reasons),
                  "run the same again: only what failed is asked for");
    if (samples_.empty()) throw Error(fmt::format("none of {} samples was kept ({})", total_, reasons), "look at the replies with 'saucier preview --stage'");
  }

  // What the report shows.
  void leave(const teach::Overview& overview) const {
    const std::filesystem::path out = output_folder(job_);
    write_file_atomic(out / paths::kOverview, overview.json().dump(1) + "\n");
    make_folders(out / paths::kPictures);
    for (const auto* drafts : {&overview.kept(), &overview.rejected()})
      for (const teach::Draft& draft : *drafts)
        image::write_png(out / paths::kPictures / paths::picture_file(draft.picture.reference), draft.picture.source->load(draft.picture.reference));
  }

  void show(std::int64_t done, std::string_view unit) {
    const double rate = static_cast<double>(done) / std::max(system_clock().steady_seconds() - started_, 1e-9);
    events_.progress(done, total_, rate, unit, 0, static_cast<double>(total_ - done) / rate);
  }

  const options::Job& job_;
  const options::SynthesizeOptions& options_;
  EventWriter& events_;
  double started_;
  std::int64_t total_ = 0, failed_ = 0;
  std::vector<data::Sample> samples_;
  std::map<std::string, double> values_;
};

}  // namespace

void synthesize(const options::Job& job, EventWriter& events) {
  prepare(job, events);
  Synthesizing(job, events).run();
}

}  // namespace saucier::stages
