#include "runner/recipe/instance.h"

#include <algorithm>
#include <utility>

#include "runner/recipe/bind.h"
#include "runner/recipe/path.h"
#include "runner/recipe/reference.h"
#include "runner/recipe/resolve.h"

namespace saucier::recipe {
namespace {

bool overlap(std::string_view a, std::string_view b) {
  const size_t size = std::min(a.size(), b.size());
  return a.substr(0, size) == b.substr(0, size) && (a.size() == b.size() || (a.size() > size ? a : b)[size] == '.');
}

}  // namespace

Instance::Instance(const Node& base, const Sweep& sweep, bool references) : base_(base), sweep_(sweep), references_(references) {
  for (const Assignment& axis : sweep.axes) {  // an axis may be the first to say something of a section
    const PathPart& top = axis.parts[0];
    if ((top.name != "conversation" && top.name != "model") || axis.parts.size() < 2 || base_.find(top.name)) continue;
    Node table;
    table.key = top.name;
    table.key_position = table.position = top.position;
    table.origin = axis.values.front().origin;
    base_.items.push_back(std::move(table));
  }
  for (size_t a = 0; a < sweep.axes.size() && !whole_; ++a) {
    std::optional<Entry> made = entry_of(sweep.axes[a]);
    if (!made) {
      whole_ = true;
      break;
    }
    auto same = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.path == made->path; });
    if (same == entries_.end()) same = entries_.insert(same, std::move(*made));
    same->axes.push_back(a);
  }
  whole_ = whole_ || needs_whole(sweep, references);
  if (whole_) entries_.clear();
  bind_whole(sweep.points.front());
  for (Entry& entry : entries_) {  // none of these moves: the tables are all there, and only their entries come and go
    const size_t names = entry.path.size() - entry.key.size();
    entry.table = names == 0 ? &tree_ : find_path(tree_, std::string_view(entry.path).substr(0, names - 1));
    if (entry.section == Section::kStage) entry.stage = const_cast<BoundStage*>(bound_.stage(entry.name));
  }
  conversation_seen_.assign(bound_.stages.size(), conversation_clock_);
}

// The entry that an axis changes; nothing where it changes more, or something unknown.
std::optional<Instance::Entry> Instance::entry_of(const Assignment& axis) const {
  const std::vector<PathPart>& parts = axis.parts;
  Entry entry;
  const auto named = [&](Section section, size_t names) -> std::optional<Entry> {
    if (parts.size() <= names) return std::nullopt;
    entry.section = section;
    if (names == 2) entry.name = parts[1].name;
    entry.key = parts[names].name;
    for (size_t i = 0; i <= names; ++i) entry.path += (i > 0 ? "." : "") + parts[i].name;
    const Node* said = find_path(base_, entry.path);
    if (said) entry.base = *said;
    return entry;
  };
  const std::string& top = parts[0].name;
  if (top == "conversation" || top == "model") {
    const Node* table = base_.find(top);
    if (!table || !table->is(Kind::kTable)) return std::nullopt;
    return named(top == "model" ? Section::kModel : Section::kConversation, 1);
  }
  if (top == "data" || top == "mixture") return named(top == "data" ? Section::kData : Section::kMixture, 2);
  if (top == "stage") {
    if (parts.size() > 2 && (parts[2].name == "name" || parts[2].name == "kind" || parts[2].name == "from")) return std::nullopt;
    return named(Section::kStage, 2);
  }
  if (top == "seed") return named(Section::kHead, 0);
  return std::nullopt;
}

bool Instance::needs_whole(const Sweep& sweep, bool references) const {
  for (const Entry& entry : entries_) {
    // Where the place is not there, or not a table, the problem is said once for each trial by the plain way.
    const Node* holder = entry.name.empty() ? &base_ : find_path(base_, entry.path.substr(0, entry.path.rfind('.')));
    if (!holder || !holder->is(Kind::kTable)) return true;
    if (entry.section == Section::kStage) {
      const Node* kind = holder->find("kind");
      if (!kind || !kind->is(Kind::kString) || &stage_table(kind->text()) == &stage_table("")) return true;
    }
    // Saying samples takes epochs away.
    if (entry.section == Section::kMixture && (entry.key == "samples" || entry.key == "epochs")) {
      const std::string other = "mixture." + entry.name + (entry.key == "samples" ? ".epochs" : ".samples");
      if (find_path(base_, other) || std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.path == other; })) return true;
    }
    // A conversation that a trial leaves out is the recipe's, which may change too.
    if (entry.section == Section::kStage && entry.key == "conversation")
      for (const Instance::Point& point : sweep.points)
        for (const size_t a : entry.axes)
          if (!point[a]) return true;
  }
  return references && !sweep.axes.empty();
}

