-- The digest of a definition and its text, without their place in the file. Definitions of a job with the same digest have the same number.
-- The code beside this file fills it for the definitions that are stored, and merges the numbers of those that are equal.
ALTER TABLE job_versions ADD COLUMN content TEXT NOT NULL DEFAULT '';

-- The key of these digests, so that they tell nobody who may see them about the secrets of a definition.
ALTER TABLE scheduler ADD COLUMN digest_key BLOB;
UPDATE scheduler SET digest_key = randomblob(32);

-- When each version of a job was in use: which definition was its current one.
CREATE TABLE job_uses (
  id INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL,
  -- Number of the version.
  number INTEGER NOT NULL CHECK (number >= 1),
  since INTEGER NOT NULL,
  -- Null while it is in use.
  until INTEGER CHECK (until >= since),
  -- Why the file was read, or that somebody saved it through petit, and who it was; null if that was not recorded.
  cause TEXT CHECK (cause IN ('start', 'watch', 'signal', 'api', 'edit')),
  by TEXT,
  -- Its file, relative to JOBS_DIR, and when that was last modified.
  file TEXT,
  file_modified_at INTEGER,
  -- Null for files in a folder.
  commit_id TEXT,
  commit_author TEXT
) STRICT;
CREATE INDEX job_uses_number ON job_uses (job_id, number);
CREATE UNIQUE INDEX job_uses_current ON job_uses (job_id) WHERE until IS NULL;

-- Set if there were too many files when the pattern was new, in ms since the Unix epoch: what has changed since is not ignored.
ALTER TABLE watched_patterns ADD COLUMN new_since INTEGER CHECK (new_since >= 0);

-- Time of the last change to the file's content or inode (ctime) in ns, as a text, when its digest was computed: programs can put back the time of
-- the last write, but not this one. Null if there is no digest, or if it is not known.
ALTER TABLE seen_files ADD COLUMN ctime TEXT CHECK (length(ctime) BETWEEN 1 AND 20);

-- When petit learned of the trigger, in ms since the Unix epoch, while it begins with the messages that were stored since; null if `position`
-- says where it goes on. `created_at` is 0 until petit has seen the stream.
ALTER TABLE message_consumers ADD COLUMN new_since INTEGER CHECK (new_since >= 0);

-- Saves of job files through petit whose jobs are not known to be in use: after a crash, the next start attributes a file with this SHA-256.
CREATE TABLE job_file_edits (
  -- Absolute path of JOBS_DIR, and path of the file within it.
  folder TEXT NOT NULL,
  file TEXT NOT NULL,
  digest TEXT NOT NULL CHECK (length(digest) = 64),
  by TEXT,
  PRIMARY KEY (folder, file, digest)
) STRICT;

-- The commit of the job files: that of the current definitions, and that whose files a run uses. Null for files in a folder.
ALTER TABLE jobs ADD COLUMN commit_id TEXT;
ALTER TABLE runs ADD COLUMN commit_id TEXT;
CREATE INDEX runs_commit ON runs (commit_id) WHERE commit_id IS NOT NULL;

-- The repository that the job files are from; no row for files in a folder.
CREATE TABLE job_repository (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  url TEXT NOT NULL,
  -- The commit that is in use, who made it, when, in ms since the Unix epoch, and the first line of its message; null before the first one.
  -- They are told also while the copy of the repository is lost.
  commit_id TEXT,
  commit_author TEXT,
  committed_at INTEGER,
  commit_subject TEXT,
  -- The commit that somebody has chosen instead of the newest one; null while the newest one is followed.
  pinned_id TEXT,
  -- The commit that has problems and is not used, and since when it is not; null if there is none.
  refused_id TEXT,
  refused_since INTEGER,
  CHECK ((refused_id IS NULL) = (refused_since IS NULL)),
  CHECK ((commit_id IS NULL) = (commit_author IS NULL OR committed_at IS NULL OR commit_subject IS NULL))
) STRICT;

-- The replays of a delivery.
CREATE INDEX deliveries_replays ON deliveries (replay_of) WHERE replay_of IS NOT NULL;

-- Tokens of people. Only their SHA-256 is stored, in hexadecimal.
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  created_at INTEGER NOT NULL,
  -- Who created it; null if that is not known.
  created_by TEXT,
  -- Null if it does not expire.
  expires_at INTEGER CHECK (expires_at >= created_at),
  revoked_at INTEGER,
  -- When a newer token of the same name took its place. It is valid until it expires.
  replaced_at INTEGER,
  -- Written at most once a minute.
  last_used_at INTEGER,
  last_used_from TEXT
) STRICT;
CREATE UNIQUE INDEX tokens_current ON tokens (name) WHERE revoked_at IS NULL AND replaced_at IS NULL;

-- Logins with these tokens: the SHA-256 of the cookie, in hexadecimal.
CREATE TABLE token_sessions (
  id TEXT PRIMARY KEY CHECK (length(id) = 64),
  token_id INTEGER NOT NULL REFERENCES tokens (id),
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX token_sessions_token ON token_sessions (token_id);
