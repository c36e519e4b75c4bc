-- The reason `internal_error`, and for runs also `worker_lost`. A CHECK can't be changed, so the tables are copied.

CREATE TABLE new_runs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job_id TEXT NOT NULL,
  version INTEGER NOT NULL REFERENCES job_versions (id),
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'interrupted')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown',
    'upstream_failed', 'condition_not_met', 'interrupted', 'items_failed', 'invalid_items', 'child_failed', 'rejected',
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'worker_lost', 'internal_error')),
  error TEXT,
  "trigger" TEXT NOT NULL CHECK ("trigger" IN ('schedule', 'catchup', 'manual', 'retry', 'job')),
  scheduled_for INTEGER,
  params TEXT NOT NULL CHECK (json_valid(params)),
  retry_of TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  ending TEXT CHECK (ending IN ('cancelled', 'timeout', 'shutdown')),
  lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1)),
  -- Who asked for the run, and who for its end; null if petit decided it by itself.
  triggered_by TEXT,
  cancelled_by TEXT,
  -- How many of its tasks failed with `allow_failure`.
  warnings INTEGER NOT NULL DEFAULT 0 CHECK (warnings >= 0),
  -- When an unfinished run exceeded `warn_after` of its job; null if it has not.
  late_at INTEGER,
  -- The attempt that started it. The parent may have been deleted since. `parent_item` is -1 in a task without items.
  parent_run_id TEXT,
  parent_task_id TEXT,
  parent_item INTEGER NOT NULL DEFAULT -1 CHECK (parent_item >= -1),
  parent_attempt INTEGER CHECK ((parent_attempt IS NULL) = (parent_run_id IS NULL)),
  -- How many runs are above it; 0 without a parent.
  nesting INTEGER NOT NULL DEFAULT 0 CHECK (nesting BETWEEN 0 AND 10),
  -- What its job declares as `outputs`, when it has completed.
  outputs TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(outputs)),
  -- True if its end includes its clean-up tasks: it was cancelled twice, or petit was stopping.
  ends_clean_ups INTEGER NOT NULL DEFAULT 0 CHECK (ends_clean_ups IN (0, 1)),
  CHECK (ends_clean_ups = 0 OR ending IS NOT NULL),
  CHECK ((ended_at IS NOT NULL) = (status NOT IN ('pending', 'running'))),
  CHECK (status <> 'pending' OR started_at IS NULL),
  CHECK (status NOT IN ('running', 'completed') OR started_at IS NOT NULL),
  CHECK (status IN ('failed', 'cancelled', 'interrupted') OR (reason IS NULL AND error IS NULL)),
  CHECK ("trigger" IN ('manual', 'retry', 'job') OR scheduled_for IS NOT NULL)
) STRICT;
INSERT INTO new_runs (seq, id, job_id, version, status, reason, error, "trigger", scheduled_for, params, retry_of, created_at,
  started_at, ended_at, ending, lost, triggered_by, cancelled_by, warnings, late_at, parent_run_id, parent_task_id,
  parent_item, parent_attempt, nesting, outputs, ends_clean_ups)
SELECT seq, id, job_id, version, status, reason, error, "trigger", scheduled_for, params, retry_of, created_at,
  started_at, ended_at, ending, lost, triggered_by, cancelled_by, warnings, late_at, parent_run_id, parent_task_id,
  parent_item, parent_attempt, nesting, outputs, coalesce(ending = 'shutdown', 0) FROM runs;
DROP TABLE runs;
ALTER TABLE new_runs RENAME TO runs;
CREATE INDEX runs_job ON runs (job_id, seq);
CREATE INDEX runs_unfinished ON runs (status, seq) WHERE status IN ('pending', 'running');
CREATE INDEX runs_unsuccessful ON runs (status, seq) WHERE status IN ('failed', 'cancelled', 'interrupted');
CREATE INDEX runs_job_unsuccessful ON runs (job_id, status, seq) WHERE status IN ('failed', 'cancelled', 'interrupted');
CREATE INDEX runs_completed ON runs (job_id, ended_at) WHERE status = 'completed';
CREATE INDEX runs_ended ON runs (ended_at, status) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_long ON runs (ended_at) WHERE ended_at - started_at > 3600000;
CREATE INDEX runs_retries ON runs (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX runs_version ON runs (version);
CREATE UNIQUE INDEX runs_parent ON runs (parent_run_id, parent_task_id, parent_item, parent_attempt)
  WHERE parent_run_id IS NOT NULL;

CREATE TABLE new_task_runs (
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  task_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown',
    'upstream_failed', 'condition_not_met', 'interrupted', 'items_failed', 'invalid_items', 'child_failed', 'rejected',
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'worker_lost', 'internal_error')),
  error TEXT,
  -- How many attempts it has had. A pending task has one if that waits for a worker.
  attempts INTEGER NOT NULL DEFAULT 0,
  started_at INTEGER,
  ended_at INTEGER,
  exit_code INTEGER,
  outputs TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(outputs)),
  retry_at INTEGER,
  -- A pending task with items: its completed items are taken from the run that is retried.
  reused INTEGER NOT NULL DEFAULT 0 CHECK (reused IN (0, 1)),
  -- How many items it has been expanded into; null for a task without items, and until then.
  items INTEGER CHECK (items >= 0),
  child_run_id TEXT,
  PRIMARY KEY (run, task_id),
  CHECK ((ended_at IS NOT NULL) = (status IN ('completed', 'failed', 'skipped'))),
  CHECK (status <> 'pending' OR started_at IS NULL),
  CHECK (status <> 'running' OR started_at IS NOT NULL),
  CHECK (retry_at IS NULL OR status = 'running'),
  CHECK ((reason IS NOT NULL) = (status IN ('failed', 'skipped')))
) STRICT, WITHOUT ROWID;
INSERT INTO new_task_runs (run, task_id, position, status, reason, error, attempts, started_at, ended_at, exit_code, outputs, retry_at,
  reused, items, child_run_id)
