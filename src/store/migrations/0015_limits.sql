-- The reason `out_of_memory`. A CHECK can't be changed, so the tables are copied. And what attempts used, and their limit of memory.

CREATE TABLE new_runs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job_id TEXT NOT NULL,
  version INTEGER NOT NULL REFERENCES job_versions (id),
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'interrupted')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown',
    'upstream_failed', 'condition_not_met', 'interrupted', 'items_failed', 'invalid_items', 'child_failed', 'rejected',
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'worker_lost', 'internal_error', 'out_of_memory')),
  error TEXT,
  "trigger" TEXT NOT NULL CHECK ("trigger" IN ('schedule', 'catchup', 'manual', 'retry', 'job', 'webhook', 'files', 'run',
    'nats', 'backfill')),
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
  -- The delivery that started it, or the run that it retries; null without an event.
  delivery_id TEXT,
  -- How many runs have started one another before it.
  chain INTEGER NOT NULL DEFAULT 0 CHECK (chain >= 0),
  -- True from its end until `run` triggers of other jobs have seen it.
  end_unseen INTEGER NOT NULL DEFAULT 0 CHECK (end_unseen IN (0, 1)),
  -- The occurrence before `scheduled_for`; null if there is none, or if an earlier version of petit created the run.
  interval_start INTEGER CHECK (interval_start < scheduled_for),
  -- The backfill that has made it; null for others.
  backfill_id TEXT CHECK (length(backfill_id) BETWEEN 1 AND 64),
  -- The commit whose files it uses; null for job files in a folder.
  commit_id TEXT,
  CHECK (interval_start IS NULL OR scheduled_for IS NOT NULL),
  CHECK ((backfill_id IS NOT NULL) = ("trigger" = 'backfill')),
  CHECK (ends_clean_ups = 0 OR ending IS NOT NULL),
  CHECK ((ended_at IS NOT NULL) = (status NOT IN ('pending', 'running'))),
  CHECK (status <> 'pending' OR started_at IS NULL),
  CHECK (status NOT IN ('running', 'completed') OR started_at IS NOT NULL),
  CHECK (status IN ('failed', 'cancelled', 'interrupted') OR (reason IS NULL AND error IS NULL)),
  CHECK ("trigger" NOT IN ('schedule', 'catchup', 'backfill') OR scheduled_for IS NOT NULL),
  CHECK ("trigger" NOT IN ('webhook', 'files', 'run', 'nats') OR delivery_id IS NOT NULL)
) STRICT;
INSERT INTO new_runs (seq, id, job_id, version, status, reason, error, "trigger", scheduled_for, params, retry_of, created_at, started_at,
  ended_at, ending, lost, triggered_by, cancelled_by, warnings, late_at, parent_run_id, parent_task_id, parent_item,
  parent_attempt, nesting, outputs, ends_clean_ups, delivery_id, chain, end_unseen, interval_start, backfill_id,
  commit_id)
SELECT seq, id, job_id, version, status, reason, error, "trigger", scheduled_for, params, retry_of, created_at, started_at,
  ended_at, ending, lost, triggered_by, cancelled_by, warnings, late_at, parent_run_id, parent_task_id, parent_item,
  parent_attempt, nesting, outputs, ends_clean_ups, delivery_id, chain, end_unseen, interval_start, backfill_id,
  commit_id FROM runs;
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
CREATE INDEX runs_occurrence ON runs (job_id, scheduled_for, seq) WHERE scheduled_for IS NOT NULL;
CREATE INDEX runs_backfill ON runs (backfill_id, seq) WHERE backfill_id IS NOT NULL;
CREATE INDEX runs_backfill_unfinished ON runs (backfill_id, status) WHERE backfill_id IS NOT NULL AND status IN ('pending', 'running');
CREATE INDEX runs_end_unseen ON runs (seq) WHERE end_unseen = 1;
CREATE INDEX runs_waited ON runs (started_at) WHERE started_at - created_at > 60000;
CREATE INDEX runs_commit ON runs (commit_id) WHERE commit_id IS NOT NULL;

CREATE TABLE new_task_runs (
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  task_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown',
    'upstream_failed', 'condition_not_met', 'interrupted', 'items_failed', 'invalid_items', 'child_failed', 'rejected',
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'worker_lost', 'internal_error', 'out_of_memory')),
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
INSERT INTO new_task_runs (run, task_id, position, status, reason, error, attempts, started_at, ended_at, exit_code, outputs, retry_at, reused,
  items, child_run_id)
