CREATE VIEW prediction_detail AS
SELECT s.name AS sweep, t.name AS trial, ts.stage AS stage, p.benchmark AS benchmark, p.condition AS condition,
  p.sample AS sample, p.question AS question, p.answer AS answer, p.normalised AS normalised, p.truth AS truth,
  p.correct AS correct, p.picture AS picture, ts.key AS key, s.id AS sweep_id, t.id AS trial_id, t.number AS number
FROM trial_stage ts
JOIN trial t ON t.id = ts.trial_id
JOIN sweep s ON s.id = t.sweep_id
JOIN stage_run r ON r.key = ts.key AND r.state = 'done'
JOIN prediction p ON p.stage_run_id = r.id;