SELECT run, task_id, position, status, reason, error, attempts, started_at, ended_at, exit_code, outputs, retry_at,
  reused, items, child_run_id FROM task_runs;
DROP TABLE task_runs;
ALTER TABLE new_task_runs RENAME TO task_runs;

CREATE TABLE new_items (
  run INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  -- Position, from 0.
  item INTEGER NOT NULL CHECK (item >= 0),
  key TEXT NOT NULL,
  value TEXT NOT NULL CHECK (json_valid(value)),
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown', 'interrupted',
    'child_failed', 'skipped_by_exit', 'artifacts_failed', 'condition_not_met', 'invalid_condition', 'worker_lost', 'internal_error')),
  error TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  started_at INTEGER,
  ended_at INTEGER,
  exit_code INTEGER,
  outputs TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(outputs)),
  retry_at INTEGER,
  reused INTEGER NOT NULL DEFAULT 0 CHECK (reused IN (0, 1)),
  child_run_id TEXT,
  PRIMARY KEY (run, task_id, item),
  FOREIGN KEY (run, task_id) REFERENCES task_runs (run, task_id) ON DELETE CASCADE,
  CHECK ((ended_at IS NOT NULL) = (status IN ('completed', 'failed', 'skipped'))),
  CHECK (status <> 'pending' OR started_at IS NULL),
  CHECK (status <> 'running' OR started_at IS NOT NULL),
  CHECK (retry_at IS NULL OR status = 'running'),
  CHECK ((reason IS NOT NULL) = (status IN ('failed', 'skipped')))
) STRICT, WITHOUT ROWID;
INSERT INTO new_items (run, task_id, item, key, value, status, reason, error, attempts, started_at, ended_at, exit_code, outputs,
  retry_at, reused, child_run_id)
SELECT run, task_id, item, key, value, status, reason, error, attempts, started_at, ended_at, exit_code, outputs,
  retry_at, reused, child_run_id FROM items;
DROP TABLE items;
ALTER TABLE new_items RENAME TO items;

CREATE TABLE new_attempts (
  -- Never used again: workers identify an attempt by it, also after it was deleted here.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  -- The position of the item; -1 in a task without items.
  item INTEGER NOT NULL DEFAULT -1 CHECK (item >= -1),
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown', 'interrupted',
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'child_failed', 'worker_lost', 'internal_error')),
  error TEXT,
  exit_code INTEGER,
  signal TEXT,
  -- For an attempt on another machine: when it was claimed, and until then when it was offered.
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  pid INTEGER,
  pid_started TEXT,
  boot_id TEXT,
  -- How many bytes of the attempt's spool files are stored, or were passed over.
  stdout_offset INTEGER NOT NULL DEFAULT 0,
  stderr_offset INTEGER NOT NULL DEFAULT 0,
  -- The run that the attempt started, which may have been deleted since; null if it started none.
  child_run_id TEXT,
  -- The worker that claimed it; null for an attempt on petit's own machine, and until then.
  worker TEXT,
  UNIQUE (run, task_id, item, attempt),
  FOREIGN KEY (run, task_id) REFERENCES task_runs (run, task_id) ON DELETE CASCADE,
  CHECK ((ended_at IS NOT NULL) = (status <> 'running')),
  CHECK ((reason IS NOT NULL) = (status = 'failed')),
  CHECK ((pid IS NULL) = (pid_started IS NULL) AND (pid IS NULL) = (boot_id IS NULL)),
  CHECK (child_run_id IS NULL OR pid IS NULL),
  CHECK (worker IS NULL OR (pid IS NULL AND child_run_id IS NULL))
) STRICT;
INSERT INTO new_attempts (id, run, task_id, item, attempt, status, reason, error, exit_code, signal, started_at, ended_at, pid, pid_started,
  boot_id, stdout_offset, stderr_offset, child_run_id, worker)
SELECT id, run, task_id, item, attempt, status, reason, error, exit_code, signal, started_at, ended_at, pid, pid_started,
  boot_id, stdout_offset, stderr_offset, child_run_id, worker FROM attempts;
