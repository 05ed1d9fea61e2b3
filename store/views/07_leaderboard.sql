CREATE VIEW leaderboard AS
WITH judged AS (
  SELECT b.sweep_id, b.trial_id, b.stage || '.' || b.benchmark || '.' || b.metric AS metric, b.value, b.stderr, b.n
  FROM trial_score b JOIN sweep s ON s.id = b.sweep_id
  WHERE b.condition = 'seen' AND s.metric = b.stage || '.' || b.benchmark || '.' || b.metric
  UNION ALL
  SELECT m.sweep_id, m.trial_id, m.stage || '.' || m.metric, m.last, NULL, m.n
  FROM metric_last m JOIN sweep s ON s.id = m.sweep_id
  WHERE s.metric = m.stage || '.' || m.metric
  UNION ALL
  SELECT b.sweep_id, b.trial_id, 'mean of main scores', avg(b.value), NULL, count(*)
  FROM trial_score b JOIN sweep s ON s.id = b.sweep_id
  WHERE s.metric = '' AND b.condition = 'seen' AND b.main = 1
    AND b.key NOT IN (  -- a stage that all of several trials share is a baseline
      SELECT o.key FROM trial_stage o JOIN trial t ON t.id = o.trial_id WHERE t.sweep_id = b.sweep_id
      GROUP BY o.key HAVING count(*) > 1
        AND count(*) = (SELECT count(*) FROM trial WHERE sweep_id = b.sweep_id))
  GROUP BY b.trial_id
)
SELECT s.name AS sweep,
  row_number() OVER (PARTITION BY s.id ORDER BY j.value IS NULL,
                     CASE s.direction WHEN 'minimize' THEN j.value ELSE -j.value END, t.number) AS rank,
  t.name AS trial, j.metric AS metric, j.value AS value, j.stderr AS stderr, j.n AS n, s.direction AS direction,
  t.parameters AS parameters, s.id AS sweep_id, t.id AS trial_id, t.number AS number
FROM judged j
JOIN trial t ON t.id = j.trial_id
JOIN sweep s ON s.id = j.sweep_id;
