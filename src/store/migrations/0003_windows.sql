-- Runs by their end, and the few long runs that may span a window of time.
CREATE INDEX runs_ended ON runs (ended_at, status) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_long ON runs (ended_at) WHERE ended_at - started_at > 3600000;
-- Most occurrences fire, so this index of the others is small.
CREATE INDEX occurrences_unfired ON occurrences (scheduled_for, outcome, reason) WHERE outcome <> 'fired';
-- Retries of a run.
CREATE INDEX runs_retries ON runs (retry_of) WHERE retry_of IS NOT NULL;
