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

Instance::Instance(const Node& base, const Sweep& sweep) : base_(base), sweep_(sweep) {
  for (const Assignment& axis : sweep.axes) {  // an axis may be the first to say something of a section
    const PathPart& top = axis.parts[0];
    if ((top.name != "conversation" && top.name != "model") || axis.parts.size() < 2 || base_.find(top.name)) continue;
    Node table;
    table.key = top.name;
    table.key_position = table.position = top.position;
    table.origin = axis.values.front().origin;
    base_.items.push_back(std::move(table));
  }
  const bool in_values = std::any_of(sweep.axes.begin(), sweep.axes.end(), [](const Assignment& axis) {
    return std::any_of(axis.values.begin(), axis.values.end(), [](const Node& value) { return has_references(value); });
  });
  references_ = in_values || has_references(base_);
  whole_ = in_values || has_cycles(base_) || !find_entries() || (references_ && !find_references()) ||
           !std::all_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return may_stay_in_parts(entry); });
  if (whole_) entries_.clear();
  bind_whole(sweep.points.front());
  for (Entry& entry : entries_) {  // none of these moves: the tables are all there, and only their entries come and go
    const size_t names = entry.path.size() - entry.key.size();
    entry.table = names == 0 ? &tree_ : find_path(tree_, std::string_view(entry.path).substr(0, names - 1));
    if (entry.section == Section::kStage) entry.stage = const_cast<BoundStage*>(bound_.stage(entry.name));
  }
  conversation_seen_.assign(bound_.stages.size(), conversation_clock_);
}

// The entry at or above a path; nothing where the path is above entries, or leads where no section is.
std::optional<Instance::Entry> Instance::entry_at(const std::vector<std::string>& names) {
  Entry entry;
  const auto below = [&](Section section, size_t depth) -> std::optional<Entry> {
    if (names.size() <= depth) return std::nullopt;
    entry.section = section;
    if (depth == 2) entry.name = names[1];
    entry.key = names[depth];
    for (size_t i = 0; i <= depth; ++i) entry.path += (i > 0 ? "." : "") + names[i];
    return entry;
  };
  const std::string& top = names[0];
  if (top == "seed") return below(Section::kHead, 0);
  if (top == "conversation") return below(Section::kConversation, 1);
  if (top == "model") return below(Section::kModel, 1);
  if (top == "data") return below(Section::kData, 2);
  if (top == "mixture") return below(Section::kMixture, 2);
  const bool head = names.size() > 2 && (names[2] == "name" || names[2] == "kind" || names[2] == "from");
  if (top == "stage" && !head) return below(Section::kStage, 2);
  return std::nullopt;
}

void Instance::add_axis(Entry entry, size_t axis) {
  auto same = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.path == entry.path; });
  if (same == entries_.end()) same = entries_.insert(same, std::move(entry));
  same->axes.insert(std::lower_bound(same->axes.begin(), same->axes.end(), axis), axis);
  same->axes.erase(std::unique(same->axes.begin(), same->axes.end()), same->axes.end());
}

// False when an axis changes more than an entry.
bool Instance::find_entries() {
  for (size_t a = 0; a < sweep_.axes.size(); ++a) {
    std::vector<std::string> names;
    for (const PathPart& part : sweep_.axes[a].parts) names.push_back(part.name);
    std::string path = sweep_.axes[a].path;
    if (names[0] != "variables" || names.size() != 2 || !find_path(base_, path)) {
      std::optional<Entry> entry = entry_at(names);
      if (!entry) return false;
      path = entry->path;
      add_axis(std::move(*entry), a);
    }
    const Node* said = find_path(base_, path);
    places_.push_back({path, said ? std::optional<Node>(*said) : std::nullopt});
  }
  return true;
}

// Entries change also with what they refer to. False when something that is no entry refers to what an axis changes.
bool Instance::find_references() {
  bool only_entries = true;
  const auto look = [&](const Node& value, const std::vector<std::string>& names) {
    if (!has_references(value)) return;
    const std::set<std::string> paths = referred_paths(value, base_);
    for (size_t a = 0; a < places_.size(); ++a) {
      if (std::none_of(paths.begin(), paths.end(), [&](const std::string& path) { return overlap(path, places_[a].path); })) continue;
      if (std::optional<Entry> entry = entry_at(names)) add_axis(std::move(*entry), a);
      else only_entries = false;
    }
  };
  for (const Node& top : base_.items) {
    const bool named = top.key == "data" || top.key == "mixture" || top.key == "stage";
    if (top.key == "variables" || top.key == "sweep") continue;
    if (!top.is(Kind::kTable) && !top.is(Kind::kList)) look(top, {top.key});
    for (const Node& section : top.items) {
      if (!named) {
        look(section, {top.key, section.key});
        continue;
      }
      const Node* name = section.find("name");
      const std::string own = top.key != "stage" ? section.key : name && name->is(Kind::kString) ? name->text() : "";
      if (section.items.empty()) look(section, {top.key});
      for (const Node& entry : section.items) look(entry, {top.key, own, entry.key});
    }
  }
  return only_entries;
}

