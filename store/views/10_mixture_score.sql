-- One row a trial, mixture, source and main score: what a fit of scores to mixtures reads. Stages that all trials share
-- are left out.
--
--   SELECT trial, max(share) FILTER (WHERE source = 'conversation') AS conversation,
--     max(share) FILTER (WHERE source = 'detail') AS detail, value, stderr
--   FROM mixture_score WHERE mixture = 'instruct' AND benchmark = 'scenes-pope' GROUP BY trial_id, stage;
CREATE VIEW mixture_score AS
SELECT
  m.sweep AS sweep,
  m.trial AS trial,
  m.mixture AS mixture,
  m.source AS source,
  m.weight AS weight,
  m.share AS share,
  b.stage AS stage,
  b.benchmark AS benchmark,
  b.metric AS metric,  -- the benchmark's main metric
  b.value AS value,  -- with the picture seen
  b.stderr AS stderr,
  b.n AS n,  -- how many questions it is of
  m.sweep_id AS sweep_id,
  m.trial_id AS trial_id,
  m.number AS number
FROM mixture m
JOIN trial_score b ON b.trial_id = m.trial_id AND b.main = 1 AND b.condition = 'seen' AND b.baseline = 0;
