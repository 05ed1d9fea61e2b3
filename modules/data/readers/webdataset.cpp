#include "modules/data/readers/webdataset.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "modules/base/file.h"
#include "modules/data/readers/mapping.h"
#include "modules/data/readers/tar.h"
#include "modules/text/utf8.h"

namespace saucier::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostShards = 100'000;

void expand_braces(const std::string& pattern, std::vector<std::string>& out) {
  const size_t open = pattern.find('{'), close = pattern.find('}', open);
  if (open == std::string::npos || close == std::string::npos) {
    if (out.size() >= kMostShards) throw Error(fmt::format("'shards' means more than {} files", kMostShards));
    out.push_back(pattern);
    return;
  }
  const std::string before = pattern.substr(0, open), inside = pattern.substr(open + 1, close - open - 1), after = pattern.substr(close + 1);
  if (const size_t dots = inside.find(".."); dots != std::string::npos) {
    std::uint64_t first = 0, last = 0;
    const char *from = inside.data(), *middle = from + dots, *end = from + inside.size();
    if (std::from_chars(from, middle, first).ptr != middle || std::from_chars(middle + 2, end, last).ptr != end || first > last || last - first >= kMostShards)
      throw Error(fmt::format("'{{{}}}' is no range of numbers", inside), "write it as {000..123}");
    for (std::uint64_t i = first; i <= last; ++i) expand_braces(fmt::format("{}{:0{}}{}", before, i, dots, after), out);
    return;
  }
  for (size_t at = 0; at <= inside.size();) {
    const size_t comma = std::min(inside.find(',', at), inside.size());
    expand_braces(before + inside.substr(at, comma - at) + after, out);
    at = comma + 1;
  }
}

// A member's name without what follows the first dot of its file name.
std::string_view key_of(std::string_view name) {
  const size_t slash = name.rfind('/');
  return name.substr(0, name.find('.', slash == std::string_view::npos ? 0 : slash + 1));
}

bool is_hidden(std::string_view name) {
  const size_t slash = name.rfind('/');
  return name.substr(slash == std::string_view::npos ? 0 : slash + 1).starts_with('.');
}

