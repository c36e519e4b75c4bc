import type { RunId } from "../../domain/ids.ts";
import type { Attempt } from "../../domain/task-run.ts";
import type { TraceParent } from "../../lib/wire/trace-parent.ts";
import type { RunStore } from "../../store/runs/runs.ts";
import { spanIdOf, traceIdOf } from "./trace-ids.ts";

/** The trace that a run belongs to. */
export type RunContext = {
  readonly traceId: string;
  /** The span outside of petit that caused the run; null if it begins the trace. */
  readonly parent: TraceParent | null;
  /** False if whoever began the trace does not record it: then petit sends no spans of it either. */
  readonly isSampled: boolean;
};

/** Says which trace each run belongs to. */
export class TraceContexts {
  readonly #runs: Pick<RunStore, "find" | "findTraceParent">;

  constructor({ runs }: { readonly runs: Pick<RunStore, "find" | "findTraceParent"> }) {
    this.#runs = runs;
  }

  of(runId: RunId): RunContext {
    const parent = this.#runs.findTraceParent(runId);
    if (parent !== null) return { traceId: parent.traceId, parent, isSampled: parent.isSampled };
    return { traceId: traceIdOf(runId), parent: null, isSampled: this.#isSampled(runId) };
  }

  /** Returns the span of an attempt, for its program to continue. */
  ofAttempt(attempt: Attempt): TraceParent {
    const { traceId, parent, isSampled } = this.of(attempt.runId);
    return { traceId, spanId: spanIdOf(attempt), isSampled, state: parent?.state ?? null };
  }

  /** The trace of a child run is recorded if that of its parent is. */
  #isSampled(runId: RunId): boolean {
    const parentId = this.#runs.find(runId)?.parent?.runId ?? null;
    return parentId === null || this.of(parentId).isSampled;
  }
}
