-- Attempts get rows of their own, and the database itself refuses a change of state that is not in the table below.

ALTER TABLE sweep ADD COLUMN recipe_text TEXT NOT NULL DEFAULT '';  -- the recipe file as it was at the first submit

CREATE TABLE attempt(
  stage_run_id INTEGER NOT NULL REFERENCES stage_run(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,                -- from 1
  state TEXT NOT NULL CHECK(state IN ('running', 'done', 'failed', 'released', 'lost')),
  owner_host TEXT NOT NULL,
  owner_boot TEXT NOT NULL,
  owner_pid INTEGER NOT NULL,
  owner_start INTEGER NOT NULL,
  started_us INTEGER NOT NULL,
  finished_us INTEGER,
  first_step INTEGER,                     -- of its first metric: where it began or went on
  exit_status TEXT NOT NULL DEFAULT '',   -- of its worker: 'exit code 1', 'killed by signal 9 (SIGKILL)'
  message TEXT NOT NULL DEFAULT '',
  log_tail TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(stage_run_id, number)
) STRICT, WITHOUT ROWID;

-- What layout 1 knew of the attempts before the current one is in the events.
INSERT INTO attempt(stage_run_id, number, state, owner_host, owner_boot, owner_pid, owner_start, started_us, finished_us,
                    message)
SELECT c.stage_run_id, c.attempt, coalesce(e.kind, 'lost'), '', '', 0, 0, c.time_us, e.time_us, coalesce(e.text, '')
FROM event c
JOIN stage_run r ON r.id = c.stage_run_id AND c.attempt < r.attempt
LEFT JOIN event e ON e.id = (SELECT max(o.id) FROM event o
                             WHERE o.stage_run_id = c.stage_run_id AND o.attempt = c.attempt AND o.source = 'runner'
                               AND o.kind IN ('done', 'failed', 'released', 'lost'))
WHERE c.source = 'runner' AND c.kind = 'claimed'
GROUP BY c.stage_run_id, c.attempt;

INSERT INTO attempt(stage_run_id, number, state, owner_host, owner_boot, owner_pid, owner_start, started_us, finished_us,
                    message, log_tail)
SELECT id, attempt, state, owner_host, owner_boot, owner_pid, owner_start, started_us, finished_us, message, log_tail
FROM stage_run;

-- How a stage run may change. `next` is 1 where the change begins the next attempt.
CREATE TABLE transition(
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  next INTEGER NOT NULL,
  meaning TEXT NOT NULL,
  PRIMARY KEY(from_state, to_state, next)
) STRICT, WITHOUT ROWID;
INSERT INTO transition(from_state, to_state, next, meaning) VALUES
  ('running', 'done', 0, 'its artifact is there'),
  ('running', 'failed', 0, 'its worker failed'),
  ('running', 'released', 0, 'interrupted; to be run again'),
  ('running', 'lost', 0, 'its owner is gone and nobody has taken it over'),
  ('running', 'running', 1, 'taken over from an owner that is gone or silent'),
  ('done', 'running', 1, 'its artifact is missing or broken'),
  ('failed', 'running', 1, 'tried again'),
  ('released', 'running', 1, 'goes on'),
  ('lost', 'running', 1, 'goes on');

CREATE TRIGGER stage_run_transition BEFORE UPDATE OF state, attempt ON stage_run
WHEN (NEW.state <> OLD.state OR NEW.attempt <> OLD.attempt)
  AND NOT EXISTS (SELECT 1 FROM transition
                  WHERE from_state = OLD.state AND to_state = NEW.state AND next = NEW.attempt - OLD.attempt)
BEGIN
  SELECT RAISE(ABORT, 'a stage run may not change its state that way (see the table transition)');
END;

CREATE TRIGGER attempt_is_over BEFORE UPDATE OF state ON attempt
WHEN OLD.state <> 'running'
BEGIN
  SELECT RAISE(ABORT, 'an attempt that has ended keeps its state');
END;
