-- Child runs: the reason `child_failed` of attempts, and links between an attempt and its child. A CHECK can't be changed, so
-- the table is copied.

CREATE TABLE new_attempts (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  -- The position of the item; -1 in a task without items.
  item INTEGER NOT NULL DEFAULT -1 CHECK (item >= -1),
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown', 'interrupted',
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'child_failed')),
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
  -- The run that the attempt started, which may have been deleted since; null if it started none.
  child_run_id TEXT,
  UNIQUE (run, task_id, item, attempt),
  FOREIGN KEY (run, task_id) REFERENCES task_runs (run, task_id) ON DELETE CASCADE,
  CHECK ((ended_at IS NOT NULL) = (status <> 'running')),
  CHECK ((reason IS NOT NULL) = (status = 'failed')),
  CHECK ((pid IS NULL) = (pid_started IS NULL) AND (pid IS NULL) = (boot_id IS NULL)),
  CHECK (child_run_id IS NULL OR pid IS NULL)
) STRICT;
INSERT INTO new_attempts (id, run, task_id, item, attempt, status, reason, error, exit_code, signal, started_at, ended_at, pid,
  pid_started, boot_id, stdout_offset, stderr_offset)
SELECT id, run, task_id, item, attempt, status, reason, error, exit_code, signal, started_at, ended_at, pid,
  pid_started, boot_id, stdout_offset, stderr_offset FROM attempts;
DROP TABLE attempts;
ALTER TABLE new_attempts RENAME TO attempts;
CREATE UNIQUE INDEX attempts_running ON attempts (run, task_id, item) WHERE status = 'running';

-- The child run of the last attempt of a task or an item. A retry that reuses the result takes it over.
ALTER TABLE task_runs ADD COLUMN child_run_id TEXT;
ALTER TABLE items ADD COLUMN child_run_id TEXT;

-- The attempt that started a run. The parent may have been deleted since. `parent_item` is -1 in a task without items.
ALTER TABLE runs ADD COLUMN parent_run_id TEXT;
ALTER TABLE runs ADD COLUMN parent_task_id TEXT;
ALTER TABLE runs ADD COLUMN parent_item INTEGER NOT NULL DEFAULT -1 CHECK (parent_item >= -1);
ALTER TABLE runs ADD COLUMN parent_attempt INTEGER CHECK ((parent_attempt IS NULL) = (parent_run_id IS NULL));
-- How many runs are above it; 0 without a parent.
ALTER TABLE runs ADD COLUMN nesting INTEGER NOT NULL DEFAULT 0 CHECK (nesting BETWEEN 0 AND 10);
-- What its job declares as `outputs`, when it has completed.
ALTER TABLE runs ADD COLUMN outputs TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(outputs));
-- An attempt has at most one child.
CREATE UNIQUE INDEX runs_parent ON runs (parent_run_id, parent_task_id, parent_item, parent_attempt)
  WHERE parent_run_id IS NOT NULL;

-- The files that petit keeps of the newest attempt of a task or an item. They are in the folder of their run, at `path`.
CREATE TABLE artifacts (
  run INTEGER NOT NULL,
  -- `TASK/[ITEM/]path`.
  path TEXT NOT NULL,
  task_id TEXT NOT NULL,
  -- The position of the item; -1 in a task without items.
  item INTEGER NOT NULL DEFAULT -1 CHECK (item >= -1),
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (run, path),
  FOREIGN KEY (run, task_id) REFERENCES task_runs (run, task_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- A delivery that was given up, and no longer counts as undelivered, because its receiver has accepted a test since.
ALTER TABLE deliveries ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1));
