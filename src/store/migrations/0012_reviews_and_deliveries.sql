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

-- The definitions of a job are numbered from 1. A definition that differs from the newest one only in its place in the file has the same
-- number. The newest one is kept, so that no number is used again.
ALTER TABLE job_versions ADD COLUMN number INTEGER NOT NULL DEFAULT 1 CHECK (number >= 1);
UPDATE job_versions SET number = ranked.number
FROM (SELECT id, row_number() OVER (PARTITION BY job_id ORDER BY id) AS number FROM job_versions) AS ranked
WHERE ranked.id = job_versions.id;
CREATE INDEX job_versions_number ON job_versions (job_id, number);

-- When the current definition became that, also if it is an earlier one again; null if that was before this column existed.
ALTER TABLE jobs ADD COLUMN changed_at INTEGER CHECK (changed_at IS NULL OR changed_at >= 0);

-- How many runs of a job ended on each day, and how long they took. Kept for longer than the runs.
CREATE TABLE daily_durations (
  job_id TEXT NOT NULL,
  -- Number of days from 1970-01-01 to the local date of the end.
  day INTEGER NOT NULL CHECK (day BETWEEN 0 AND 100000000),
  -- Completed runs: the bucket of the duration, from 0. -1: failed or interrupted. -2: cancelled.
  bucket INTEGER NOT NULL CHECK (bucket BETWEEN -2 AND 1000),
  runs INTEGER NOT NULL CHECK (runs >= 1),
  PRIMARY KEY (job_id, day, bucket)
) STRICT, WITHOUT ROWID;

-- Runs up to this number are not counted in `daily_durations` when they end. petit counts them after its start, the newest first.
ALTER TABLE scheduler ADD COLUMN uncounted_runs INTEGER NOT NULL DEFAULT 0 CHECK (uncounted_runs >= 0);
UPDATE scheduler SET uncounted_runs = coalesce((SELECT max(seq) FROM runs), 0);

-- What people did, other than starting and cancelling runs.
CREATE TABLE actions (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('pause', 'resume', 'approve', 'reject')),
  -- The name of a token, or else an address; null if it is unknown.
  actor TEXT,
  -- Null if it is about all jobs.
  job_id TEXT,
  run_id TEXT,
  task_id TEXT,
  CHECK ((run_id IS NOT NULL) = (action IN ('approve', 'reject')))
) STRICT;
CREATE INDEX actions_at ON actions (at);

-- The few rows that a review looks for among many.
CREATE INDEX runs_waited ON runs (started_at) WHERE started_at - created_at > 60000;
CREATE INDEX task_runs_retried ON task_runs (run) WHERE attempts > 1 AND status = 'completed';
CREATE INDEX items_retried ON items (run) WHERE attempts > 1 AND status = 'completed';

-- The end of the period of the last digest, in ms since the Unix epoch; null until petit has one configured.
ALTER TABLE scheduler ADD COLUMN digest_until INTEGER;

-- An attempt to send a notification is a sending; a delivery is an event that reaches petit from outside. The event `digest` is new. A CHECK
-- can't be changed, so the table is copied.
CREATE TABLE sendings (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL REFERENCES job_versions (id),
  job_id TEXT NOT NULL,
  target INTEGER NOT NULL CHECK (target >= 0),
  -- What is sent in order: a digest of the job and of where it goes.
  channel TEXT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('failure', 'recovery', 'success', 'cancelled', 'missed', 'started', 'late', 'approval',
    'output', 'digest')),
  run_id TEXT,
  status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'delivered', 'given_up')),
  -- What is told; gone when nobody sends it any more.
  notice TEXT CHECK (json_valid(notice)),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  due_at INTEGER NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1)),
  CHECK ((ended_at IS NOT NULL) = (status <> 'waiting')),
  CHECK ((notice IS NULL) = (status <> 'waiting')),
  CHECK (status <> 'delivered' OR error IS NULL),
  CHECK (status <> 'given_up' OR error IS NOT NULL)
) STRICT;
INSERT INTO sendings (seq, id, version, job_id, target, channel, event, run_id, status, notice, attempts, due_at, error,
  created_at, ended_at, acknowledged)
SELECT seq, id, version, job_id, target, channel, event, run_id, status, notice, attempts, due_at, error, created_at, ended_at,
  acknowledged FROM deliveries;
DROP TABLE deliveries;
CREATE INDEX sendings_waiting ON sendings (channel, seq) WHERE status = 'waiting';
CREATE INDEX sendings_ended ON sendings (ended_at) WHERE status <> 'waiting';
CREATE INDEX sendings_version ON sendings (version);

-- Since when each broken job file has problems.
CREATE TABLE broken_files (
  -- Path relative to JOBS_DIR.
  file TEXT PRIMARY KEY,
  since INTEGER NOT NULL CHECK (since >= 0)
) STRICT, WITHOUT ROWID;

-- What people said about something that needs attention. `entry_id` is the id of the entry; a person is the name of a token, or else an
-- address. `cause` and `streak` are what it was when somebody last acknowledged or snoozed it.
CREATE TABLE attention_marks (
  entry_id TEXT PRIMARY KEY CHECK (length(entry_id) BETWEEN 1 AND 10000),
  job_id TEXT CHECK (job_id IS NULL OR length(job_id) BETWEEN 1 AND 128),
  acknowledged_at INTEGER CHECK (acknowledged_at IS NULL OR acknowledged_at >= 0),
  acknowledged_by TEXT CHECK (acknowledged_by IS NULL OR acknowledged_at IS NOT NULL),
  snoozed_at INTEGER CHECK (snoozed_at IS NULL OR snoozed_at >= 0),
  snoozed_by TEXT CHECK (snoozed_by IS NULL OR snoozed_at IS NOT NULL),
  -- Null: until it changes.
  snoozed_until INTEGER CHECK (snoozed_until IS NULL OR (snoozed_at IS NOT NULL AND snoozed_until >= 0)),
  owner TEXT CHECK (owner IS NULL OR length(owner) BETWEEN 1 AND 100),
  note TEXT CHECK (note IS NULL OR length(note) BETWEEN 1 AND 2000),
  cause TEXT NOT NULL CHECK (length(cause) <= 2000),
  streak INTEGER NOT NULL CHECK (streak >= 0)
) STRICT, WITHOUT ROWID;

-- Who changed what an event is about, and the entry of what needs attention that it is about.
ALTER TABLE events ADD COLUMN actor TEXT CHECK (actor IS NULL OR type = 'attention.changed');
ALTER TABLE events ADD COLUMN entry TEXT CHECK (entry IS NULL OR type = 'attention.changed');
