-- One row a trial, mixture and source, as the recipe weighs them.
--
--   SELECT trial, source, weight, round(share, 3) AS share FROM mixture WHERE mixture = 'instruct';
CREATE VIEW mixture AS
SELECT
  s.name AS sweep,
  t.name AS trial,
  m.key AS mixture,  -- name of the mixture
  w.key AS source,  -- name of the data source
  CASE WHEN w.type IN ('integer', 'real') THEN w.value END AS weight,  -- NULL for 'natural': by the source's size
  CASE WHEN w.type IN ('integer', 'real') THEN
    w.value * 1.0 / (SELECT CASE WHEN count(*) = sum(o.type IN ('integer', 'real')) THEN sum(o.value) END
                     FROM json_each(m.value, '$.weights') o)
  END AS share,  -- the weight over the sum of the mixture's; NULL where one of them is 'natural'
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM trial t
JOIN sweep s ON s.id = t.sweep_id
JOIN json_each(t.resolved, '$.mixture') m
JOIN json_each(m.value, '$.weights') w;
