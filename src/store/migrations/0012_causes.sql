-- The line of an attempt's output that explains why it failed: an object with seq, stream, text and context.

ALTER TABLE attempts ADD COLUMN cause TEXT CHECK (cause IS NULL OR json_valid(cause));
