-- What a look at a window of time asks for: runs by their end, and the few that a window may lie within.
CREATE INDEX runs_ended ON runs (ended_at, status) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_long ON runs (ended_at) WHERE ended_at - started_at > 3600000;
-- Occurrences without a run are the few of the ledger.
CREATE INDEX occurrences_unfired ON occurrences (scheduled_for, outcome, reason) WHERE outcome <> 'fired';
-- The runs that retried another.
CREATE INDEX runs_retries ON runs (retry_of) WHERE retry_of IS NOT NULL;
