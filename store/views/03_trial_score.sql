CREATE VIEW trial_score AS
SELECT s.name AS sweep, t.name AS trial, ts.stage AS stage, b.benchmark AS benchmark, b.condition AS condition,
  b.metric AS metric, b.value AS value, b.stderr AS stderr, b.n AS n, b.main AS main, b.setting AS setting,
  ts.key AS key, s.id AS sweep_id, t.id AS trial_id, t.number AS number
FROM trial_stage ts
JOIN trial t ON t.id = ts.trial_id
JOIN sweep s ON s.id = t.sweep_id
JOIN stage_run r ON r.key = ts.key AND r.state = 'done'
JOIN score b ON b.stage_run_id = r.id;
