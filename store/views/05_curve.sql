-- One row a trial, stage, training metric and step.
--
--   SELECT step, value FROM curve
--   WHERE trial = 'quickstart-1' AND stage = 'instruct' AND metric = 'loss' ORDER BY sweep_id DESC, step;
CREATE VIEW curve AS
SELECT
  s.name AS sweep,
  t.name AS trial,
  ts.stage AS stage,
  k.name AS metric,
  m.step AS step,  -- step of the optimizer
  m.value AS value,  -- NULL where it is not finite
  CASE m.kind WHEN 0 THEN 'finite' WHEN 1 THEN 'nan' WHEN 2 THEN 'inf' ELSE '-inf' END
    AS kind,  -- 'finite', 'nan', 'inf', '-inf'
  ts.key AS key,
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM sweep s  -- CROSS JOIN keeps this order: from a trial down to its rows, never over all rows
CROSS JOIN trial t ON t.sweep_id = s.id
CROSS JOIN trial_stage ts ON ts.trial_id = t.id
CROSS JOIN stage_run r ON r.key = ts.key
CROSS JOIN metric m ON m.stage_run_id = r.id
CROSS JOIN metric_key k ON k.id = m.metric_key_id;
