-- The span outside of petit that a run continues. A run without one begins a trace of its own, whose ids are not stored.
CREATE TABLE run_traces (
  run INTEGER PRIMARY KEY REFERENCES runs (seq) ON DELETE CASCADE,
  trace_id TEXT NOT NULL CHECK (length(trace_id) = 32),
  span_id TEXT NOT NULL CHECK (length(span_id) = 16),
  sampled INTEGER NOT NULL CHECK (sampled IN (0, 1)),
  -- What tracing systems have added (`tracestate`); null for nothing.
  state TEXT CHECK (length(state) BETWEEN 1 AND 512)
) STRICT;
