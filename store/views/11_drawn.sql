-- One row a trial, training stage and data source: what was really drawn, beside what the mixture asked for.
--
--   SELECT trial, source, round(asked, 3) AS asked, round(share, 3) AS drawn, passes, dropped FROM drawn WHERE stage = 'instruct';
CREATE VIEW drawn AS
SELECT
  s.name AS sweep,
  t.name AS trial,
  ts.stage AS stage,
  d.source AS source,  -- name of the data source
  d.share AS asked,  -- share of the draws that the mixture asks for
  d.draws * 1.0 / nullif((SELECT sum(o.draws) FROM drawn_source o WHERE o.stage_run_id = r.id), 0) AS share,  -- of the draws
  d.size AS size,  -- samples of the source, after turn limits
  d.draws AS draws,  -- samples taken from it, dropped ones included
  d.draws * 1.0 / d.size AS passes,  -- over the source; above 1 samples were repeated
  d.samples AS samples,  -- rows trained on
  coalesce((SELECT sum(x.draws) FROM drawn_drop x WHERE x.stage_run_id = r.id AND x.source = d.source), 0) AS dropped,  -- draws left out
  (SELECT group_concat(x.draws || ' x ' || x.reason, ', ') FROM drawn_drop x WHERE x.stage_run_id = r.id AND x.source = d.source)
    AS reasons,  -- why they were left out: '3 x empty-turn, 1 x no-turns'; NULL: none was
  d.tokens AS tokens,  -- of the rows, pictures included
  d.learned_tokens AS learned_tokens,  -- supervised ones
  d.pictures AS pictures,  -- shown with the rows
  d.cut_pairs AS cut_pairs,  -- question-answer pairs lost to max_length
  d.cut_answers AS cut_answers,  -- answers that lost their end to it
  ts.key AS key,
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM sweep s  -- CROSS JOIN keeps this order: from a trial down to its rows, never over all rows
CROSS JOIN trial t ON t.sweep_id = s.id
CROSS JOIN trial_stage ts ON ts.trial_id = t.id
CROSS JOIN stage_run r ON r.key = ts.key
CROSS JOIN drawn_source d ON d.stage_run_id = r.id;
