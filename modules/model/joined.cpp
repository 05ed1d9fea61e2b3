#include "modules/model/joined.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

#include "modules/base/error.h"
#include "modules/image/anyres.h"
#include "modules/text/conversation.h"

namespace saucier::model {
namespace {

at::Tensor to_tensor(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::TensorOptions(at::kLong));
}

bool wants_gradient(const Parameters& parameters) {
  return std::any_of(parameters.begin(), parameters.end(), [](const auto& entry) { return entry.second.requires_grad(); });
}

// The rows of one picture's tokens among its tiles' patches, the first tile being number `first`: the whole picture, then
// the lines of the tiles that show some of it, each with a newline behind.
std::vector<std::int64_t> rows_of_tiles(image::Size picture, const image::PictureTokens& tokens, std::int64_t first) {
  const std::int64_t side = tokens.side_patches, each = side * side;
  const image::AnyresTokens of = image::anyres_tokens(picture, tokens.pinpoints, tokens.side, tokens.side_patches);
  std::vector<std::int64_t> rows(static_cast<size_t>(each));
  std::iota(rows.begin(), rows.end(), first * each);
  for (int y = of.window.top; y < of.window.top + of.window.height; ++y) {
    for (int x = of.window.left; x < of.window.left + of.window.width; ++x) {
      const std::int64_t tile = first + 1 + y / side * of.grid.width + x / side;
      rows.push_back(tile * each + y % side * side + x % side);
    }
    rows.push_back(JoinedModel::kNewline);
  }
  SAUCIER_CHECK(static_cast<int>(rows.size()) == of.count, "{} tokens of {}", rows.size(), of.count);
  return rows;
}

// Whether they are all of `count` rows, one behind the other: then nothing has to be gathered.
bool in_order(const std::vector<std::int64_t>& rows, std::int64_t count) {
  if (static_cast<std::int64_t>(rows.size()) != count) return false;
  for (std::int64_t i = 0; i < count; ++i)
    if (rows[static_cast<size_t>(i)] != i) return false;
  return true;
}

// How many ids all rows begin with, none of them a picture or the place before a learned one. A row keeps a token of its own.
size_t shared_prefix(std::span<const std::vector<std::int32_t>> ids, std::span<const std::vector<std::int32_t>> labels, std::int32_t image) {
  if (ids.size() < 2) return 0;
  size_t count = std::numeric_limits<size_t>::max();
  for (size_t b = 0; b < ids.size(); ++b) {
    const auto& row = ids[b];
    const auto apart = std::mismatch(row.begin(), row.end(), ids[0].begin(), ids[0].end()).first;
    const auto picture = std::find(row.begin(), row.end(), image);
    count = std::min({count, static_cast<size_t>(apart - row.begin()), static_cast<size_t>(picture - row.begin()), row.size() - 1});
    if (labels.empty()) continue;
    const auto learned = std::find_if(labels[b].begin(), labels[b].end(), [](std::int32_t label) { return label != text::kIgnore; });
    if (learned != labels[b].end()) count = std::min(count, static_cast<size_t>(std::max<std::ptrdiff_t>(learned - labels[b].begin() - 1, 0)));
  }
  return count;
}

}  // namespace

std::vector<std::int64_t> JoinedModel::Batch::lengths() const {
  std::vector<std::int64_t> whole = rows.lengths;
  for (std::int64_t& length : whole) length += rows.prefix;
  return whole;
}

image::PictureTokens JoinedModel::picture_tokens(std::string_view how) const {
  if (!tower || !projector) return {};
  return layout::picture_tokens(tower->config(), tower->processor(), projector->config(), keep_class, how);
}

void JoinedModel::compute_in(at::ScalarType dtype) {
  if (tower) tower->compute_in(dtype);
  if (projector) projector->compute_in(dtype);
  language.compute_in(dtype);
}

void JoinedModel::move_to(const at::Device& device) {
  if (tower) tower->move_to(device);
  if (projector) projector->move_to(device);
  language.move_to(device);
}

void JoinedModel::merge_lora() {
  if (tower) tower->merge_lora();
  if (projector) projector->merge_lora();
  language.merge_lora();
}

at::Tensor JoinedModel::picture_features(const at::Tensor& pixels) const {
  SAUCIER_CHECK(tower.has_value(), "picture features of a model without a vision tower");
  at::AutoGradMode gradient(at::GradMode::is_enabled() && (wants_gradient(tower->parameters()) || wants_gradient(tower->lora())));
  return tower->forward(pixels.to(tower->device()), vision_layers, keep_class);
}

JoinedModel::Shown JoinedModel::show(std::span<const data::Picture> pictures, std::string_view how) const {
  Shown shown;
  if (pictures.empty()) return shown;
  SAUCIER_CHECK(tower && projector, "{} pictures for a model without sight", pictures.size());
  const image::PictureTokens tokens = picture_tokens(how);
  if (!tokens.by_size()) {
    const at::Tensor pixels = pixel_values(pictures, tower->processor(), how);
    shown = whole(picture_features(pixels));
    shown.pixels = pixels;
    return shown;
  }
  const image::Processor processor = layout::with_grid(tower->processor());
  std::vector<data::Picture> tiles;
  for (const data::Picture& picture : pictures) {
    shown.rows.push_back(rows_of_tiles({picture.height, picture.width}, tokens, static_cast<std::int64_t>(tiles.size())));
    std::ranges::move(image::tiles(picture, processor), std::back_inserter(tiles));
  }
  shown.pixels = pixel_values(tiles, tower->processor(), "square");
  shown.features = picture_features(shown.pixels);
  return shown;
}