SELECT run, task_id, position, status, reason, error, attempts, started_at, ended_at, exit_code, outputs, retry_at, reused,
  items, child_run_id FROM task_runs;
DROP TABLE task_runs;
ALTER TABLE new_task_runs RENAME TO task_runs;
CREATE INDEX task_runs_retried ON task_runs (run) WHERE attempts > 1 AND status = 'completed';

CREATE TABLE new_items (
  run INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  -- Position, from 0.
  item INTEGER NOT NULL CHECK (item >= 0),
  key TEXT NOT NULL,
  value TEXT NOT NULL CHECK (json_valid(value)),
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
  reason TEXT CHECK (reason IN ('exit_code', 'signal', 'timeout', 'spawn_failed', 'cancelled', 'shutdown', 'interrupted',
    'child_failed', 'skipped_by_exit', 'artifacts_failed', 'condition_not_met', 'invalid_condition', 'worker_lost', 'internal_error', 'out_of_memory')),
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
INSERT INTO new_items (run, task_id, item, key, value, status, reason, error, attempts, started_at, ended_at, exit_code, outputs, retry_at,
  reused, child_run_id)
SELECT run, task_id, item, key, value, status, reason, error, attempts, started_at, ended_at, exit_code, outputs, retry_at,
  reused, child_run_id FROM items;
DROP TABLE items;
ALTER TABLE new_items RENAME TO items;
CREATE INDEX items_retried ON items (run) WHERE attempts > 1 AND status = 'completed';

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
    'skipped_by_exit', 'artifacts_failed', 'invalid_condition', 'child_failed', 'worker_lost', 'internal_error', 'out_of_memory')),
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
  -- The line of its output that explains its failure; null if none does.
  cause TEXT CHECK (cause IS NULL OR json_valid(cause)),
  -- What it used, in ms and bytes, and how that was measured; null if it was not. The peak alone may be unknown.
  cpu_user_ms INTEGER CHECK (cpu_user_ms >= 0),
  cpu_system_ms INTEGER CHECK (cpu_system_ms >= 0),
  memory_peak INTEGER CHECK (memory_peak >= 0),
  usage_source TEXT CHECK (usage_source IN ('cgroup', 'wait')),
  -- In bytes; null if it had none that was enforced.
  memory_limit INTEGER CHECK (memory_limit > 0),
  -- Whether its limits of memory, CPUs and processes were enforced; null if it had none of these.
  limits_enforced INTEGER CHECK (limits_enforced IN (0, 1)),
  UNIQUE (run, task_id, item, attempt),
  FOREIGN KEY (run, task_id) REFERENCES task_runs (run, task_id) ON DELETE CASCADE,
  CHECK ((ended_at IS NOT NULL) = (status <> 'running')),
  CHECK ((reason IS NOT NULL) = (status = 'failed')),
  CHECK ((pid IS NULL) = (pid_started IS NULL) AND (pid IS NULL) = (boot_id IS NULL)),
  CHECK ((cpu_user_ms IS NULL) = (usage_source IS NULL) AND (cpu_system_ms IS NULL) = (usage_source IS NULL)),
  CHECK (memory_peak IS NULL OR usage_source IS NOT NULL),
  CHECK (child_run_id IS NULL OR pid IS NULL),
  CHECK (worker IS NULL OR (pid IS NULL AND child_run_id IS NULL))
) STRICT;
INSERT INTO new_attempts (id, run, task_id, item, attempt, status, reason, error, exit_code, signal, started_at, ended_at, pid, pid_started,
  boot_id, stdout_offset, stderr_offset, child_run_id, worker, cause)
SELECT id, run, task_id, item, attempt, status, reason, error, exit_code, signal, started_at, ended_at, pid, pid_started,
  boot_id, stdout_offset, stderr_offset, child_run_id, worker, cause FROM attempts;
-- Ids of attempts that were deleted are not used again either.
DELETE FROM sqlite_sequence WHERE name = 'new_attempts';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_attempts', seq FROM sqlite_sequence WHERE name = 'attempts';
DROP TABLE attempts;
ALTER TABLE new_attempts RENAME TO attempts;
CREATE UNIQUE INDEX attempts_running ON attempts (run, task_id, item) WHERE status = 'running';
-- Attempts that nearly used up their limit of memory.
CREATE INDEX attempts_near_limit ON attempts (run, task_id) WHERE memory_peak >= memory_limit * 0.9;
