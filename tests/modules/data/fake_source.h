// A source made of a function, and pictures that say which they are.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "modules/base/error.h"
#include "modules/data/sample.h"

namespace saucier::data {

class FakeSource : public SampleSource {
 public:
  FakeSource(std::int64_t size, std::function<Sample(std::int64_t)> make) : size_(size), make_(std::move(make)) {}
  std::int64_t size() const override { return size_; }
  Sample get(std::int64_t index) const override { return make_(index); }

 private:
  std::int64_t size_;
  std::function<Sample(std::int64_t)> make_;
};

class FakePictures : public PictureSource {
 public:
  Picture load(const std::string& reference) const override {
    ++loads;
    if (reference == "broken") throw Error("cannot read picture 'broken'");
    return {.width = 1, .height = 1, .pixels = {static_cast<std::uint8_t>(std::stoi(reference)), 0, 0}};
  }
  mutable std::atomic<int> loads = 0;
};

// One question and answer; the answer's length differs from sample to sample.
inline Sample plain_sample(std::int64_t i) {
  std::string answer = "a";
  for (std::int64_t word = 0; word < i * 7 % 13; ++word) answer += " red";
  return {.id = std::to_string(i), .source = "s", .kind = "", .system = {}, .turns = {{Role::kUser, "what?"}, {Role::kAssistant, answer}}, .pictures = {}};
}

inline std::shared_ptr<const SampleSource> fake_source(std::int64_t size) { return std::make_shared<FakeSource>(size, plain_sample); }

}  // namespace saucier::data
