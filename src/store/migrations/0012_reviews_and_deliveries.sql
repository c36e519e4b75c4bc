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

-- Runs that an event or a backfill starts. A CHECK can't be changed, so the table is copied.
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
INSERT INTO new_runs (seq, id, job_id, version, status, reason, error, "trigger", scheduled_for, params, retry_of, created_at,
  started_at, ended_at, ending, lost, triggered_by, cancelled_by, warnings, late_at, parent_run_id, parent_task_id,
  parent_item, parent_attempt, nesting, outputs, ends_clean_ups)
SELECT seq, id, job_id, version, status, reason, error, "trigger", scheduled_for, params, retry_of, created_at,
  started_at, ended_at, ending, lost, triggered_by, cancelled_by, warnings, late_at, parent_run_id, parent_task_id,
  parent_item, parent_attempt, nesting, outputs, ends_clean_ups FROM runs;
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

-- The few rows that a review looks for among many.
CREATE INDEX runs_waited ON runs (started_at) WHERE started_at - created_at > 60000;
CREATE INDEX task_runs_retried ON task_runs (run) WHERE attempts > 1 AND status = 'completed';
CREATE INDEX items_retried ON items (run) WHERE attempts > 1 AND status = 'completed';

-- The end of the period of the last digest, in ms since the Unix epoch; null until petit has one configured.
ALTER TABLE scheduler ADD COLUMN digest_until INTEGER;

-- Since when petit has run as root without requiring a token, in ms since the Unix epoch; null if it does not.
ALTER TABLE scheduler ADD COLUMN open_access_since INTEGER CHECK (open_access_since IS NULL OR open_access_since >= 0);

-- An attempt to send a notification is a sending; a delivery is an event that reaches petit from outside. The events `stale` and `digest` are new. A CHECK
-- can't be changed, so the table is copied.
CREATE TABLE sendings (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL REFERENCES job_versions (id),
  job_id TEXT NOT NULL,
  target INTEGER NOT NULL CHECK (target >= 0),
  -- What is sent in order: a digest of the job and of where it goes.
  channel TEXT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('failure', 'recovery', 'success', 'cancelled', 'missed', 'started', 'late', 'stale',
    'approval', 'output', 'digest')),
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
-- address. The causes and the streaks are what it was when somebody acknowledged it, and when somebody snoozed it. `inherited`: it was said
-- about the job whose runs started those that failed.
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
  acknowledged_cause TEXT CHECK (length(acknowledged_cause) <= 2000),
  acknowledged_streak INTEGER CHECK (acknowledged_streak >= 0),
  snoozed_cause TEXT CHECK (length(snoozed_cause) <= 2000),
  snoozed_streak INTEGER CHECK (snoozed_streak >= 0),
  inherited INTEGER NOT NULL CHECK (inherited IN (0, 1)),
  CHECK ((acknowledged_at IS NULL) = (acknowledged_cause IS NULL) AND (acknowledged_at IS NULL) = (acknowledged_streak IS NULL)),
  CHECK ((snoozed_at IS NULL) = (snoozed_cause IS NULL) AND (snoozed_at IS NULL) = (snoozed_streak IS NULL))
) STRICT, WITHOUT ROWID;

-- Who changed what an event is about, and the entry of what needs attention that it is about.
ALTER TABLE events ADD COLUMN actor TEXT CHECK (actor IS NULL OR type = 'attention.changed');
ALTER TABLE events ADD COLUMN entry TEXT CHECK (entry IS NULL OR type = 'attention.changed');

