-- Stages that a cycle runs several times over, and why it went on or ended.

ALTER TABLE trial_stage ADD COLUMN cycle TEXT NOT NULL DEFAULT '';    -- name of the cycle, or ''
ALTER TABLE trial_stage ADD COLUMN round INTEGER NOT NULL DEFAULT 0;  -- from 1; 0: of no cycle
ALTER TABLE trial_stage ADD COLUMN part TEXT NOT NULL DEFAULT '';     -- the stage's name in the recipe, of which this is a round

CREATE TABLE round_verdict(
  trial_id INTEGER NOT NULL REFERENCES trial(id) ON DELETE CASCADE,
  cycle TEXT NOT NULL,
  round INTEGER NOT NULL,                 -- the round that had run
  goes_on INTEGER NOT NULL,               -- 1: another one begins
  reason TEXT NOT NULL,                   -- in words
  difference REAL,                        -- mean correct of the round minus that of the one before; NULL: not compared
  p_value REAL,
  PRIMARY KEY(trial_id, cycle, round)
) STRICT, WITHOUT ROWID;
