-- The runs of a definition: one that nothing refers to any more is deleted.
CREATE INDEX runs_version ON runs (version);
