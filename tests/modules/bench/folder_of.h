// A benchmark over files that a test writes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/bench/catalogue.h"
#include "tests/temp_folder.h"

namespace saucier {

inline fs::path bench_data() { return fs::path(SAUCIER_SOURCE_DIR) / "tests/data/bench"; }
inline Json bench_json(const std::string& name) { return Json::parse(read_file(bench_data() / name)); }

class WrittenFolder {
 public:
  WrittenFolder& write(const std::string& file, const std::string& text) {
    make_folders((folder_.path() / file).parent_path());
    write_file_atomic(folder_.path() / file, text);
    return *this;
  }
  fs::path path() const { return folder_.path(); }
  options::BenchmarkOptions options(const std::string& kind, const std::string& split = {}, const std::string& file = {}) const {
    options::BenchmarkOptions out;
    out.kind = kind;
    out.split = split;
    out.data = (file.empty() ? path() : path() / file).string();
    return out;
  }
  std::unique_ptr<bench::Benchmark> open(const std::string& kind, const std::string& split = {}, const std::string& file = {}) const {
    return bench::make_benchmark(options(kind, split, file));
  }
  // What making it says, with the folder's name left out.
  std::string refusal(const std::string& kind, const std::string& split = {}, const std::string& file = {}) const {
    return refusal_of([&] { open(kind, split, file); });
  }
  template <class Body>
  std::string refusal_of(Body body) const {
    try {
      body();
    } catch (const Error& error) {
      std::string text = error.what();
      for (size_t place; (place = text.find(path().string())) != std::string::npos;) text.replace(place, path().string().size(), "DIR");
      return text;
    }
    return "";
  }

 private:
  TempFolder folder_;
};

inline std::map<std::string, double> values_of(const std::vector<bench::Score>& scores) {
  std::map<std::string, double> out;
  for (const auto& score : scores) out[score.metric] = score.value;
  return out;
}

}  // namespace saucier
