#include "modules/generate/generate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "modules/base/error.h"
#include "modules/text/conversation.h"

namespace saucier::generate {
namespace {

constexpr size_t kPicturesAChunk = 256;    // whose features are held at once
constexpr size_t kPicturesATowerPass = 32;
constexpr std::uint8_t kGrey = 128;
// Finished rows are cut from the batch once so many are gone: cutting copies the whole cache.
constexpr double kRowsWorthKeeping = 0.75;

at::Tensor to_tensor(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::TensorOptions(at::kLong));
}

struct Prompt {
  size_t question = 0;
  std::vector<std::int32_t> ids;  // one image() id for the picture
  std::int64_t picture = -1;      // of the chunk's
};

// Where a question's picture comes from: equal keys are one picture.
using PictureKey = std::pair<const data::PictureSource*, std::string>;

std::vector<std::int32_t> prompt_ids(const model::JoinedModel& model, const options::JobConversation& conversation,
                                     const Question& question) {
  std::vector<text::Message> messages = question.before;
  messages.push_back({false, question.text});
  if (question.picture) {
    // Training draws the side at random there; an answer must not depend on a draw.
    const std::string position = conversation.image_position == "random" ? "front" : conversation.image_position;
    messages[0].text = text::place_image(fmt::format("{}\n{}", data::kImageMarker, messages[0].text), position);
  }
  return text::encode(*model.tokenizer, text::write_out(text::template_of(conversation), text::system_text(conversation), messages)).ids;
}

// The tokens that end an answer: the tokenizer's, the config's, and the template's where that is one token.
std::set<std::int64_t> end_tokens(const model::JoinedModel& model, const options::JobConversation& conversation) {
  const layout::LanguageConfig& config = model.language.config();
  std::set<std::int64_t> ends(config.further_eos.begin(), config.further_eos.end());
  ends.insert({config.eos, model.tokenizer->eos()});
  const std::string& end = text::template_of(conversation).assistant_end;
  if (!end.empty()) ends.insert(model.tokenizer->id(end));
  return ends;
}

data::Picture grey_picture(std::int64_t side) {
  const int length = static_cast<int>(side);
  return {length, length, std::vector<std::uint8_t>(static_cast<size_t>(3 * side * side), kGrey)};
}

// The given pictures as the tower has seen them, some at a time.
model::JoinedModel::Shown show_pictures(const model::JoinedModel& model, const std::vector<data::PictureRef>& references,
                                        std::string_view aspect, bool grey) {
  model::JoinedModel::Shown all;
  std::vector<at::Tensor> features;
  std::int64_t rows = 0;  // of the projected features so far
  for (size_t begin = 0; begin < references.size(); begin += kPicturesATowerPass) {
    std::vector<data::Picture> pictures;
    for (size_t i = begin; i < std::min(references.size(), begin + kPicturesATowerPass); ++i)
      pictures.push_back(grey ? grey_picture(model.tower->picture_side())
                              : references[i].source->load(references[i].reference));
    model::JoinedModel::Shown shown = model.show(pictures, aspect);
    for (std::vector<std::int64_t>& picture : shown.rows) {
      for (std::int64_t& row : picture)
        if (row != model::JoinedModel::kNewline) row += rows;
      all.rows.push_back(std::move(picture));
    }
    rows += shown.features.size(0) * layout::tokens(model.projector->config(), shown.features.size(1));
    features.push_back(shown.features);
  }
  if (!features.empty()) all.features = at::cat(features);
  return all;
}

// Those of them that `pictures` names, alone: the projector shall not work for the others.
model::JoinedModel::Shown part_of(const model::JoinedModel::Shown& shown, const std::vector<std::int64_t>& pictures, std::int64_t tokens) {
  if (pictures.empty()) return {};
  model::JoinedModel::Shown part;
  std::vector<std::int64_t> tiles;
  std::map<std::int64_t, std::int64_t> place;  // of a tile among those taken
  for (const std::int64_t picture : pictures) {
    part.rows.push_back(shown.rows[static_cast<size_t>(picture)]);
    for (std::int64_t& row : part.rows.back()) {
      if (row == model::JoinedModel::kNewline) continue;
      const auto [at, fresh] = place.try_emplace(row / tokens, static_cast<std::int64_t>(tiles.size()));
      if (fresh) tiles.push_back(row / tokens);
      row = at->second * tokens + row % tokens;
    }
  }
  part.features = shown.features.index_select(0, to_tensor(tiles).to(shown.features.device()));
  return part;
}

// Greedy answers for one batch of prompts.
class Decoder {
 public:
  Decoder(const model::JoinedModel& model, std::int64_t max_new_tokens, const std::set<std::int64_t>& ends)
      : model_(model), max_new_tokens_(max_new_tokens), ends_(ends) {}

