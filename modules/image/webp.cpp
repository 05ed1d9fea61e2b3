#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "modules/base/error.h"
#include "modules/image/formats.h"

namespace saucier::image {
namespace {

// The format itself sets no limit; of a picture of one colour libwebp writes a byte for 25,000 pixels.
constexpr std::uint64_t kPixelsPerByte = std::uint64_t{1} << 15;

std::string chunk(const WebPDemuxer* file, const char* name) {
  WebPChunkIterator found{};
  std::string out;
  if (WebPDemuxGetChunk(file, name, 1, &found) != 0) out.assign(reinterpret_cast<const char*>(found.chunk.bytes), found.chunk.size);
  WebPDemuxReleaseChunkIterator(&found);
  return out;
}

struct Frame {
  WebPIterator at{};
  ~Frame() { WebPDemuxReleaseIterator(&at); }
};

}  // namespace

Decoded decode_webp(const Encoded& file) {
  const WebPData data{.bytes = reinterpret_cast<const std::uint8_t*>(file.bytes.data()), .size = file.bytes.size()};
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> chunks(WebPDemux(&data), WebPDemuxDelete);
  if (!chunks) throw Error("the file is damaged or ends too early");
  const std::uint32_t width = WebPDemuxGetI(chunks.get(), WEBP_FF_CANVAS_WIDTH), height = WebPDemuxGetI(chunks.get(), WEBP_FF_CANVAS_HEIGHT);
  check_size(width, height, file.file_bytes, kPixelsPerByte);

  Frame frame;
  if (WebPDemuxGetFrame(chunks.get(), 1, &frame.at) == 0) throw Error("no picture in it");
  // The header of the frame itself: what the container says about it need not be true.
  int frame_width = 0, frame_height = 0;
  if (WebPGetInfo(frame.at.fragment.bytes, frame.at.fragment.size, &frame_width, &frame_height) == 0) throw Error("the header of the picture is damaged");
  const std::int64_t left = frame.at.x_offset, top = frame.at.y_offset;
  if (left < 0 || top < 0 || left + frame_width > width || top + frame_height > height) throw Error("the first frame lies outside the picture");

  Decoded out{.picture = {.width = static_cast<int>(width), .height = static_cast<int>(height), .pixels = {}},
              .exif = chunk(chunks.get(), "EXIF"),
              .xmp = chunk(chunks.get(), "XMP ")};
  if (!file.pixels) return out;
  std::vector<std::uint8_t>& pixels = out.picture.pixels;
  const size_t row = size_t{width} * 3;
  pixels.resize(row * height);  // black around a first frame that does not fill it
  const size_t start = static_cast<size_t>(top) * row + static_cast<size_t>(left) * 3;
  if (WebPDecodeRGBInto(frame.at.fragment.bytes, frame.at.fragment.size, pixels.data() + start, pixels.size() - start, static_cast<int>(row)) == nullptr)
    throw Error("the data is damaged or ends too early");
  return out;
}

}  // namespace saucier::image
