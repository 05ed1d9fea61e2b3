// Writers beside readers and beside each other: nobody waits for a reader, the WAL stays bounded, and no page is written
// without the lock.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/file.h>

#include <csignal>

#include "modules/base/clock.h"
#include "store/database.h"
#include "tests/fault/calls.h"
#include "tests/fault/long.h"
#include "tests/runner/exec/made_run.h"

using namespace saucier;
using store::Database;
using store::Statement;
using store::Store;

namespace {

std::uintmax_t wal_bytes(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file.string() + "-wal", error);
  return error ? 0 : size;
}

constexpr std::uintmax_t kMega = 1 << 20;

// A megabyte of predictions.
std::vector<Json> much(int seed) {
  std::vector<Json> out;
  for (int i = 0; i < 100; ++i) {
    out.push_back({{"event", "prediction"}, {"benchmark", "b"}, {"condition", "seen"}, {"sample", fmt::format("{}-{}", seed, i)},
                   {"question", std::string(10'000, static_cast<char>('a' + i % 26))}, {"correct", true}});
  }
  return out;
}

std::vector<Json> some_metrics(int from, int count) {
  std::vector<Json> out;
  for (int i = from; i < from + count; ++i) out.push_back({{"event", "metric"}, {"step", i}, {"values", {{"loss", 1.0 / (i + 1)}}}});
  return out;
}

void reader(const fs::path& file) {
  for (;;) {
    const auto opened = Store::open_read_only(file);
    opened->query("SELECT stage_run_id, avg(value), count(DISTINCT step % 997), max(printf('%.17g', value * step)) FROM metric "
                  "GROUP BY 1, metric_key_id");
    opened->query("SELECT count(*), max(length(question)) FROM prediction WHERE question LIKE '%zz%'");
  }
}

int g_written = 0, g_without_lock = 0;

// Of the database and its WAL only: the lock must be held, so nobody else can take it. Locks of two descriptors of one
// process exclude each other like those of two processes.
void look(const char* call, const std::string& path) {
  const std::string_view name(call);
  if (!path.ends_with(".db") && !path.ends_with("-wal")) return;
  if (!name.starts_with("pwrite") && !name.starts_with("write") && !name.starts_with("ftruncate")) return;
  ++g_written;
  const std::string lock = path.substr(0, path.rfind(".db") + 3) + ".lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) == 0) ++g_without_lock;
  ::close(fd);
}

}  // namespace

TEST_CASE("no page of the database or its WAL is written without the lock") {
  CHECK(wait_for(in_child([] {
    Place place;
    calls::arm({.under = place.temp.path().string(), .see = look});
    Heard heard;
    if (run(place.file, sweep_of({1e-4, 2e-4}), heard, {.worker = {}, .metric_seconds = 0}).ran != 5) return 1;
    const auto opened = Store::open(place.file);
    const auto claimed = opened->claim("k", "s", "train", "{}");
    for (int i = 0; i < 12; ++i) opened->write_events(*claimed, much(i));  // long enough for checkpoints
    opened->query("SELECT count(*) FROM curve");
    opened->release(*claimed, "");
    const int written = g_written;
    calls::arm({.under = place.temp.path().string(), .see = look});
    Database(place.file, Database::Mode::kWrite).execute("PRAGMA user_version = 3; VACUUM");  // what nobody may do
    return written > 3'000 && g_without_lock > 0 && g_without_lock == g_written - written ? 0 : 2;
  })) == 0);
}

TEST_CASE("eight processes write and copy the WAL back at once, and the file stays sound") {
  const int rounds = long_version() ? 300 : 12;
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  Store::open(file).reset();
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(in_child([&, i] {
      for (int round = 0; round < rounds; ++round) {
        const auto opened = Store::open(file);  // its end is a checkpoint, too
        const auto run = opened->claim(fmt::format("{}-{}", i, round % 3), "s", "train", "{}");
        if (!run || !opened->write_events(*run, much(i)) || !opened->add_metrics(*run, some_metrics(0, 500)) ||
            !opened->release(*run, "")) {
          return 1;
        }
      }
      return 0;
    }));
  }
  for (const pid_t child : children) CHECK(wait_for(child) == 0);
  const Database database(file, Database::Mode::kRead);
  Statement check(database.handle(), "PRAGMA integrity_check");
  REQUIRE(check.step());
  CHECK(check.text(0) == "ok");
  const auto rows = Store::open_read_only(file)->query("SELECT (SELECT count(*) FROM prediction), (SELECT count(*) FROM metric)").rows;
  CHECK(rows[0][0] == 8 * 3 * 100);
  CHECK(rows[0][1] == 8 * 3 * 500);
}

TEST_CASE("a transaction that a reader holds stops no writer, and when it ends the WAL is short again") {
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  const auto opened = Store::open(file);
  const auto run = opened->claim("k", "s", "train", "{}");
  opened->write_events(*run, much(0));
  Database held(file, Database::Mode::kRead);
  held.execute("BEGIN");
  Statement count(held.handle(), "SELECT count(*) FROM prediction");
  REQUIRE(count.bind().step());
  int batch = 0;
  while (wal_bytes(file) < 24 * kMega) REQUIRE(opened->write_events(*run, much(++batch)));
  CHECK(wal_bytes(file) < 28 * kMega);  // what was written, and no more
  count.bind().step();
  CHECK(count.integer(0) == 100);  // it still sees what it saw
  count.reset();
  held.execute("COMMIT");
  for (int i = 0; i < 2; ++i) REQUIRE(opened->write_events(*run, much(++batch)));
  CHECK(wal_bytes(file) <= 16 * kMega);
  for (int i = 0; i < 40; ++i) REQUIRE(opened->write_events(*run, much(++batch)));
  CHECK(wal_bytes(file) <= 16 * kMega);
}

// Readers that follow one another so that one always looks: the WAL begins anew all the same.
TEST_CASE("ten readers with heavy queries and a held transaction: writing goes on and the WAL stays bounded") {
  const double hold_seconds = long_version() ? 30 : 2;
  const int megabytes = long_version() ? 600 : 160;
  TempFolder temp;
  const fs::path file = temp.path() / "s.db";
  Store::open(file).reset();
  std::vector<pid_t> readers;  // before this process has the file open: SQLite must not be carried through a fork
  for (int i = 0; i < 10; ++i) readers.push_back(in_child([&] { return reader(file), 0; }));
  const auto opened = Store::open(file);
  const auto run = opened->claim("k", "s", "train", "{}");
  opened->write_events(*run, some_metrics(0, 20'000));
  const auto other = opened->claim("other", "s", "train", "{}");
  opened->write_events(*other, much(0));

  auto held = std::make_unique<Database>(file, Database::Mode::kRead);
  held->execute("BEGIN; SELECT count(*) FROM metric");
  const double begun = system_clock().steady_seconds();
  std::uintmax_t most_held = 0, most_after = 0;
  double slowest = 0, written_held = 0;
  int batch = 0;
  for (int written = 0; written < megabytes || held; ++written) {
    const double at = system_clock().steady_seconds();
    if (held && at - begun > hold_seconds) held.reset();
    // While the transaction is held, metrics as training writes them; then as much as there can be.
    if (held) {
      REQUIRE(opened->add_metrics(*run, some_metrics(20'000 + 500 * batch, 500)));
      written = 0;
      written_held += 500;
      ::usleep(20'000);
    } else {
      REQUIRE(opened->write_events(*other, much(batch)));
    }
    ++batch;
    slowest = std::max(slowest, system_clock().steady_seconds() - at);
    auto& most = held ? most_held : most_after;
    most = std::max(most, wal_bytes(file));
  }
  for (const pid_t child : readers) ::kill(child, SIGKILL);
  for (const pid_t child : readers) CHECK(wait_for(child) == -SIGKILL);
  CHECK(most_after < 160 * kMega);
  opened->add_metrics(*run, some_metrics(0, 1));
  opened->add_metrics(*run, some_metrics(0, 1));
  CHECK(wal_bytes(file) <= 16 * kMega);
  if (long_version()) {
    WARN("held " << hold_seconds << " s: " << written_held << " metric rows written, WAL at most " << most_held / kMega
                 << " MB; then " << megabytes << " MB written beside 10 readers, WAL at most " << most_after / kMega
                 << " MB; slowest write " << slowest << " s");
  }
}
