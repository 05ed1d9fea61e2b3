-- One row a trial, cycle, round and main score: what each round wrote, kept and reached. Round 0 is what stood before the cycle.
--
--   SELECT round, written, kept, benchmark, round(value, 3) AS value, round(gain, 3) AS gain, verdict FROM round_view
--   WHERE sweep = 'virtuous-cycle' ORDER BY sweep_id DESC, trial_id, benchmark, round;
CREATE VIEW round_view AS
WITH part AS (  -- the stages of the rounds, and those that stand for them before the first
  SELECT trial_id, cycle, round, part, key FROM trial_stage WHERE cycle <> ''
  UNION ALL
  SELECT t.id, c.key, 0, s.key, ts.key
  FROM trial t JOIN json_each(t.resolved, '$.cycle') c JOIN json_each(c.value, '$.start') s
  JOIN trial_stage ts ON ts.trial_id = t.id AND ts.stage = s.value
), scored AS (
  SELECT p.trial_id, p.cycle, p.round, p.part, b.benchmark, b.metric, b.value, b.stderr, b.n
  FROM part p JOIN stage_run r ON r.key = p.key AND r.state = 'done'
  JOIN score b ON b.stage_run_id = r.id AND b.condition = 'seen' AND b.main = 1
), whole AS (
  SELECT p.trial_id, p.cycle, p.round, sum(r.seconds) AS seconds,
    sum((SELECT m.last FROM metric_summary m JOIN metric_key k ON k.id = m.metric_key_id
         WHERE m.stage_run_id = r.id AND k.name = 'asked' AND r.kind = 'synthesize')) AS written,
    sum((SELECT m.last FROM metric_summary m JOIN metric_key k ON k.id = m.metric_key_id
         WHERE m.stage_run_id = r.id AND k.name = 'samples' AND r.kind = 'synthesize')) AS kept
  FROM part p JOIN stage_run r ON r.key = p.key AND r.state = 'done'
  GROUP BY p.trial_id, p.cycle, p.round
)
SELECT
  s.name AS sweep,
  t.name AS trial,
  o.cycle AS cycle,  -- name of the cycle
  o.round AS round,  -- from 1; 0: the stages that `start` names
  w.written AS written,  -- samples that a teacher was asked for; NULL where none was
  w.kept AS kept,  -- those of them that passed
  o.part AS stage,  -- the evaluate stage, as the recipe names it
  o.benchmark AS benchmark,
  o.metric AS metric,  -- the benchmark's main metric
  o.value AS value,  -- with the picture seen
  o.stderr AS stderr,
  o.n AS n,  -- how many questions it is of
  o.value - b.value AS gain,  -- over the round before
  v.p_value AS p_value,  -- of the paired test that the cycle goes on by; NULL without one
  v.reason AS verdict,  -- why another round began, or none; NULL: nothing was to be decided
  w.seconds AS seconds,  -- of the round's finished stages
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM scored o
JOIN whole w ON w.trial_id = o.trial_id AND w.cycle = o.cycle AND w.round = o.round
JOIN trial t ON t.id = o.trial_id
JOIN sweep s ON s.id = t.sweep_id
LEFT JOIN scored b ON b.trial_id = o.trial_id AND b.cycle = o.cycle AND b.part = o.part AND b.benchmark = o.benchmark AND b.metric = o.metric AND b.round = o.round - 1
LEFT JOIN round_verdict v ON v.trial_id = o.trial_id AND v.cycle = o.cycle AND v.round = o.round
WHERE NOT EXISTS (SELECT 1 FROM round_verdict e  -- another sweep may have run what this cycle did not come to
                  WHERE e.trial_id = o.trial_id AND e.cycle = o.cycle AND e.round < o.round AND NOT e.goes_on);
