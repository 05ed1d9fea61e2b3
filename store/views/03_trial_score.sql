-- One row a trial, stage, benchmark, condition and metric. Finished stages only.
--
--   SELECT trial, benchmark, metric, round(value, 3) AS value, round(stderr, 3) AS stderr
--   FROM trial_score WHERE main AND condition = 'seen' AND NOT baseline;
CREATE VIEW trial_score AS
SELECT
  s.name AS sweep,
  t.name AS trial,
  ts.stage AS stage,
  b.benchmark AS benchmark,  -- name of the benchmark
  b.condition AS condition,  -- 'seen'; 'blind': pictures replaced by grey; 'majority' and 'chance': no model is asked
  b.metric AS metric,  -- name of the metric
  b.value AS value,  -- NULL: not a number
  b.stderr AS stderr,  -- standard error of the value, over pictures
  b.n AS n,  -- how many questions it is of
  b.main AS main,  -- 1 for the metric that tables show
  (t.sweep_id, ts.key) IN (
    SELECT ot.sweep_id, o.key FROM trial_stage o JOIN trial ot ON ot.id = o.trial_id GROUP BY ot.sweep_id, o.key
    HAVING count(*) > 1 AND count(*) = (SELECT count(*) FROM trial a WHERE a.sweep_id = ot.sweep_id)
  ) AS baseline,  -- 1 where all of several trials share the stage, so that it tells none from another
  b.setting AS setting,  -- JSON: how the score was made
  ts.key AS key,
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM sweep s  -- CROSS JOIN keeps this order: from a trial down to its rows, never over all rows
CROSS JOIN trial t ON t.sweep_id = s.id
CROSS JOIN trial_stage ts ON ts.trial_id = t.id
CROSS JOIN stage_run r ON r.key = ts.key AND r.state = 'done'
CROSS JOIN score b ON b.stage_run_id = r.id;
