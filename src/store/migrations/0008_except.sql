-- The reason `excluded` of occurrences, the events `late` and `approval` of deliveries, and when a run became late. A CHECK
-- can't be changed, so the tables are copied.

CREATE TABLE new_occurrences (
  job_id TEXT NOT NULL,
  scheduled_for INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('fired', 'skipped', 'missed')),
  reason TEXT CHECK (reason IN ('paused', 'dependency', 'overlap', 'disabled', 'queue_full', 'excluded', 'down', 'late',
    'superseded')),
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

CREATE TABLE new_deliveries (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL REFERENCES job_versions (id),
  job_id TEXT NOT NULL,
  target INTEGER NOT NULL CHECK (target >= 0),
  -- What is sent in order: a digest of the job and of where it goes.
  channel TEXT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('failure', 'recovery', 'success', 'cancelled', 'missed', 'started', 'late', 'approval')),
  run_id TEXT,
  status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'delivered', 'given_up')),
  -- What is told; gone when nobody sends it any more.
  notice TEXT CHECK (json_valid(notice)),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  due_at INTEGER NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  CHECK ((ended_at IS NOT NULL) = (status <> 'waiting')),
  CHECK ((notice IS NULL) = (status <> 'waiting')),
  CHECK (status <> 'delivered' OR error IS NULL),
  CHECK (status <> 'given_up' OR error IS NOT NULL)
) STRICT;
INSERT INTO new_deliveries (seq, id, version, job_id, target, channel, event, run_id, status, notice, attempts, due_at, error,
  created_at, ended_at)
SELECT seq, id, version, job_id, target, channel, event, run_id, status, notice, attempts, due_at, error, created_at, ended_at
FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_waiting ON deliveries (channel, seq) WHERE status = 'waiting';
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE status <> 'waiting';
CREATE INDEX deliveries_version ON deliveries (version);

-- When an unfinished run exceeded `warn_after` of its job; null if it has not.
ALTER TABLE runs ADD COLUMN late_at INTEGER;
