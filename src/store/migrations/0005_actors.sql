-- When a job was paused, and by whom; null if it is not paused. A person is the name of a token, or else an address.
ALTER TABLE jobs ADD COLUMN paused_at INTEGER;
ALTER TABLE jobs ADD COLUMN paused_by TEXT;
ALTER TABLE scheduler ADD COLUMN paused_at INTEGER;
ALTER TABLE scheduler ADD COLUMN paused_by TEXT;
-- Who asked for a run, and who for its end; null if petit decided it by itself.
ALTER TABLE runs ADD COLUMN triggered_by TEXT;
ALTER TABLE runs ADD COLUMN cancelled_by TEXT;
