#include "modules/data/readers/open.h"

#include <unordered_map>

#include "modules/data/readers/coco.h"
#include "modules/data/readers/text_rows.h"
#include "modules/data/readers/webdataset.h"

namespace saucier::data {
namespace {

using options::DataOptions;

// The answers of a VQA file pair by the ids of their questions; they stay in their file.
class Annotations {
 public:
  explicit Annotations(const std::filesystem::path& path) : file_(std::make_shared<const RowFile>(path)) {
    const std::unique_ptr<RowCutter> rows = cut_json(file_, "annotations");
    while (const std::optional<Row> row = rows->next()) {
      const std::string where = fmt::format("'{}', the entry from line {} on", path.string(), row->line);
      const Json json = parse_json(row->text, where);
      const auto id = json.is_object() ? json.find("question_id") : json.end();
      if (id == json.end() || !id->is_number_integer()) throw Error(fmt::format("{} has no number 'question_id'", where));
      places_[id->get<std::int64_t>()] = {row->offset, row->length};
    }
  }

  Json operator()(const Json& question) const {
    const auto id = question.find("question_id");
    if (id == question.end()) throw BadRow(Reason::kMissingField, "it has no field 'question_id'");
    if (!id->is_number_integer()) throw BadRow(Reason::kWrongType, "its 'question_id' is no number");
    const auto found = places_.find(id->get<std::int64_t>());
    if (found == places_.end()) throw BadRow(Reason::kNoAnswer, fmt::format("'{}' has no answer to it", file_->path().string()));
    return parse_json(file_->read(found->second.offset, found->second.length), fmt::format("an entry of '{}'", file_->path().string()));
  }

 private:
  struct Place {
    std::uint64_t offset = 0, length = 0;
  };
  std::shared_ptr<const RowFile> file_;
  std::unordered_map<std::int64_t, Place> places_;
};

std::unique_ptr<const RowFormat> format_of(const DataOptions& options, std::shared_ptr<const SceneWorld> scenes, RowCount& count) {
  const options::ColumnOptions& columns = options.columns;
  if (options.format == "webdataset") return open_webdataset(options);
  if (options.format == "coco") return open_coco(options, count);
  const auto pictures = std::make_shared<const Pictures>(options.images, std::move(scenes), columns.image_name);
  auto file = std::make_shared<const RowFile>(options.path);
  TextRows::Layout layout{.key = {}, .table = {}, .id = field_names(columns.id, {"id"})};
  const auto rows = [&](std::unique_ptr<const RowMapping> mapping) {
    return std::make_unique<TextRows>(std::move(file), std::move(layout), std::move(mapping), pictures);
  };
  const auto column = [](const std::string& mapped, const char* own) { return mapped.empty() ? own : mapped; };
  const auto ask = [&](std::initializer_list<std::string> names) {
    layout.table = names;
    for (const std::string* mapped : {&columns.id, &columns.question, &columns.system})
      if (!mapped->empty()) layout.table.push_back(*mapped);
  };
  if (options.format == "captions") {
    ask({column(columns.image, "image"), column(columns.caption, "caption")});
    return rows(caption_mapping(columns, pictures));
  }
  if (options.format == "vqa") {
    layout.id = field_names(columns.id, {"question_id", "id"});
    ask({column(columns.image, "image"), column(columns.question, "question"), column(columns.answer, "answer")});
    FindAnswer find_answer;
    if (!options.annotations.empty()) {
      layout.key = "questions";
      find_answer = [answers = std::make_shared<const Annotations>(options.annotations)](const Json& question) { return (*answers)(question); };
    }
    return rows(question_mapping(columns, options.question_suffix, pictures, std::move(find_answer)));
  }
  if (is_table(options.path)) throw Error(fmt::format("'{}' is a table, and conversations are read from JSON", options.path), "use format 'captions' or 'vqa', or give JSON");
  return rows(conversation_mapping(options.format == "synthesized" ? "llava" : options.format, columns, pictures));
}

}  // namespace

std::shared_ptr<const SampleSource> open_rows(const std::string& name, const DataOptions& options, std::shared_ptr<const SceneWorld> scenes) {
  RowCount count;
  auto format = format_of(options, std::move(scenes), count);
  return index_rows(std::move(format), name, options, std::move(count));
}

}  // namespace saucier::data