-- The jobs whose ends start runs of other jobs.
CREATE TABLE followed_jobs (job_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- What became of each event that petit has accepted.
CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job_id TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('webhook', 'files', 'run', 'nats')),
  -- The name of the trigger; empty if it has none.
  "trigger" TEXT NOT NULL,
  event_type TEXT NOT NULL CHECK (length(event_type) BETWEEN 1 AND 128),
  -- The provider's id of the delivery; null if it has none.
  provider_id TEXT CHECK (length(provider_id) BETWEEN 1 AND 200),
  -- The SHA-256 of the body and its type, where the id is not signed.
  digest TEXT CHECK (length(digest) = 64),
  outcome TEXT NOT NULL CHECK (outcome IN ('waiting', 'fired', 'merged', 'skipped')),
  reason TEXT,
  -- What is wrong with its params or the condition.
  problem TEXT,
  -- Its run, or that of the delivery that it was merged into. It may have been deleted since.
  run_id TEXT,
  -- The newer delivery that has the run.
  merged_into TEXT,
  -- The delivery that it repeats.
  replay_of TEXT,
  received_at INTEGER NOT NULL,
  -- When its outcome was decided; null while it waits.
  decided_at INTEGER,
  -- How many runs have started one another by `run` triggers before it.
  chain INTEGER NOT NULL DEFAULT 0 CHECK (chain >= 0),
  -- The first of the deliveries that become one run by `debounce`; null without it.
  debounce_group TEXT,
  -- While it is debounced: its key, when the first one of that key came, and when its run starts.
  debounce_key TEXT,
  first_at INTEGER,
  due_at INTEGER,
  CHECK ((outcome IN ('waiting', 'skipped')) = (reason IS NOT NULL)),
  CHECK (outcome <> 'waiting' OR reason IN ('busy', 'debounce', 'paused')),
  CHECK (outcome <> 'skipped' OR reason IN ('event', 'condition_not_met', 'invalid_params', 'paused', 'too_many', 'disabled',
    'overlap', 'dependency', 'too_deep', 'too_large', 'gone')),
  CHECK ((decided_at IS NULL) = (outcome = 'waiting')),
  CHECK (run_id IS NOT NULL OR (outcome <> 'fired' AND coalesce(reason, '') <> 'busy')),
  CHECK (run_id IS NULL OR outcome IN ('fired', 'merged') OR reason = 'busy'),
  CHECK ((merged_into IS NOT NULL) = (outcome = 'merged')),
  CHECK ((due_at IS NOT NULL) = (coalesce(reason, '') = 'debounce') AND (due_at IS NULL) = (first_at IS NULL)
    AND (due_at IS NULL) = (debounce_key IS NULL))
) STRICT;
CREATE INDEX deliveries_job ON deliveries (job_id, seq);
CREATE UNIQUE INDEX deliveries_provider ON deliveries (job_id, type, "trigger", provider_id)
  WHERE provider_id IS NOT NULL AND replay_of IS NULL;
CREATE INDEX deliveries_unfired ON deliveries (received_at, job_id, outcome, reason)
  WHERE outcome IN ('waiting', 'skipped') AND reason <> 'busy';
CREATE INDEX deliveries_invalid ON deliveries (job_id, "trigger", seq) WHERE reason = 'invalid_params';
CREATE INDEX deliveries_accepted ON deliveries (job_id, "trigger", seq) WHERE outcome <> 'skipped';
CREATE INDEX deliveries_digest ON deliveries (job_id, "trigger", digest, received_at) WHERE digest IS NOT NULL;
CREATE INDEX deliveries_waiting ON deliveries (job_id, reason, seq) WHERE outcome = 'waiting';
CREATE INDEX deliveries_group ON deliveries (debounce_group) WHERE outcome = 'merged' AND run_id IS NULL;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_busy ON deliveries (run_id) WHERE outcome = 'waiting' AND run_id IS NOT NULL;

-- The events themselves, as JSON. They are deleted earlier than the deliveries.
CREATE TABLE delivery_events (
  delivery INTEGER PRIMARY KEY REFERENCES deliveries (seq) ON DELETE CASCADE,
  event TEXT NOT NULL CHECK (json_valid(event))
) STRICT;

-- The jobs of which a run is expected to complete within a time. Also those that have no job file any more, in case it returns.
CREATE TABLE expectations (
  job_id TEXT PRIMARY KEY CHECK (length(job_id) BETWEEN 1 AND 128),
  within_ms INTEGER NOT NULL CHECK (within_ms >= 1),
  -- When the job became known with it. It counts from here until a run has completed.
  since INTEGER NOT NULL CHECK (since >= 0),
  -- End of the last completed run, which may have been deleted since; null if none is known.
  last_success_at INTEGER CHECK (last_success_at IS NULL OR last_success_at >= 0),
  -- When petit noticed that no run had completed in time; null unless the job is stale.
  stale_at INTEGER CHECK (stale_at IS NULL OR stale_at >= 0)
) STRICT, WITHOUT ROWID;

-- The files that `files` triggers have seen: each started its run, or was there when the trigger was new. A row is kept as long as its file.
CREATE TABLE seen_files (
  job_id TEXT NOT NULL,
  -- The name of the trigger; empty if it has none.
  "trigger" TEXT NOT NULL,
  -- Absolute path of the folder.
  folder TEXT NOT NULL CHECK (substr(folder, 1, 1) = '/'),
  -- Inode, size in bytes and time of change in ns, as a text: JavaScript rounds such large numbers.
  stat TEXT NOT NULL CHECK (length(stat) BETWEEN 5 AND 64),
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  folder_inode TEXT NOT NULL CHECK (length(folder_inode) BETWEEN 1 AND 20),
  -- SHA-256 of the content, in hexadecimal; null if the trigger does not compare it.
  digest TEXT CHECK (length(digest) = 64),
  seen_at INTEGER NOT NULL CHECK (seen_at >= 0),
  PRIMARY KEY (job_id, "trigger", folder, stat)
) STRICT, WITHOUT ROWID;

