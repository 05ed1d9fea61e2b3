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
), judged AS (  -- CROSS JOIN keeps the order: from the sweep's metric to the one score it names
  SELECT t.sweep_id, t.id AS trial_id, b.value, b.stderr, b.n
  FROM aim a
  CROSS JOIN trial t ON t.sweep_id = a.sweep_id
  CROSS JOIN trial_stage ts ON ts.trial_id = t.id AND (ts.stage = a.stage OR ts.part = a.stage AND NOT EXISTS (
    SELECT 1 FROM trial_stage later JOIN stage_run lr ON lr.key = later.key AND lr.state = 'done'
    WHERE later.trial_id = t.id AND later.part = ts.part AND later.round > ts.round
      AND NOT EXISTS (SELECT 1 FROM round_verdict e WHERE e.trial_id = t.id AND e.cycle = later.cycle AND e.round < later.round AND NOT e.goes_on))
    AND NOT EXISTS (SELECT 1 FROM round_verdict e WHERE e.trial_id = t.id AND e.cycle = ts.cycle AND e.round < ts.round AND NOT e.goes_on))
    -- of a cycle: the last round that it came to
  CROSS JOIN stage_run r ON r.key = ts.key AND r.state = 'done'
  CROSS JOIN score b ON b.stage_run_id = r.id AND b.benchmark = substr(a.rest, 1, instr(a.rest, '.') - 1)
    AND b.condition = 'seen' AND b.metric = substr(a.rest, instr(a.rest, '.') + 1)
  UNION ALL
  SELECT t.sweep_id, t.id, m.last, NULL, m.n
  FROM aim a
  CROSS JOIN trial t ON t.sweep_id = a.sweep_id
  CROSS JOIN trial_stage ts ON ts.trial_id = t.id AND (ts.stage = a.stage OR ts.part = a.stage AND NOT EXISTS (
    SELECT 1 FROM trial_stage later JOIN stage_run lr ON lr.key = later.key AND lr.state = 'done'
    WHERE later.trial_id = t.id AND later.part = ts.part AND later.round > ts.round))  -- of a cycle: its last round
  CROSS JOIN stage_run r ON r.key = ts.key AND r.state = 'done'  -- the last value so far of one that runs is no result
  CROSS JOIN metric_key k ON k.name = a.rest
  CROSS JOIN metric_summary m ON m.stage_run_id = r.id AND m.metric_key_id = k.id
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