std::string ending_of(std::string_view name) {
  std::string ending(name.substr(std::min(name.size(), name.rfind('.') + 1)));
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

bool is_picture(std::string_view name) {
  static constexpr std::string_view kEndings[] = {"jpg", "jpeg", "png", "webp", "gif", "bmp"};
  return std::find(std::begin(kEndings), std::end(kEndings), ending_of(name)) != std::end(kEndings);
}

using Shards = std::vector<std::shared_ptr<const RowFile>>;

class GroupCutter : public RowCutter {
 public:
  explicit GroupCutter(std::shared_ptr<const RowFile> shard) : shard_(std::move(shard)), reader_(*shard_) { member_ = next_member(); }

  std::optional<Row> next() override {
    if (!member_) return std::nullopt;
    const TarMember first = *member_;
    do member_ = next_member();
    while (member_ && key_of(member_->name) == key_of(first.name));
    const std::uint64_t end = member_ ? member_->place : reader_.end();
    return Row{.text = {}, .offset = first.place, .length = end - first.place, .line = ++number_};
  }

 private:
  std::optional<TarMember> next_member() {
    std::optional<TarMember> member = reader_.next();
    while (member && is_hidden(member->name)) member = reader_.next();
    return member;
  }

  std::shared_ptr<const RowFile> shard_;
  TarReader reader_;
  std::optional<TarMember> member_;
  std::int64_t number_ = 0;
};

class TarPictures : public PictureSource {
 public:
  explicit TarPictures(const Shards& shards) {
    for (const auto& shard : shards) {
      const std::string name = shard->path().filename().string();
      shards_[name] = shard;
      identities_[name] = identity_of_file(shard->path());
    }
  }
  Picture load(const std::string& reference) const override { return image::decode(bytes(reference), reference); }
  image::Size size(const std::string& reference) const override { return image::read_size(std::string_view(bytes(reference)), reference); }
  std::string identity(const std::string& reference) const override {
    const auto shard = identities_.find(shard_of(reference));
    return shard == identities_.end() || shard->second.empty() ? "" : shard->second + " " + reference;
  }

  static std::string reference(const RowFile& shard, const TarMember& member) {
    return fmt::format("{}:{}:{}", shard.path().filename().string(), member.place, member.name);
  }

 private:
  static std::string shard_of(const std::string& reference) { return reference.substr(0, reference.find(".tar:") + 4); }

  std::string bytes(const std::string& reference) const {
    const size_t colon = reference.find(".tar:") + 4;
    const auto shard = shards_.find(shard_of(reference));
    std::uint64_t place = 0;
    const char *from = reference.data() + std::min(reference.size(), colon + 1), *to = reference.data() + reference.size();
    const auto [end, error] = std::from_chars(from, to, place);
    if (shard == shards_.end() || error != std::errc() || end == to || *end != ':') throw Error(fmt::format("no picture '{}' in the shards", reference));
    TarReader reader(*shard->second, place);
    const std::optional<TarMember> member = reader.next();
    if (!member || member->place != place || member->name != end + 1) throw Error(fmt::format("no picture '{}' in the shards", reference));
    return reader.content();
  }

  std::map<std::string, std::shared_ptr<const RowFile>> shards_;
  std::map<std::string, std::string> identities_;  // of the shards when they were opened
};

class WebDataset : public RowFormat {
 public:
  explicit WebDataset(const options::DataOptions& options)
      : conversation_(conversation_mapping("llava", options.columns, nullptr)),
        question_(question_mapping(options.columns, "", nullptr, {})),
        caption_(caption_mapping(options.columns, nullptr)),
        turns_field_(field_names(options.columns.conversations, {"conversations"})),
        question_field_(field_names(options.columns.question, {"question"})),
        caption_field_(field_names(options.columns.caption, {"caption"}).front()),
        id_field_(field_names(options.columns.id, {})) {
    for (const fs::path& shard : find_shards(options.path, options.shards)) shards_.push_back(std::make_shared<const RowFile>(shard));
    pictures_ = std::make_shared<const TarPictures>(shards_);
  }

  size_t files() const override { return shards_.size(); }
  const fs::path& path(size_t file) const override { return shards_[file]->path(); }
  std::unique_ptr<RowCutter> cut(size_t file) const override { return std::make_unique<GroupCutter>(shards_[file]); }

  Sample read(const RowPlace& place, std::optional<std::string_view>) const override {
    const RowFile& shard = *shards_[place.file];
    Sample sample;
    std::string json, caption;
    bool has_json = false, has_caption = false;
    std::vector<PictureRef> pictures;
    TarReader reader(shard, place.offset, place.offset + place.length);
    while (const std::optional<TarMember> member = reader.next()) {
      if (is_hidden(member->name)) continue;
      if (sample.id.empty()) sample.id = std::string(key_of(member->name));
      const std::string ending = ending_of(member->name);
      if (is_picture(member->name)) pictures.push_back({.reference = TarPictures::reference(shard, *member), .source = pictures_});
      if (ending == "json") json = reader.content(), has_json = true;
      if (ending == "txt") caption = reader.content(), has_caption = true;
    }
    try {
      const Json row = has_json ? parsed(json) : Json::object();
      if (const Json* id = find_field(row, id_field_)) sample.id = text_or_number(*id, id_field_.front());
      read_text(row, has_caption ? &caption : nullptr, sample);
      sample.pictures = std::move(pictures);
      if (sample.pictures.empty() && count_markers(sample.turns[0].text) > 0) throw BadRow(Reason::kMissingPicture, "there is no picture beside its text");
      check_markers(sample);
    } catch (BadRow& bad) {
      bad.set_id(sample.id);
      throw;
    }
    return sample;
  }

 private:
  static Json parsed(const std::string& text) {
    Json row;
    try {
      row = parse_json(text, "its .json");
    } catch (const Error& error) {
      throw BadRow(Reason::kBrokenRow, error.what());
    }
    if (!row.is_object()) throw BadRow(Reason::kNotAnObject, "its .json is no object");
    return row;
  }

  void read_text(Json row, const std::string* caption, Sample& sample) const {
    if (find_field(row, turns_field_)) return conversation_->read(row, sample);
    if (!caption && find_field(row, question_field_) && !find_field(row, {caption_field_})) return question_->read(row, sample);
    if (caption) {
      if (!text::is_valid_utf8(*caption)) throw BadRow(Reason::kNotUtf8, "its .txt is not UTF-8");
      const size_t end = caption->find_last_not_of(" \t\r\n");
      row[caption_field_] = caption->substr(0, end == std::string::npos ? 0 : end + 1);
    } else if (!row.contains(caption_field_)) {
      throw BadRow(Reason::kMissingField, fmt::format("it has neither a .txt nor a .json with '{}', '{}' or '{}'", turns_field_.front(), question_field_.front(), caption_field_));
    }
    caption_->read(row, sample);
  }

  std::unique_ptr<const RowMapping> conversation_, question_, caption_;
  FieldNames turns_field_, question_field_;
  std::string caption_field_;
  FieldNames id_field_;
  Shards shards_;
  std::shared_ptr<const TarPictures> pictures_;
};

}  // namespace

std::vector<fs::path> find_shards(const fs::path& folder, const std::string& pattern) {
  const auto check = [](const fs::path& shard) {
    if (shard.extension() != ".tar") throw Error(fmt::format("shard '{}' is no .tar file", shard.string()), "unpack compressed shards, and name them .tar");
  };
  if (fs::is_regular_file(folder)) return check(folder), std::vector<fs::path>{folder};
  std::error_code failed;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, failed)) names.push_back(entry.path().filename().string());
  if (failed) throw Error(fmt::format("cannot read '{}': {}", folder.string(), failed.message()));
  std::sort(names.begin(), names.end());
  std::vector<std::string> wanted, found;
  expand_braces(pattern, wanted);
  for (const std::string& name : wanted) {
    if (name.find_first_of("*?") == std::string::npos) {
      if (!std::binary_search(names.begin(), names.end(), name)) throw Error(fmt::format("no shard '{}' in '{}'", name, folder.string()));
      found.push_back(name);
    } else {
      std::copy_if(names.begin(), names.end(), std::back_inserter(found), [&](const std::string& one) { return ::fnmatch(name.c_str(), one.c_str(), FNM_PERIOD) == 0; });
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.empty()) throw Error(fmt::format("no file '{}' in '{}'", pattern, folder.string()), "name the shards with a pattern: shards = \"*.tar\"");
  std::vector<fs::path> paths;
  for (const std::string& name : found) check(paths.emplace_back(folder / name));
  return paths;
}

std::unique_ptr<const RowFormat> open_webdataset(const options::DataOptions& options) { return std::make_unique<WebDataset>(options); }

}  // namespace saucier::data
