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

-- The event `digest` of deliveries. A CHECK can't be changed, so the table is copied.
CREATE TABLE new_deliveries (
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
INSERT INTO new_deliveries (seq, id, version, job_id, target, channel, event, run_id, status, notice, attempts, due_at, error,
  created_at, ended_at, acknowledged)
SELECT seq, id, version, job_id, target, channel, event, run_id, status, notice, attempts, due_at, error, created_at, ended_at,
  acknowledged FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_waiting ON deliveries (channel, seq) WHERE status = 'waiting';
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE status <> 'waiting';
CREATE INDEX deliveries_version ON deliveries (version);
