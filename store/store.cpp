#include "store/store.h"

#include "modules/base/clock.h"
#include "modules/base/digest.h"
#include "modules/base/file.h"
#include "modules/base/paths.h"
#include "store/migrate.h"
#include "store/state.h"

namespace saucier::store {

namespace {

// SQL: owner_gone(host, boot, pid, start).
void owner_gone(sqlite3_context* context, int, sqlite3_value** values) {
  const auto text = [&](int i) {
    const auto* bytes = sqlite3_value_text(values[i]);
    return bytes != nullptr ? std::string(reinterpret_cast<const char*>(bytes)) : std::string();
  };
  const Owner owner{.host = text(0), .boot = text(1), .pid = sqlite3_value_int64(values[2]),
                    .start = sqlite3_value_int64(values[3])};
  sqlite3_result_int(context, gone(owner) ? 1 : 0);
}

}  // namespace

std::string clean_utf8(const std::string& text) {
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}

std::unique_ptr<Store> Store::open(const fs::path& file, const StoreOptions& options) {
  auto state = std::make_unique<State>();
  state->lease_us = options.lease_us;
  state->file = fs::absolute(file).lexically_normal();
  state->self = this_process();
  make_folders(state->file.parent_path());
  state->lock = std::make_unique<LockFile>(state->file);
  {
    // The first opening changes the journal mode, which no other connection may see half done.
    state->lock->lock();
    struct Unlock {
      LockFile& lock;
      ~Unlock() { lock.unlock(); }
    } unlock{*state->lock};
    state->database = std::make_unique<Database>(state->file, Database::Mode::kWrite);
    check_ours(*state->database);
    const bool network = options.on_network.value_or(on_network_file_system(state->file.parent_path()));
    state->database->choose_journal(network);
    if (network) {
      state->messages.push_back(fmt::format("the store '{}' is on a network file system: readers and writers wait for each "
                                            "other there; a local folder is faster (--store)", state->file.string()));
    }
  }
  migrate(*state->database, *state->lock);
  sqlite3_create_function_v2(state->database->handle(), "owner_gone", 4, SQLITE_UTF8 | SQLITE_DIRECTONLY, nullptr,
                             owner_gone, nullptr, nullptr, nullptr);
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

std::unique_ptr<Store> Store::open_read_only(const fs::path& file) {
  auto state = std::make_unique<State>();
  state->file = fs::absolute(file).lexically_normal();
  state->read_only = true;
  state->self = this_process();
  if (!fs::exists(state->file)) {
    throw Error(fmt::format("there is no store at '{}'", file.string()),
                "run a recipe first (saucier run RECIPE), or name another file with --store");
  }
  state->database = std::make_unique<Database>(state->file, Database::Mode::kRead);
  check_layout(*state->database);
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

Store::~Store() {
  if (!state_ || state_->read_only || !state_->database->wal()) return;
  try {
    // A clean end leaves no long WAL behind; where someone else writes or reads just now, theirs does it later.
    if (!state_->lock->try_lock()) return;
    sqlite3* handle = state_->database->handle();
    sqlite3_busy_timeout(handle, 0);
    sqlite3_wal_checkpoint_v2(handle, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    state_->lock->unlock();
  } catch (const std::exception&) {  // nothing is lost: the WAL is part of the database
  }
}

const fs::path& Store::file() const { return state_->file; }
fs::path Store::artifacts() const { return paths::artifacts(state_->file); }
double Store::lease_seconds() const { return static_cast<double>(state_->lease_us) / 1e6; }
fs::path Store::work() const { return paths::work(state_->file); }

std::vector<std::string> Store::take_messages() { return std::exchange(state_->messages, {}); }

void Store::State::note(std::int64_t run, std::int64_t attempt, const std::string& kind, const std::string& text) {
  Statement(database->handle(), "INSERT INTO event(stage_run_id, attempt, time_us, source, kind, text) "
                                "VALUES(?, ?, ?, 'runner', ?, ?)")
      .run(run, attempt, system_clock().now_us(), kind, text);
}

namespace {

std::string sweep_digest(const std::string& name, const std::vector<TrialRow>& trials) {
  // Lengths before the texts, so that no two lists run together to the same text.
  Sha256 digest;
  digest.update(fmt::format("sweep 1\n{} {}\n", name.size(), name));
  for (const TrialRow& trial : trials) {
    digest.update(fmt::format("{} {}\n{} {}\n", trial.name.size(), trial.name, trial.resolved.size(), trial.resolved));
  }
  return digest.hex();
}

}  // namespace

std::int64_t Store::add_sweep(const std::string& name, const std::string& recipe_file, const std::string& metric,
                              const std::string& direction, const std::vector<TrialRow>& trials,
                              const std::string& recipe_text) {
  sqlite3* handle = state_->database->handle();
  const std::string digest = sweep_digest(name, trials);
  WriteTransaction transaction(*state_->database, state_->writing(), true);
  Statement upsert(handle,
                   "INSERT INTO sweep(digest, name, recipe_file, metric, direction, created_us, recipe_text) "
                   "VALUES(?, ?, ?, ?, ?, ?, ?) "
                   "ON CONFLICT(digest) DO UPDATE SET recipe_file = excluded.recipe_file, metric = excluded.metric, "
                   "direction = excluded.direction, origin = '', "
                   "recipe_text = iif(recipe_text = '', excluded.recipe_text, recipe_text) RETURNING id");
  upsert.bind(digest, name, recipe_file, metric, direction, system_clock().now_us(), clean_utf8(recipe_text)).step();
  const std::int64_t sweep = upsert.integer(0);
  upsert.reset();

  Statement add_trial(handle,
                      "INSERT INTO trial(sweep_id, number, name, parameters, resolved) VALUES(?, ?, ?, ?, ?) "
                      "ON CONFLICT(sweep_id, number) DO UPDATE SET parameters = excluded.parameters RETURNING id");
  // The keys of the same recipe change when a data file or a stage's key version has: the newest ones count.
  Statement drop_stages(handle, "DELETE FROM trial_stage WHERE trial_id = ?");
  Statement add_stage(handle, "INSERT INTO trial_stage(trial_id, position, stage, key, cycle, round, part) VALUES(?, ?, ?, ?, ?, ?, ?)");
  std::int64_t number = 0;
  for (const TrialRow& trial : trials) {
    add_trial.bind(sweep, ++number, trial.name, trial.parameters.dump(), trial.resolved).step();
    const std::int64_t id = add_trial.integer(0);
    add_trial.reset();
    drop_stages.run(id);
    std::int64_t position = 0;
    for (const TrialStage& one : trial.stages) add_stage.run(id, ++position, one.stage, one.key, one.cycle, one.round, one.part);
  }
  transaction.commit();
  return sweep;
}

void Store::add_verdict(const RoundVerdict& verdict) {
  WriteTransaction transaction(*state_->database, state_->writing(), true);
  Statement(state_->database->handle(),
            "INSERT INTO round_verdict(trial_id, cycle, round, goes_on, reason, difference, p_value) "
            "SELECT id, ?3, ?4, ?5, ?6, ?7, ?8 FROM trial WHERE sweep_id = ?1 AND number = ?2 "
            "ON CONFLICT DO UPDATE SET goes_on = excluded.goes_on, reason = excluded.reason, difference = excluded.difference, p_value = excluded.p_value")
      .run(verdict.sweep, verdict.number, verdict.cycle, verdict.round, verdict.goes_on ? 1 : 0, verdict.reason, verdict.difference, verdict.p_value);
  transaction.commit();
}

std::vector<std::string> Store::key_texts(const std::string& name, const std::string& kind, int limit) {
  Statement statement(state_->database->handle(),
                      "SELECT key_text FROM stage_run WHERE name = ? AND kind = ? ORDER BY started_us DESC, id DESC LIMIT ?");
  statement.bind(name, kind, limit);
  std::vector<std::string> out;
  while (statement.step()) out.push_back(statement.text(0));
  return out;
}

std::optional<std::string> Store::first_trial_of(const std::string& key) {
  Statement statement(state_->database->handle(),
                      "SELECT t.name FROM trial_stage s JOIN trial t ON t.id = s.trial_id WHERE s.key = ? "
                      "ORDER BY t.id LIMIT 1");
  if (!statement.bind(key).step()) return std::nullopt;
  return statement.text(0);
}

std::optional<std::string> Store::state_of(const std::string& key) {
  Statement statement(state_->database->handle(), "SELECT state FROM stage_run WHERE key = ?");
  if (!statement.bind(key).step()) return std::nullopt;
  return statement.text(0);
}

}  // namespace saucier::store
