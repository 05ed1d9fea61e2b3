// What modules/image makes of pictures, for tests/parity/pictures.py: picture_values JOBS OUT. A job a line, as JSON:
//   {"file": F, "do": "decode"}
//   {"file": F, "do": "resize", "width": W, "height": H, "filter": N}
//   {"file": F, "do": "values" or "tiles", "processor": {preprocessor_config.json}, "aspect": A}, with "repeat": N for the
//   time that it takes
//   {"do": "anyres", "processor": {...}, "sizes": [[height, width]…], "side": S, "patches": P}
// To each the answer is 1 byte (1 for an error), 8 bytes of size and the bytes: pixels after width and height (4 bytes
// each), floats, integers or the error.
#include <cstdio>
#include <cstring>
#include <sstream>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/image/anyres.h"

using namespace saucier;
using namespace saucier::image;

namespace {

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string pixels(const Picture& picture) {
  return raw(std::vector<std::int32_t>{picture.width, picture.height}) + raw(picture.pixels);
}

std::string values(std::span<const Picture> pictures, const Processor& processor, std::string_view aspect) {
  std::vector<float> out(3 * static_cast<size_t>(processor.height()) * static_cast<size_t>(processor.width()) * pictures.size());
  const size_t each = out.size() / pictures.size();
  for (size_t i = 0; i < pictures.size(); ++i) pixel_values(pictures[i], processor, aspect, std::span(out).subspan(i * each, each));
  return raw(out);
}

std::string anyres(const Json& job) {
  const Processor processor = Processor::read(job["processor"]);
  const std::span<const Size> offered = processor.image_grid_pinpoints;
  const int side = job["side"], patches = job["patches"];
  std::vector<std::int32_t> out;
  for (const Json& pair : job["sizes"]) {
    const Size size{pair[0], pair[1]};
    const Size best = best_resolution(size, offered);
    const AnyresTokens tokens = anyres_tokens(size, offered, side, patches);
    const Window& window = tokens.window;
    for (const int number : {best.height, best.width, tokens.grid.height, tokens.grid.width, tile_count(size, offered, side), window.top,
                             window.left, window.height, window.width, tokens.count})
      out.push_back(number);
  }
  return raw(out);
}

std::string answer(const Json& job) {
  const std::string what = job["do"];
  if (what == "anyres") return anyres(job);
  const Picture picture = read_picture(job["file"].get<std::string>());
  if (what == "decode") return pixels(picture);
  if (what == "resize") return pixels(resize(picture, job["width"], job["height"], static_cast<Filter>(job["filter"].get<int>())));
  const Processor processor = Processor::read(job["processor"]);
  if (what == "tiles") return values(tiles(picture, processor), processor, "square");
  return values(std::span(&picture, 1), processor, job["aspect"].get<std::string>());
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fputs("usage: picture_values JOBS OUT\n", stderr);
    return 2;
  }
  std::istringstream jobs(read_file(words[1]));
  std::string out;
  for (std::string line; std::getline(jobs, line);) {
    std::string bytes;
    bool failed = false;
    try {
      const Json job = parse_json(line, "job");
      for (int i = job.value("repeat", 1); i > 0; --i) bytes = answer(job);
    } catch (const Error& error) {
      bytes = error.what();
      failed = true;
    }
    const std::uint64_t size = bytes.size();
    out += static_cast<char>(failed);
    out.append(reinterpret_cast<const char*>(&size), sizeof size);
    out += bytes;
  }
  write_file_atomic(words[2], out);
  return 0;
}
