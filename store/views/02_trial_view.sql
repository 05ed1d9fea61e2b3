-- One row a trial: its state, parameters and time. The table `trial` below it holds the resolved recipe.
--
--   SELECT trial, state, seconds, json_extract(parameters, '$."mixture.instruct.weights"') AS weights
--   FROM trial_view WHERE sweep = 'quickstart' ORDER BY sweep_id DESC, number;
CREATE VIEW trial_view AS
SELECT
  s.name AS sweep,
  t.name AS trial,
  t.number AS number,
  CASE WHEN sum(c.state = 'failed') > 0 THEN 'failed'
       WHEN sum(c.state = 'running') > 0 THEN 'running'
       WHEN sum(c.state IN ('done', 'closed')) = count(*) THEN 'done'
       WHEN sum(c.state = 'lost') > 0 THEN 'lost'
       WHEN sum(c.state = 'done') > 0 THEN 'partial'
       ELSE 'queued'
  END AS state,  -- 'failed' or 'running' when a stage is, 'done' when all are; 'lost', 'partial' (some done), 'queued'
  sum(c.state <> 'closed') AS stages,  -- how many stages it has, without rounds that a cycle did not come to
  sum(c.state = 'done') AS stages_done,  -- how many of them are done
  sum(c.seconds) AS seconds,  -- of its stages; one that trials share counts in each
  min(c.started) AS started,  -- of its first stage, UTC
  max(c.finished) AS finished,  -- of its last finished stage, UTC
  t.parameters AS parameters,  -- JSON: axis of the sweep -> value
  datetime(s.created_us / 1000000, 'unixepoch') AS created,  -- when the sweep was first started, UTC
  s.id AS sweep_id,
  t.id AS trial_id
FROM trial t
JOIN sweep s ON s.id = t.sweep_id
JOIN stage_cost c ON c.trial_id = t.id
GROUP BY t.id;