  std::vector<std::vector<std::int32_t>> run(std::span<const Prompt> prompts, const model::JoinedModel::Shown& shown) {
    std::vector<std::vector<std::int32_t>> ids;
    std::vector<std::int64_t> pictures, which;
    std::map<std::int64_t, std::int64_t> place;  // of a picture among the batch's
    for (const Prompt& prompt : prompts) {
      ids.push_back(prompt.ids);
      if (prompt.picture < 0) continue;
      const auto [at, fresh] = place.try_emplace(prompt.picture, static_cast<std::int64_t>(pictures.size()));
      if (fresh) pictures.push_back(prompt.picture);
      which.push_back(at->second);
    }
    const std::int64_t each = pictures.empty() ? 1 : layout::tokens(model_.projector->config(), shown.features.size(1));
    const model::JoinedModel::Batch batch = model_.splice(ids, {}, part_of(shown, pictures, each), which);
    model::KeyValueCache cache;
    const at::Tensor hidden = model_.language.prefill(batch.embeds, batch.rows, batch.rows.longest() + max_new_tokens_, cache);
    std::vector<std::int64_t> ends(batch.rows.lengths.size());  // the last position of each row, in [N]
    std::partial_sum(batch.rows.lengths.begin(), batch.rows.lengths.end(), ends.begin());
    for (std::int64_t& end : ends) --end;
    at::Tensor last = hidden.index_select(0, to_tensor(ends).to(hidden.device()));  // [B, D]

    answers_.assign(prompts.size(), {});
    row_of_.resize(prompts.size());
    std::iota(row_of_.begin(), row_of_.end(), size_t{0});
    done_.assign(prompts.size(), false);
    for (std::int64_t made = 0; made < max_new_tokens_; ++made) {
      at::Tensor next = model_.language.logits(last).argmax(-1);  // [B]
      take(next);
      if (made + 1 == max_new_tokens_ || std::all_of(done_.begin(), done_.end(), [](bool done) { return done; })) break;
      next = drop_finished(next, cache);
      last = model_.language.decode(model_.language.embed(next), cache);
    }
    return std::move(answers_);
  }

 private:
  void take(const at::Tensor& next) {
    const at::Tensor tokens = next.cpu();
    for (size_t row = 0; row < row_of_.size(); ++row) {
      if (done_[row]) continue;
      const std::int64_t token = tokens.const_data_ptr<std::int64_t>()[row];
      done_[row] = ends_.contains(token);
      if (!done_[row]) answers_[row_of_[row]].push_back(static_cast<std::int32_t>(token));
    }
  }

  // Cuts finished rows out of the cache when enough of them are there; returns the tokens of the rows that stay.
  at::Tensor drop_finished(const at::Tensor& next, model::KeyValueCache& cache) {
    std::vector<std::int64_t> stay;
    for (size_t row = 0; row < done_.size(); ++row)
      if (!done_[row]) stay.push_back(static_cast<std::int64_t>(row));
    if (static_cast<double>(stay.size()) > kRowsWorthKeeping * static_cast<double>(done_.size())) return next;
    const at::Tensor rows = to_tensor(stay).to(next.device());
    for (auto* tensors : {&cache.keys, &cache.values})
      for (at::Tensor& tensor : *tensors) tensor = tensor.index_select(0, rows);
    std::vector<std::int64_t> lengths;
    std::vector<size_t> row_of;
    for (std::int64_t row : stay) {
      lengths.push_back(cache.lengths[static_cast<size_t>(row)]);
      row_of.push_back(row_of_[static_cast<size_t>(row)]);
    }
    cache.lengths = std::move(lengths);
    row_of_ = std::move(row_of);
    done_.assign(stay.size(), false);
    return next.index_select(0, rows);
  }

