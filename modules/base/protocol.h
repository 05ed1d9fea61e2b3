// What a worker says: JSON lines on its standard output, the same lines in events.jsonl of its work folder. The runner
// alone writes the database; after a crash it replays the file.
//
//   {"event":"progress","step":120,"steps":800,"rate":161.2,"unit":"samples","loss":0.41,"seconds_left":37.0,"note":""}
//   {"event":"metric","step":120,"values":{"loss":0.41,"learning_rate":0.0009}}         non-finite as "nan","inf","-inf"
//   {"event":"score","benchmark":"pope","metric":"f1","value":0.93,"stderr":0.008,"n":600,"setting":{…}}
//   {"event":"prediction","benchmark":"pope","condition":"seen","sample":"test-17#2","question":"…","answer":"Yes",
//    "normalised":"yes","truth":"yes","credit":1.0,"correct":true,"picture":"…","unit":"test-17"}     correct: credit ≥ 0.5
//   {"event":"drawn","from":0,"step":120,"sources":[{"source":"talk","share":0.3,"size":700,"draws":96,"samples":95,
//    "tokens":40312,"learned_tokens":9120,"pictures":95,"cut_pairs":0,"dropped":{"empty turn":1}}]}    of steps from+1 … step
//   {"event":"log","level":"info|warning","text":"…"}
//   {"event":"environment","values":{"torch":"2.13.0","threads":"2"}}
//   {"event":"done","files":{"model/config.json":612},"summary":{…}}      sizes in bytes of what lies in WORK/out
//   {"event":"error","message":"…","context":["…"],"hint":"…"}
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/json.h"

namespace saucier {

inline constexpr int kProtocolVersion = 1;

// The worker's side: writes each event as one line to events.jsonl and to standard output, from any thread. Bytes that are no
// UTF-8 become U+FFFD. Throws Error when a line cannot be written.
class EventWriter {
 public:
  // `to_stdout` false: the file alone (tests).
  EventWriter(const std::filesystem::path& events_file, bool to_stdout);
  void progress(std::int64_t step, std::int64_t steps, double rate, std::string_view unit, double loss,
                double seconds_left, std::string_view note = {});
  void metric(std::int64_t step, const std::map<std::string, double>& values);
  void score(std::string_view benchmark, std::string_view metric, double value, double stderr_value, std::int64_t n,
             const Json& setting);
  void drawn(std::int64_t from, std::int64_t step, const Json& sources);
  void prediction(const Json& prediction);  // the fields named above
  void log(std::string_view level, std::string_view text);
  void environment(const std::map<std::string, std::string>& values);
  void done(const Json& summary);
  void error(const Error& error);
  // Metrics and draws after `step` are cut from the file: a run that resumes at `step` says them again.
  void rewind(std::int64_t step);

 private:
  void write(const Json& event, bool to_file);  // progress is for people: not kept in the file
  std::filesystem::path path_;
  std::optional<LineAppender> file_;  // empty only while rewind exchanges the file
  bool to_stdout_;
  std::mutex mutex_;
};

// What an error event says.
Error error_of(const Json& event);

// Doubles as JSON: non-finite ones as "nan", "inf", "-inf".
Json number_to_json(double value);
double number_from_json(const Json& value);

}  // namespace saucier
