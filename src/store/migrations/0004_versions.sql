-- Runs of a version: a version that nothing refers to is deleted.
CREATE INDEX runs_version ON runs (version);
