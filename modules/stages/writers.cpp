#include "modules/stages/writers.h"

#include <filesystem>

#include "modules/base/digest.h"
#include "modules/base/error.h"
#include "modules/base/paths.h"
#include "modules/checkpoint/checkpoint.h"
#include "modules/stages/common.h"
#include "modules/stages/model_writer.h"
#include "modules/teach/endpoint.h"
#include "modules/teach/reply_cache.h"

namespace saucier::stages {
namespace {

namespace fs = std::filesystem;

// Tells a model's files apart without reading them.
std::string digest_of_files(const fs::path& path) {
  std::map<std::string, fs::path> files;
  if (!fs::is_directory(path)) files[path.filename().string()] = path;
  else
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.is_regular_file()) files[entry.path().filename().string()] = entry.path();
  std::string all;
  for (const auto& [name, file] : files) all += fmt::format("{} {} {}\n", name, fs::file_size(file), fs::last_write_time(file).time_since_epoch().count());
  return sha256(all);
}

std::unique_ptr<teach::Writer> open_model(const options::Job& job, const options::TeacherOptions& options) {
  const bool own = options.kind == "self";
  const fs::path from = own ? fs::path(job.artifacts.at(options.stage)) : fs::path(options.path);
  model::JoinedModel model = own ? checkpoint::load_model(job.model, from, static_cast<std::uint64_t>(job.seed), job.conversation.image_aspect) : checkpoint::open_model(from);
  if (options.sight && !model.tower) throw Error("a model without a vision tower has no sight", "remove 'sight'");
  model.move_to(device_of(job));
  // An artifact's folder is named by its stage's key.
  Json what = {{"kind", options.kind}, {"model", from.filename().string()}};
  if (!own) what["files"] = digest_of_files(from);
  return std::make_unique<ModelWriter>(std::move(model), job.conversation, std::move(what));
}

}  // namespace

teach::Asked Writers::asked(const std::string& name) {
  if (name.empty()) return {};
  const options::TeacherOptions& options = job_.teachers.at(name);
  auto& writer = open_[name];
  if (!writer)
    writer = with_context(fmt::format("with teacher '{}'", name), [&]() -> std::unique_ptr<teach::Writer> {
      // Without a cache, replies last as long as the work folder.
      const std::filesystem::path replies = std::filesystem::path(job_.cache.empty() ? job_.work : job_.cache) / paths::kReplies;
      if (options.kind == "endpoint") return teach::open_endpoint(options, replies);
      return std::make_unique<teach::CachedWriter>(open_model(job_, options), replies);
    });
  return {writer.get(), &options};
}

}  // namespace saucier::stages
