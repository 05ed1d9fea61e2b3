// A sample: a conversation about some pictures, or none, as every reader gives it and every stage uses it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/image/picture.h"

namespace saucier::data {

// The marker in a turn's text that says where the picture stands, as in LLaVA's data.
inline constexpr std::string_view kImageMarker = "<image>";

inline size_t count_markers(std::string_view text) {
  size_t count = 0;
  for (size_t at = text.find(kImageMarker); at != std::string_view::npos; at = text.find(kImageMarker, at + kImageMarker.size())) ++count;
  return count;
}

enum class Role { kUser, kAssistant };

struct Turn {
  Role role = Role::kUser;
  std::string text;  // may hold kImageMarker
};

using image::Picture;

// Where a sample's picture comes from. Loading may be slow (decode, render): done in the loader's threads.
class PictureSource {
 public:
  virtual ~PictureSource() = default;
  virtual Picture load(const std::string& reference) const = 0;  // throws Error naming the reference
  // Of the picture that load() gives, without decoding it where that can be helped. Throws as load() does.
  virtual image::Size size(const std::string& reference) const {
    const Picture picture = load(reference);
    return {picture.height, picture.width};
  }
  // What says that load() gives the same picture as at another time or in another process: a file with its size and times,
  // a place in an archive, a scene's number. Empty: nothing does. Throws as load() does.
  virtual std::string identity(const std::string&) const { return {}; }
};

struct PictureRef {
  std::string reference;                        // "scene:test:17", or a path below the source's picture folder
  std::shared_ptr<const PictureSource> source;
};

struct Sample {
  std::string id;      // unique inside its source
  std::string source;  // name of the data source in the recipe
  std::string kind;    // caption, conversation, detail, reasoning, or ""
  std::optional<std::string> system;  // a system message of its own, as some formats have it
  std::vector<Turn> turns;            // user first, alternating
  std::vector<PictureRef> pictures;   // in the order of the markers
};

// What a reader found in the rows of its source. The names of the reasons are those of modules/data/reason.h.
struct ReadReport {
  struct Example {
    std::string file;
    std::int64_t line = 0;
    std::string id;      // empty where the row does not even say that
    std::string detail;  // "turn 2 is empty"
  };
  struct Reason {
    std::int64_t count = 0;
    bool left_out = true;           // false: counted only
    std::vector<Example> examples;  // the first kExamples
  };
  static constexpr size_t kExamples = 8;
  std::int64_t rows = 0;         // 0: the source is not read from rows
  std::int64_t kept = 0;
  std::int64_t other_kinds = 0;  // left out because their kind was not asked for
  std::map<std::string, Reason> reasons;
};

// Where a sample was read; line 0: it was not read from rows.
struct RowOf {
  std::string file;
  std::int64_t line = 0;
};

// A data source after its reader: random access, so that order, resume and sharing are the mixture's business alone.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual std::int64_t size() const = 0;
  virtual Sample get(std::int64_t index) const = 0;  // thread-safe; a function of index alone
  virtual RowOf row(std::int64_t) const { return {}; }
  virtual const ReadReport& report() const {         // of the rows below, whatever cuts or rewrites their samples
    static const ReadReport kNoRows;
    return kNoRows;
  }
};

}  // namespace saucier::data