void Instance::bind_whole(const Point& point) {
  tree_ = base_;
  for (size_t a = 0; a < point.size(); ++a)
    if (point[a]) assign(tree_, sweep_.axes[a].parts, sweep_.axes[a].values[*point[a]], problems_);
  if (references_) resolve_references(tree_, problems_);
  bound_ = bind_recipe(tree_, problems_);
}

std::vector<size_t> Instance::entries_at(const std::vector<std::string>& paths) const {
  std::vector<size_t> out;
  for (size_t e = 0; e < entries_.size(); ++e)
    if (std::any_of(paths.begin(), paths.end(), [&](const std::string& path) { return overlap(path, entries_[e].path); })) out.push_back(e);
  return out;
}

std::vector<size_t> Instance::all_entries() const {
  std::vector<size_t> out;
  for (size_t e = 0; e < entries_.size(); ++e) out.push_back(e);
  return out;
}

std::vector<size_t> Instance::axes_of(const std::vector<size_t>& entries) const {
  std::vector<size_t> out;
  for (const size_t e : entries) out.insert(out.end(), entries_[e].axes.begin(), entries_[e].axes.end());
  return out;
}

void Instance::put(const Point& point, const std::vector<size_t>& entries) {
  if (whole_) return bind_whole(point);
  for (const size_t e : entries) {
    Entry& entry = entries_[e];
    const Version& wanted = version(entry, point);
    if (entry.now != &wanted) apply(entry, wanted);
  }
}

const Instance::Version& Instance::version(Entry& entry, const Point& point) {
  std::vector<std::uint32_t> values;
  values.reserve(entry.axes.size());
  for (const size_t a : entry.axes) values.push_back(point[a] ? *point[a] + 1 : 0);
  const auto [it, fresh] = entry.versions.try_emplace(std::move(values));
  if (!fresh) return it->second;
  restore(entry);
  for (const size_t a : entry.axes)
    if (point[a]) assign(tree_, sweep_.axes[a].parts, sweep_.axes[a].values[*point[a]], problems_);
  bind(entry, it->second);
  return it->second;
}

void Instance::restore(Entry& entry) {
  Node& table = *entry.table;
  Node* now = table.find(entry.key);
  if (now && entry.base) *now = *entry.base;
  else if (entry.base) table.items.push_back(*entry.base);
  else if (now) table.erase(entry.key);
}

// The entry as it now stands in the tree.
void Instance::bind(Entry& entry, Version& version) {
  const Node& table = *entry.table;
  const BoundStage* stage = entry.stage;
  const options::Table& top = options::table_of<RecipeOptions>();
  const std::string section = entry.path.substr(0, entry.path.size() - entry.key.size());  // "model.", "" of the head
  const options::Table& known = stage ? stage_table(stage->kind)
                                : entry.section == Section::kHead ? top
                                                                  : *top.find(section.substr(0, section.find('.')))->table;
  const std::string what = stage ? stage->what : entry.section == Section::kHead ? "the recipe" : fmt::format("'{}'", section.substr(0, section.size() - 1));
  Binder binder = stage ? stage_binder(problems_, version.origins) : recipe_binder(problems_, version.origins);
  if (const Node* node = table.find(entry.key)) {
    version.node = *node;
    version.said = binder.entry(*node, known, what, stage ? "" : section);
  } else if (const options::Field* field = known.find(entry.key)) {
    binder.missing(table, *field, what);
  }
  apply(entry, version);
  const std::string text = fmt::format("{}={}", entry.path, canonical(typed(entry)));
  version.content = contents_.try_emplace(text, static_cast<std::uint32_t>(contents_.size() + 1)).first->second;
}

