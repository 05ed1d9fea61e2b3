-- One row a sweep: how far it is, and its best trial. Stages that trials share count once.
--
--   SELECT sweep, trials_done || '/' || trials AS done, best_trial, best_value FROM sweep_progress ORDER BY sweep_id DESC;
CREATE VIEW sweep_progress AS
WITH one AS (  -- a stage key once a sweep, however many trials share it
  SELECT DISTINCT sweep_id, key, state, seconds FROM stage_cost WHERE state <> 'closed'
), stages AS (
  SELECT sweep_id, count(*) AS stages, sum(state = 'done') AS done, sum(state = 'running') AS running,
    sum(state = 'failed') AS failed, sum(state = 'lost') AS lost, sum(state = 'queued') AS queued,
    sum(seconds) AS seconds
  FROM one GROUP BY sweep_id
), trials AS (
  SELECT sweep_id, count(*) AS trials, sum(state = 'done') AS done, sum(state = 'failed') AS failed
  FROM trial_view GROUP BY sweep_id
)
SELECT
  s.name AS sweep,
  t.trials AS trials,  -- how many trials it has
  t.done AS trials_done,  -- trials of which every stage is done
  t.failed AS trials_failed,  -- trials of which a stage failed
  g.stages AS stages,  -- different stages of all its trials
  g.done AS stages_done,  -- stages that are done
  g.running AS stages_running,  -- stages that run now
  g.failed AS stages_failed,  -- stages that failed
  g.lost AS stages_lost,  -- stages whose runner has not been heard of for a minute
  g.queued AS stages_queued,  -- stages that wait
  g.seconds AS seconds,  -- of its finished stages
  s.metric AS metric,  -- the recipe's 'sweep.metric', or ''
  s.direction AS direction,
  b.trial AS best_trial,  -- rank 1 of the leaderboard
  b.value AS best_value,  -- its value
  s.recipe_file AS recipe_file,  -- the recipe, as it was named when the sweep was last started
  datetime(s.created_us / 1000000, 'unixepoch') AS created,
  s.id AS sweep_id
FROM sweep s
JOIN trials t ON t.sweep_id = s.id
JOIN stages g ON g.sweep_id = s.id
LEFT JOIN leaderboard b ON b.sweep_id = s.id AND b.rank = 1;