bool Instance::may_stay_in_parts(const Entry& entry) const {
  // Where the place is not there, or not a table, the problem is said by the plain way.
  const Node* holder = entry.section == Section::kHead ? &base_ : find_path(base_, entry.path.substr(0, entry.path.rfind('.')));
  if (!holder || !holder->is(Kind::kTable)) return false;
  if (entry.section == Section::kStage) {
    const Node* kind = holder->find("kind");
    if (!kind || !kind->is(Kind::kString) || &stage_table(kind->text()) == &stage_table("")) return false;
  }
  // Saying samples takes epochs away.
  if (entry.section == Section::kMixture && (entry.key == "samples" || entry.key == "epochs")) {
    const std::string other = "mixture." + entry.name + (entry.key == "samples" ? ".epochs" : ".samples");
    if (find_path(base_, other) || std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.path == other; })) return false;
  }
  // A conversation that a trial leaves out is the recipe's, which may change too.
  if (entry.section != Section::kStage || entry.key != "conversation") return true;
  return std::all_of(sweep_.points.begin(), sweep_.points.end(), [&](const Point& point) {
    return std::all_of(entry.axes.begin(), entry.axes.end(), [&](size_t a) { return point[a].has_value(); });
  });
}

void Instance::bind_whole(const Point& point) {
  tree_ = base_;
  for (size_t a = 0; a < point.size(); ++a)
    if (point[a]) assign(tree_, sweep_.axes[a].parts, sweep_.axes[a].values[*point[a]], problems_);
  if (references_) {
    if (!whole_) raw_ = tree_;
    resolve_references(tree_, problems_);
  }
  Rounds rounds = has_cycles(tree_) ? write_out_cycles(tree_, problems_) : Rounds();
  bound_ = bind_recipe(tree_, problems_);
  bound_.rounds = std::move(rounds);
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
  Node& raw = references_ ? raw_ : tree_;
  for (const size_t a : entry.axes) {
    const Place& place = places_[a];
    Node* now = find_path(raw, place.path);
    if (!place.base) erase_path(raw, place.path);
    else if (now) *now = *place.base;
    else find_path(raw, std::string_view(place.path).substr(0, place.path.rfind('.')))->items.push_back(*place.base);
  }
  for (const size_t a : entry.axes)
    if (point[a]) assign(raw, sweep_.axes[a].parts, sweep_.axes[a].values[*point[a]], problems_);
  if (const Node* node = find_path(raw, entry.path)) {
    it->second.node = *node;
    if (references_) resolve_references(*it->second.node, raw_, problems_);
  }
  bind(entry, it->second);
  return it->second;
}

void Instance::bind(Entry& entry, Version& version) {
  const BoundStage* stage = entry.stage;
  const options::Table& top = options::table_of<RecipeOptions>();
  const std::string section = entry.path.substr(0, entry.path.size() - entry.key.size());  // "model.", "" of the head
  const options::Table& known = stage ? stage_table(stage->kind)
                                : entry.section == Section::kHead ? top
                                                                  : *top.find(section.substr(0, section.find('.')))->table;
  const std::string what = stage ? stage->what : entry.section == Section::kHead ? "the recipe" : fmt::format("'{}'", section.substr(0, section.size() - 1));
  Binder binder = stage ? stage_binder(problems_, version.origins) : recipe_binder(problems_, version.origins);
  apply(entry, version);
  if (version.node) version.said = binder.entry(*version.node, known, what, stage ? "" : section);
  else if (const options::Field* field = known.find(entry.key)) binder.missing(*entry.table, *field, what);
  version.missing = binder.take_missing();
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
  std::erase_if(bound_.missing, [&](const MissingFile& file) { return overlap(file.key, entry.path); });
  bound_.missing.insert(bound_.missing.end(), version.missing.begin(), version.missing.end());
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
    const bool unused = entry.section == Section::kStage && ((entry.key == "lora" && !trains(*entry.stage, "language_model.lora")) ||
                                                             (entry.key == "vision_lora" && !trains(*entry.stage, "vision_tower.lora")));
    if (unused) content = 0;  // not part of what is resolved
    out.append(reinterpret_cast<const char*>(&content), sizeof content);
  }
  return out;
}

Diagnostics Instance::take_problems() { return std::exchange(problems_, {}); }

}  // namespace saucier::recipe
