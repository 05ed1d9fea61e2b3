// A worker for the tests of the runner: obeys files in the folder $SAUCIER_FAKE instead of training anything.
//   runs.log        a line "STAGE" for every start, appended
//   ends.log        a line "STAGE" for every stage that said done
//   STAGE.do        what to do: "" | fail | die | silent | slow MS | loud N (metric events) |
//                   state MS (ten steps of that length, each with a training state; obeys SIGTERM)
// The result of a stage is a function of its job's key alone, so runs can be compared.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/protocol.h"
#include "modules/base/stop.h"
#include "modules/options/job.h"

using namespace saucier;

namespace {

void on_terminate(int) { stop_requested() = true; }

void append(const fs::path& file, const std::string& line) { LineAppender(file).append(line); }

std::string orders(const fs::path& folder, const std::string& stage) {
  const fs::path file = folder / (stage + ".do");
  return fs::exists(file) ? read_file(file) : "";
}

void pause_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// Ten steps, a training state after each; goes on from the state that is there.
int steps(const options::Job& job, EventWriter& events, int ms) {
  const fs::path work = job.work, state = work / paths::kResume / "step";
  int step = fs::exists(state) ? std::stoi(read_file(state)) : 0;
  events.rewind(step);
  for (; step < 10; ++step) {
    if (stop_requested()) return kExitInterrupted;
    events.metric(step + 1, {{"loss", 1.0 / (step + 1)}});
    pause_ms(ms);
    make_folders(state.parent_path());
    write_file_atomic(state, std::to_string(step + 1));
  }
  return 0;
}

int work(const options::Job& job, EventWriter& events) {
  const fs::path control = std::getenv("SAUCIER_FAKE"), out = fs::path(job.work) / paths::kOutput;
  append(control / "runs.log", job.stage);
  std::istringstream order(orders(control, job.stage));
  std::string verb;
  order >> verb;
  events.progress(0, 10, 1, "steps", std::nan(""), 1);
  if (verb == "fail") {
    std::fputs("a line for the log\nanother one\n", stderr);
    events.error(Error("nothing to learn from", "give it data").add_context("in stage '" + job.stage + "'"));
    return 1;
  }
  if (verb == "die") std::raise(SIGKILL);
  if (verb == "silent") return 0;
  int number = 0;
  order >> number;
  if (verb == "slow") pause_ms(number);
  if (verb == "state") {
    if (const int code = steps(job, events, number); code != 0) return code;
  } else {
    const int last = verb == "loud" ? number : 10;
    for (int step = 1; step <= last; ++step) events.metric(step, {{"loss", 1.0 / step}, {"odd", step == 3 ? std::nan("") : step}});
  }
  for (const auto& [name, folder] : job.artifacts) {
    if (!fs::exists(fs::path(folder) / paths::kManifest)) throw Error("no artifact of '" + name + "'");
  }
  events.environment({{"visible", std::getenv("CUDA_VISIBLE_DEVICES")}, {"device", job.device}});
  events.score("pope", "f1", 0.5 + job.key[0] / 1000.0, 0.01, 4, {{"condition", "seen"}, {"main", true}});
  for (int i = 0; i < 4; ++i) {
    events.prediction({{"benchmark", "pope"}, {"condition", "seen"}, {"sample", "t#" + std::to_string(i)}, {"question", "q"},
                       {"answer", "Yes"}, {"normalised", "yes"}, {"truth", "yes"}, {"correct", true}, {"picture", "p"}});
  }
  make_folders(out / "model");
  write_file_atomic(out / "model" / "weights", job.key + " from " + job.from);
  append(control / "ends.log", job.stage);
  events.done({{"loss", 0.1}});
  return 0;
}

}  // namespace

int main(int, char** argv) {
  std::signal(SIGTERM, on_terminate);
  try {
    const auto job = options::from_json<options::Job>(parse_json(read_file(argv[1]), "job"));
    EventWriter events(fs::path(job.work) / paths::kEvents, true);
    try {
      return work(job, events);
    } catch (const Error& error) {
      events.error(error);
      return 1;
    }
  } catch (const Error& error) {
    std::fputs(error.render().c_str(), stderr);
    return 2;
  }
}
