-- What a training stage really drew of each data source, and what it left out.

CREATE TABLE drawn_source(
  stage_run_id INTEGER NOT NULL REFERENCES stage_run(id) ON DELETE CASCADE,
  source TEXT NOT NULL,
  share REAL,                             -- of the draws, as the mixture asks for it
  size INTEGER NOT NULL,                  -- samples of the source, after turn limits
  draws INTEGER NOT NULL,                 -- dropped ones included
  samples INTEGER NOT NULL,               -- trained on
  tokens INTEGER NOT NULL,
  learned_tokens INTEGER NOT NULL,
  pictures INTEGER NOT NULL,
  cut_pairs INTEGER NOT NULL,             -- question-answer pairs lost to max_length
  cut_answers INTEGER NOT NULL,           -- answers that lost their end to it
  PRIMARY KEY(stage_run_id, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE drawn_drop(
  stage_run_id INTEGER NOT NULL REFERENCES stage_run(id) ON DELETE CASCADE,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  draws INTEGER NOT NULL,
  PRIMARY KEY(stage_run_id, source, reason)
) STRICT, WITHOUT ROWID;
