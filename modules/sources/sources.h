// The data sources and mixtures that a job names.
#pragma once

#include <memory>
#include <string>

#include "modules/base/protocol.h"
#include "modules/data/mixture.h"
#include "modules/options/job.h"
#include "modules/text/tokenizer.h"

namespace saucier::sources {

// In a synthesize artifact of scenes: the SceneOptions that its "scene:…" references resolve with.
inline constexpr std::string_view kSceneOptions = "scenes.json";

// The source `name` of job.data as it is read: before it is compared with others, and before turn limits. Throws Error naming it.
std::shared_ptr<const data::SampleSource> make_source(const options::Job& job, const std::string& name);

// "mixture.NAME" or "data.NAME" (one source, one pass), turn limits applied, and what data.NAME.held_out and
// mixture.NAME.duplicates ask for (modules/data/overlap); `events` is told how far that is.
std::shared_ptr<const data::Mixture> make_mixture(const options::Job& job, const std::string& data, EventWriter* events = nullptr);

// The tokenizer of a model made from nothing: learned from the stage's own samples, pictures left out.
std::shared_ptr<const text::Tokenizer> learn_tokenizer(const options::Job& job, const data::Mixture& mixture,
                                                       const options::TokenizerOptions& options);

// A warning for each reason for which a source left rows out, or found duplicates.
void tell_reports(const data::Mixture& mixture, EventWriter& events);

}  // namespace saucier::sources
