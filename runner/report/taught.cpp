#include "runner/report/taught.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "modules/base/base64.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"
#include "modules/base/paths.h"
#include "runner/report/markup.h"

namespace saucier::report {
namespace {

// LLaVA-Instruct-158K: 58 thousand conversations, 23 thousand descriptions, 77 thousand pieces of reasoning (Liu et al.,
// "Visual Instruction Tuning", 2023, section 3).
const std::map<std::string, double> kPublished = {{"conversation", 58.0 / 158}, {"detail", 23.0 / 158}, {"reasoning", 77.0 / 158}};

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string row(const std::vector<std::string>& cells) {
  std::string out = "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) out += fmt::format("<td{}>{}</td>", i == 0 ? "" : " class=\"number\"", cells[i]);
  return out + "</tr>\n";
}

std::string verdicts_html(const Json& verdicts) {
  std::vector<std::pair<std::string, std::int64_t>> rows;
  std::int64_t total = 0, most = 1;
  for (const auto& [verdict, count] : verdicts.items()) {
    rows.emplace_back(verdict, count.get<std::int64_t>());
    total += rows.back().second;
    most = std::max(most, rows.back().second);
  }
  std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string out = "<table>\n<tr><th>verdict</th><th>samples</th><th>share</th><th></th></tr>\n";
  for (const auto& [verdict, count] : rows)
    out += fmt::format("<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td><svg class=\"bar\" viewBox=\"0 0 200 12\" style=\"width: 200px\"><rect width=\"{:.1f}\" height=\"12\" fill=\"var(--{})\"/></svg></td></tr>\n",
                       escape(verdict), count, percent(static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(total, 1))),
                       200 * static_cast<double>(count) / static_cast<double>(most), verdict == "kept" ? "good" : "bad");
  return out + "</table>\n";
}

std::string kinds_html(const Json& kinds) {
  double total = 0;
  for (const Json& kind : kinds) total += kind.at("samples").get<double>();
  std::string out = "<table>\n<tr><th>kind</th><th>samples</th><th>share</th><th>of LLaVA-Instruct</th><th>pairs a sample</th><th>words a question</th><th>words an answer</th></tr>\n";
  for (const auto& [name, kind] : kinds.items()) {
    const double samples = kind.at("samples").get<double>(), pairs = std::max(kind.at("pairs").get<double>(), 1.0);
    const auto published = kPublished.find(name);
    out += row({escape(name), fmt::format("{}", samples), percent(samples / std::max(total, 1.0)), published == kPublished.end() ? "" : percent(published->second),
                fmt::format("{:.1f}", pairs / std::max(samples, 1.0)), fmt::format("{:.1f}", kind.at("question_words").get<double>() / pairs), fmt::format("{:.1f}", kind.at("answer_words").get<double>() / pairs)});
  }
  return out + "</table>\n";
}

std::string figure(const Json& shown, const std::filesystem::path& pictures) {
  const std::string reference = shown.at("picture").get<std::string>(), verdict = shown.at("verdict").get<std::string>();
  const auto file = picture_file(pictures, reference);
  std::string out = "<figure>\n";
  if (file) out += fmt::format("<img alt=\"{}\" src=\"data:image/png;base64,{}\"/>\n", escape("picture " + reference), to_base64(read_file(*file)));
  out += fmt::format("<figcaption><span class=\"soft\">{}</span> <span class=\"{}\">{}</span>", escape(shown.at("kind").get<std::string>()), verdict == "kept" ? "right" : "wrong", escape(verdict));
  if (const std::string detail = shown.at("detail").get<std::string>(); !detail.empty()) out += fmt::format(" <span class=\"soft\">{}</span>", escape(detail));
  for (const Json& pair : shown.at("turns")) out += fmt::format("<pre>{}</pre><q>{}</q>", escape(pair.at(0).get<std::string>()), escape(pair.at(1).get<std::string>()));
  if (shown.at("turns").empty()) out += fmt::format("<pre>{}</pre>", escape(shown.at("reply").get<std::string>()));
  return out + "</figcaption>\n</figure>\n";
}

std::string stage_html(const std::string& stage, const std::filesystem::path& artifact) {
  const Json overview = parse_json(read_file(artifact / paths::kOverview), fmt::format("what stage '{}' wrote", stage));
  std::string figures;
  for (const Json& shown : overview.at("shown")) figures += figure(shown, artifact / paths::kPictures);
  return fmt::format("<p>Stage {}.</p>\n<div class=\"wide\">{}</div>\n<div class=\"wide\">{}</div>\n<p class=\"soft\">Some of what was kept and of what was rejected, drawn at random.</p>\n<div class=\"grid\">\n{}</div>\n",
                     escape(stage), verdicts_html(overview.at("verdicts")), kinds_html(overview.at("kinds")), figures);
}

}  // namespace

std::string taught_html(const store::Store& store, std::int64_t sweep) {
  const auto runs = store.query("SELECT DISTINCT c.stage, a.folder FROM stage_cost c JOIN artifact a USING(stage_run_id) WHERE c.sweep_id = ?1 AND c.state = 'done' ORDER BY c.stage, a.folder", {sweep});
  std::string out;
  for (const auto& run : runs.rows) {
    const std::filesystem::path artifact = store.artifacts() / run[1].get<std::string>();
    std::error_code failed;
    if (std::filesystem::exists(artifact / paths::kOverview, failed)) out += stage_html(run[0].get<std::string>(), artifact);
  }
  return out;
}

}  // namespace saucier::report
