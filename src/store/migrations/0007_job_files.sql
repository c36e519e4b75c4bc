-- What each valid job file of JOBS_DIR contained, so that a file that has not changed need not be parsed again.
CREATE TABLE job_files (
  -- Absolute path of JOBS_DIR.
  folder TEXT NOT NULL,
  -- Path relative to it.
  file TEXT NOT NULL,
  -- Which petit has read it, for which user.
  reader TEXT NOT NULL,
  -- State of the file before it was read, such as its inode, size and times.
  stamp TEXT NOT NULL,
  -- 0: the file had changed so recently that another change may have left the stamp as it was.
  settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
  -- SHA-256 of the content.
  digest TEXT NOT NULL,
  -- The declaration of each job in it, with the digest of its definition.
  jobs TEXT NOT NULL CHECK (json_valid(jobs)),
  PRIMARY KEY (folder, file)
) STRICT, WITHOUT ROWID;
