// A recipe with the values of one trial put in, and bound. Going from one trial to the next costs what differs between them,
// so that a sweep of ten thousand trials is checked in a tenth of a second.
//
// An axis changes one entry of one section: stage.align.lora.rank the entry `lora` of the section `stage.align`, and the entries
// that refer to it. An entry is bound once for each combination of the axes that change it, and kept. Axes that change more
// than that (a whole section, a stage's name, kind or `from`), and cycles, make every trial anew from the composed recipe: see `whole`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runner/recipe/bound.h"
#include "runner/recipe/sweep.h"

namespace saucier::recipe {

class Instance {
 public:
  using Point = std::vector<std::optional<std::uint32_t>>;  // of Sweep::points

  // `base` is the composed recipe; `sweep` must outlive the instance. Begins at the first point.
  Instance(const Node& base, const Sweep& sweep);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  bool whole() const { return whole_; }  // every trial is made anew: `put` takes all axes whatever it is told

  // Entries, by number, that change with the axes that overlap one of `paths` ("conversation", "data.captions").
  std::vector<size_t> entries_at(const std::vector<std::string>& paths) const;
  std::vector<size_t> all_entries() const;
  // Axes that change the entries.
  std::vector<size_t> axes_of(const std::vector<size_t>& entries) const;
  bool changes(const std::string& path) const { return !entries_at({path}).empty(); }

  // Gives the entries the values they have at `point`; the others stay as they are.
  void put(const Point& point, const std::vector<size_t>& entries);

  // A stage's conversation is merged only when it is asked for: of one stage, or of all.
  Bound& bound_for_stage(size_t stage);
  Bound& bound_for_all();
  Bound& bound() { return bound_; }  // for all else

  // Equal for two points (all entries put) exactly when the resolved recipes are.
  std::string identity();
  Diagnostics take_problems();  // of binding, since the last call

 private:
  enum class Section { kHead, kConversation, kModel, kData, kMixture, kStage };

  struct Version {  // an entry with some values
    std::optional<Node> node;
    std::optional<Json> said;
    std::map<std::string, std::string> origins;
    std::vector<MissingFile> missing;
    std::uint32_t content = 0;  // equal numbers: the same entry of the resolved recipe
  };

  struct Entry {
    Section section = Section::kHead;
    std::string name;          // of the source, mixture or stage
    std::string key;
    std::string path;          // "stage.align.lora"
    std::vector<size_t> axes;  // in their order
    Node* table = nullptr;     // the section in the tree
    BoundStage* stage = nullptr;
    std::map<std::vector<std::uint32_t>, Version> versions;
    const Version* now = nullptr;
  };

  struct Place {  // where an axis changes the recipe
    std::string path;          // of the entry, or of a variable
    std::optional<Node> base;  // what the recipe says there without the sweep
  };

  static std::optional<Entry> entry_at(const std::vector<std::string>& names);
  void add_axis(Entry entry, size_t axis);
  bool find_entries();
  bool find_references();
  bool may_stay_in_parts(const Entry& entry) const;
  void bind_whole(const Point& point);
  const Version& version(Entry& entry, const Point& point);
  void bind(Entry& entry, Version& version);
  void apply(Entry& entry, const Version& version);
  Json& said_of(const Entry& entry);
  std::map<std::string, std::string>& origins_of(const Entry& entry);
  void put_typed(const Entry& entry, const Json* said);
  Json typed(const Entry& entry);
  void refresh_conversation(size_t stage);

  Node base_;
  const Sweep& sweep_;
  bool references_ = false;
  bool whole_ = false;
  Node raw_;   // with the values put in, references as they are said; unused where the recipe has none
  Node tree_;  // without references
  Bound bound_;
  std::vector<Place> places_;  // of the axes
  std::vector<Entry> entries_;
  std::map<std::string, std::uint32_t> contents_;  // texts of entries by number
  std::uint64_t conversation_clock_ = 1;           // ticks when a conversation changes
  std::vector<std::uint64_t> conversation_seen_;   // of each stage
  Diagnostics problems_;
};

}  // namespace saucier::recipe
