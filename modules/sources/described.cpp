#include "modules/sources/described.h"

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/rng.h"
#include "modules/data/readers/coco.h"
#include "modules/data/readers/described_rows.h"
#include "modules/image/picture.h"

namespace saucier::sources {

std::shared_ptr<const data::DescribedPictures> described(const options::Job& job) {
  const std::string& name = job.synthesize->source;
  const options::DataOptions& source = job.data.at(name);
  return with_context(fmt::format("in data source '{}'", name), [&]() -> std::shared_ptr<const data::DescribedPictures> {
    if (source.format == "coco") return data::described_coco(name, source);
    if (source.format == "scenes") return data::described_scenes(data::SceneWorld::make(source.scenes), source.scenes);
    if (source.format == "captions") return data::described_rows(source);
    throw Error(fmt::format("a source of format '{}' has no captions and boxes", source.format), "name a source of format 'scenes', 'coco' or 'captions'");
  });
}

std::uint64_t synthesize_seed(const options::Job& job) { return Rng(static_cast<std::uint64_t>(job.seed), "synthesize." + job.stage).next64(); }

teach::Synthesis open_synthesis(const options::Job& job, const std::filesystem::path& shown) {
  teach::SynthesisSettings settings{.options = *job.synthesize, .kinds = job.kinds, .teacher = job.teachers.at(job.synthesize->teacher), .seed = synthesize_seed(job)};
  settings.picture_file = [shown](const data::PictureRef& picture) {
    const std::filesystem::path file = shown / (sha256(picture.reference).substr(0, 16) + ".png");
    if (!std::filesystem::exists(file)) {
      make_folders(shown);
      image::write_png(file, picture.source->load(picture.reference));
    }
    return file.string();
  };
  return teach::Synthesis(described(job), std::move(settings));
}

}  // namespace saucier::sources
