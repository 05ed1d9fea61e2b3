// Options declared once: a struct with default member values and one `declare` that names each member.
//
//   struct ProjectorOptions {
//     std::string kind = "mlp2x_gelu";
//     template <class Visitor> void declare(Visitor& v) {
//       v(kind, {.key = "kind", .help = "…", .choices = {"linear", "mlp2x_gelu"}});
//     }
//   };
//
// Everything else derives from it: table_of<T>() (names, types, defaults, ranges: for binding, suggestions, schema and
// reference), from_json<T> and to_json (for the job that a worker gets). No default stands anywhere else.
//
// Members may be: bool, std::int64_t, double, std::string, std::optional of those, std::vector<std::string>,
// std::vector<std::int64_t>, std::map<std::string, double>, std::map<std::string, Weight>,
// std::map<std::string, std::string>, another options struct, a std::map<std::string, options struct> and a
// std::optional<options struct>.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/json.h"

namespace saucier::options {

enum class Type {
  kBool, kInteger, kNumber, kString, kStringList, kIntegerList, kNumberMap, kWeightMap, kStringMap, kTable, kTableMap
};

// A mixture weight: a share, "natural" (in proportion to the source's own size), or a table (WeightTable) that counts the
// source's samples or passes, or caps its passes.
struct Weight {
  bool natural = false;
  double share = 0;
  std::optional<std::int64_t> samples = {};
  std::optional<double> epochs = {};
  std::optional<std::int64_t> max_passes = {};

  bool counted() const { return samples || epochs; }
  bool takes_part() const { return natural || share > 0 || counted(); }
};

// What a declaration says beside the member. It only views literals: options are read and written far more often than
// tables of them are made, and a `declare` must cost nothing then.
struct Declaration {
  std::string_view key;
  std::string_view help;                // one sentence; required
  std::string_view unit = {};           // "tokens", "samples", "pixels"
  std::optional<double> min = {};       // inclusive
  std::optional<double> max = {};       // inclusive
  bool positive = false;                // > 0
  std::initializer_list<std::string_view> choices = {};  // of a string, of the items of a list, of the keys of a map
  bool open = false;                    // other words than the choices may be names of the recipe's own: checked elsewhere
  bool required = false;
  bool operational = false;             // does not change the result: never part of a stage key
  bool path = false;                    // a file or folder, relative to the file that says it
  std::initializer_list<std::string_view> formerly = {};  // old names: still taken, with a warning (runner/recipe/renamed.h)
};

// The same, kept in a table.
struct Rule {
  std::string key, help, unit;
  std::optional<double> min, max;
  bool positive = false;
  std::vector<std::string> choices, formerly;
  bool open = false, required = false, operational = false, path = false;
};

struct Table;

struct Field {
  Rule rule;
  Type type = Type::kString;
  bool optional = false;        // may be unset; default null
  Json default_value;           // null where required or optional
  const Table* table = nullptr; // of kTable and kTableMap
};

struct Table {
  std::vector<Field> fields;    // in declaration order
  const Field* find(std::string_view key) const;
  std::vector<std::string> keys() const;
};

template <class T>
const Table& table_of();

// A weight as a recipe's table says it: at most one of the first three, "natural" without them.
struct WeightTable {
  std::optional<double> share;
  std::optional<std::int64_t> samples;
  std::optional<double> epochs;
  std::optional<std::int64_t> max_passes;

  template <class Visitor>
  void declare(Visitor& v) {
    v(share, {.key = "share", .help = "Share of the draws, as a number in the place of the table says it.", .min = 0});
    v(samples, {.key = "samples", .help = "Samples drawn of the source in all; it begins again where it has fewer and exhausted is 'repeat'.", .unit = "samples", .min = 1});
    v(epochs, {.key = "epochs", .help = "Passes over the source, in the place of samples.", .positive = true});
    v(max_passes, {.key = "max_passes", .help = "Most passes over the source, in the place of the mixture's max_passes.", .min = 1});
  }
};

// `value` holds what differs from the defaults, already checked by bind; a missing key keeps the default. Throws Error
// on a wrong type (a damaged job, not a user's recipe).
template <class T>
T from_json(const Json& value);

template <class T>
Json to_json(const T& options);  // every field

// One field by its key, for a recipe of which a trial changes a value or two: put_key sets it to what from_json would make
// of `value` (nullptr: the recipe does not say it), key_to_json is to_json's entry.
template <class T>
void put_key(T& options, std::string_view key, const Json* value);
template <class T>
Json key_to_json(const T& options, std::string_view key);

}  // namespace saucier::options

#include "modules/options/table_impl.h"
