#include "runner/cli/model_argument.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/ranges.h>

#include "modules/base/error.h"
#include "modules/base/file.h"
#include "modules/base/protocol.h"
#include "modules/base/suggest.h"
#include "modules/text/conversation.h"
#include "modules/text/tokenizer.h"
#include "modules/weights/container.h"
#include "runner/recipe/canonical.h"
#include "runner/recipe/recipe.h"
#include "runner/report/find.h"
#include "store/store.h"

namespace saucier::cli {
namespace {

namespace fs = std::filesystem;

// A trial's model as its recipe and its stage's artifact say.
NamedModel trial_model(const store::Store& store, const std::string& name) {
  const size_t colon = name.rfind(':');
  const report::FoundTrial trial = report::find_trial(store, name.substr(0, colon));
  if (!trial.note.empty()) std::fputs(fmt::format("note: {}\n", trial.note).c_str(), stderr);
  const auto row = store.query("SELECT resolved FROM trial WHERE id = ?1", {trial.id}).rows.at(0);
  recipe::Trial resolved;
  resolved.name = trial.name;
  resolved.resolved = parse_json(row[0].get<std::string>(), "resolved recipe of " + trial.name);
  const std::string text = recipe::to_toml(resolved, false);
  recipe::Reading reading;
  reading.text_of = [&](const fs::path&) { return std::optional(text); };
  const recipe::Recipe again = recipe::load(trial.name + ".toml", {}, {}, reading);
  if (again.trials.size() != 1) throw Error(fmt::format("the recipe of trial '{}' is not understood", trial.name), "run it again with this version");

  const std::string wanted = colon == std::string::npos ? "" : name.substr(colon + 1);
  const recipe::Stage* found = nullptr;
  std::string key;
  std::vector<std::string> known;
  for (const recipe::Stage& stage : again.trials[0].stages) {
    if (stage.kind != "train") continue;
    known.push_back(stage.name);
    if (!wanted.empty() && stage.name != wanted) continue;
    const auto runs = store.query("SELECT ts.key FROM trial_stage ts JOIN stage_run r ON r.key = ts.key AND r.state = 'done'"
                                  " WHERE ts.trial_id = ?1 AND ts.stage = ?2", {trial.id, stage.name});
    if (runs.rows.empty()) continue;
    found = &stage;
    key = runs.rows[0][0].get<std::string>();
  }
  if (!wanted.empty() && std::find(known.begin(), known.end(), wanted) == known.end())
    throw Error(fmt::format("trial '{}' has no train stage '{}'", trial.name, wanted), suggestion(wanted, known));
  if (!found) throw Error(fmt::format("trial '{}' has no finished train stage{}", trial.name, wanted.empty() ? "" : " '" + wanted + "'"), "'saucier run RECIPE' makes it");
  NamedModel model;
  model.reference.recipe = found->job.model;
  model.reference.from = (store.artifacts() / key).string();
  model.reference.seed = found->job.seed;
  model.reference.aspect = found->job.conversation.image_aspect;
  model.conversation = found->job.conversation;
  model.base = found->job.model.language_model.path;
  if (!fs::is_directory(model.reference.from))
    throw Error(fmt::format("what stage '{}' of trial '{}' left is gone from the store", found->name, trial.name), "'saucier run RECIPE' makes it again");
  return model;
}

// A mark by which a chat template shows what it writes, and the template that writes the same.
struct Mark {
  const char* mark;
  const char* template_name;
};
constexpr Mark kMarks[] = {{"SmolLM, trained by Hugging Face", "smollm"}, {"<|im_start|>", "qwen_2"}, {"ASSISTANT:", "vicuna_v1"}};

// What the model's own files say of how a conversation is written; empty where they do not.
std::string chat_template_of(const fs::path& path) {
  if (fs::is_directory(path)) return text::Tokenizer::load(path).chat_template();
  const Json written = weights::Container::gguf(path).metadata().value("tokenizer.chat_template", Json());
  return written.is_string() ? written.get<std::string>() : "";
}

NamedModel find_model(const std::string& name, const po::variables_map& values) {
  if (!values.count("model")) throw Error(fmt::format("'saucier {}' needs --model", name), command(name).example);
  const std::string model = text_of(values, "model");
  const auto absolute = [&](const char* option) { return values.count(option) ? existing(text_of(values, option), option) : ""; };
  if (fs::exists(model)) {
    NamedModel named;
    named.reference.path = fs::absolute(model).string();
    named.reference.vision_tower = absolute("vision-tower");
    named.reference.projector = absolute("projector");
    named.reference.adapter = absolute("adapter");
    named.base = model;
    return named;
  }
  const std::string file = values["store"].as<std::string>();
  if (!fs::exists(file)) throw Error(fmt::format("there is no '{}', and no store at '{}' whose trial it could be", model, file));
  for (const char* option : {"vision-tower", "projector", "adapter"})
    if (values.count(option)) throw Error(fmt::format("--{} goes with a model's folder, not with a trial", option));
  return trial_model(*store::Store::open_read_only(file), model);
}

}  // namespace

void add_model_options(po::options_description& options) {
  options.add_options()("model", po::value<std::string>()->value_name("MODEL"), "folder, GGUF file, or trial ('TRIAL' or 'TRIAL:STAGE')");
  options.add_options()("vision-tower", po::value<std::string>()->value_name("FOLDER"), "the tower of a model that has none inside");
  options.add_options()("projector", po::value<std::string>()->value_name("FILE"), "a projector in place of the model's own");
  options.add_options()("adapter", po::value<std::string>()->value_name("FOLDER"), "a PEFT adapter to lay over it");
  options.add_options()("aspect", po::value<std::string>()->value_name("ASPECT"), "how pictures are shown: square, pad or anyres; default: as the model was trained");
  options.add_options()("threads", po::value<std::int64_t>()->value_name("N"), "CPU threads; default: all cores");
  add_store_option(options);
}

std::string existing(const std::string& path, const char* option) {
  if (!fs::exists(path)) throw Error(fmt::format("there is no '{}'", path), fmt::format("see --{}", option));
  return fs::absolute(path).string();
}

NamedModel read_model(const std::string& name, const po::variables_map& values) {
  NamedModel model = find_model(name, values);
  if (!values.count("aspect")) return model;
  const std::vector<std::string> known = options::table_of<options::ConversationOptions>().find("image_aspect")->rule.choices;
  model.reference.aspect = text_of(values, "aspect");
  if (std::find(known.begin(), known.end(), model.reference.aspect) == known.end())
    throw Error(fmt::format("--aspect is '{}'", model.reference.aspect), suggestion(model.reference.aspect, known));
  return model;
}

options::JobConversation conversation_of(const NamedModel& model) {
  if (model.conversation) return *model.conversation;
  const std::string own = chat_template_of(model.base);
  for (const Mark& mark : kMarks) {
    if (own.find(mark.mark) == std::string::npos) continue;
    options::JobConversation conversation;
    conversation.template_name = mark.template_name;
    return conversation;
  }
  throw Error("the model does not say how a conversation with it is written",
              fmt::format("name its template with --template: {}", fmt::join(text::template_names(), ", ")));
}

int run_request(options::Request request, const po::variables_map& values) {
  request.protocol = kProtocolVersion;
  if (values.count("threads")) request.threads = values["threads"].as<std::int64_t>();
  const fs::path worker = fs::read_symlink("/proc/self/exe").parent_path() / "saucier-worker";
  const fs::path file = fs::temp_directory_path() / fmt::format("saucier-request-{}.json", ::getpid());
  struct Remove {
    const fs::path& path;
    ~Remove() {
      std::error_code ignored;
      fs::remove(path, ignored);
    }
  } remove{file};
  write_file_atomic(file, options::to_json(request).dump());
  std::fflush(stdout);
  // Not modules/base/process.h: its children have a process group of their own, which may not read the terminal.
  const pid_t child = ::fork();
  if (child < 0) throw Error(fmt::format("cannot start '{}': {}", worker.string(), std::strerror(errno)));
  if (child == 0) {
    ::execl(worker.c_str(), worker.c_str(), "--request", file.c_str(), static_cast<char*>(nullptr));
    std::fprintf(stderr, "error: cannot start '%s': %s\n", worker.c_str(), std::strerror(errno));
    ::_exit(kFailed);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw Error(fmt::format("cannot wait for '{}': {}", worker.string(), std::strerror(errno)));
  if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? kDone : kFailed;
  if (WTERMSIG(status) == SIGINT) return kInterrupted;
  throw Error(fmt::format("'saucier-worker' was killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status))));
}

}  // namespace saucier::cli
