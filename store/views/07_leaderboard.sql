-- One row a judged trial, ranked in its sweep by the recipe's `sweep.metric`: STAGE.BENCHMARK.METRIC, or STAGE.METRIC for
-- the last value of a training metric; a stage of a cycle stands for its last round. A recipe without one is ranked by the
-- mean of its main scores. What is not a number ranks last.
--
--   SELECT rank, trial, value, stderr FROM leaderboard
--   WHERE sweep_id = (SELECT max(sweep_id) FROM leaderboard) ORDER BY rank LIMIT 5;
CREATE VIEW leaderboard AS
WITH aim AS (
  SELECT id AS sweep_id, substr(metric, 1, instr(metric, '.') - 1) AS stage, substr(metric, instr(metric, '.') + 1) AS rest
  FROM sweep
), aimed AS NOT MATERIALIZED (  -- CROSS JOIN keeps the order: from the sweep's metric to the one stage it names
  SELECT t.sweep_id, t.id AS trial_id, r.id AS run, a.rest
  FROM aim a
  CROSS JOIN trial t ON t.sweep_id = a.sweep_id
  CROSS JOIN trial_stage ts ON ts.trial_id = t.id AND (ts.stage = a.stage OR ts.part = a.stage AND ts.round = (
    SELECT max(l.round) FROM trial_stage l JOIN stage_run lr ON lr.key = l.key AND lr.state = 'done'  -- of a cycle: the last round that it came to
    WHERE l.trial_id = t.id AND l.part = a.stage
      AND NOT EXISTS (SELECT 1 FROM round_verdict e WHERE e.trial_id = t.id AND e.cycle = l.cycle AND e.round < l.round AND NOT e.goes_on)))
  CROSS JOIN stage_run r ON r.key = ts.key AND r.state = 'done'  -- the last value so far of one that runs is no result
), judged AS (
  SELECT x.sweep_id, x.trial_id, b.value, b.stderr, b.n
  FROM aimed x
  CROSS JOIN score b ON b.stage_run_id = x.run AND b.benchmark = substr(x.rest, 1, instr(x.rest, '.') - 1)
    AND b.condition = 'seen' AND b.metric = substr(x.rest, instr(x.rest, '.') + 1)
  UNION ALL
  SELECT x.sweep_id, x.trial_id, m.last, NULL, m.n
  FROM aimed x
  CROSS JOIN metric_key k ON k.name = x.rest
  CROSS JOIN metric_summary m ON m.stage_run_id = x.run AND m.metric_key_id = k.id
  UNION ALL
  SELECT b.sweep_id, b.trial_id, avg(b.value), NULL, count(*)
  FROM trial_score b
  WHERE b.sweep_id IN (SELECT id FROM sweep WHERE metric = '') AND b.condition = 'seen' AND b.main = 1 AND b.baseline = 0
  GROUP BY b.trial_id
)
SELECT
  s.name AS sweep,
  row_number() OVER (PARTITION BY s.id ORDER BY j.value IS NULL,
                     CASE s.direction WHEN 'minimize' THEN j.value ELSE -j.value END, t.number) AS rank,  -- 1 is best
  t.name AS trial,
  CASE s.metric WHEN '' THEN 'mean of main scores' ELSE s.metric END AS metric,  -- what the sweep is ranked by
  j.value AS value,
  j.stderr AS stderr,  -- standard error of the value; NULL for a mean and for a training metric
  j.n AS n,  -- how many questions, steps or scores it is of
  s.direction AS direction,  -- 'maximize' or 'minimize'
  t.parameters AS parameters,
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM judged j
JOIN trial t ON t.id = j.trial_id
JOIN sweep s ON s.id = j.sweep_id;
