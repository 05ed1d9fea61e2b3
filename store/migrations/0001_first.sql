-- The first layout. Times are microseconds since 1970 (UTC); a non-finite number is a NULL value and a `kind`:
-- 0 finite, 1 nan, 2 inf, 3 -inf (SQLite keeps NaN as NULL).

-- One submitted recipe: its trials are frozen here before anything runs.
CREATE TABLE sweep(
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,            -- of the name and the resolved trials
  name TEXT NOT NULL,
  recipe_file TEXT NOT NULL,
  metric TEXT NOT NULL,                   -- 'STAGE.BENCHMARK.METRIC' that trials are ranked by, or ''
  direction TEXT NOT NULL CHECK(direction IN ('maximize', 'minimize')),
  created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE trial(
  id INTEGER PRIMARY KEY,
  sweep_id INTEGER NOT NULL REFERENCES sweep(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,                -- from 1
  name TEXT NOT NULL,
  parameters TEXT NOT NULL,               -- JSON object: axis -> value
  resolved TEXT NOT NULL,                 -- the whole resolved recipe, canonical JSON
  UNIQUE(sweep_id, number)
) STRICT;

-- Which stage key each stage of a trial has; equal keys are one stage run.
CREATE TABLE trial_stage(
  trial_id INTEGER NOT NULL REFERENCES trial(id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  stage TEXT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY(trial_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX trial_stage_by_key ON trial_stage(key);

-- One row a stage key, with the attempt that has it now. Every write names id and attempt (the fence).
CREATE TABLE stage_run(
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  key_text TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('running', 'done', 'failed', 'released', 'lost')),
  owner_host TEXT NOT NULL,
  owner_boot TEXT NOT NULL,               -- boot id: tells a reboot from a live process
  owner_pid INTEGER NOT NULL,
  owner_start INTEGER NOT NULL,           -- the process's start time in clock ticks since boot
  heartbeat_us INTEGER NOT NULL,
  started_us INTEGER NOT NULL,
  finished_us INTEGER,
  seconds REAL,
  message TEXT NOT NULL DEFAULT '',
  log_tail TEXT NOT NULL DEFAULT '',
  artifact TEXT NOT NULL DEFAULT '',      -- folder name inside artifacts/
  manifest_digest TEXT NOT NULL DEFAULT '',
  summary TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX stage_run_by_name ON stage_run(name, kind, started_us);

CREATE TABLE metric_key(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE metric(
  stage_run_id INTEGER NOT NULL REFERENCES stage_run(id) ON DELETE CASCADE,
  metric_key_id INTEGER NOT NULL REFERENCES metric_key(id),
  step INTEGER NOT NULL,
  value REAL,
  kind INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(stage_run_id, metric_key_id, step)
) STRICT, WITHOUT ROWID;

-- Kept with `metric` in the same transaction. Smallest and largest are of the finite values.
CREATE TABLE metric_summary(
  stage_run_id INTEGER NOT NULL REFERENCES stage_run(id) ON DELETE CASCADE,
  metric_key_id INTEGER NOT NULL REFERENCES metric_key(id),
  n INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  last REAL,
  last_kind INTEGER NOT NULL,
  min REAL,
  min_step INTEGER,
  max REAL,
  max_step INTEGER,
  PRIMARY KEY(stage_run_id, metric_key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE score(
  stage_run_id INTEGER NOT NULL REFERENCES stage_run(id) ON DELETE CASCADE,
  benchmark TEXT NOT NULL,
  condition TEXT NOT NULL,                -- seen | blind | chance | majority
  metric TEXT NOT NULL,
  value REAL,                             -- NULL: not a number
  stderr REAL,
  n INTEGER NOT NULL,
  main INTEGER NOT NULL,                  -- 1: the metric that tables show
  setting TEXT NOT NULL,                  -- JSON: how the score was made
  PRIMARY KEY(stage_run_id, benchmark, condition, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE prediction(
  stage_run_id INTEGER NOT NULL REFERENCES stage_run(id) ON DELETE CASCADE,
  benchmark TEXT NOT NULL,
  condition TEXT NOT NULL,
  sample TEXT NOT NULL,
  question TEXT NOT NULL,
  answer TEXT NOT NULL,
  normalised TEXT NOT NULL,
  truth TEXT NOT NULL,
  correct INTEGER NOT NULL,
  picture TEXT NOT NULL,
  PRIMARY KEY(stage_run_id, benchmark, condition, sample)
) STRICT, WITHOUT ROWID;

-- What happened to a stage run: by the runner (claimed, lost, done, failed, released, adopted, broken) and what its
-- worker logged (info, warning).
CREATE TABLE event(
  id INTEGER PRIMARY KEY,
  stage_run_id INTEGER REFERENCES stage_run(id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  source TEXT NOT NULL CHECK(source IN ('runner', 'worker')),
  kind TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_run ON event(stage_run_id, id);

CREATE TABLE environment(
  stage_run_id INTEGER NOT NULL REFERENCES stage_run(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(stage_run_id, name)
) STRICT, WITHOUT ROWID;

-- What the program remembers about the file itself (the digest of the views that stand in it).
CREATE TABLE setting(
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
