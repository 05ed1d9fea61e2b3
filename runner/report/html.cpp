#include "runner/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "modules/base/base64.h"
#include "modules/base/clock.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "runner/report/curves.h"
#include "runner/report/markup.h"
#include "runner/report/results.h"
#include "runner/report/rounds.h"
#include "runner/report/taught.h"

namespace saucier::report {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPictures = 6;

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --back: #fff; --text: #1c1e21; --soft: #666b73; --line: #d9dce1; --mark: #fff3c4;
  --good: #17753a; --bad: #b3261e; --c0: #1f6feb; --c1: #c2410c; --c2: #15803d; --c3: #9333ea; --c4: #0e7490; --c5: #a16207; }
@media (prefers-color-scheme: dark) { :root { --back: #16181c; --text: #e6e8eb; --soft: #9aa1ab; --line: #363b43;
  --mark: #4a3f12; --good: #5fd38d; --bad: #ff8a80; --c0: #6ea8fe; --c1: #ff9b6a; --c2: #6ee7a0; --c3: #c79bff; --c4: #67d3e8;
  --c5: #e5c15a; } }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .2rem; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
p, li { max-width: 46rem; } .soft { color: var(--soft); } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { white-space: normal; vertical-align: bottom; }
.number { text-align: right; } .top { background: var(--mark); font-weight: 700; } tr.base td { color: var(--soft); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-size: .92rem; overflow-wrap: anywhere; } pre { margin: 0; font: inherit; white-space: pre-wrap; }
img { width: 100%; max-width: 17rem; image-rendering: pixelated; border-radius: .3rem; } svg { width: 100%; height: auto; }
svg text { font-size: 11px; fill: var(--soft); } svg .grid { stroke: var(--line); fill: none; } .line { fill: none; stroke-width: 1.4; }
.line.best { stroke-width: 2.6; } .right { color: var(--good); font-weight: 700; } .wrong { color: var(--bad); font-weight: 700; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); } .c4 { stroke: var(--c4); }
.c5 { stroke: var(--c5); } .rest { stroke: var(--soft); stroke-opacity: .5; } .key { width: 1.4rem; height: .6rem; vertical-align: middle; }
)";

std::string section(const std::string& head, const std::string& body) {
  return body.empty() ? "" : fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", escape(head), body);
}

std::string cell(const Json& value, const std::string& marks) {
  const std::string classes = (value.is_number() ? "number" : "") + std::string(marks.empty() ? "" : " ") + marks;
  return fmt::format("<td{}>{}</td>", classes.find_first_not_of(' ') == std::string::npos ? "" : " class=\"" + classes + "\"",
                     escape(show(value)));
}

// `row_class(r)` and `mark(r, c)` give CSS classes, or "".
template <class RowClass, class Mark>
std::string table_html(const Table& table, RowClass row_class, Mark mark) {
  std::string out = "<div class=\"wide\">\n<table>\n<thead><tr>";
  for (size_t c = 0; c < table.columns.size(); ++c) {
    const bool numbers = std::all_of(table.rows.begin(), table.rows.end(),
                                     [&](const auto& row) { return row[c].is_number() || row[c].is_null(); });
    out += fmt::format("<th{}>{}</th>", numbers ? " class=\"number\"" : "", escape(table.columns[c]));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const std::string row = row_class(r);
    out += row.empty() ? "<tr>" : "<tr class=\"" + row + "\">";
    for (size_t c = 0; c < table.columns.size(); ++c) out += cell(table.rows[r][c], mark(r, c));
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n</div>\n";
}

// The highest value of each score column among the trials; several where they are equal.
std::string scores_html(const Results& results) {
  const Table& table = results.scores;
  const auto best = [&](size_t r, size_t c) -> std::string {
    if (r >= results.trials || results.trials < 2 || c < results.first_score || !table.rows[r][c].is_number()) return "";
    const double value = table.rows[r][c].get<double>();
    bool differs = false;  // a column of equal values has no best
    for (size_t other = 0; other < results.trials; ++other) {
      if (!table.rows[other][c].is_number()) continue;
      if (table.rows[other][c].get<double>() > value) return "";
      differs = differs || table.rows[other][c].get<double>() < value;
    }
    return differs ? "top" : "";
  };
  return table_html(table, [&](size_t r) { return r < results.trials ? std::string() : std::string("base"); }, best) +
         "<p class=\"soft\">Blind: the same questions with every picture grey. Majority: the most frequent answer to each kind of "
         "question. Chance: guessing among the allowed answers.</p>\n";
}

std::string ranking_html(const Results& results) {
  if (results.ranking.empty()) return "";
  std::string out = fmt::format("<p>Best trial by {}: <strong>{}</strong>.</p>\n", escape(results.metric), escape(results.ranking.front()));
  if (results.neighbours.empty()) return out;
  out += "<ol>\n";
  for (const Paired& pair : results.neighbours) out += fmt::format("<li>{}</li>\n", escape(in_words(pair)));
  return out + "</ol>\n";
}

// One small picture a train stage; trials that share the stage are one line.
std::string curves_html(const store::Store& store, std::int64_t sweep, const std::string& best_trial) {
  const auto rows = store.query(
      "SELECT stage, key, trial, step, value FROM curve WHERE sweep_id = ?1 AND metric = 'loss' ORDER BY number, stage, step", {sweep});
  std::vector<std::string> stages;
  std::map<std::string, std::vector<Line>> lines;
  std::map<std::string, std::pair<std::string, size_t>> of_key;  // key → trial that brought it, and its line
  for (const auto& row : rows.rows) {
    const auto stage = row[0].get<std::string>(), key = stage + " " + row[1].get<std::string>(), trial = row[2].get<std::string>();
    if (!lines.contains(stage)) stages.push_back(stage);
    if (!of_key.contains(key)) {
      of_key[key] = {trial, lines[stage].size()};
      lines[stage].push_back({.name = trial, .best = false, .points = {}});
    }
    Line& line = lines[stage][of_key[key].second];
    line.best = line.best || trial == best_trial;
    if (of_key[key].first == trial)
      line.points.emplace_back(row[3].get<std::int64_t>(), row[4].is_number() ? std::optional(row[4].get<double>()) : std::nullopt);
  }
  // As the trials run them, not as they are called.
  const auto order = store.query("SELECT stage FROM stage_cost WHERE sweep_id = ?1 GROUP BY stage ORDER BY min(position)", {sweep});
  std::string out;
  for (const auto& row : order.rows) {
    const auto stage = row[0].get<std::string>();
    if (!lines.contains(stage)) continue;
    const std::string svg = curves_svg("loss of stage " + stage, lines[stage]);
    if (svg.empty()) continue;
    out += "<figure>\n" + svg + fmt::format("<figcaption>{}", escape(stage));
    for (size_t i = 0; lines[stage].size() > 1 && lines[stage].size() <= kLineColours && i < lines[stage].size(); ++i) {
      out += fmt::format("<br/><svg class=\"key\" viewBox=\"0 0 20 8\" aria-hidden=\"true\"><path class=\"line best {}\" d=\"M0 4H20\"/></svg> {}",
                         line_class(i, lines[stage].size()), escape(lines[stage][i].name));
    }
    if (lines[stage].size() > kLineColours) out += fmt::format(": {} trials, the best one marked", lines[stage].size());
    out += "</figcaption>\n</figure>\n";
  }
  return out.empty() ? "" : "<div class=\"grid\">\n" + out + "</div>\n";
}

std::string stages_html(const store::Store& store, std::int64_t sweep) {
  const auto rows = store.query(
      "SELECT trial, stage, kind, state, seconds, trials FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY number, position)"
      " AS place, count(*) OVER (PARTITION BY key) AS trials FROM stage_cost WHERE sweep_id = ?1) WHERE place = 1"
      " ORDER BY number, position", {sweep});
  Table table{{"trial", "stage", "kind", "state", "time", "trials that share it"}, {}};
  double total = 0;
  for (const auto& row : rows.rows) {
    const bool timed = row[4].is_number();
    if (timed) total += row[4].get<double>();
    table.rows.push_back({row[0], row[1], row[2], row[3], timed ? Json(format_duration(row[4].get<double>())) : Json(), row[5]});
  }
  const auto none = [](auto...) { return std::string(); };
  return table_html(table, none, none) + fmt::format("<p class=\"soft\">{} in all.</p>\n", format_duration(total));
}

std::string rounds_html(const store::Store& store, std::int64_t sweep) {
  const Table table = rounds(store, sweep);
  const auto none = [](auto...) { return std::string(); };
  return table.rows.empty() ? "" : table_html(table, none, none) + "<p class=\"soft\">Round 0 is what stood before the cycle.</p>\n";
}

// --- pictures with answers

struct Answer {
  std::string benchmark, question, answer, truth, picture;
  bool correct = false;
};

std::string figure(const Answer& a, const fs::path& file) {
  return fmt::format(
      "<figure>\n<img alt=\"{}\" src=\"data:image/png;base64,{}\"/>\n<figcaption><span class=\"soft\">{}</span><pre>{}</pre>"
      "answer: <q>{}</q><br/>truth: <q>{}</q> <span class=\"{}\">{}</span></figcaption>\n</figure>\n",
      escape("test picture " + a.picture), to_base64(read_file(file)), escape(a.benchmark), escape(a.question), escape(a.answer),
      escape(a.truth), a.correct ? "right" : "wrong", a.correct ? "right" : "wrong");
}

// The first six pictures that the artifact holds; the benchmarks take turns, and no answer is chosen for how it came out:
// a benchmark's first question about the picture, when its turn comes again its second.
std::string pictures_html(const store::Store& store, std::int64_t sweep, const Results& results) {
  const auto runs = store.query(
      "SELECT a.stage_run_id, a.folder FROM stage_cost c JOIN artifact a USING(stage_run_id) WHERE c.sweep_id = ?1 AND c.trial = ?2"
      " AND c.stage = ?3 AND c.state = 'done'", {sweep, results.best, results.best_stage});
  if (runs.rows.empty()) return "";
  const fs::path folder = store.artifacts() / runs.rows[0][1].get<std::string>() / paths::kPictures;
  const auto rows = store.query(
      "SELECT benchmark, question, answer, truth, picture, correct FROM prediction WHERE stage_run_id = ?1 AND condition = 'seen'"
      " ORDER BY length(picture), picture, benchmark, length(sample), sample", {runs.rows[0][0]});
  std::vector<std::string> pictures, benchmarks;
  std::map<std::pair<std::string, std::string>, std::vector<Answer>> about;  // (picture, benchmark)
  for (const auto& row : rows.rows) {
    Answer a{row[0].get<std::string>(), row[1].get<std::string>(), row[2].get<std::string>(),
             row[3].get<std::string>(), row[4].get<std::string>(), row[5].get<std::int64_t>() != 0};
    if (std::find(benchmarks.begin(), benchmarks.end(), a.benchmark) == benchmarks.end()) benchmarks.push_back(a.benchmark);
    if (pictures.empty() || pictures.back() != a.picture) pictures.push_back(a.picture);
    about[{a.picture, a.benchmark}].push_back(std::move(a));
  }
  std::string out;
  size_t shown = 0;
  std::map<std::string, size_t> turns;  // benchmark → how often it was shown
  for (const std::string& picture : pictures) {
    const auto file = picture_file(folder, picture);
    if (!file || shown == kPictures) continue;
    const std::vector<Answer>* best = nullptr;  // of the benchmark that was shown least; not each asks about each picture
    for (const std::string& benchmark : benchmarks) {
      const auto it = about.find({picture, benchmark});
      if (it != about.end() && (best == nullptr || turns[benchmark] < turns[best->front().benchmark])) best = &it->second;
    }
    if (best == nullptr) continue;
    size_t& turn = turns[best->front().benchmark];
    out += figure((*best)[std::min(turn, best->size() - 1)], *file);
    ++turn;
    ++shown;
  }
  if (out.empty()) return "";
  return fmt::format("<p class=\"soft\">Trial {}. The first test pictures, the benchmarks in turn; not chosen by how the answers came "
                     "out.</p>\n<div class=\"grid\">\n{}</div>\n", escape(results.best), out);
}

// One line on how the scores were made, from the settings that came with them.
std::string setting_html(const store::Store& store, std::int64_t sweep, const Results& results) {
  const auto rows = store.query("SELECT setting FROM trial_score WHERE sweep_id = ?1 AND trial = ?2 AND stage = ?3 AND condition = 'seen'"
                                " AND main = 1 ORDER BY benchmark LIMIT 1", {sweep, results.best, results.best_stage});
  if (rows.rows.empty()) return "";
  const Json setting = parse_json(rows.rows[0][0].get<std::string>(), "setting of a score");
  std::string out;
  for (const char* name : {"split", "pictures", "first", "template", "decoding", "dtype"}) {
    if (!setting.contains(name)) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, escape(show(setting[name])));
  }
  return out.empty() ? "" : "<p class=\"soft\">How they were asked: " + out + ".</p>\n";
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&#39;";
    else if (byte < 0x20 && c != '\n' && c != '\t') out += "\xEF\xBF\xBD";
    else out += c;
  }
  return out;
}

