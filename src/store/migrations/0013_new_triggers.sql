-- Set if there were too many files when the pattern was new, in ms since the Unix epoch: what has changed since is not ignored.
ALTER TABLE watched_patterns ADD COLUMN new_since INTEGER CHECK (new_since >= 0);
