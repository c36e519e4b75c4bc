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
