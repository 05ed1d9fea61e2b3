// LLaVA-NeXT's pictures of any resolution (`anyres`): a small picture of the whole and tiles of a larger one, and which
// of the tower's patches belong to the picture. Equal to image_processing_llava_next.py and modeling_llava_next.py of
// transformers 4.57. A picture's size is that of the picture as read, before any resizing.
#pragma once

#include <span>
#include <vector>

#include "modules/image/processor.h"

namespace saucier::image {

// Of the sizes offered (`image_grid_pinpoints`) the one that keeps most of the picture's pixels, then the one that wastes
// fewest. One at least.
Size best_resolution(Size picture, std::span<const Size> pinpoints);

// The whole picture resized to a square, then the tiles of the best resolution (in which the picture, resized to fit, lies
// in the middle of black), row by row. Each goes through pixel_values as "square".
std::vector<Picture> tiles(const Picture& picture, const Processor& processor);

// Rows and columns of tiles of `side` pixels in the best resolution (get_anyres_image_grid_shape).
Size tile_grid(Size picture, std::span<const Size> pinpoints, int side);

// How many pictures tiles() gives (image_size_to_num_patches).
int tile_count(Size picture, std::span<const Size> pinpoints, int side);

// The part of the grid of patches that shows the picture and not the black around it (unpad_image).
struct Window {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
  bool operator==(const Window&) const = default;
};
Window unpad(Size picture, Size patches);

// A picture's tokens, for a tower of `side` pixels with `side_patches` x `side_patches` patches: those of the whole, then
// the rows of `window` (in all tiles' patches laid out as one grid), each with the learned `image_newline` behind it.
struct AnyresTokens {
  Size grid;      // tiles
  Window window;  // patches
  int count = 0;
};
AnyresTokens anyres_tokens(Size picture, std::span<const Size> pinpoints, int side, int side_patches);

// How many tokens a picture takes: each the same number, or by its size.
struct PictureTokens {
  std::int64_t each = 0;
  std::vector<Size> pinpoints = {};  // not empty: anyres_tokens() says
  int side = 0;
  int side_patches = 0;

  bool by_size() const { return !pinpoints.empty(); }
  std::int64_t count(Size picture) const { return by_size() ? anyres_tokens(picture, pinpoints, side, side_patches).count : each; }
};

}  // namespace saucier::image
