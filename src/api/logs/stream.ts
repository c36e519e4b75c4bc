import type { RunId } from "../../domain/ids.ts";
import { isFinal } from "../../domain/run.ts";
import type { Clock } from "../../lib/clock.ts";
import type { LineFilter, OutputChunk, OutputQuery } from "../../store/output.ts";
import { HEARTBEAT_MS, type Source } from "../events/response-stream.ts";
import { Bell } from "../events/wake-signal.ts";
import type { ApiEngine, ApiStore } from "../options.ts";
import type { LogFormat } from "../shapes/log.ts";

export type LogStreamOptions = {
  readonly engine: ApiEngine;
  readonly store: ApiStore;
  readonly clock: Clock;
  readonly format: LogFormat;
  readonly filter: LineFilter;
  /** Whether to go on until the run ends. */
  readonly follow: boolean;
  /** Number of the first line. */
  readonly fromSeq: number;
};

/** The output of a run, read from the store as fast as the client takes it. */
export const logStream = ({ engine, store, clock, format, filter, follow, fromSeq }: LogStreamOptions): Source =>
  async function* (signal) {
    const bell = new Bell();
    const unsubscribe = engine.onOutput(filter.runId, bell.ring);
    try {
      if (format.heartbeat !== null) yield format.heartbeat;
      for (let seq = fromSeq; !signal.aborted; ) {
        // Asked before the output is read: what a run wrote is stored before its end is.
        const ended = hasEnded(store, filter.runId);
        const chunks = store.output.read({ ...filter, fromSeq: seq, limit: BATCH });
        for (const chunk of chunks) yield format.encode(chunk, Math.max(0, seq - chunk.seq));
        seq = nextSeq(chunks) ?? seq;
        if (chunks.length > 0) continue;
        if (ended || !follow) return;
        const rung = await bell.wait(clock, HEARTBEAT_MS, signal);
        if (!rung && !signal.aborted && format.heartbeat !== null) yield format.heartbeat;
      }
    } finally {
      unsubscribe();
    }
  };

/** Chunks read at once; they wait in memory until the client has taken them. */
const BATCH = 16;

/** A run that is no longer kept has ended. */
const hasEnded = (store: ApiStore, runId: RunId): boolean => {
  const run = store.runs.find(runId);
  return run === null || isFinal(run.status);
};

const nextSeq = (chunks: readonly OutputChunk[]): number | null => {
  const last = chunks.at(-1);
  return last === undefined ? null : last.seq + last.lines;
};

/** Number of the line at which the last `count` lines of the output begin, as it stands. */
export const tailStart = (store: ApiStore, filter: LineFilter, count: number): number => {
  const query = { ...filter, fromSeq: 1, reverse: true } satisfies Omit<OutputQuery, "limit">;
  for (let limit = BATCH; ; limit *= 4) {
    const chunks = store.output.read({ ...query, limit });
    const start = startOf(chunks, count);
    if (start !== null) return start;
    if (chunks.length < limit) return 1;
  }
};

/** Null where the chunks, newest first, hold fewer lines. */
const startOf = (chunks: readonly OutputChunk[], count: number): number | null => {
  let left = count;
  for (const chunk of chunks) {
    if (chunk.lines >= left) return chunk.seq + chunk.lines - left;
    left -= chunk.lines;
  }
  return null;
};
