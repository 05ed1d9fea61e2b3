CREATE VIEW trial_view AS
SELECT s.name AS sweep, t.name AS trial, t.number AS number,
  CASE WHEN sum(c.state = 'failed') > 0 THEN 'failed'
       WHEN sum(c.state = 'running') > 0 THEN 'running'
       WHEN sum(c.state = 'done') = count(*) THEN 'done'
       WHEN sum(c.state = 'lost') > 0 THEN 'lost'
       WHEN sum(c.state = 'done') > 0 THEN 'partial'
       ELSE 'queued' END AS state,
  count(*) AS stages, sum(c.state = 'done') AS stages_done, sum(c.seconds) AS seconds,
  min(c.started) AS started, max(c.finished) AS finished, t.parameters AS parameters,
  datetime(s.created_us / 1000000, 'unixepoch') AS created, s.id AS sweep_id, t.id AS trial_id
FROM trial t
JOIN sweep s ON s.id = t.sweep_id
JOIN stage_cost c ON c.trial_id = t.id
GROUP BY t.id;
