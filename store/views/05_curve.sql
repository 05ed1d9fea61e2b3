CREATE VIEW curve AS
SELECT s.name AS sweep, t.name AS trial, ts.stage AS stage, k.name AS metric, m.step AS step, m.value AS value,
  CASE m.kind WHEN 0 THEN 'finite' WHEN 1 THEN 'nan' WHEN 2 THEN 'inf' ELSE '-inf' END AS kind,
  ts.key AS key, s.id AS sweep_id, t.id AS trial_id, t.number AS number
FROM trial_stage ts
JOIN trial t ON t.id = ts.trial_id
JOIN sweep s ON s.id = t.sweep_id
JOIN stage_run r ON r.key = ts.key
JOIN metric m ON m.stage_run_id = r.id
JOIN metric_key k ON k.id = m.metric_key_id;
