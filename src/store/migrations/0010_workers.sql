-- Attempts on other machines: the reason `worker_lost`, the worker of an attempt, and what petit and its workers agree on. A
-- CHECK can't be changed, so the tables are copied.

CREATE TABLE new_task_runs (
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  task_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown',
    'upstream_failed', 'condition_not_met', 'interrupted', 'items_failed', 'invalid_items', 'child_failed', 'rejected',
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'worker_lost')),
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
INSERT INTO new_task_runs (run, task_id, position, status, reason, error, attempts, started_at, ended_at, exit_code, outputs,
  retry_at, reused, items, child_run_id)
SELECT run, task_id, position, status, reason, error, attempts, started_at, ended_at, exit_code, outputs,
  retry_at, reused, items, child_run_id FROM task_runs;
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
    'child_failed', 'skipped_by_exit', 'artifacts_failed', 'condition_not_met', 'invalid_condition', 'worker_lost')),
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
INSERT INTO new_items (run, task_id, item, key, value, status, reason, error, attempts, started_at, ended_at, exit_code,
  outputs, retry_at, reused, child_run_id)
SELECT run, task_id, item, key, value, status, reason, error, attempts, started_at, ended_at, exit_code,
  outputs, retry_at, reused, child_run_id FROM items;
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
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'child_failed', 'worker_lost')),
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
INSERT INTO new_attempts (id, run, task_id, item, attempt, status, reason, error, exit_code, signal, started_at, ended_at, pid,
  pid_started, boot_id, stdout_offset, stderr_offset, child_run_id)
SELECT id, run, task_id, item, attempt, status, reason, error, exit_code, signal, started_at, ended_at, pid,
  pid_started, boot_id, stdout_offset, stderr_offset, child_run_id FROM attempts;
DROP TABLE attempts;
ALTER TABLE new_attempts RENAME TO attempts;
CREATE UNIQUE INDEX attempts_running ON attempts (run, task_id, item) WHERE status = 'running';

-- What petit offers to workers, one row for each attempt that `runs_on` sends to one. The row decides who runs it.
CREATE TABLE offers (
  attempt_id INTEGER PRIMARY KEY REFERENCES attempts (id) ON DELETE CASCADE,
  -- How often it was offered. Messages of an earlier epoch are void.
  epoch INTEGER NOT NULL DEFAULT 1 CHECK (epoch >= 1),
  state TEXT NOT NULL DEFAULT 'offered' CHECK (state IN ('offered', 'claimed', 'ended', 'lost', 'withdrawn')),
  labels TEXT NOT NULL CHECK (json_valid(labels)),
  offered_at INTEGER NOT NULL,
  -- Who claimed it: the name and the instance of the worker, and the nonce of its request.
  worker TEXT,
  instance TEXT,
  nonce TEXT,
  claimed_at INTEGER,
  -- How many bytes of its output petit has stored, or knows to be dropped.
  stored_offset INTEGER NOT NULL DEFAULT 0 CHECK (stored_offset >= 0),
  CHECK ((worker IS NULL) = (instance IS NULL) AND (worker IS NULL) = (nonce IS NULL) AND (worker IS NULL) = (claimed_at IS NULL)),
  CHECK (state NOT IN ('claimed', 'lost') OR worker IS NOT NULL),
  CHECK (state NOT IN ('offered', 'withdrawn') OR worker IS NULL)
) STRICT;

-- What a worker said about an attempt when it could no longer change it.
CREATE TABLE attempt_notes (
  seq INTEGER PRIMARY KEY,
  attempt_id INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  worker TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  code TEXT NOT NULL CHECK (code IN ('late_outcome')),
  detail TEXT NOT NULL CHECK (json_valid(detail)),
  UNIQUE (attempt_id, worker, epoch, code)
) STRICT;

-- The workers that have ever said hello.
CREATE TABLE workers (
  name TEXT PRIMARY KEY,
  -- Identifies the state folder of the worker.
  instance TEXT NOT NULL,
  labels TEXT NOT NULL CHECK (json_valid(labels)),
  slots INTEGER NOT NULL CHECK (slots >= 0),
  version TEXT NOT NULL,
  protocol INTEGER NOT NULL,
  address TEXT NOT NULL,
  -- True if it said that it takes no new work.
  draining INTEGER NOT NULL DEFAULT 0 CHECK (draining IN (0, 1)),
  -- True if it said that it stops.
  leaving INTEGER NOT NULL DEFAULT 0 CHECK (leaving IN (0, 1)),
  first_seen_at INTEGER NOT NULL,
  last_contact_at INTEGER NOT NULL,
  clock_difference_ms INTEGER,
  -- It may count its lease by this, if no answer has reached it since.
  lost_after_ms INTEGER NOT NULL CHECK (lost_after_ms >= 0),
  -- True if a person drained it.
  drained INTEGER NOT NULL DEFAULT 0 CHECK (drained IN (0, 1))
) STRICT, WITHOUT ROWID;

-- The id of this database, which workers know petit by.
CREATE TABLE identity (
  id TEXT NOT NULL
) STRICT;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));

-- The database of a worker: the attempts that it was granted, until petit has everything about them.
CREATE TABLE received (
  seq INTEGER PRIMARY KEY,
  scheduler TEXT NOT NULL,
  -- The ids that the scheduler gave it.
  attempt_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  -- The attempt in this database that runs it.
  local_attempt_id INTEGER NOT NULL UNIQUE REFERENCES attempts (id) ON DELETE CASCADE,
  offer TEXT NOT NULL CHECK (json_valid(offer)),
  state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'ended', 'killed')),
  outcome TEXT CHECK (json_valid(outcome)),
  claimed_at INTEGER NOT NULL,
  ended_at INTEGER,
  UNIQUE (scheduler, attempt_id, epoch),
  CHECK ((ended_at IS NOT NULL) = (state = 'ended')),
  CHECK ((outcome IS NOT NULL) = (state = 'ended'))
) STRICT;

-- The worker that an event is about.
ALTER TABLE events ADD COLUMN worker TEXT;
