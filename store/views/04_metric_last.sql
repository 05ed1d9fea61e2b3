-- One row a trial, stage and training metric: its last, smallest and largest value, also while the stage runs.
--
--   SELECT trial, last, min, min_step FROM metric_last WHERE stage = 'instruct' AND metric = 'loss' ORDER BY last;
CREATE VIEW metric_last AS
SELECT
  s.name AS sweep,
  t.name AS trial,
  ts.stage AS stage,
  k.name AS metric,  -- name of the metric: 'loss', 'learning_rate'
  m.last AS last,  -- value at the last step; NULL where it is not finite
  CASE m.last_kind WHEN 0 THEN 'finite' WHEN 1 THEN 'nan' WHEN 2 THEN 'inf' ELSE '-inf' END
    AS last_kind,  -- 'finite', 'nan', 'inf', '-inf'
  m.last_step AS last_step,  -- the last step that said it
  m.min AS min,  -- smallest of the finite values
  m.min_step AS min_step,  -- where that was
  m.max AS max,  -- largest of the finite values
  m.max_step AS max_step,  -- where that was
  m.n AS n,  -- how many values there are
  ts.key AS key,
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM sweep s  -- CROSS JOIN keeps this order: from a trial down to its rows, never over all rows
CROSS JOIN trial t ON t.sweep_id = s.id
CROSS JOIN trial_stage ts ON ts.trial_id = t.id
CROSS JOIN stage_run r ON r.key = ts.key
CROSS JOIN metric_summary m ON m.stage_run_id = r.id
CROSS JOIN metric_key k ON k.id = m.metric_key_id;
