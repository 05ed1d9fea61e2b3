#include "modules/base/protocol.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "modules/base/paths.h"

namespace saucier {
namespace {

void write_stdout(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
    line.remove_prefix(static_cast<size_t>(n));
  }
}

std::string to_line(const Json& event) { return event.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json file_sizes(const fs::path& folder) {
  Json out = Json::object();
  if (!fs::is_directory(folder)) return out;
  try {
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) out[entry.path().lexically_relative(folder).generic_string()] = entry.file_size();
  } catch (const fs::filesystem_error& error) {
    throw Error(fmt::format("cannot read '{}': {}", error.path1().string(), error.code().message()));
  }
  return out;
}

}  // namespace

Json number_to_json(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double number_from_json(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  throw Error(fmt::format("not a number (got {})", to_line(value)));
}

Error error_of(const Json& event) {
  Error error(event.value("message", ""), event.value("hint", ""));
  for (const Json& line : event.value("context", Json::array()))
    if (line.is_string()) error.add_context(line.get<std::string>());
  return error;
}

EventWriter::EventWriter(const fs::path& events_file, bool to_stdout) : path_(events_file), to_stdout_(to_stdout) {
  file_.emplace(path_);
}

void EventWriter::write(const Json& event, bool to_file) {
  const std::string line = to_line(event);
  const std::lock_guard lock(mutex_);
  // The file first: what the runner has seen is then always in the file that a later runner replays.
  if (to_file) file_->append(line);
  if (to_stdout_) write_stdout(line + "\n");
}

void EventWriter::progress(std::int64_t step, std::int64_t steps, double rate, std::string_view unit, double loss,
                           double seconds_left, std::string_view note) {
  write({{"event", "progress"},
         {"step", step},
         {"steps", steps},
         {"rate", number_to_json(rate)},
         {"unit", unit},
         {"loss", number_to_json(loss)},
         {"seconds_left", number_to_json(seconds_left)},
         {"note", note}},
        false);
}

void EventWriter::metric(std::int64_t step, const std::map<std::string, double>& values) {
  Json numbers = Json::object();
  for (const auto& [name, value] : values) numbers[name] = number_to_json(value);
  write({{"event", "metric"}, {"step", step}, {"values", numbers}}, true);
}

void EventWriter::score(std::string_view benchmark, std::string_view metric, double value, double stderr_value,
                        std::int64_t n, const Json& setting) {
  write({{"event", "score"},
         {"benchmark", benchmark},
         {"metric", metric},
         {"value", number_to_json(value)},
         {"stderr", number_to_json(stderr_value)},
         {"n", n},
         {"setting", setting}},
        true);
}

void EventWriter::drawn(std::int64_t from, std::int64_t step, const Json& sources) {
  write({{"event", "drawn"}, {"from", from}, {"step", step}, {"sources", sources}}, true);
}

void EventWriter::prediction(const Json& prediction) {
  Json event = prediction;
  event["event"] = "prediction";
  write(event, true);
}

void EventWriter::log(std::string_view level, std::string_view text) {
  write({{"event", "log"}, {"level", level}, {"text", text}}, true);
}

void EventWriter::environment(const std::map<std::string, std::string>& values) {
  write({{"event", "environment"}, {"values", values}}, true);
}

void EventWriter::done(const Json& summary) {
  Json event = {{"event", "done"}, {"summary", summary}};
  event["files"] = file_sizes(path_.parent_path() / paths::kOutput);
  const std::lock_guard lock(mutex_);
  // Synced before anyone hears of it: the runner commits the artifact on this word.
  file_->append(to_line(event));
  file_->sync();
  if (to_stdout_) write_stdout(to_line(event) + "\n");
}

void EventWriter::error(const Error& error) {
  const Json event = {
      {"event", "error"}, {"message", error.what()}, {"context", error.context()}, {"hint", error.hint()}};
  const std::lock_guard lock(mutex_);
  try {
    file_->append(to_line(event));
    file_->sync();
  } catch (const Error&) {  // perhaps the very disk that is full: the runner hears of it all the same
  }
  if (to_stdout_) write_stdout(to_line(event) + "\n");
}

void EventWriter::rewind(std::int64_t step) {
  const std::lock_guard lock(mutex_);
  const std::string text = read_file(path_);
  std::string kept;
  std::string_view rest = text;
  for (int number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    SAUCIER_CHECK(end != std::string_view::npos, "'{}' ends in half a line", path_.string());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const Json event = parse_json(line, fmt::format("line {} of '{}'", number, path_.string()));
    const std::string type = event.value("event", "");
    if ((type == "metric" || type == "drawn") && event.value("step", std::int64_t{0}) > step) continue;
    kept += line;
    kept += '\n';
  }
  file_.reset();  // its descriptor would go on writing into the file that is replaced
  if (kept.size() != text.size()) write_file_atomic(path_, kept);
  file_.emplace(path_);
}

}  // namespace saucier