void Instance::apply(Entry& entry, const Version& version) {
  Node& table = *entry.table;
  Node* now = table.find(entry.key);
  if (now && version.node) *now = *version.node;
  else if (version.node) table.items.push_back(*version.node);
  else if (now) table.erase(entry.key);

  Json& said = said_of(entry);
  if (version.said) said[entry.key] = *version.said;
  else said.erase(entry.key);
  put_typed(entry, version.said ? &*version.said : nullptr);

  std::map<std::string, std::string>& origins = origins_of(entry);
  const std::string own = entry.section == Section::kStage ? entry.key : entry.path;
  for (auto it = origins.lower_bound(own); it != origins.end() && it->first.starts_with(own);)
    it = overlap(it->first, own) ? origins.erase(it) : std::next(it);
  origins.insert(version.origins.begin(), version.origins.end());
  entry.now = &version;
}

Json& Instance::said_of(const Entry& entry) {
  switch (entry.section) {
    case Section::kHead: return bound_.said;
    case Section::kConversation: return bound_.said["conversation"];
    case Section::kModel: return bound_.said["model"];
    case Section::kData: return bound_.said["data"][entry.name];
    case Section::kMixture: return bound_.said["mixture"][entry.name];
    case Section::kStage: break;
  }
  return entry.stage->said;
}

std::map<std::string, std::string>& Instance::origins_of(const Entry& entry) {
  BoundStage* stage = entry.stage;
  return stage ? stage->origins : bound_.origins;
}

void Instance::put_typed(const Entry& entry, const Json* said) {
  switch (entry.section) {
    case Section::kHead: return options::put_key(bound_.options, entry.key, said);
    case Section::kModel: return options::put_key(bound_.options.model, entry.key, said);
    case Section::kData: return options::put_key(bound_.options.data[entry.name], entry.key, said);
    case Section::kMixture: return options::put_key(bound_.options.mixture[entry.name], entry.key, said);
    case Section::kConversation:
      ++conversation_clock_;
      return options::put_key(bound_.options.conversation, entry.key, said);
    case Section::kStage: break;
  }
  BoundStage& stage = *entry.stage;
  if (entry.key == "conversation") ++conversation_clock_;
  if (stage.train) options::put_key(*stage.train, entry.key, said);
  if (stage.synthesize) options::put_key(*stage.synthesize, entry.key, said);
  if (stage.evaluate) options::put_key(*stage.evaluate, entry.key, said);
}

Json Instance::typed(const Entry& entry) {
  switch (entry.section) {
    case Section::kHead: return options::key_to_json(bound_.options, entry.key);
    case Section::kModel: return options::key_to_json(bound_.options.model, entry.key);
    case Section::kData: return options::key_to_json(bound_.options.data[entry.name], entry.key);
    case Section::kMixture: return options::key_to_json(bound_.options.mixture[entry.name], entry.key);
    case Section::kConversation: return options::key_to_json(bound_.options.conversation, entry.key);
    case Section::kStage: break;
  }
  const BoundStage& stage = *entry.stage;
  if (entry.key == "conversation") return stage.said.value("conversation", Json::object());
  if (stage.train) return options::key_to_json(*stage.train, entry.key);
  if (stage.synthesize) return options::key_to_json(*stage.synthesize, entry.key);
  return options::key_to_json(*stage.evaluate, entry.key);
}

void Instance::refresh_conversation(size_t stage) {
  if (whole_ || conversation_seen_[stage] == conversation_clock_) return;
  conversation_seen_[stage] = conversation_clock_;
  bound_.stages[stage].conversation = conversation_of(bound_.said.value("conversation", Json::object()), bound_.stages[stage]);
}

Bound& Instance::bound_for_stage(size_t stage) {
  refresh_conversation(stage);
  return bound_;
}

Bound& Instance::bound_for_all() {
  for (size_t i = 0; i < bound_.stages.size(); ++i) refresh_conversation(i);
  return bound_;
}

std::string Instance::identity() {
  if (whole_) return canonical(resolved_recipe(bound_));
  std::string out;
  for (const Entry& entry : entries_) {
    std::uint32_t content = entry.now->content;
    if (entry.section == Section::kStage && entry.key == "lora" && !trains_lora(*entry.stage)) content = 0;  // not part of what is resolved
    out.append(reinterpret_cast<const char*>(&content), sizeof content);
  }
  return out;
}

Diagnostics Instance::take_problems() { return std::exchange(problems_, {}); }

}  // namespace saucier::recipe
