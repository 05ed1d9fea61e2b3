#include "runner/cli/preview_html.h"

#include <algorithm>

#include "modules/base/base64.h"
#include "modules/base/error.h"
#include "modules/base/file.h"
#include "runner/report/markup.h"

namespace saucier::cli {
namespace {

using report::escape;

constexpr int kSide = 336;  // largest side of a picture on the page

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --text: #1c1e21; --back: #fff; --soft: #666b73; --line: #d9dce1; --learned: #d7f2de; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --back: #16181c; --soft: #9aa1ab; --line: #363b43; --learned: #1d4a2c; } }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .2rem; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
.soft { color: var(--soft); } .wide { overflow-x: auto; }
article { border-top: 1px solid var(--line); padding: 1rem 0; display: flex; flex-wrap: wrap; gap: 1rem; }
article > div { flex: 1 1 24rem; min-width: 0; } figure { margin: 0; } figcaption { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
img { max-width: 100%; min-width: 8rem; border-radius: .3rem; image-rendering: pixelated; }
pre { margin: .3rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font: .95rem/1.5 ui-monospace, monospace; }
mark { background: var(--learned); color: inherit; border-radius: .2rem; }
table { border-collapse: collapse; font-size: .85rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .55rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: bottom; }
.number { text-align: right; }
)";

// A picture that cannot be read is part of what the page shows.
std::string figure(const sources::ShownPicture& shown) {
  const std::string caption = fmt::format("<figcaption>{}, tokens {} to {}</figcaption>", escape(shown.picture.reference), shown.begin, shown.end - 1);
  try {
    data::Picture picture = shown.picture.source->load(shown.picture.reference);
    const int longest = std::max(picture.width, picture.height);
    if (longest > kSide) picture = image::resize(picture, std::max(1, picture.width * kSide / longest), std::max(1, picture.height * kSide / longest));
    return fmt::format("<figure><img alt=\"\" src=\"data:image/png;base64,{}\">{}</figure>\n", to_base64(image::png_bytes(picture)), caption);
  } catch (const Error& error) {
    return fmt::format("<figure><p>{}</p>{}</figure>\n", escape(error.what()), caption);
  }
}

std::string article(const sources::ShownSample& sample) {
  std::string out = "<article>\n";
  for (const sources::ShownPicture& picture : sample.pictures) out += figure(picture);
  out += fmt::format("<div><span class=\"soft\">{} · {}{}{}", escape(sample.source), escape(sample.id), sample.kind.empty() ? "" : " · ", escape(sample.kind));
  if (sample.dropped.empty())
    out += fmt::format(" · {} tokens, {} learned</span>\n<pre>", sample.ids.size(), sample.learned);
  else
    out += fmt::format(" · left out: {}</span>\n<pre>", escape(sample.dropped_because));
  if (!sample.dropped.empty())
    for (const data::Turn& turn : sample.turns) out += fmt::format("{}: {}\n", turn.role == data::Role::kUser ? "user" : "assistant", escape(turn.text));
  for (const text::Piece& piece : sample.pieces) out += piece.learned ? fmt::format("<mark>{}</mark>", escape(piece.text)) : escape(piece.text);
  return out + "</pre></div>\n</article>\n";
}

std::string table_html(const report::Table& table) {
  if (table.rows.empty()) return {};
  std::string out = "<h2>Sources</h2>\n<div class=\"wide\"><table>\n<tr>";
  for (std::string column : table.columns) {
    std::replace(column.begin(), column.end(), '_', ' ');  // so that a head takes several lines
    out += fmt::format("<th>{}</th>", escape(column));
  }
  for (const auto& row : table.rows) {
    out += "</tr>\n<tr>";
    for (const Json& value : row) out += fmt::format("<td{}>{}</td>", value.is_number() ? " class=\"number\"" : "", escape(report::show(value)));
  }
  return out + "</tr>\n</table></div>\n";
}

}  // namespace

void write_preview_html(const std::filesystem::path& file, const std::string& title, const std::vector<sources::ShownSample>& samples,
                        const report::Table& summary) {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}</title>\n"
      "<style>{1}</style>\n<h1>{0}</h1>\n<p class=\"soft\">What is <mark>marked</mark> is learned.</p>\n{2}<h2>Samples</h2>\n",
      escape(title), kStyle, table_html(summary));
  for (const sources::ShownSample& sample : samples) page += article(sample);
  write_file_atomic(file, page);
}

}  // namespace saucier::cli
