CREATE VIEW stage_cost AS
SELECT s.name AS sweep, t.name AS trial, ts.stage AS stage, r.kind AS kind,
  CASE WHEN r.id IS NULL THEN 'queued'
       WHEN r.state = 'released' THEN 'queued'
       WHEN r.state = 'running' AND r.heartbeat_us < (unixepoch() - 60) * 1000000 THEN 'lost'
       ELSE r.state END AS state,
  r.seconds AS seconds, r.attempt AS attempt,
  (SELECT count(*) FROM trial_stage other WHERE other.key = ts.key) AS shared_by,
  datetime(r.started_us / 1000000, 'unixepoch') AS started,
  datetime(r.finished_us / 1000000, 'unixepoch') AS finished,
  r.message AS message, r.summary AS summary, ts.key AS key, ts.position AS position,
  s.id AS sweep_id, t.id AS trial_id, t.number AS number, r.id AS stage_run_id
FROM trial_stage ts
JOIN trial t ON t.id = ts.trial_id
JOIN sweep s ON s.id = t.sweep_id
LEFT JOIN stage_run r ON r.key = ts.key;
