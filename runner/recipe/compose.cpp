#include "runner/recipe/compose.h"

#include <algorithm>
#include <map>

#include "modules/base/file.h"
#include "modules/base/suggest.h"
#include "runner/recipe/path.h"
#include "runner/recipe/renamed.h"

namespace saucier::recipe {
namespace {

constexpr size_t kMostFiles = 256;  // two files that each extend two, and so on, are soon more than can be read
constexpr size_t kDeepest = 64;

class Composer {
 public:
  Composer(const Reading& reading, Diagnostics& problems) : reading_(reading), problems_(problems) {}

  std::optional<std::string> text_of(const fs::path& file) const {
    if (reading_.text_of) return reading_.text_of(file);
    std::error_code failed;  // a name too long for the disk is not there either
    if (!fs::is_regular_file(file, failed)) return std::nullopt;
    return read_file(file);
  }

  static fs::path identity_of(const fs::path& file) {
    std::error_code failed;
    const fs::path found = fs::weakly_canonical(file, failed);
    return failed ? file : found;
  }

  Parsed read(const fs::path& file, std::string text) {
    const fs::path identity = identity_of(file);
    open_.push_back({identity, file.string()});
    auto source = std::make_shared<const SourceText>(SourceText{file.string(), std::move(text)});
    auto origin = std::make_shared<const Origin>(Origin{"", file.parent_path()});
    Parsed parsed = parse_text(source, origin, problems_);
    renew(parsed.root, reading_.renames ? *reading_.renames : renames(), problems_);
    check_version(parsed.root);
    drop_repeated_stages(parsed.root);
    Parsed whole = extend(std::move(parsed), file.parent_path());
    open_.pop_back();
    return whole;
  }

 private:
  struct Open {
    fs::path identity;
    std::string shown;
  };

  void check_version(const Node& root) {
    const Node* version = root.find("recipe");
    if (!version || !version->is(Kind::kInteger)) return;
    const std::int64_t said = std::get<std::int64_t>(version->scalar);
    if (said == kLanguageVersion) return;
    problems_.error("unsupported-version", version->position,
                    fmt::format("recipe language {} is not known (this saucier reads {})", said, kLanguageVersion),
                    said > kLanguageVersion ? "use a newer saucier" : fmt::format("write recipe = {}", kLanguageVersion));
  }

  void drop_repeated_stages(Node& root) {
    Node* stages = root.find("stage");
    if (!stages || !stages->is(Kind::kList)) return;
    std::map<std::string, Position> first;
    std::vector<Node> kept;
    for (Node& stage : stages->items) {
      const Node* name = stage.find("name");
      if (name && name->is(Kind::kString)) {
        const auto [it, is_new] = first.emplace(name->text(), name->position);
        if (!is_new) {
          problems_.add({.severity = Severity::kError,
                         .code = "duplicate-stage",
                         .message = fmt::format("a second stage '{}'", name->text()),
                         .position = name->position,
                         .notes = {{"the first one is here", it->second}},
                         .hint = "give it another name"});
          continue;
        }
      }
      kept.push_back(std::move(stage));
    }
    stages->items = std::move(kept);
  }

  Parsed extend(Parsed over, const fs::path& folder) {
    const Node* said = over.root.find("extends");
    if (!said) {
      for (const char* key : {"remove", "append"})
        if (const Node* alone = over.root.find(key))
          problems_.error("useless-key", place(*alone), fmt::format("'{}' changes what a recipe extends, and this one extends nothing", key), fmt::format("take '{}' out, or add 'extends'", key));
      erase_composition_keys(over.root);
      return over;
    }
    std::vector<const Node*> names;
    if (said->is(Kind::kString)) names.push_back(said);
    else if (said->is(Kind::kList))
      for (const Node& item : said->items) names.push_back(&item);
    else names.push_back(said);
    Parsed whole;
    whole.root.origin = over.root.origin;
    for (const Node* name : names) {
      if (!name->is(Kind::kString)) {
        problems_.error("wrong-type", name->position,
                        fmt::format("'extends' must be a file or a list of files (got {})", kind_name(name->kind)));
        whole.complete = false;
        whole.header_lost = true;
        continue;
      }
      Parsed fragment = read_fragment(*name, (folder / name->text()).lexically_normal());
      whole.complete = whole.complete && fragment.complete;
      whole.header_lost = whole.header_lost || fragment.header_lost;
      merge(whole.root, std::move(fragment.root));
    }
    if (const Node* paths = over.root.find("remove")) remove(whole.root, *paths);
    if (const Node* lists = over.root.find("append")) append(whole.root, *lists);
    erase_composition_keys(over.root);
    whole.complete = whole.complete && over.complete;
    whole.header_lost = whole.header_lost || over.header_lost;
    merge(whole.root, std::move(over.root));
    return whole;
  }

  static void erase_composition_keys(Node& root) {
    std::erase_if(root.items, [](const Node& item) { return is_composition_key(item.key); });
  }

  void remove(Node& base, const Node& paths) {
    if (!paths.is(Kind::kList)) {
      problems_.error("wrong-type", paths.position, fmt::format("'remove' must be a list of paths (got {})", kind_name(paths.kind)),
                      "write remove = [\"stage.before\", \"conversation.system\"]");
      return;
    }
    for (const Node& path : paths.items) {
      if (!path.is(Kind::kString))
        problems_.error("wrong-type", path.position, fmt::format("'remove' must hold strings (got {})", kind_name(path.kind)));
      else if (!erase_path(base, path.text()))
        problems_.error("nothing-inherited", path.position, fmt::format("there is no '{}' in what the recipe extends", path.text()), near_paths(base, path.text()));
    }
  }

