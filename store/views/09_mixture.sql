-- One row a trial, mixture and source, as the recipe weighs them.
--
--   SELECT trial, source, weight, round(share, 3) AS share FROM mixture WHERE mixture = 'instruct';
CREATE VIEW mixture AS
SELECT
  s.name AS sweep,
  t.name AS trial,
  m.key AS mixture,  -- name of the mixture
  w.key AS source,  -- name of the data source
  CASE w.type WHEN 'object' THEN h.value WHEN 'text' THEN NULL ELSE w.value END
    AS weight,  -- NULL for 'natural' (by the source's size) and for a count of samples or epochs
  CASE w.type WHEN 'object' THEN h.value WHEN 'text' THEN NULL ELSE w.value END * 1.0
    / (SELECT CASE WHEN count(*) = count(CASE o.type WHEN 'object' THEN p.value WHEN 'text' THEN NULL ELSE o.value END)
                   THEN sum(CASE o.type WHEN 'object' THEN p.value ELSE o.value END) END
       FROM json_each(m.value, '$.weights') o LEFT JOIN json_each(CASE o.type WHEN 'object' THEN o.value END, '$.share') p)
    AS share,  -- the weight over the sum of the mixture's; NULL where one of them has none
  s.id AS sweep_id,
  t.id AS trial_id,
  t.number AS number
FROM trial t
JOIN sweep s ON s.id = t.sweep_id
JOIN json_each(t.resolved, '$.mixture') m
JOIN json_each(m.value, '$.weights') w
LEFT JOIN json_each(CASE w.type WHEN 'object' THEN w.value END, '$.share') h;
