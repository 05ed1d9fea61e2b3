// saucier-worker --request FILE.json: answers one question about a model, for `saucier logits`, `ask` and `export`; what it
// says goes to standard output.
// saucier-worker JOB.json: runs one stage. Events go to standard output and to WORK/events.jsonl, messages of libraries to
// standard error (WORK/worker.log). Exit codes: 0 done, 1 failed (an error event says why), 2 no usable job,
// 75 asked to stop, with a training state written.

#include <csignal>
#include <cstdio>
#include <filesystem>

#include <c10/util/Exception.h>

#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "modules/base/protocol.h"
#include "modules/base/stop.h"
#include "modules/requests/request.h"
#include "modules/stages/stage.h"

namespace {

using saucier::Error;

void on_terminate(int) { saucier::stop_requested().store(true); }

// Runs `work` and hands what it throws to `failed`, as an Error of ours; libtorch's backtraces go to `log`.
template <class Work, class Failed>
int guarded(std::FILE* log, Work work, Failed failed) {
  try {
    work();
    return 0;
  } catch (const saucier::Interrupted& stop) {
    std::fprintf(stderr, "%s\n", stop.what());
    return saucier::kExitInterrupted;
  } catch (const Error& error) {
    return failed(error);
  } catch (const c10::Error& error) {
    if (log) std::fprintf(log, "%s\n", error.what());
    return failed(Error(error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return failed(Error("out of memory", "lower global_batch or conversation.max_length"));
  } catch (const std::exception& error) {
    return failed(Error(error.what()));
  }
}

int run_job(const saucier::options::Job& job, saucier::EventWriter& events) {
  const std::string place = fmt::format("in stage '{}'", job.stage);
  return guarded(stderr, [&] { saucier::stages::run(job, events); }, [&](Error error) {
    if (job.ranks.rank == 0) error.add_context(place);
    std::fputs(error.render().c_str(), stderr);
    events.error(error);
    return 1;
  });
}

int answer(const saucier::options::Request& request) {
  return guarded(nullptr, [&] { saucier::requests::run(request); }, [](const Error& error) {
    std::fputs(error.render().c_str(), stderr);
    return 1;
  });
}

template <class Options>
Options read(const std::filesystem::path& file) {
  const auto options = saucier::options::from_json<Options>(saucier::parse_json(saucier::read_file(file), file.string()));
  if (options.protocol != saucier::kProtocolVersion) {
    throw Error(fmt::format("the job speaks protocol {}, this worker {}", options.protocol, saucier::kProtocolVersion),
                "use saucier and saucier-worker of one build");
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const bool request = argc == 3 && std::string_view(argv[1]) == "--request";
  if (argc != 2 && !request) {
    std::fputs("usage: saucier-worker JOB.json (started by saucier)\n", stderr);
    return 2;
  }
  try {
    if (request) return answer(read<saucier::options::Request>(argv[2]));
    struct sigaction action {};
    action.sa_handler = on_terminate;
    action.sa_flags = SA_RESTART;  // a read of data in progress goes on; stages look at the flag between steps
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGINT, SIG_IGN);  // Ctrl-C reaches the runner, which decides
    const auto job = read<saucier::options::Job>(argv[1]);
    saucier::EventWriter events(std::filesystem::path(job.work) / saucier::paths::kEvents, /*to_stdout=*/job.ranks.rank == 0);
    return run_job(job, events);
  } catch (const Error& error) {
    std::fputs(error.render().c_str(), stderr);
    return 2;
  }
}
