#include <cstddef>
#include <cstdio>  // jpeglib.h wants FILE and size_t

#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>

#include "modules/base/error.h"
#include "modules/image/formats.h"

namespace saucier::image {
namespace {

constexpr std::uint64_t kPixelsPerByte = 512;  // a block of 8 x 8 takes a bit at least
constexpr int kMaxScans = 100;                 // each costs a pass over all blocks; real files have about ten
constexpr int kApp1 = JPEG_APP0 + 1;           // the marker that holds EXIF and XMP
constexpr const char* kTooEarly = "the file ends too early";

// libjpeg reports errors by longjmp, which skips destructors: every object with one lives here or in the caller, and none
// is made between setjmp and the jump. What libjpeg only warns of (a damaged block, say) is read, as Pillow reads it.
struct Call {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  std::array<char, JMSG_LENGTH_MAX> problem{};

  Call() = default;
  ~Call() { jpeg_destroy_decompress(&jpeg); }  // does nothing to one that was never made
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  void say(const char* text) { std::snprintf(problem.data(), problem.size(), "%s", text); }};

Call& call_of(j_common_ptr jpeg) { return *static_cast<Call*>(jpeg->client_data); }

void on_error(j_common_ptr jpeg) {
  Call& call = call_of(jpeg);
  jpeg->err->format_message(jpeg, call.problem.data());
  std::longjmp(call.jump, 1);
}

void on_message(j_common_ptr) {}

void on_scan(j_common_ptr jpeg) {
  if (!jpeg->is_decompressor || reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kMaxScans) return;
  Call& call = call_of(jpeg);
  std::snprintf(call.problem.data(), call.problem.size(), "more than %d scans", kMaxScans);
  std::longjmp(call.jump, 1);
}

// The whole file lies in the buffer: who asks for more has been cut short. Pillow answers in this way, too, so that the
// same truncated files are errors.
boolean on_more(j_decompress_ptr) { return FALSE; }

void on_skip(j_decompress_ptr jpeg, long count) {
  const size_t size = std::min(static_cast<size_t>(std::max(count, 0L)), jpeg->src->bytes_in_buffer);
  jpeg->src->next_input_byte += size;
  jpeg->src->bytes_in_buffer -= size;
}

void on_nothing(j_decompress_ptr) {}

bool read_header(Call& call, std::string_view bytes) {
  jpeg_decompress_struct& jpeg = call.jpeg;
  jpeg.err = jpeg_std_error(&call.errors);
  jpeg.client_data = &call;
  call.errors.error_exit = on_error;
  call.errors.output_message = on_message;
  if (setjmp(call.jump) != 0) return false;
  jpeg_create_decompress(&jpeg);
  call.progress.progress_monitor = on_scan;
  jpeg.progress = &call.progress;
  call.source.init_source = on_nothing;
  call.source.fill_input_buffer = on_more;
  call.source.skip_input_data = on_skip;
  call.source.resync_to_restart = jpeg_resync_to_restart;
  call.source.term_source = on_nothing;
  call.source.next_input_byte = reinterpret_cast<const JOCTET*>(bytes.data());
  call.source.bytes_in_buffer = bytes.size();
  jpeg.src = &call.source;
  jpeg_save_markers(&jpeg, kApp1, 0xffff);
  int result = JPEG_HEADER_TABLES_ONLY;
  while (result == JPEG_HEADER_TABLES_ONLY) result = jpeg_read_header(&jpeg, FALSE);
  if (result == JPEG_SUSPENDED) {
    call.say(kTooEarly);
    return false;
  }
  return true;
}

// Pillow's cmyk2rgb; the file holds the four inverted, as Adobe began to and all others followed.
void cmyk_to_rgb(const std::uint8_t* from, std::uint8_t* to, int width) {
  for (int x = 0; x < width; ++x, from += 4, to += 3) {
    const int white = from[3];
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - from[c]) * white + 128;
      to[c] = static_cast<std::uint8_t>(std::max(0, white - (((product >> 8) + product) >> 8)));
    }
  }
}

// `line` has room for a row as the file has it.
bool read_rows(Call& call, Picture& picture, std::vector<std::uint8_t>& line) {
  jpeg_decompress_struct& jpeg = call.jpeg;
  if (setjmp(call.jump) != 0) return false;
  if (jpeg_start_decompress(&jpeg) == FALSE) {
    call.say(kTooEarly);
    return false;
  }
  for (int y = 0; y < picture.height; ++y) {
    std::uint8_t* to = picture.pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(picture.width) * 3;
    JSAMPROW row = jpeg.num_components == 3 ? to : line.data();
    if (jpeg_read_scanlines(&jpeg, &row, 1) != 1) {
      call.say(kTooEarly);
      return false;
    }
    if (jpeg.num_components == 1)
      for (int x = 0; x < picture.width; ++x) std::fill_n(to + std::ptrdiff_t{3} * x, 3, row[x]);
    if (jpeg.num_components == 4) cmyk_to_rgb(row, to, picture.width);
  }
  jpeg_finish_decompress(&jpeg);  // FALSE where the end marker is missing
  return true;
}

}  // namespace

Decoded decode_jpeg(const Encoded& file) {
  Call call;
  if (!read_header(call, file.bytes)) throw Error(in_our_words(call.problem.data()));
  jpeg_decompress_struct& jpeg = call.jpeg;
  check_size(jpeg.image_width, jpeg.image_height, file.file_bytes, kPixelsPerByte);
  switch (jpeg.num_components) {
    case 1: jpeg.out_color_space = JCS_GRAYSCALE; break;
    case 3: jpeg.out_color_space = JCS_RGB; break;
    case 4: jpeg.out_color_space = JCS_CMYK; break;
    default: throw Error(fmt::format("{} colour components", jpeg.num_components));
  }
  Decoded out{.picture = {.width = static_cast<int>(jpeg.image_width), .height = static_cast<int>(jpeg.image_height), .pixels = {}}, .exif = {}, .xmp = {}};
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    constexpr std::string_view kExif("Exif\0\0", 6), kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
    if (data.starts_with(kExif)) out.exif += out.exif.empty() ? data : data.substr(kExif.size());  // may be in pieces
    if (data.starts_with(kXmp)) out.xmp = data.substr(kXmp.size());
  }
  if (!file.pixels) return out;
  out.picture.pixels.resize(size_t{jpeg.image_width} * jpeg.image_height * 3);
  std::vector<std::uint8_t> line(size_t{jpeg.image_width} * 4);
  if (!read_rows(call, out.picture, line)) throw Error(in_our_words(call.problem.data()));
  return out;
}

}  // namespace saucier::image
