#include <algorithm>
#include <optional>

#include "modules/image/formats.h"

namespace saucier::image {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
enum TiffType : std::uint32_t { kShort = 3, kLong = 4 };

// A TIFF file's numbers, in its own byte order; nothing where it ends too early.
class Tiff {
 public:
  explicit Tiff(std::string_view bytes) : bytes_(bytes), little_(bytes.starts_with("II")) {}
  bool valid() const { return (little_ || bytes_.starts_with("MM")) && number(2, 2) == 42U; }
  std::optional<std::uint32_t> number(std::uint64_t at, std::uint64_t size) const {
    if (at + size > bytes_.size()) return {};
    std::uint32_t out = 0;
    for (std::uint64_t i = 0; i < size; ++i)
      out = out << 8 | static_cast<unsigned char>(bytes_[at + (little_ ? size - 1 - i : i)]);
    return out;
  }

 private:
  std::string_view bytes_;
  bool little_;
};

std::optional<std::uint32_t> from_exif(std::string_view exif) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  for (int i = 0; i < 2 && exif.starts_with(kPrefix); ++i) exif.remove_prefix(kPrefix.size());  // some write it twice
  const Tiff tiff(exif);
  if (!tiff.valid()) return {};
  const std::uint64_t directory = tiff.number(4, 4).value_or(0);
  const std::uint32_t entries = tiff.number(directory, 2).value_or(0);
  std::optional<std::uint32_t> found;
  for (std::uint64_t at = directory + 2, i = 0; i < entries; ++i, at += 12) {
    const auto tag = tiff.number(at, 2);
    if (!tag) break;
    if (tag != kOrientationTag || tiff.number(at + 4, 4) != 1U) continue;
    const std::uint32_t type = tiff.number(at + 2, 2).value_or(0);
    if (type == kShort || type == kLong) found = tiff.number(at + 8, type == kShort ? 2 : 4);
  }
  return found;
}

std::optional<std::uint32_t> from_xmp(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (size_t at = xmp.find(kName); at != std::string_view::npos; at = xmp.find(kName, at + 1)) {
    const std::string_view rest = xmp.substr(at + kName.size());
    const std::string_view value = rest.starts_with("=\"") ? rest.substr(2) : rest.starts_with(">") ? rest.substr(1) : "";
    if (!value.empty() && value[0] >= '0' && value[0] <= '9') return static_cast<std::uint32_t>(value[0] - '0');
  }
  return {};
}

}  // namespace

int orientation(std::string_view exif, std::string_view xmp) {
  std::optional<std::uint32_t> found = from_exif(exif);
  if (!found) found = from_xmp(xmp);
  return found && *found >= 1 && *found <= 8 ? static_cast<int>(*found) : 1;
}

bool is_turned(int orientation) { return orientation >= 5; }

// The tag says where the first row and column of what is stored lie: 1 top left, 2 top right, 3 bottom right, 4 bottom
// left; 5 to 8 the same with rows and columns changed.
Picture oriented(Picture picture, int orientation) {
  if (orientation == 1) return picture;
  const bool turned = is_turned(orientation);
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const std::ptrdiff_t width = picture.width, height = picture.height;
  Picture out{.width = turned ? picture.height : picture.width, .height = turned ? picture.width : picture.height, .pixels = {}};
  out.pixels.resize(picture.pixels.size());
  const std::ptrdiff_t row = width * 3;
  const std::ptrdiff_t across = from_right ? -3 : 3, down = from_bottom ? -row : row;
  const std::ptrdiff_t step = turned ? down : across, next = turned ? across : down;
  const std::uint8_t* line = picture.pixels.data() + (from_bottom ? (height - 1) * row : 0) + (from_right ? row - 3 : 0);
  std::uint8_t* to = out.pixels.data();
  for (int y = 0; y < out.height; ++y, line += next) {
    const std::uint8_t* from = line;
    for (int x = 0; x < out.width; ++x, from += step, to += 3) std::copy_n(from, 3, to);
  }
  return out;
}

}  // namespace saucier::image
