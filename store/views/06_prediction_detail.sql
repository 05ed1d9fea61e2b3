-- One row a trial, stage and answered question. Finished stages only.
--
--   SELECT question, truth, answer FROM prediction_detail
--   WHERE trial = 'quickstart-1' AND condition = 'seen' AND NOT correct LIMIT 20;
CREATE VIEW prediction_detail AS
SELECT
  s.name AS sweep,
  t.name AS trial,
  ts.stage AS stage,
  p.benchmark AS benchmark,
  p.condition AS condition,  -- 'seen', or 'blind': the picture replaced by grey
  p.sample AS sample,  -- which question of the benchmark; equal in all trials
  p.question AS question,  -- as it was asked
  p.answer AS answer,  -- as the model wrote it
  p.normalised AS normalised,  -- the answer as the scorer read it
  p.truth AS truth,  -- the right answer
  p.correct AS correct,  -- 1 where the two agree: a credit of at least a half
  p.credit AS credit,  -- how much of the answer is right, 0 to 1
  p.picture AS picture,  -- which picture the question is about
  p.unit AS unit,  -- the sample unit of the benchmark, a picture or a question: what answers are paired over
  ts.key AS key,
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM sweep s  -- CROSS JOIN keeps this order: from a trial down to its rows, never over all rows
CROSS JOIN trial t ON t.sweep_id = s.id
CROSS JOIN trial_stage ts ON ts.trial_id = t.id
CROSS JOIN stage_run r ON r.key = ts.key AND r.state = 'done'
CROSS JOIN prediction p ON p.stage_run_id = r.id;
