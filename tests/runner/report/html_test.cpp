#include <catch2/catch.hpp>

#include <regex>

#include "modules/base/base64.h"
#include "modules/base/clock.h"
#include "modules/image/picture.h"
#include "runner/report/curves.h"
#include "runner/report/html.h"
#include "runner/report/markup.h"
#include "tests/runner/report/filled_store.h"
#include "tests/temp_folder.h"

using namespace saucier;

namespace {

// "" when every tag is closed in order and every ampersand starts an entity; else what is wrong.
std::string badly_formed(const std::string& page) {
  std::vector<std::string> open;
  size_t at = page.find("<html");
  while (at < page.size()) {
    if (page[at] == '&') {
      const std::string entity = page.substr(at, page.find(';', at) - at + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;" && entity != "&#39;") return "entity " + entity;
    }
    if (page[at] == '>') return "a stray '>' at " + page.substr(at, 40);
    if (page[at] != '<') {
      ++at;
      continue;
    }
    const size_t end = page.find('>', at);
    const std::string tag = page.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return "a stray '<' in " + tag.substr(0, 60);
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return "quotes in " + tag.substr(0, 60);
    const std::string name = tag.substr(tag[0] == '/', tag.find_first_of(" /", 1) - (tag[0] == '/'));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "closing " + tag + " in " + (open.empty() ? "nothing" : open.back());
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty() ? "" : "left open: " + open.back();
}

int times(const std::string& text, const std::string& what) {
  int n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

std::string png() { return image::png_bytes({.width = 2, .height = 1, .pixels = {255, 0, 0, 0, 0, 255}}); }

}  // namespace

TEST_CASE("the check for well-formed pages finds what is wrong") {
  CHECK(badly_formed("<html><p a=\"b\">x &amp; y<br/></p></html>") == "");
  CHECK(badly_formed("<html><p></html>") != "");
  CHECK(badly_formed("<html>a & b;</html>") != "");
  CHECK(badly_formed("<html>a < b</html>") != "");
}

TEST_CASE("the page of a sweep") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  std::vector<std::pair<std::string, std::string>> files;
  for (int i = 0; i < 8; ++i) files.emplace_back("pictures/scene-test-" + std::to_string(i + 16) + ".png", png());
  const auto sweep = fill_store(*store, files);
  report::write_html(*store, sweep, folder.path() / "deep" / "x.html");
  const std::string page = read_file(folder.path() / "deep" / "x.html");

  CHECK(badly_formed(page) == "");
  CHECK(page.find("<h1>x&lt;y</h1>") != std::string::npos);
  CHECK(page.find("http") == std::string::npos);  // nothing from elsewhere
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("name=\"viewport\"") != std::string::npos);
  CHECK(page.find("prefers-color-scheme: dark") != std::string::npos);

  // The best of each column among the trials: x-2 counts best, x-3 leads in pope, x-2 in the mean.
  CHECK(times(page, "top\">") == 3);
  CHECK(page.find("top\">0.925<") != std::string::npos);
  CHECK(page.find("top\">0.750<") != std::string::npos);
  for (const char* label : {"x-3 blind", "before", "majority", "chance"}) CHECK(page.find(std::string("<td>") + label + "</td>") != std::string::npos);
  CHECK(page.find("Best trial by bench.scenes-pope.f1: <strong>x-3</strong>") != std::string::npos);
  CHECK(times(page, "the order is open") == 1);
  CHECK(times(page, "the order holds") == 1);
  CHECK(page.find("template vicuna_v1") != std::string::npos);

  // A curve a train stage: align is one line (shared), instruct three.
  CHECK(times(page, "role=\"img\"") == 2);
  CHECK(times(page, "<path class=\"line c0 best\" d=\"M") == 1);  // align
  CHECK(times(page, "<path class=\"line c2 best\" d=\"M") == 1);  // instruct of x-3
  CHECK(page.find("loss of stage align") < page.find("loss of stage instruct"));
  CHECK(page.find("13 s") != std::string::npos);

  // Six of the eight pictures, the benchmarks in turn, right and wrong as they come (x-3 is wrong on 20 and 22).
  CHECK(times(page, "data:image/png;base64," + to_base64(png())) == 6);
  const std::regex figure("<figure>\\s*<img alt=\"test picture (\\S+)\"[^>]*/>\\s*<figcaption><span class=\"soft\">([a-z-]+)</span>[\\s\\S]*?"
                          "<span class=\"(right|wrong)\">");
  std::vector<std::string> seen;
  for (std::sregex_iterator it(page.begin(), page.end(), figure), end; it != end; ++it)
    seen.push_back((*it)[1].str() + " " + (*it)[2].str() + " " + (*it)[3].str());
  CHECK(seen == std::vector<std::string>{"scene:test:16 scenes-count right", "scene:test:17 scenes-pope right",
                                         "scene:test:18 scenes-count right", "scene:test:19 scenes-pope right",
                                         "scene:test:20 scenes-count right", "scene:test:21 scenes-pope wrong"});
  CHECK(page.find("Is there a &lt;fox&gt; &amp; an owl?") != std::string::npos);
}

TEST_CASE("a sweep without scores has a page too") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const auto sweep = store->add_sweep("new", "new.toml", "", "maximize",
                                      {{.name = "new-1", .parameters = Json::object(), .resolved = "{}", .stages = {{"align", "k"}}}});
  const std::string page = report::html(*store, sweep);
  CHECK(badly_formed(page) == "");
  CHECK(page.find("No scores yet.") != std::string::npos);
  CHECK(page.find("<td>queued</td>") != std::string::npos);
  CHECK_THROWS(report::html(*store, sweep + 1));
}

