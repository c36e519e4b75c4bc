-- Since when each broken job file has problems.
CREATE TABLE broken_files (
  -- Path relative to JOBS_DIR.
  file TEXT PRIMARY KEY,
  since INTEGER NOT NULL CHECK (since >= 0)
) STRICT, WITHOUT ROWID;
