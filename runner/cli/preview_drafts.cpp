#include "runner/cli/preview_drafts.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "modules/base/paths.h"
#include "modules/sources/drafts.h"
#include "runner/cli/command.h"
#include "runner/cli/preview_text.h"
#include "runner/report/table.h"

namespace saucier::cli {
namespace {

using sources::ShownDraft;

const char* role_name(data::Role role) { return role == data::Role::kUser ? "user" : "assistant"; }

std::string block(const char* name, std::string_view text, const Marks& m) {
  return fmt::format("{}{}:{}\n{}\n", m.soft, name, m.end, harmless(text));
}

std::string in_words(const ShownDraft& draft, const Marks& m) {
  std::string out = fmt::format("{}── {} · {} · {} · {}{}{}\n", m.soft, harmless(draft.id), draft.kind, harmless(draft.picture), draft.verdict,
                                draft.detail.empty() ? "" : fmt::format(" ({})", harmless(draft.detail)), m.end);
  out += block("context", draft.context, m);
  if (!draft.messages.empty()) {
    const bool system = draft.messages.front().first == "system";
    if (system) out += block("system", draft.messages.front().second, m);
    const size_t examples = (draft.messages.size() - 1 - (system ? 1 : 0)) / 2;
    out += fmt::format("{}{} example{}, then the context; prompt version {}{}\n", m.soft, examples, examples == 1 ? "" : "s", draft.prompt, m.end);
  }
  if (!draft.reply.empty()) out += block("reply", draft.reply, m);
  for (const data::Turn& turn : draft.turns) out += fmt::format("{}{}:{} {}\n", m.soft, role_name(turn.role), m.end, with_pictures(turn.text, m, ""));
  if (!draft.asked.is_null()) out += fmt::format("{}asked:{} {}\n", m.soft, m.end, harmless(draft.asked.dump()));
  return out + "\n";
}

Json to_json(const ShownDraft& draft) {
  Json messages = Json::array(), turns = Json::array();
  for (const auto& [role, text] : draft.messages) messages.push_back({{"role", role}, {"text", text}});
  for (const data::Turn& turn : draft.turns) turns.push_back({{"role", role_name(turn.role)}, {"text", turn.text}});
  return {{"id", draft.id},       {"kind", draft.kind},   {"picture", draft.picture}, {"context", draft.context}, {"messages", messages}, {"prompt", draft.prompt},
          {"reply", draft.reply}, {"turns", turns},       {"verdict", draft.verdict}, {"detail", draft.detail},   {"asked", draft.asked}};
}

// How many of the first samples came to what.
report::Table verdicts(const sources::Drafts& drafts, std::int64_t looked_at) {
  std::map<std::string, std::int64_t> counts;
  const std::int64_t size = std::min(drafts.size(), looked_at);
  for (std::int64_t i = 0; i < size; ++i) ++counts[drafts.show(i).verdict];
  report::Table table{{"verdict", "samples", "share"}, {}};
  std::vector<std::pair<std::string, std::int64_t>> rows(counts.begin(), counts.end());
  std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [verdict, count] : rows) table.rows.push_back({verdict, count, static_cast<double>(count) / static_cast<double>(size)});
  return table;
}

// Pictures that a teacher with sight would be shown, for the time of the look.
struct Shown {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / fmt::format("saucier-shown-{}", getpid());
  ~Shown() {
    std::error_code failed;
    std::filesystem::remove_all(folder, failed);
  }
};

}  // namespace

int preview_drafts(const options::Job& job, const plan::Node& node, const std::string& store_file, const DraftsWanted& wanted) {
  const Shown shown;
  const std::filesystem::path store(store_file), artifact = node.cached ? paths::artifacts(store) / node.key : std::filesystem::path();
  const sources::Drafts drafts = with_context(fmt::format("in stage '{}'", job.stage), [&] { return sources::Drafts(job, artifact, paths::cache(store) / paths::kReplies, shown.folder); });
  for (std::int64_t i = wanted.first; i < std::min(drafts.size(), wanted.first + wanted.count); ++i) {
    const ShownDraft draft = drafts.show(i);
    if (wanted.json) std::puts(to_json(draft).dump().c_str());
    else std::fputs(in_words(draft, marks()).c_str(), stdout);
  }
  if (!wanted.json && wanted.looked_at > 0) std::fputs(report::to_text(verdicts(drafts, wanted.looked_at)).c_str(), stdout);
  return kDone;
}

}  // namespace saucier::cli