TEST_CASE("a picture's reference leads nowhere outside the artifact") {
  TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  write_file_atomic(folder.path() / "secret.png", png());
  const auto sweep = store->add_sweep("p", "p.toml", "", "maximize", {{.name = "p-1", .parameters = Json::object(),
                                      .resolved = canonical(resolved_recipe(1)), .stages = {{"bench", "b1"}}}});
  auto events = bench_events({0, 0}, 0.5, 0.5);
  for (Json& event : events)
    if (event["event"] == "prediction") event["picture"] = "../../../secret";
  make_folders(store->artifacts() / "b1" / "pictures");
  finish_stage(*store, "b1", "bench", "evaluate", events, {{"pictures/a.png", png()}});
  CHECK(report::html(*store, sweep).find("base64") == std::string::npos);
}

TEST_CASE("text is escaped, control characters are replaced") {
  CHECK(report::escape("a<b>&\"'\n\x01") == "a&lt;b&gt;&amp;&quot;&#39;\n\xEF\xBF\xBD");
}

TEST_CASE("a curve breaks where a value was not finite") {
  report::Line line{.name = "t", .best = true, .points = {{1, 1.0}, {2, 0.8}, {3, std::nullopt}, {4, 0.6}, {5, 0.5}}};
  const std::string svg = report::curves_svg("loss", {line});
  CHECK(svg.find("d=\"M46.0 8.0L122.5 64.0M275.5 120.0L352.0 148.0\"") != std::string::npos);
  CHECK(svg.find("log scale") == std::string::npos);
  line.points[0].second = 100;
  CHECK(report::curves_svg("loss", {line}).find("log scale") != std::string::npos);
  CHECK(report::curves_svg("loss", {{.name = "t", .best = false, .points = {{1, 1.0}}}}) == "");
  CHECK(report::line_class(2, 3) == "c2");
  CHECK(report::line_class(2, 7) == "rest");
}

TEST_CASE("what a teacher wrote is shown with its verdicts, kinds and pictures") {
  const TempFolder folder;
  const auto store = store::Store::open(folder.path() / "s.db");
  const Json overview = {{"verdicts", {{"kept", 30}, {"absent-object", 10}}},
                         {"kinds", {{"conversation", {{"samples", 20}, {"pairs", 60}, {"question_words", 300}, {"answer_words", 600}}}, {"riddle", {{"samples", 10}, {"pairs", 10}, {"question_words", 50}, {"answer_words", 10}}}}},
                         {"shown", {{{"id", "a"}, {"kind", "riddle"}, {"verdict", "kept"}, {"detail", ""}, {"picture", "scene:train:1"}, {"reply", ""}, {"turns", Json::array({Json::array({"What <is> it?", "A fox & a hen."})})}},
                                    {{"id", "b"}, {"kind", "riddle"}, {"verdict", "unlabelled"}, {"detail", "block 1"}, {"picture", "gone.png"}, {"reply", "<b>no"}, {"turns", Json::array()}}}}};
  const std::string page = report::html(*store, fill_store(*store, {{"overview.json", overview.dump()}, {"pictures/scene-train-1.png", png()}}));
  CHECK(badly_formed(page) == "");
  CHECK(page.find("What teachers wrote") != std::string::npos);
  CHECK(page.find("<td>absent-object</td><td class=\"number\">10</td><td class=\"number\">25.0 %</td>") != std::string::npos);
  CHECK(page.find("<td>conversation</td><td class=\"number\">20</td><td class=\"number\">66.7 %</td><td class=\"number\">36.7 %</td><td class=\"number\">3.0</td><td class=\"number\">5.0</td><td class=\"number\">10.0</td>") != std::string::npos);
  CHECK(page.find("What &lt;is&gt; it?") != std::string::npos);
  CHECK(page.find("&lt;b&gt;no") != std::string::npos);
  CHECK(page.find("alt=\"picture scene:train:1\"") != std::string::npos);
  CHECK(page.find("alt=\"picture gone.png\"") == std::string::npos);
}
