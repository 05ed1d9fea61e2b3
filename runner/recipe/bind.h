// A tree against a table of options: types, ranges, names, choices. What passes becomes JSON.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/diagnostic.h"
#include "modules/options/table.h"
#include "runner/recipe/missing.h"
#include "runner/recipe/tree.h"

namespace saucier::recipe {

class Binder {
 public:
  // `origins` receives where each value was said, by its dotted path.
  Binder(Diagnostics& problems, std::map<std::string, std::string>& origins) : problems_(problems), origins_(origins) {}

  // The keys of `node` that are set and right, in the types that options::from_json reads (numbers as doubles, paths
  // absolute). A wrong value is reported and left out. `what` names the table in messages ("a train stage"), `path` is its
  // dotted path ("" or "model."), `also` are keys that someone else reads.
  Json table(const Node& node, const options::Table& table, std::string_view what, const std::string& path,
             const std::vector<std::string>& also = {});

  // One entry of such a table; nothing when it is wrong or unknown (reported), or one of `also`.
  std::optional<Json> entry(const Node& entry, const options::Table& table, std::string_view what, const std::string& path,
                            const std::vector<std::string>& also = {});
  // Reports `field` as missing when it is required and `node` does not say it.
  void missing(const Node& node, const options::Field& field, std::string_view what);

  // Looked up when a key is unknown: other tables by what they belong to ("a train stage"; a literal).
  void know(std::string_view what, const options::Table& table) { others_.emplace_back(what, &table); }

  std::vector<MissingFile> take_missing() { return std::move(missing_); }  // paths that lead nowhere; no problems yet

 private:
  void unknown_key(const Node& entry, const options::Table& table, std::string_view what,
                   const std::vector<std::string>& also);
  std::optional<Json> value(const Node& entry, const options::Field& field, const std::string& path);
  std::optional<Json> number(const Node& node, const options::Field& field, bool integer);
  std::optional<Json> text(const Node& node, const options::Field& field, const std::string& path);
  std::optional<Json> list(const Node& node, const options::Field& field);
  std::optional<Json> map(const Node& node, const options::Field& field, const std::string& path);
  bool allowed(const std::string& word, const Position& at, const options::Field& field);
  std::nullopt_t wrong_type(const Node& node, const options::Field& field, std::string_view wanted, std::string hint = {});

  Diagnostics& problems_;
  std::map<std::string, std::string>& origins_;
  std::vector<std::pair<std::string_view, const options::Table*>> others_;
  std::vector<MissingFile> missing_;
};

// `path` as said in `node`, made absolute.
std::string absolute_path(const Node& node);

}  // namespace saucier::recipe