  void append(Node& base, const Node& lists) {
    if (!lists.is(Kind::kTable)) {
      problems_.error("wrong-type", lists.position, fmt::format("'append' must be a table of lists (got {})", kind_name(lists.kind)),
                      "write append = { \"stage.bench.benchmarks\" = [\"scenes-count\"] }");
      return;
    }
    for (const Node& more : lists.items) {
      Node* list = find_path(base, more.key);
      if (!more.is(Kind::kList)) {
        problems_.error("wrong-type", more.position, fmt::format("what is appended to '{}' must be a list (got {})", more.key, kind_name(more.kind)));
      } else if (!list) {
        problems_.error("nothing-inherited", place(more), fmt::format("there is no '{}' in what the recipe extends", more.key), near_paths(base, more.key));
      } else if (!list->is(Kind::kList) || more.key == "stage") {
        problems_.error("wrong-type", place(more), more.key == "stage" ? std::string("stages are added by writing them: each with [[stage]]")
                                                                     : fmt::format("'{}' is no list (it is {})", more.key, kind_name(list->kind)));
      } else {
        list->items.insert(list->items.end(), more.items.begin(), more.items.end());
      }
    }
  }

  Parsed read_fragment(const Node& name, const fs::path& file) {
    Parsed none;
    none.complete = false;  // what is not there would be missed everywhere
    none.header_lost = true;
    const fs::path identity = identity_of(file);
    const auto loop = std::find_if(open_.begin(), open_.end(), [&](const Open& o) { return o.identity == identity; });
    if (loop != open_.end()) {
      std::string way;
      for (auto it = loop; it != open_.end(); ++it) way += it->shown + " -> ";
      problems_.error("extends-cycle", name.position, fmt::format("a recipe cannot extend itself: {}{}", way, loop->shown));
      return none;
    }
    if (open_.size() >= kDeepest || files_ >= kMostFiles) {
      if (!too_many_) problems_.error("too-many-files", name.position, fmt::format("a recipe can extend at most {} files, {} deep", kMostFiles, kDeepest));
      too_many_ = true;
      return none;
    }
    ++files_;
    try {
      if (std::optional<std::string> text = text_of(file)) return read(file, std::move(*text));
      problems_.error("missing-file", name.position, fmt::format("no such recipe '{}'", file.string()), near_files(file));
    } catch (const Error& error) {
      problems_.error("missing-file", name.position, error.what(), error.hint());
    }
    return none;
  }

  const Reading& reading_;
  Diagnostics& problems_;
  size_t files_ = 0;        // read for `extends` so far
  bool too_many_ = false;
  std::vector<Open> open_;  // the way from the recipe to the file being read
};

void merge_stages(Node& base, Node over) {
  for (Node& stage : over.items) {
    const Node* name = stage.find("name");
    Node* same = nullptr;
    if (name && name->is(Kind::kString))
      for (Node& other : base.items)
        if (const Node* its = other.find("name"); its && its->is(Kind::kString) && its->text() == name->text())
          same = &other;
    if (same) merge(*same, std::move(stage));
    else base.items.push_back(std::move(stage));
  }
  base.position = over.position;
}

void merge_at(Node& base, Node over, int depth, bool in_mixtures) {
  // A mixture says samples or epochs; the later word replaces the earlier one, whichever it was.
  if (in_mixtures && depth == 2 && (over.find("samples") || over.find("epochs"))) {
    base.erase("samples");
    base.erase("epochs");
  }
  for (Node& entry : over.items) {
    Node* old = base.find(entry.key);
    if (!old) base.items.push_back(std::move(entry));
    else if (old->is(Kind::kTable) && entry.is(Kind::kTable))
      merge_at(*old, std::move(entry), depth + 1, in_mixtures || (depth == 0 && old->key == "mixture"));
    else if (depth == 0 && entry.key == "stage" && old->is(Kind::kList) && entry.is(Kind::kList))
      merge_stages(*old, std::move(entry));
    else *old = std::move(entry);
  }
  base.position = over.position;
  base.key_position = over.key_position;
  base.origin = over.origin;
}

}  // namespace

Parsed compose(const fs::path& file, const Reading& reading, Diagnostics& problems) {
  Composer composer(reading, problems);
  std::optional<std::string> text = composer.text_of(file);
  if (!text) throw Error(fmt::format("no such recipe '{}'", file.string()), near_files(file));
  return composer.read(file, std::move(*text));
}

bool is_composition_key(std::string_view key) { return key == "extends" || key == "remove" || key == "append"; }

void merge(Node& base, Node over) { merge_at(base, std::move(over), 0, false); }

std::string near_files(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code failed;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, failed))
    if (entry.path().extension() == ".toml") names.push_back(entry.path().filename().string());
  if (failed) return fmt::format("there is no folder '{}'", folder.string());
  std::sort(names.begin(), names.end());
  const auto shown = [&](const std::string& name) { return (path.parent_path() / name).string(); };
  std::vector<std::string> near = nearest(path.filename().string(), names, 1);
  if (near.empty()) near = nearest(path.filename().string() + ".toml", names, 1);
  if (!near.empty()) return fmt::format("did you mean '{}'?", shown(near[0]));
  if (names.empty() || names.size() > 8) return "";
  std::string list;
  for (const std::string& name : names) list += fmt::format("{}'{}'", list.empty() ? "" : ", ", shown(name));
  return "there are: " + list;
}

}  // namespace saucier::recipe