-- The patterns of `files` triggers that have been looked for before, as absolute paths.
CREATE TABLE watched_patterns (
  job_id TEXT NOT NULL,
  "trigger" TEXT NOT NULL,
  pattern TEXT NOT NULL CHECK (substr(pattern, 1, 1) = '/'),
  -- True until the files that are there count as seen: the pattern is new, or the database was restored.
  ignores_existing INTEGER NOT NULL DEFAULT 0 CHECK (ignores_existing IN (0, 1)),
  PRIMARY KEY (job_id, "trigger", pattern)
) STRICT, WITHOUT ROWID;

-- True after a restore, until that is noted for the patterns of all `files` triggers.
ALTER TABLE identity ADD COLUMN files_unknown INTEGER NOT NULL DEFAULT 0 CHECK (files_unknown IN (0, 1));

-- The consumers of `nats` triggers: from where each goes on if NATS loses it, and which ones are to be deleted.
CREATE TABLE message_consumers (
  stream TEXT NOT NULL CHECK (length(stream) BETWEEN 1 AND 255),
  -- Its name in NATS.
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  job_id TEXT NOT NULL,
  -- The name of the trigger, or else its stream.
  "trigger" TEXT NOT NULL,
  -- When the stream was created, in ms since the Unix epoch: another stream of the same name has other messages.
  created_at INTEGER NOT NULL CHECK (created_at >= 0),
  -- The highest number of a message that is accounted for; at first that of the last message which was there before the trigger.
  position INTEGER NOT NULL CHECK (position >= 0),
  PRIMARY KEY (stream, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_consumers_trigger ON message_consumers (job_id, "trigger", stream);

-- The newest run that a backfill has made for an occurrence. If the schedule had started none, it is the run of the occurrence, too.
ALTER TABLE occurrences ADD COLUMN backfill_run_id TEXT CHECK (length(backfill_run_id) BETWEEN 1 AND 64);

-- Runs for occurrences of the past that a person has asked for.
CREATE TABLE backfills (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 64),
  job_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'paused', 'completed', 'failed', 'cancelled')),
  -- Why petit itself has paused or cancelled it.
  reason TEXT CHECK (reason IN ('invalid_params', 'restored', 'job_gone')),
  -- The range of the occurrences, in ms since the Unix epoch; both are included.
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL CHECK (to_at >= from_at),
  existing TEXT NOT NULL CHECK (existing IN ('skip', 'failed', 'all')),
  parallel INTEGER NOT NULL CHECK (parallel BETWEEN 1 AND 100),
  params TEXT NOT NULL CHECK (json_valid(params)),
  newest_first INTEGER NOT NULL CHECK (newest_first IN (0, 1)),
  -- How many runs it has in all, and how many of them have ended. `cancelled` has those that it will not make.
  total INTEGER NOT NULL CHECK (total BETWEEN 1 AND 10000),
  completed INTEGER NOT NULL DEFAULT 0 CHECK (completed >= 0),
  failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
  cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
  created_at INTEGER NOT NULL,
  created_by TEXT,
  cancelled_by TEXT CHECK (cancelled_by IS NULL OR status = 'cancelled'),
  ended_at INTEGER,
  CHECK (completed + failed + cancelled <= total),
  CHECK ((ended_at IS NOT NULL) = (completed + failed + cancelled = total)),
  CHECK (ended_at IS NULL OR status NOT IN ('running', 'paused')),
  CHECK (ended_at IS NOT NULL OR status NOT IN ('completed', 'failed')),
  CHECK (reason IS NULL OR (reason = 'job_gone') = (status = 'cancelled')),
  CHECK (reason IS NULL OR status IN ('paused', 'cancelled'))
) STRICT;
CREATE INDEX backfills_job ON backfills (job_id, seq);
CREATE INDEX backfills_unended ON backfills (seq) WHERE ended_at IS NULL;

-- The occurrences that a backfill has made no run for yet.
CREATE TABLE backfill_occurrences (
  backfill INTEGER NOT NULL REFERENCES backfills (seq) ON DELETE CASCADE,
  scheduled_for INTEGER NOT NULL,
  interval_start INTEGER CHECK (interval_start < scheduled_for),
  PRIMARY KEY (backfill, scheduled_for)
) STRICT, WITHOUT ROWID;
