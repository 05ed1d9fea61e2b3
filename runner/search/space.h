// What a search may try: parameters, which of them count where, and points as plain numbers.
//
// A parameter is a number, an integer, an ordered list of which a value is chosen (8, 16, 64: neighbours are alike), or
// an unordered one. It may hang on others: it is present only where each of them has one of the values that it names.
// Names come from elsewhere (a recipe's paths); here they only tell random streams apart, so that a parameter more
// changes nothing about what the others draw.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace saucier::search {

enum class Kind { kReal, kInteger, kOrdered, kCategory };

struct Condition {
  size_t on = 0;               // index of a parameter that stands before this one
  std::vector<double> values;  // present if that one has one of these (indices, where it is a list)
};

struct Parameter {
  std::string name;
  Kind kind = Kind::kReal;
  double low = 0, high = 0;  // numbers: both ends included
  bool log = false;          // numbers: even on a logarithmic scale; low > 0
  double step = 0;           // numbers: low, low + step, ...; 0: every real, or every integer
  size_t choices = 0;        // lists: how many values
  std::vector<Condition> when;
};

// One value a parameter, in the space's order: the number itself, or the index of what is chosen from a list; none where
// a condition leaves the parameter out.
using Point = std::vector<std::optional<double>>;

class Space {
 public:
  Space() = default;
  // Error for an empty or infinite range, log from 0 or below, log with a step, a step below 0, a list without values, a
  // name that appears twice, a condition on a later parameter. A high end between two steps becomes the step below it.
  explicit Space(std::vector<Parameter> parameters);

  size_t size() const { return parameters_.size(); }
  const Parameter& operator[](size_t parameter) const { return parameters_[parameter]; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // Do the conditions of `parameter` hold, given the values of those before it? Never where one of those is absent.
  bool present(size_t parameter, const Point& point) const;
  // Absent parameters lose their value.
  Point without_absent(Point point) const;
  // Has it a value within its range exactly where it must have one? (A point of an earlier sweep may not.)
  bool contains(const Point& point) const;

  // [0, 1]^size -> points. Every value of a list, an integer range or a stepped one gets an equal share of [0, 1] (on a
  // log scale: the share that Optuna gives it); coordinates of absent parameters are ignored.
  Point at(std::span<const double> unit) const;
  // The middle of the share that gives a point's values; 0.5 where it has none.
  std::vector<double> unit_of(const Point& point) const;

 private:
  std::vector<Parameter> parameters_;
};

// A parameter with a countable number of values has steps: integers, lists (indices) and stepped reals. 0 for reals.
double step_of(const Parameter& parameter);
// Ends of the values: 0 and choices - 1 for lists.
double low_of(const Parameter& parameter);
double high_of(const Parameter& parameter);
// How many values there are; 0 for reals, of which there is no end.
size_t count_of(const Parameter& parameter);

// `unit` in [0, 1] -> a value, and back.
double value_at(const Parameter& parameter, double unit);
double unit_at(const Parameter& parameter, double value);

// The value that is kept: on the nearest step; reals to six significant digits of the range, so that what exp and log
// round to on one machine or another makes no other trial. Never outside of the range.
double tidy(const Parameter& parameter, double value);

}  // namespace saucier::search
