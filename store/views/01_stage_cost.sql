-- One row a trial and stage: its state, and what it took.
--
--   SELECT stage, count(DISTINCT key) AS runs, round(sum(seconds / shared_by), 1) AS seconds
--   FROM stage_cost WHERE state = 'done' GROUP BY stage ORDER BY seconds DESC;
CREATE VIEW stage_cost AS
WITH uses AS MATERIALIZED (SELECT key, count(*) AS trials FROM trial_stage GROUP BY key)
SELECT
  s.name AS sweep,  -- name of the sweep: the recipe's
  t.name AS trial,  -- name of the trial: the sweep's and its place in it
  ts.stage AS stage,  -- name of the stage in the recipe
  r.kind AS kind,  -- 'train', 'synthesize', 'evaluate'; NULL before its first run
  CASE WHEN EXISTS (SELECT 1 FROM round_verdict v WHERE v.trial_id = t.id AND v.cycle = ts.cycle AND v.round < ts.round AND NOT v.goes_on)
         THEN 'closed'
       WHEN r.id IS NULL THEN 'queued'
       WHEN r.state = 'released' THEN 'queued'
       WHEN r.state = 'running' AND r.heartbeat_us < (unixepoch() - 60) * 1000000 THEN 'lost'
       ELSE r.state
  END AS state,  -- 'done', 'running', 'failed', 'queued', 'lost' (its runner has not been heard of for a minute), or 'closed': of a round that its cycle did not come to
  r.seconds AS seconds,  -- how long the finished attempt ran
  r.attempt AS attempt,  -- from 1: counts how often the stage was begun
  (SELECT uses.trials FROM uses WHERE uses.key = ts.key) AS shared_by,  -- how many trials, of all sweeps, have this very stage
  datetime(r.started_us / 1000000, 'unixepoch') AS started,  -- UTC
  datetime(r.finished_us / 1000000, 'unixepoch') AS finished,  -- UTC
  r.message AS message,  -- why it failed or was put back; '' when nothing is to be said
  r.summary AS summary,  -- JSON that the worker left at the end
  ts.key AS key,  -- the stage key: equal keys are one run
  ts.position AS position,  -- place of the stage in its trial, from 1
  s.id AS sweep_id,  -- tells sweeps of one name apart; the newest is the largest
  t.id AS trial_id,  -- what '@ID' names on the command line
  t.number AS number,  -- place of the trial in its sweep, from 1
  r.id AS stage_run_id  -- row of the table stage_run; NULL before its first run
FROM trial_stage ts
JOIN trial t ON t.id = ts.trial_id
JOIN sweep s ON s.id = t.sweep_id
LEFT JOIN stage_run r ON r.key = ts.key;