  const model::JoinedModel& model_;
  std::int64_t max_new_tokens_;
  const std::set<std::int64_t>& ends_;
  std::vector<std::vector<std::int32_t>> answers_;  // by prompt
  std::vector<size_t> row_of_;                      // prompt of each row of the batch
  std::vector<bool> done_;                          // by row
};

std::string trimmed(const std::string& text) {
  constexpr const char* kSpaces = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpaces);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

// The questions, so that those about one picture stand together: in the order of the pictures' first mention, text-only
// ones first.
std::vector<size_t> by_picture(std::span<const Question> questions, std::map<PictureKey, size_t>& pictures) {
  std::vector<size_t> rank;
  for (const Question& question : questions)
    rank.push_back(!question.picture ? 0
                                     : pictures.try_emplace({question.picture->source.get(), question.picture->reference},
                                                            pictures.size() + 1).first->second);
  std::vector<size_t> order(questions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rank[a] < rank[b]; });
  return order;
}

}  // namespace

std::vector<Answer> answers(const model::JoinedModel& given, const options::JobConversation& conversation, std::span<const Question> questions,
                            const GenerateOptions& options, const std::function<void(std::int64_t)>& on_progress) {
  SAUCIER_CHECK(options.batch > 0 && options.max_new_tokens > 0, "batch {}, max_new_tokens {}", options.batch,
                options.max_new_tokens);
  at::NoGradGuard no_grad;
  model::JoinedModel model = given;  // shares the tensors; the adapter is merged into new ones
  model.merge_lora();
  model.language.set_training(false);

  std::vector<Answer> answers(questions.size());
  std::map<PictureKey, size_t> known;
  const std::vector<size_t> order = by_picture(questions, known);
  if (!known.empty() && !model.tower) throw Error("questions about pictures for a model without a vision tower");

  const std::set<std::int64_t> ends = end_tokens(model, conversation);
  std::int64_t done = 0;
  for (size_t at = 0; at < order.size();) {
    // A chunk: as many questions as have at most kPicturesAChunk pictures.
    std::vector<Prompt> prompts;
    std::vector<data::PictureRef> pictures;
    std::map<PictureKey, std::int64_t> row_of;
    for (; at < order.size(); ++at) {
      const Question& question = questions[order[at]];
      std::int64_t row = -1;
      if (question.picture) {
        const PictureKey key{options.grey_pictures ? nullptr : question.picture->source.get(),
                             options.grey_pictures ? "" : question.picture->reference};
        const auto found = row_of.find(key);
        if (found == row_of.end()) {
          if (pictures.size() == kPicturesAChunk) break;
          row_of[key] = static_cast<std::int64_t>(pictures.size());
          pictures.push_back(*question.picture);
        }
        row = row_of.at(key);
      }
      prompts.push_back({order[at], prompt_ids(model, conversation, question), row});
    }
    const model::JoinedModel::Shown shown = show_pictures(model, pictures, conversation.image_aspect, options.grey_pictures);
    const auto length = [&](const Prompt& prompt) {
      return prompt.ids.size() + (prompt.picture >= 0 ? shown.rows[static_cast<size_t>(prompt.picture)].size() - 1 : 0);
    };
    // Longest first: the largest batch comes when memory is still whole.
    std::stable_sort(prompts.begin(), prompts.end(),
                     [&](const Prompt& a, const Prompt& b) { return length(a) > length(b); });
    for (size_t begin = 0; begin < prompts.size(); begin += static_cast<size_t>(options.batch)) {
      const size_t count = std::min(prompts.size() - begin, static_cast<size_t>(options.batch));
      const std::span<const Prompt> batch(prompts.data() + begin, count);
      const auto ids = Decoder(model, options.max_new_tokens, ends).run(batch, shown);
      for (size_t i = 0; i < count; ++i) answers[batch[i].question] = {trimmed(model.tokenizer->decode(ids[i])), static_cast<std::int64_t>(ids[i].size())};
      done += static_cast<std::int64_t>(count);
      if (on_progress) on_progress(done);
    }
  }
  return answers;
}

std::vector<std::string> answer(const model::JoinedModel& model, const options::JobConversation& conversation,
                                std::span<const Question> questions, const GenerateOptions& options,
                                const std::function<void(std::int64_t)>& on_progress) {
  std::vector<std::string> texts;
  for (Answer& one : answers(model, conversation, questions, options, on_progress)) texts.push_back(std::move(one.text));
  return texts;
}

}  // namespace saucier::generate