-- Ids of attempts that were deleted are not used again either.
DELETE FROM sqlite_sequence WHERE name = 'new_attempts';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_attempts', seq FROM sqlite_sequence WHERE name = 'attempts';
DROP TABLE attempts;
ALTER TABLE new_attempts RENAME TO attempts;
CREATE UNIQUE INDEX attempts_running ON attempts (run, task_id, item) WHERE status = 'running';

-- The sessions of browsers that were ended before they expired. A session itself needs no row: its cookie proves it.
CREATE TABLE ended_sessions (
  -- The SHA-256 of the cookie.
  id TEXT PRIMARY KEY,
  -- When it would have expired; then the row is deleted.
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which runs are kept where no limit is given. A database that has runs keeps all of them until somebody decides.
ALTER TABLE scheduler ADD COLUMN keeps TEXT NOT NULL DEFAULT 'recent' CHECK (keeps IN ('recent', 'all'));
UPDATE scheduler SET keeps = 'all' WHERE EXISTS (SELECT 1 FROM runs);

-- A database that was restored or copied is recognized, and does not use the ids of another one again.

-- Empty, or random after each restore.
ALTER TABLE identity ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';
-- True once the incarnation is in the file beside the database, too.
ALTER TABLE identity ADD COLUMN anchored INTEGER NOT NULL DEFAULT 0 CHECK (anchored IN (0, 1));
-- When `petit backup` made this copy; null for the database itself.
ALTER TABLE identity ADD COLUMN copied_at INTEGER;
-- When petit last noticed that the database was restored.
ALTER TABLE identity ADD COLUMN restored_at INTEGER;
-- The last process that had NATS for this database.
ALTER TABLE identity ADD COLUMN session TEXT;
-- The machine and the folder of a worker.
ALTER TABLE identity ADD COLUMN place TEXT;

-- True if it was claimed in the copy that petit was restored from. It may have ended since.
ALTER TABLE offers ADD COLUMN restored INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1));

-- The last boot of the machine that a job with `@reboot` needs no occurrence for; null for other jobs.
ALTER TABLE jobs ADD COLUMN boot_id TEXT;

-- The event `output` of deliveries.
CREATE TABLE new_deliveries (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL REFERENCES job_versions (id),
  job_id TEXT NOT NULL,
  target INTEGER NOT NULL CHECK (target >= 0),
  -- What is sent in order: a digest of the job and of where it goes.
  channel TEXT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('failure', 'recovery', 'success', 'cancelled', 'missed', 'started', 'late', 'approval',
    'output')),
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

-- The process of a worker, as JSON; null if the worker does not say. Clones of one machine are the same worker otherwise.
ALTER TABLE workers ADD COLUMN process TEXT CHECK (json_valid(process));
ALTER TABLE offers ADD COLUMN process TEXT CHECK (json_valid(process));

-- The reason `restored` of occurrences. A CHECK can't be changed, so the table is copied.
CREATE TABLE new_occurrences (
  job_id TEXT NOT NULL,
  scheduled_for INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('fired', 'skipped', 'missed')),
  reason TEXT CHECK (reason IN ('paused', 'dependency', 'overlap', 'disabled', 'queue_full', 'excluded', 'down', 'late',
    'superseded', 'restored')),
  run_id TEXT,
  decided_at INTEGER NOT NULL,
  jitter_ms INTEGER NOT NULL DEFAULT 0 CHECK (jitter_ms >= 0),
  PRIMARY KEY (job_id, scheduled_for),
  CHECK ((outcome = 'fired') = (reason IS NULL)),
  CHECK ((outcome = 'fired') = (run_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO new_occurrences (job_id, scheduled_for, outcome, reason, run_id, decided_at, jitter_ms)
SELECT job_id, scheduled_for, outcome, reason, run_id, decided_at, jitter_ms FROM occurrences;
DROP TABLE occurrences;
ALTER TABLE new_occurrences RENAME TO occurrences;
CREATE INDEX occurrences_unfired ON occurrences (scheduled_for, outcome, reason) WHERE outcome <> 'fired';

-- Occurrences until then that are not in the ledger may have started a run in the database that was replaced; null if none can have.
ALTER TABLE identity ADD COLUMN unknown_until INTEGER;
-- In a copy that was restored with --catch-up: they are caught up all the same.
ALTER TABLE identity ADD COLUMN catch_up INTEGER NOT NULL DEFAULT 0 CHECK (catch_up IN (0, 1));

-- The ids of attempts that only the replaced databases had. Their processes may still run.
CREATE TABLE lost_attempts (
  -- Exclusive: the newest one in the copy.
  after INTEGER NOT NULL,
  -- Inclusive: the ids of later attempts begin after it.
  until INTEGER NOT NULL,
  PRIMARY KEY (after, until)
) STRICT, WITHOUT ROWID;

-- The job that has its runs and occurrences since a job file named it in `formerly`; null for all others.
ALTER TABLE jobs ADD COLUMN renamed_to TEXT CHECK (renamed_to IS NULL OR removed_at IS NOT NULL);
