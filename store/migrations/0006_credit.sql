-- Answers that are partly right, and what they are paired over.

ALTER TABLE prediction ADD COLUMN credit REAL NOT NULL DEFAULT 0;  -- 0 to 1
ALTER TABLE prediction ADD COLUMN unit TEXT NOT NULL DEFAULT '';   -- the sample unit: questions with the same one are not independent
UPDATE prediction SET credit = correct, unit = picture;