JoinedModel::Shown JoinedModel::whole(const at::Tensor& features) const {
  SAUCIER_CHECK(projector.has_value(), "pictures for a model without a projector");
  Shown shown{.pixels = {}, .features = features, .rows = {}};
  const std::int64_t tokens = layout::tokens(projector->config(), features.size(1));
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    shown.rows.emplace_back(static_cast<size_t>(tokens));
    std::iota(shown.rows.back().begin(), shown.rows.back().end(), i * tokens);
  }
  return shown;
}

JoinedModel::Batch JoinedModel::splice(std::span<const std::vector<std::int32_t>> ids,
                                       std::span<const std::vector<std::int32_t>> labels, const Shown& shown) const {
  std::vector<std::int64_t> which(shown.rows.size());
  std::iota(which.begin(), which.end(), std::int64_t{0});
  return splice(ids, labels, shown, which);
}

JoinedModel::Batch JoinedModel::splice(std::span<const std::vector<std::int32_t>> ids,
                                       std::span<const std::vector<std::int32_t>> labels, const Shown& shown,
                                       std::span<const std::int64_t> which, bool share) const {
  SAUCIER_CHECK(!ids.empty() && (labels.empty() || labels.size() == ids.size()), "{} rows with {} rows of labels",
                ids.size(), labels.size());
  const std::int32_t image = tokenizer ? tokenizer->image() : -1;
  size_t markers = 0;
  for (const auto& row : ids) markers += static_cast<size_t>(std::count(row.begin(), row.end(), image));
  if (markers != which.size())
    throw Error(fmt::format("{} pictures for {} places of a picture in the text", which.size(), markers));

  Batch batch;
  const size_t prefix = share ? shared_prefix(ids, labels, image) : 0;
  batch.rows.prefix = static_cast<std::int64_t>(prefix);
  batch.prefix_ids.assign(ids[0].begin(), ids[0].begin() + static_cast<std::ptrdiff_t>(prefix));

  // Where words, parts of pictures, ends of their lines and learned positions stand in [N].
  std::vector<std::int64_t> words(batch.prefix_ids.begin(), batch.prefix_ids.end()), word_at(prefix), patches, patch_at, newline_at, predict_at, targets;
  std::iota(word_at.begin(), word_at.end(), std::int64_t{0});
  size_t next = 0;  // of `which`
  std::int64_t position = batch.rows.prefix;
  for (size_t b = 0; b < ids.size(); ++b) {
    SAUCIER_CHECK(labels.empty() || labels[b].size() == ids[b].size(), "row {}: {} ids with {} labels", b,
                  ids[b].size(), labels[b].size());
    const std::int64_t start = position;
    for (size_t i = prefix; i < ids[b].size(); ++i) {
      if (ids[b][i] == image) {
        for (const std::int64_t row : shown.rows[static_cast<size_t>(which[next])]) {
          if (row != kNewline) patches.push_back(row);
          (row == kNewline ? newline_at : patch_at).push_back(position++);
        }
        ++next;
        continue;
      }
      if (!labels.empty() && labels[b][i] != text::kIgnore && position > start) {
        predict_at.push_back(position - 1);
        targets.push_back(labels[b][i]);
        batch.row_of_target.push_back(static_cast<std::int32_t>(b));
      }
      words.push_back(ids[b][i]);
      word_at.push_back(position++);
    }
    batch.rows.lengths.push_back(position - start);
  }

  const at::Device device = language.device();
  const auto place = [&](const std::vector<std::int64_t>& values) { return to_tensor(values).to(device); };
  const std::int64_t width = language.config().hidden_size;
  at::Tensor table = at::zeros({position, width}, at::TensorOptions(language.dtype()).device(device));
  if (!words.empty()) table.index_copy_(0, place(word_at), language.embed(place(words)));
  if (!patches.empty()) {
    SAUCIER_CHECK(projector.has_value(), "pictures for a model without a projector");
    at::Tensor projected = projector->forward(shown.features);
    if (projected.size(2) != width)
      throw Error(fmt::format("the projector gives width {}, the language model takes {}", projected.size(2), width));
    projected = projected.reshape({-1, width}).to(language.dtype());
    if (!in_order(patches, projected.size(0))) projected = projected.index_select(0, place(patches));
    table.index_copy_(0, place(patch_at), projected);
  }
  if (!newline_at.empty()) {
    if (!projector->has_newline()) throw Error("the model has no 'image_newline', which stands behind each row of a picture's tiles",
                                               "use image_aspect = \"square\" or \"pad\", or a model that was trained with \"anyres\"");
    const auto count = static_cast<std::int64_t>(newline_at.size());
    table.index_copy_(0, place(newline_at), projector->newline().to(language.dtype()).unsqueeze(0).expand({count, width}));
  }
  batch.embeds = table;
  batch.predict_at = place(predict_at);
  batch.targets = place(targets);
  return batch;
}

at::Tensor pixel_values(std::span<const data::Picture> pictures, const image::Processor& processor, std::string_view aspect) {
  const std::int64_t height = processor.height(), width = processor.width(), count = static_cast<std::int64_t>(pictures.size());
  at::Tensor pixels = at::empty({count, 3, height, width}, at::kFloat);
  const auto size = static_cast<size_t>(3 * height * width);
  float* out = pixels.mutable_data_ptr<float>();
  at::parallel_for(0, count, 4, [&](std::int64_t begin, std::int64_t end) {
    for (auto n = static_cast<size_t>(begin); n < static_cast<size_t>(end); ++n)
      image::pixel_values(pictures[n], processor, aspect, std::span(out + n * size, size));
  });
  return pixels;
}

}  // namespace saucier::model
