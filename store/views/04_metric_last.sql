CREATE VIEW metric_last AS
SELECT s.name AS sweep, t.name AS trial, ts.stage AS stage, k.name AS metric, m.last AS last,
  CASE m.last_kind WHEN 0 THEN 'finite' WHEN 1 THEN 'nan' WHEN 2 THEN 'inf' ELSE '-inf' END AS last_kind,
  m.last_step AS last_step, m.min AS min, m.min_step AS min_step, m.max AS max, m.max_step AS max_step, m.n AS n,
  ts.key AS key, s.id AS sweep_id, t.id AS trial_id, t.number AS number
FROM trial_stage ts
JOIN trial t ON t.id = ts.trial_id
JOIN sweep s ON s.id = t.sweep_id
JOIN stage_run r ON r.key = ts.key
JOIN metric_summary m ON m.stage_run_id = r.id
JOIN metric_key k ON k.id = m.metric_key_id;
