-- Artifacts get rows of their own; sweeps and trials can be pinned; a store has an id, so that another one knows what
-- came from it.

-- A finished stage run's folder. A run without one has its rows alone (a store that was merged without artifacts).
CREATE TABLE artifact(
  stage_run_id INTEGER PRIMARY KEY REFERENCES stage_run(id) ON DELETE CASCADE,
  folder TEXT NOT NULL UNIQUE,            -- name inside artifacts/: the stage key
  manifest_digest TEXT NOT NULL,          -- of manifest.json, which holds the digest of every file
  bytes INTEGER,                          -- of all files; NULL: recorded before they were counted
  files INTEGER,
  created_us INTEGER NOT NULL,
  used_us INTEGER NOT NULL                -- when a plan or a run last found it, to the day
) STRICT;
INSERT INTO artifact(stage_run_id, folder, manifest_digest, created_us, used_us)
  SELECT id, artifact, manifest_digest, coalesce(finished_us, started_us), coalesce(finished_us, started_us)
  FROM stage_run WHERE state = 'done' AND artifact <> '';
ALTER TABLE stage_run DROP COLUMN artifact;
ALTER TABLE stage_run DROP COLUMN manifest_digest;

ALTER TABLE sweep ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;   -- 1: no command removes it
ALTER TABLE trial ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sweep ADD COLUMN origin TEXT NOT NULL DEFAULT '';     -- id of the store that it was merged from; '': made here

INSERT INTO setting(name, value) VALUES('store', lower(hex(randomblob(16))));