std::optional<fs::path> picture_file(const fs::path& folder, const std::string& reference) {
  const fs::path file = folder / paths::picture_file(reference);  // without a slash, so it leads nowhere else
  std::error_code error;
  if (reference.empty() || !fs::is_regular_file(file, error)) return std::nullopt;
  return file;
}

std::string html(const store::Store& store, std::int64_t sweep) {
  const auto head = store.query(
      "SELECT name, recipe_file, datetime(created_us / 1000000, 'unixepoch'), (SELECT count(*) FROM trial t WHERE t.sweep_id = sweep.id)"
      " FROM sweep WHERE id = ?1", {sweep});
  if (head.rows.empty()) throw Error(fmt::format("no sweep with the id {}", sweep));
  const auto name = head.rows[0][0].get<std::string>();
  const auto trials = head.rows[0][3].get<std::int64_t>();
  const auto found = results(store, sweep);
  const std::string best = found ? found->best : "";

  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{0} · saucier</title>\n<style>{1}</style>\n"
      "</head>\n<body>\n<h1>{0}</h1>\n<p class=\"soft\">{2} · {3} trial{4} · first started {5} UTC</p>\n",
      escape(name), kStyle, escape(fs::path(head.rows[0][1].get<std::string>()).filename().string()), trials, trials == 1 ? "" : "s",
      head.rows[0][2].get<std::string>());
  if (found) {
    out += section("Scores", scores_html(*found) + setting_html(store, sweep, *found));
    out += section("Ranking", ranking_html(*found));
    out += section("What it answers", pictures_html(store, sweep, *found));
  } else {
    out += "<p>No scores yet.</p>\n";
  }
  out += section("Rounds", rounds_html(store, sweep));
  out += section("What teachers wrote", taught_html(store, sweep));
  out += section("Loss", curves_html(store, sweep, best));
  out += section("Stages", stages_html(store, sweep));
  return out + "</body>\n</html>\n";
}

void write_html(const store::Store& store, std::int64_t sweep, const fs::path& file) {
  if (file.has_parent_path()) make_folders(file.parent_path());
  write_file_atomic(file, html(store, sweep));
}

}  // namespace saucier::report
