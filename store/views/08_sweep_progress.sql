CREATE VIEW sweep_progress AS
WITH one AS (  -- a stage key once a sweep, however many trials share it
  SELECT DISTINCT sweep_id, key, state, seconds FROM stage_cost
), stages AS (
  SELECT sweep_id, count(*) AS stages, sum(state = 'done') AS done, sum(state = 'running') AS running,
    sum(state = 'failed') AS failed, sum(state = 'lost') AS lost, sum(state = 'queued') AS queued,
    sum(seconds) AS seconds
  FROM one GROUP BY sweep_id
), trials AS (
  SELECT sweep_id, count(*) AS trials, sum(state = 'done') AS done, sum(state = 'failed') AS failed
  FROM trial_view GROUP BY sweep_id
)
SELECT s.name AS sweep, t.trials AS trials, t.done AS trials_done, t.failed AS trials_failed, g.stages AS stages,
  g.done AS stages_done, g.running AS stages_running, g.failed AS stages_failed, g.lost AS stages_lost,
  g.queued AS stages_queued, g.seconds AS seconds, s.metric AS metric, s.direction AS direction,
  b.trial AS best_trial, b.value AS best_value, s.recipe_file AS recipe_file,
  datetime(s.created_us / 1000000, 'unixepoch') AS created, s.id AS sweep_id
FROM sweep s
JOIN trials t ON t.sweep_id = s.id
JOIN stages g ON g.sweep_id = s.id
LEFT JOIN leaderboard b ON b.sweep_id = s.id AND b.rank = 1;
