import type { RunId } from "../../domain/ids.ts";
import type { TraceParent } from "../../lib/wire/trace-parent.ts";
import type { StoreContext } from "../context.ts";
import { flag, text, textOrNull } from "../database/rows.ts";
import type { Statements } from "../database/statements.ts";

export interface RunTraceStore {
  /** Returns the span outside of petit that a run continues; null if it begins a trace of its own. */
  findTraceParent(runId: RunId): TraceParent | null;
}

export const createRunTraceStore = ({ sql }: StoreContext): RunTraceStore => ({
  findTraceParent: (runId) => {
    const row = sql.get("SELECT * FROM run_traces WHERE run = (SELECT seq FROM runs WHERE id = $runId)", { runId });
    if (row === null) return null;
    return {
      traceId: text(row, "trace_id"),
      spanId: text(row, "span_id"),
      isSampled: flag(row, "sampled"),
      state: textOrNull(row, "state"),
    };
  },
});

export const insertTraceParent = (
  sql: Statements,
  run: number,
  { traceId, spanId, isSampled, state }: TraceParent,
): void => {
  sql.run(
    "INSERT INTO run_traces (run, trace_id, span_id, sampled, state) VALUES ($run, $traceId, $spanId, $sampled, $state)",
    { run, traceId, spanId, sampled: isSampled ? 1 : 0, state },
  );
};
