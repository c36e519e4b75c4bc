import type { RunId } from "../../domain/ids.ts";
import { isFinal } from "../../domain/run.ts";
import type { Clock } from "../../lib/clock.ts";
import type { LineFilter, OutputChunk, OutputQuery } from "../../store/output.ts";
import { type ByteSource, HEARTBEAT_MS } from "../events/response-body.ts";
import { WakeSignal } from "../events/wake-signal.ts";
import type { ApiEngine, ApiStore } from "../options.ts";
import type { LogFormat } from "../shapes/log.ts";

export type LogStreamOptions = {
  readonly engine: ApiEngine;
  readonly store: ApiStore;
  readonly clock: Clock;
  readonly format: LogFormat;
  readonly filter: LineFilter;
  /** True to wait for further output until the run ends. */
  readonly follow: boolean;
  /** Sequence number of the first line. */
  readonly fromSeq: number;
};

/** Streams the output of a run, reading the store only as fast as the client reads. */
export const logStream = ({ engine, store, clock, format, filter, follow, fromSeq }: LogStreamOptions): ByteSource =>
  async function* (signal) {
    const wake = new WakeSignal();
    const unsubscribe = engine.onOutput(filter.runId, wake.notify);
    try {
      if (format.heartbeat !== null) yield format.heartbeat;
      for (let seq = fromSeq; !signal.aborted; ) {
        // Read the status before the output: all output of a run is stored before its end is.
        const ended = hasEnded(store, filter.runId);
        const chunks = store.output.read({ ...filter, fromSeq: seq, limit: BATCH });
        for (const chunk of chunks) yield format.encode(chunk, Math.max(0, seq - chunk.seq));
        seq = nextSeq(chunks) ?? seq;
        if (chunks.length > 0) continue;
        if (ended || !follow) return;
        const isNotified = await wake.wait(clock, HEARTBEAT_MS, signal);
        if (!isNotified && !signal.aborted && format.heartbeat !== null) yield format.heartbeat;
      }
    } finally {
      unsubscribe();
    }
  };

/** Maximum of chunks in memory until the client has read them. */
const BATCH = 16;

/** A run that retention has deleted has ended. */
const hasEnded = (store: ApiStore, runId: RunId): boolean => {
  const run = store.runs.find(runId);
  return run === null || isFinal(run.status);
};

const nextSeq = (chunks: readonly OutputChunk[]): number | null => {
  const last = chunks.at(-1);
  return last === undefined ? null : last.seq + last.lines;
};

/** Returns the sequence number of the first of the last `count` lines. */
export const tailStart = (store: ApiStore, filter: LineFilter, count: number): number => {
  const query = { ...filter, fromSeq: 1, reverse: true } satisfies Omit<OutputQuery, "limit">;
  for (let limit = BATCH; ; limit *= 4) {
    const chunks = store.output.read({ ...query, limit });
    const start = startOf(chunks, count);
    if (start !== null) return start;
    if (chunks.length < limit) return 1;
  }
};

/** Takes chunks with the newest first. Returns null if they have fewer lines than `count`. */
const startOf = (chunks: readonly OutputChunk[], count: number): number | null => {
  let remaining = count;
  for (const chunk of chunks) {
    if (chunk.lines >= remaining) return chunk.seq + chunk.lines - remaining;
    remaining -= chunk.lines;
  }
  return null;
};
