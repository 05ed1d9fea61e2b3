// A sample: a conversation about some pictures, or none, as every reader gives it and every stage uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/image/picture.h"

namespace saucier::data {

// The marker in a turn's text that says where the picture stands, as in LLaVA's data.
inline constexpr std::string_view kImageMarker = "<image>";

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

// A data source after its reader: random access, so that order, resume and sharing are the mixture's business alone.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual std::int64_t size() const = 0;
  virtual Sample get(std::int64_t index) const = 0;  // thread-safe; a function of index alone
};

}  // namespace saucier::data
