#include "modules/data/overlap/across.h"

#include <algorithm>
#include <unordered_map>

#include "modules/base/error.h"
#include "modules/data/overlap/in_threads.h"
#include "modules/data/overlap/left_out.h"
#include "modules/data/reason.h"

namespace saucier::data {
namespace {

std::string turns_of(const Sample& sample) {
  std::string text = sample.system ? fmt::format("system {} {}\n", sample.system->size(), *sample.system) : "";
  for (const Turn& turn : sample.turns) text += fmt::format("{} {} {}\n", turn.role == Role::kUser ? "user" : "assistant", turn.text.size(), turn.text);
  return text + fmt::format("{} pictures\n", sample.pictures.size());
}

struct Place {
  std::uint32_t source = 0;
  std::int64_t sample = 0;
};

}  // namespace

std::vector<std::vector<Twin>> find_twins(std::span<const NamedSource> sources, PictureMarks& marks, int threads) {
  // By their turns alone: which are worth a second look.
  std::unordered_map<std::uint64_t, std::uint32_t> first_source;
  std::vector<std::vector<std::uint64_t>> hashes;  // only ever compared inside one process
  std::unordered_map<std::uint64_t, bool> in_two;
  for (size_t s = 0; s < sources.size(); ++s) {
    std::vector<std::uint64_t>& own = hashes.emplace_back(static_cast<size_t>(sources[s].samples->size()));
    in_threads(sources[s].samples->size(), threads, [&](std::int64_t i) { own[static_cast<size_t>(i)] = std::hash<std::string>()(turns_of(sources[s].samples->get(i))); });
    for (const std::uint64_t hash : own)
      if (first_source.try_emplace(hash, static_cast<std::uint32_t>(s)).first->second != s) in_two[hash] = true;
  }
  std::vector<Place> candidates;
  for (size_t s = 0; s < sources.size(); ++s)
    for (size_t i = 0; i < hashes[s].size(); ++i)
      if (in_two.contains(hashes[s][i])) candidates.push_back({static_cast<std::uint32_t>(s), static_cast<std::int64_t>(i)});

  std::vector<Digest128> contents(candidates.size());
  Progress::Pass pass(marks.progress(), "samples whose turns stand in two sources", static_cast<std::int64_t>(candidates.size()));
  in_threads(static_cast<std::int64_t>(candidates.size()), threads, [&](std::int64_t c) {
    const Place& place = candidates[static_cast<size_t>(c)];
    const NamedSource& source = sources[place.source];
    const Sample sample = source.samples->get(place.sample);
    std::string text = turns_of(sample);
    for (const PictureRef& picture : sample.pictures) {
      const PictureMark mark = with_context(fmt::format("in sample '{}' of data source '{}', compared with other sources", sample.id, source.name), [&] { return marks.of(picture); });
      text += fmt::format("{:016x}{:016x}\n", mark.exact[0], mark.exact[1]);
    }
    contents[static_cast<size_t>(c)] = digest128(text);
    pass.step();
  });

  std::vector<std::vector<Twin>> twins(sources.size());
  std::unordered_map<Digest128, Place, DigestHash> known;
  for (size_t c = 0; c < candidates.size(); ++c) {  // in the order of the sources
    const Place& earliest = known.try_emplace(contents[c], candidates[c]).first->second;
    if (earliest.source != candidates[c].source) twins[candidates[c].source].push_back({candidates[c].sample, earliest.source, earliest.sample});
  }
  return twins;
}

ReadReport::Example example_of(const Twin& twin, const SampleSource& samples, std::span<const NamedSource> sources) {
  const NamedSource& other = sources[twin.source];
  const RowOf row = samples.row(twin.sample), other_row = other.samples->row(twin.other);
  return {.file = row.file, .line = row.line, .id = samples.get(twin.sample).id,
          .detail = fmt::format("the same as sample '{}' of data source '{}'{}", other.samples->get(twin.other).id, other.name,
                                other_row.line > 0 ? fmt::format(" ('{}', line {})", other_row.file, other_row.line) : "")};
}

std::vector<NamedSource> without_twins(std::vector<NamedSource> sources, bool drop, PictureMarks& marks, int threads) {
  const auto twins = find_twins(sources, marks, threads);
  std::vector<NamedSource> out = sources;
  for (size_t s = 0; s < sources.size(); ++s) {
    if (twins[s].empty()) continue;
    std::vector<ReadReport::Example> examples;
    std::vector<std::int64_t> dropped;
    for (const Twin& twin : twins[s]) {
      if (examples.size() < ReadReport::kExamples) examples.push_back(example_of(twin, *sources[s].samples, sources));
      if (drop) dropped.push_back(twin.sample);
    }
    ReadReport report = report_to_extend(*sources[s].samples);
    count_in(report, name_of(Reason::kDuplicateElsewhere), drop, examples, static_cast<std::int64_t>(twins[s].size()));
    out[s].samples = leave_out(sources[s].samples, dropped, std::move(report));
  }
  return out;
}

}  // namespace saucier::data
