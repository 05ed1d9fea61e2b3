// What a synthesize stage asks and gets, looked at without asking anyone: from its artifact where it has run, else with the
// replies that are kept.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "modules/sources/described.h"
#include "modules/teach/reply_cache.h"
#include "modules/teach/teacher.h"

namespace saucier::sources {

struct ShownDraft {
  std::string id = {}, kind = {}, picture = {};
  std::string context = {};            // captions and boxes, whether the teacher gets the boxes or not
  std::vector<std::pair<std::string, std::string>> messages = {};  // role and text; none of the template teacher
  std::string prompt = {};             // version of the kind
  std::string reply = {};
  std::vector<data::Turn> turns = {};  // as the reply was read; none where it could not be
  std::string verdict = {};            // "kept", "not-asked", or the reason of a rejection
  std::string detail = {};
  Json asked = {};                     // what a blind teacher and a judge said; null where they were not asked
};

class Drafts {
 public:
  // `job` is a synthesize stage's. `artifact`: what it left, empty where it has not run. `replies`: folder of kept replies.
  // Throws Error where a file of its kinds, or its source, cannot be read.
  Drafts(const options::Job& job, const std::filesystem::path& artifact, const std::filesystem::path& replies, const std::filesystem::path& shown);

  std::int64_t size() const;
  ShownDraft show(std::int64_t index) const;

 private:
  ShownDraft by_template(std::int64_t index) const;

  options::Job job_;
  std::shared_ptr<const data::DescribedPictures> pictures_;
  std::optional<teach::TemplateTeacher> template_;
  std::optional<teach::Synthesis> synthesis_;
  std::optional<teach::ReplyCache> cache_;
  std::string identity_;
  std::vector<std::string> provenance_;  // lines of the artifact, by number
};

}  // namespace saucier::sources
