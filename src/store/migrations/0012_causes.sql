-- The line of an attempt's output that explains why it failed: an object with seq, stream, text and context.

ALTER TABLE attempts ADD COLUMN cause TEXT CHECK (cause IS NULL OR json_valid(cause));

-- Where the output of each attempt is: its chunks without their bytes. The table of the output has only an index of the run, and to find
-- the chunks of one attempt there, SQLite reads all bytes of the run. Attempts that ended before this table existed have no rows here.

CREATE TABLE output_extents (
  attempt_id INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL CHECK (seq >= 1),
  lines INTEGER NOT NULL CHECK (lines >= 1),
  stream TEXT NOT NULL CHECK (stream IN ('stdout', 'stderr')),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  dropped INTEGER NOT NULL DEFAULT 0 CHECK (dropped >= 0),
  PRIMARY KEY (attempt_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO output_extents (attempt_id, seq, lines, stream, bytes, dropped)
SELECT attempts.id, output.seq, output.lines, output.stream, length(output.bytes), output.dropped
FROM runs CROSS JOIN output ON output.run = runs.seq
CROSS JOIN attempts ON attempts.run = output.run AND attempts.task_id = output.task_id AND attempts.item = output.item
  AND attempts.attempt = output.attempt
WHERE runs.status IN ('pending', 'running');
