#include "modules/sources/drafts.h"

#include <algorithm>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/teach/endpoint.h"

namespace saucier::sources {

Drafts::Drafts(const options::Job& job, const std::filesystem::path& artifact, const std::filesystem::path& replies, const std::filesystem::path& shown)
    : job_(job), pictures_(described(job)) {
  SAUCIER_CHECK(job.synthesize.has_value(), "drafts of a stage of kind '{}'", job.kind);
  if (job_.teachers.empty()) {
    template_.emplace(data::SceneWorld::make(job_.data.at(job_.synthesize->source).scenes)->kinds());
    return;
  }
  synthesis_.emplace(open_synthesis(job_, shown));
  if (const auto file = artifact / paths::kProvenance; !artifact.empty() && std::filesystem::exists(file)) {
    const std::string text = read_file(file);
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      provenance_.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  }
  // A model on this machine keeps no replies: it is asked again as cheaply.
  if (const options::TeacherOptions& teacher = job_.teachers.at(job_.synthesize->teacher); teacher.kind == "endpoint" && provenance_.empty()) {
    identity_ = teach::endpoint_identity(teacher);
    cache_.emplace(replies, identity_);
    cache_->refresh();
  }
}

std::int64_t Drafts::size() const { return pictures_->size() * job_.synthesize->samples_per_picture; }

ShownDraft Drafts::by_template(std::int64_t index) const {
  const options::SynthesizeOptions& options = *job_.synthesize;
  const std::uint64_t seed = synthesize_seed(job_);
  const std::int64_t picture = index / options.samples_per_picture, number = index % options.samples_per_picture;
  const teach::Request request{.context = pictures_->context(picture), .kind = teach::draw_kind(options.kinds, seed, index), .max_turns = options.max_turns, .seed = seed, .number = number};
  ShownDraft out{.id = fmt::format("{}#{}", request.context.id, number), .kind = request.kind, .picture = pictures_->picture(picture).reference, .context = request.context.to_text(true)};
  out.turns = template_->write(request);
  out.verdict = "kept";
  return out;
}

ShownDraft Drafts::show(std::int64_t index) const {
  if (template_) return by_template(index);
  teach::Draft draft = synthesis_->begin(index);
  ShownDraft out{.id = draft.id, .kind = draft.kind->name, .picture = draft.picture.reference, .context = draft.context.to_text(true)};
  for (const teach::Message& message : draft.prompt.messages) out.messages.emplace_back(message.role, message.text);
  out.prompt = draft.kind->version();
  out.verdict = "not-asked";
  std::optional<teach::Reply> reply;
  Json line;
  if (static_cast<size_t>(index) < provenance_.size()) {
    line = parse_json(provenance_[static_cast<size_t>(index)], "the provenance of a sample");
    reply = teach::Reply{.text = line.at("reply").get<std::string>(), .finish = line.at("finish").get<std::string>()};
  } else if (cache_) {
    reply = cache_->find(teach::prompt_key(identity_, draft.prompt));
  }
  if (!reply) return out;
  out.reply = reply->text;
  synthesis_->read(draft, *reply);
  out.turns = teach::turns_of(draft.exchanges);
  out.verdict = line.is_null() ? draft.rejection ? draft.rejection.reason : "kept" : line.at("verdict").get<std::string>();
  out.detail = line.is_null() ? draft.rejection.detail : line.value("detail", "");
  if (!line.is_null()) out.asked = line.value("asked", Json());
  return out;
}

}  // namespace saucier::sources
