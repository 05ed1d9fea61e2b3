// preview: samples of a train stage as the model sees them, and a summary of its sources; of a synthesize stage what its
// teacher is asked, what it replied and what became of that.

#include <algorithm>
#include <cstdio>

#include "modules/base/error.h"
#include "modules/base/suggest.h"
#include "modules/data/readers/row_count.h"
#include "runner/cli/preview_drafts.h"
#include "runner/cli/preview_html.h"
#include "runner/cli/preview_text.h"
#include "runner/cli/recipe_argument.h"
#include "runner/cli/stage_job.h"
#include "runner/report/table.h"

namespace saucier::cli {
namespace {

using sources::ShownSample;

std::string head(const ShownSample& sample) {
  std::string out = fmt::format("{} · {}{}{}", sample.source, harmless(sample.id), sample.kind.empty() ? "" : " · ", sample.kind);
  if (!sample.dropped.empty()) return out + fmt::format(" · left out: {}", sample.dropped_because);
  out += fmt::format(" · {} tokens, {} learned", sample.ids.size(), sample.learned);
  for (const sources::ShownPicture& picture : sample.pictures)
    out += fmt::format(" · {} at {} to {}", harmless(picture.picture.reference), picture.begin, picture.end - 1);
  return out;
}

std::string in_words(const ShownSample& sample, const Marks& m) {
  std::string out = fmt::format("{}── {}{}\n", m.soft, head(sample), m.end);
  if (!sample.dropped.empty())
    for (const data::Turn& turn : sample.turns)
      out += fmt::format("{}: {}\n", turn.role == data::Role::kUser ? "user" : "assistant", with_pictures(turn.text, m, ""));
  for (const text::Piece& piece : sample.pieces)
    out += piece.learned ? fmt::format("{}{}{}", m.learned, with_pictures(piece.text, m, m.learned), m.end_learned) : with_pictures(piece.text, m, "");
  return out + (out.ends_with('\n') ? "\n" : "\n\n");
}

Json to_json(const ShownSample& sample) {
  std::string text;
  Json spans = Json::array(), images = Json::array();
  for (const text::Piece& piece : sample.pieces) {
    spans.push_back({{"start", text.size()}, {"end", text.size() + piece.text.size()}, {"learned", piece.learned}});
    text += piece.text;
  }
  for (const sources::ShownPicture& picture : sample.pictures)
    images.push_back({{"path", picture.picture.reference}, {"start", picture.begin}, {"end", picture.end}});
  return {{"id", sample.id},     {"source", sample.source}, {"kind", sample.kind},     {"text", text},
          {"spans", spans},      {"ids", sample.ids},       {"labels", sample.labels}, {"images", images},
          {"dropped", sample.dropped.empty() ? Json() : Json(sample.dropped)}};
}

report::Table table_of(const std::vector<sources::SourceSummary>& summaries) {
  report::Table table{{"source", "samples", "looked_at", "conversations", "left_out", "why", "turns", "pictures", "tokens_median", "tokens_p95",
                       "tokens_max", "learned", "cut_pairs", "cut_answers", "split"}, {}};
  for (const sources::SourceSummary& s : summaries) {
    std::int64_t left_out = 0;
    std::string why;
    for (const auto& [reason, count] : s.dropped) {
      left_out += count;
      why += fmt::format("{}{} {}", why.empty() ? "" : ", ", reason, count);
    }
    const auto quantile = [&](size_t percent) { return s.lengths.empty() ? Json() : Json(s.lengths[(s.lengths.size() - 1) * percent / 100]); };
    const auto each = [&](std::int64_t sum, std::int64_t of) { return of == 0 ? Json() : Json(static_cast<double>(sum) / static_cast<double>(of)); };
    table.rows.push_back({s.source, s.samples, s.looked_at, s.conversations, left_out, why, each(s.turns, s.conversations),
                          each(s.pictures, s.conversations), quantile(50), quantile(95), quantile(100), each(s.learned, s.tokens), s.cut_pairs,
                          s.cut_answers, s.split});
  }
  return table;
}

// The last train stage, which is the one that most is asked of, or the named one, which may be a synthesize stage, too.
size_t stage_of(const recipe::Trial& trial, const std::string& wanted) {
  std::vector<std::string> known;
  std::optional<size_t> found;
  for (size_t i = 0; i < trial.stages.size(); ++i) {
    const bool trains = trial.stages[i].kind == "train";
    if (!trains && trial.stages[i].kind != "synthesize") continue;
    known.push_back(trial.stages[i].name);
    if (wanted.empty() ? trains : trial.stages[i].name == wanted) found = i;
  }
  if (found) return *found;
  if (wanted.empty()) throw Error(fmt::format("'{}' has no train stage, so no samples are trained on", trial.name), known.empty() ? "" : fmt::format("--stage {} shows what a teacher writes", known.front()));
  throw Error(fmt::format("'{}' has no train or synthesize stage '{}'", trial.name, wanted), suggestion(wanted, known));
}

}  // namespace

int preview(const std::vector<std::string>& arguments) {
  po::options_description options;
  add_recipe_options(options);
  add_store_option(options);
  options.add_options()("trial", po::value<std::string>()->value_name("NAME"), "of a sweep; default: the first")(
      "stage", po::value<std::string>()->value_name("NAME"), "a train or synthesize stage; default: the last that trains")(
      "source", po::value<std::string>()->value_name("NAME"), "samples of one data source in its order; default: as they are drawn")(
      "first", po::value<std::int64_t>()->value_name("I")->default_value(0), "begin at this one")(
      "count", po::value<std::int64_t>()->value_name("N")->default_value(5), "how many samples are shown")(
      "summary", po::value<std::int64_t>()->value_name("N")->default_value(1000), "most samples of each source that the summary looks at; 0: no summary")(
      "json", "a line of JSON for each sample, and no summary")(
      "html", po::value<std::string>()->value_name("FILE"), "a page with the pictures, in place of text");
  const po::variables_map values = parse("preview", arguments, options, {{"recipe", 1}});
  const std::int64_t first = number(values, "first", 0), count = number(values, "count", 0), looked_at = number(values, "summary", 0);
  const recipe::Recipe recipe = read_recipe("preview", values);
  if (!report_problems(recipe, Files::kNeeded)) return kUsage;
  plan::check_machine(recipe);
  const recipe::Trial& trial = trial_of(recipe, text_of(values, "trial"));
  const plan::Plan plan = plan_of(recipe, trial, values["store"].as<std::string>());
  const plan::Node& node = plan.nodes[static_cast<size_t>(plan.trial_nodes[0][stage_of(trial, text_of(values, "stage"))])];
  const options::Job job = job_as_it_is(plan, node, recipe_file("preview", values));
  if (job.synthesize) {
    for (const char* other : {"source", "html"})
      if (values.count(other)) throw Error(fmt::format("'--{}' is for train stages, and '{}' is a synthesize stage", other, job.stage));
    return preview_drafts(job, node, values["store"].as<std::string>(), {.first = first, .count = count, .looked_at = looked_at, .json = values.count("json") > 0});
  }
  const sources::Preview preview = with_context(fmt::format("in stage '{}' of '{}'", job.stage, trial.name), [&] { return sources::Preview(job); });

  const auto& all = preview.mixture().sources();
  std::optional<size_t> source;
  if (values.count("source")) {
    const std::string name = text_of(values, "source");
    std::vector<std::string> known;
    for (size_t i = 0; i < all.size(); ++i) {
      known.push_back(all[i].name);
      if (all[i].name == name) source = i;
    }
    if (!source) throw Error(fmt::format("stage '{}' draws from no data source '{}'", job.stage, name), suggestion(name, known));
  }
  const std::int64_t size = source ? all[*source].samples->size() : preview.mixture().size();
  std::vector<ShownSample> shown;
  for (std::int64_t i = first; i < std::min(size, first + count); ++i)
    for (ShownSample& sample : source ? preview.of_source(*source, i) : preview.drawn(i)) shown.push_back(std::move(sample));

  if (values.count("json")) {
    for (const ShownSample& sample : shown) std::puts(to_json(sample).dump().c_str());
    return kDone;
  }
  std::vector<sources::SourceSummary> summaries;
  for (size_t i = 0; i < all.size() && looked_at > 0; ++i)
    if (!source || *source == i) summaries.push_back(preview.summary(i, looked_at));
  const report::Table table = table_of(summaries);
  if (values.count("html")) {
    write_preview_html(text_of(values, "html"), fmt::format("{}: {}", trial.name, job.stage), shown, table);
    std::puts(text_of(values, "html").c_str());
    return kDone;
  }
  for (const ShownSample& sample : shown) std::fputs(in_words(sample, marks()).c_str(), stdout);
  if (!summaries.empty()) std::fputs(report::to_text(table).c_str(), stdout);
  for (const data::MixtureSource& one : all)
    for (const std::string& line : data::report_lines(one.samples->report()))
      std::fputs(fmt::format("note: data source '{}': {}\n", one.name, line).c_str(), stderr);
  return kDone;
}

}  // namespace saucier::cli
