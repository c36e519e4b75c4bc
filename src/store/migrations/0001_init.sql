-- Times are ms since the Unix epoch. `run` is runs.seq, `version` is job_versions.id.

-- Every definition that a job, a run or a delivery refers to.
CREATE TABLE job_versions (
  id INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  definition TEXT NOT NULL CHECK (json_valid(definition)),
  created_at INTEGER NOT NULL,
  UNIQUE (job_id, digest)
) STRICT;

-- The last good definition of each job. Every occurrence due at or before `accounted_until` is in the ledger.
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  version INTEGER NOT NULL REFERENCES job_versions (id),
  first_seen_at INTEGER NOT NULL,
  accounted_until INTEGER NOT NULL,
  removed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_version ON jobs (version);

CREATE TABLE runs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job_id TEXT NOT NULL,
  version INTEGER NOT NULL REFERENCES job_versions (id),
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'interrupted')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown',
    'upstream_failed', 'condition_not_met', 'interrupted')),
  error TEXT,
  "trigger" TEXT NOT NULL CHECK ("trigger" IN ('schedule', 'catchup', 'manual', 'retry')),
  scheduled_for INTEGER,
  params TEXT NOT NULL CHECK (json_valid(params)),
  retry_of TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  ending TEXT CHECK (ending IN ('cancelled', 'timeout', 'shutdown')),
  lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1)),
  CHECK ((ended_at IS NOT NULL) = (status NOT IN ('pending', 'running'))),
  CHECK (status <> 'pending' OR started_at IS NULL),
  CHECK (status NOT IN ('running', 'completed') OR started_at IS NOT NULL),
  CHECK (status IN ('failed', 'cancelled', 'interrupted') OR (reason IS NULL AND error IS NULL)),
  CHECK ("trigger" IN ('manual', 'retry') OR scheduled_for IS NOT NULL)
) STRICT;
CREATE INDEX runs_job ON runs (job_id, seq);
-- Partial indexes of the few runs that are searched for among many.
CREATE INDEX runs_unfinished ON runs (status, seq) WHERE status IN ('pending', 'running');
CREATE INDEX runs_unsuccessful ON runs (status, seq) WHERE status IN ('failed', 'cancelled', 'interrupted');
CREATE INDEX runs_job_unsuccessful ON runs (job_id, status, seq) WHERE status IN ('failed', 'cancelled', 'interrupted');
CREATE INDEX runs_completed ON runs (job_id, ended_at) WHERE status = 'completed';

CREATE TABLE task_runs (
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  task_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown',
    'upstream_failed', 'condition_not_met', 'interrupted')),
  error TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  started_at INTEGER,
  ended_at INTEGER,
  exit_code INTEGER,
  outputs TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(outputs)),
  retry_at INTEGER,
  reused INTEGER NOT NULL DEFAULT 0 CHECK (reused IN (0, 1)),
  PRIMARY KEY (run, task_id),
  CHECK ((ended_at IS NOT NULL) = (status IN ('completed', 'failed', 'skipped'))),
  CHECK (status <> 'pending' OR started_at IS NULL),
  CHECK (status <> 'running' OR started_at IS NOT NULL),
  CHECK (retry_at IS NULL OR status = 'running'),
  CHECK ((reason IS NOT NULL) = (status IN ('failed', 'skipped')))
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown', 'interrupted')),
  error TEXT,
  exit_code INTEGER,
  signal TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  pid INTEGER,
  pid_started TEXT,
  boot_id TEXT,
  -- How many bytes of the attempt's spool files are stored, or were passed over.
  stdout_offset INTEGER NOT NULL DEFAULT 0,
  stderr_offset INTEGER NOT NULL DEFAULT 0,
  UNIQUE (run, task_id, attempt),
  FOREIGN KEY (run, task_id) REFERENCES task_runs (run, task_id) ON DELETE CASCADE,
  CHECK ((ended_at IS NOT NULL) = (status <> 'running')),
  CHECK ((reason IS NOT NULL) = (status = 'failed')),
  CHECK ((pid IS NULL) = (pid_started IS NULL) AND (pid IS NULL) = (boot_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX attempts_running ON attempts (run, task_id) WHERE status = 'running';

-- Output of attempts. A row has whole lines that were read at the same time. `seq` numbers the lines of a run from 1.
CREATE TABLE output (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  lines INTEGER NOT NULL CHECK (lines >= 1),
  task_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  stream TEXT NOT NULL CHECK (stream IN ('stdout', 'stderr')),
  at INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  -- For the line that stands for what was dropped: how many bytes that were.
  dropped INTEGER NOT NULL DEFAULT 0,
  UNIQUE (run, seq)
) STRICT;

-- The ledger: the outcome of each instant at which a schedule was due.
CREATE TABLE occurrences (
  job_id TEXT NOT NULL,
  scheduled_for INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('fired', 'skipped', 'missed')),
  reason TEXT CHECK (reason IN ('paused', 'dependency', 'overlap', 'disabled', 'queue_full', 'down', 'late', 'superseded')),
  run_id TEXT,
  decided_at INTEGER NOT NULL,
  jitter_ms INTEGER NOT NULL DEFAULT 0 CHECK (jitter_ms >= 0),
  PRIMARY KEY (job_id, scheduled_for),
  CHECK ((outcome = 'fired') = (reason IS NULL)),
  CHECK ((outcome = 'fired') = (run_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The newest event is never deleted, so that `seq` only grows.
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  job_id TEXT,
  run_id TEXT,
  task_id TEXT,
  status TEXT,
  reason TEXT
) STRICT;

CREATE TABLE idempotency_keys (
  key TEXT PRIMARY KEY,
  run_id TEXT NOT NULL,
  request TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- One row: the state of the scheduler as a whole.
CREATE TABLE scheduler (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
  -- Who has the database open, for the message of whoever finds it locked.
  holder TEXT,
  probed_at INTEGER
) STRICT;
INSERT INTO scheduler (id, paused) VALUES (1, 0);
