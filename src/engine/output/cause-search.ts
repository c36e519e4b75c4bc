import { setImmediate } from "node:timers/promises";
import type { JobId } from "../../domain/ids.ts";
import { CauseFinder, type OutputLine } from "../../domain/output/cause.ts";
import { errorInRest, normalise, segmentsOf } from "../../domain/output/plain-line.ts";
import type { Attempt, FailureCause, OutputStream } from "../../domain/task-run.ts";
import { abortQuietly, anyAborted } from "../../lib/abort.ts";
import type { OutputExtent } from "../../store/output.ts";
import type { Store } from "../../store/store.ts";

/** How many bytes of an output are read, from its start and from its end. */
type Window = { readonly front: number; readonly end: number };

/** What is read to find a cause. */
type Look = {
  readonly failed: Window;
  /** Of the output of the last success, at least the same. */
  readonly known: Window;
};

const FULL: Look = { failed: { front: 65_536, end: 1_048_576 }, known: { front: 65_536, end: 1_048_576 } };
const BRIEF: Look = { failed: { front: 0, end: 16_384 }, known: { front: 16_384, end: 32_768 } };
const BRIEFEST: Look = { failed: { front: 0, end: 4_096 }, known: { front: 0, end: 8_192 } };

/** If an attempt has waited for longer than this, in ms, its look is the briefest, or there is none. */
const BRIEFEST_AFTER_MS = 1_000;
const NONE_AFTER_MS = 5_000;

/** Time in ms for full looks: how much can be saved up, and how much of a second becomes free. Brief looks take it, too. */
const MAX_CREDIT_MS = 500;
const CREDIT_PER_MS = 0.1;

/** After this time, in ms, a look reads only the end of what is left. */
const MAX_LOOK_MS = 1_000;
const REST: Window = { front: 0, end: 16_384 };

/** Maximum time for which other work waits, in ms. */
const SLICE_MS = 4;

export type FailedAttempt = {
  readonly attempt: Attempt;
  readonly jobId: JobId;
  /** Key of the item; null in a task without items. */
  readonly itemKey: string | null;
};

export type CauseSearchOptions = {
  readonly store: Pick<Store, "runs" | "output">;
  readonly clock: { monotonic(): number };
};

/**
 * Finds the lines that explain why attempts failed, for one attempt after the other, because each takes much CPU time. The ends of attempts
 * wait for that, so the more attempts fail together, the less of their output is read.
 */
export class CauseSearch {
  readonly #options: CauseSearchOptions;
  /** Resolves when all searches so far are over. */
  #last: Promise<void> = Promise.resolve();
  #creditMs = MAX_CREDIT_MS;
  #creditedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CauseSearchOptions) {
    this.#options = options;
  }

  /**
   * Finds the line among the first 64 KiB and the last 1 MiB of the attempt's output, or less while many attempts fail. Lines that the
   * last successful attempt of the task, or of the same item, printed too explain nothing. Other work runs in between. Returns null if no
   * line explains the failure. When `signal` is aborted, returns immediately what it has found.
   */
  async find(failed: FailedAttempt, signal: AbortSignal): Promise<FailureCause | null> {
    const { clock } = this.#options;
    const since = clock.monotonic();
    const previous = this.#last;
    const { promise: over, resolve: finish } = Promise.withResolvers<void>();
    this.#last = previous.then(() => over);
    try {
      const begun = new AbortController();
      await Promise.race([previous, anyAborted([signal, begun.signal])]);
      abortQuietly(begun);
      const look = signal.aborted ? null : this.#chooseLook(clock.monotonic() - since);
      return look === null ? null : await this.#look(failed, look, signal);
    } finally {
      finish();
    }
  }

  #chooseLook(waitedMs: number): Look | null {
    const now = this.#options.clock.monotonic();
    const earned = CREDIT_PER_MS * Math.max(0, now - this.#creditedAt);
    this.#creditMs = Math.min(MAX_CREDIT_MS, this.#creditMs + earned);
    this.#creditedAt = now;
    if (waitedMs > NONE_AFTER_MS) return null;
    if (waitedMs > BRIEFEST_AFTER_MS) return BRIEFEST;
    return this.#creditMs > 0 ? FULL : BRIEF;
  }

  async #look(failed: FailedAttempt, look: Look, signal: AbortSignal): Promise<FailureCause | null> {
    const turns = new Turns(signal);
    try {
      return await findCause(failed, look, { store: this.#options.store, turns });
    } finally {
      this.#creditMs -= turns.tookMs;
    }
  }
}

/** Lets other work run after each slice of time. */
class Turns {
  readonly #signal: AbortSignal;
  #began = performance.now();
  #tookMs = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Time of all slices, in ms. */
  get tookMs(): number {
    return this.#tookMs + performance.now() - this.#began;
  }

  get isAborted(): boolean {
    return this.#signal.aborted;
  }

  /** True if the slice is over. Then `pass` must be called. */
  get isOver(): boolean {
    return performance.now() - this.#began >= SLICE_MS;
  }

  async pass(): Promise<void> {
    this.#tookMs += performance.now() - this.#began;
    await setImmediate();
    this.#began = performance.now();
  }
}

type Reader = { readonly store: CauseSearchOptions["store"]; readonly turns: Turns };

const findCause = async (
  { attempt, jobId, itemKey }: FailedAttempt,
  look: Look,
  reader: Reader,
): Promise<FailureCause | null> => {
  const { store, turns } = reader;
  const own = store.output.listEnds(attempt.id);
  if (own.length === 0) return null;
  await turns.pass();
  const success = store.runs.findLastSuccess(jobId, attempt.taskId, itemKey);
  const known = new Set<string>();
  if (success !== null) {
    const extents = store.output.listEnds(success.id);
    for await (const { text } of linesOf(success, { extents, window: look.known }, reader)) known.add(normalise(text));
  }
  const finder = new CauseFinder(known);
  for await (const line of linesOf(attempt, { extents: own, window: look.failed }, reader)) finder.add(line);
  return finder.cause;
};

type Lines = { readonly extents: readonly OutputExtent[]; readonly window: Window };

/** Returns what is within the window, with an element for each part of a line that a carriage return ends. */
async function* linesOf(
  { runId }: Pick<Attempt, "runId">,
  { extents, window }: Lines,
  { store, turns }: Reader,
): AsyncGenerator<OutputLine> {
  const total = extents.reduce((sum, { bytes }) => sum + bytes, 0);
  /** Whether the next chunk of a stream begins within a line. */
  const isWithinLine: Record<OutputStream, boolean> = { stdout: false, stderr: false };
  /** The end of what was read of such a line. */
  const cutOff: Record<OutputStream, string> = { stdout: "", stderr: "" };
  let before = 0;
  for (const { seq, stream, bytes: length } of extents) {
    if (turns.isAborted) return;
    const { front, end } = turns.tookMs > MAX_LOOK_MS ? REST : window;
    const skipped = before < front ? 0 : Math.max(0, total - end - before);
    before += length;
    const bytes = skipped < length ? store.output.readBytes(runId, seq) : null;
    if (bytes === null) {
      isWithinLine[stream] = true;
      cutOff[stream] = "";
      continue;
    }
    const isPart = skipped === 0 ? isWithinLine[stream] : bytes[skipped - 1] !== NEWLINE;
    isWithinLine[stream] = bytes.at(-1) !== NEWLINE;
    const texts = decoder.decode(bytes.subarray(skipped)).split("\n");
    if (texts.at(-1) === "") texts.pop();
    const begun = skipped === 0 ? cutOff[stream] : "";
    cutOff[stream] = isWithinLine[stream]
      ? `${texts.length === 1 ? begun : ""}${texts.at(-1) ?? ""}`.slice(-CUT_OFF)
      : "";
    const firstSeq = seq + countNewlines(bytes.subarray(0, skipped));
    for (const [index, text] of texts.entries()) {
      // The end of a line says nothing without its beginning, unless it reports an error.
      const whole = index === 0 && isPart ? text.replace(/^[^\r]*\r?/, (rest) => errorInRest(`${begun}${rest}`)) : text;
      for (const segment of segmentsOf(whole)) {
        yield { seq: firstSeq + index, stream, text: segment };
        if (turns.isOver) await turns.pass();
      }
    }
  }
}

const NEWLINE = 10;

/** Characters of the beginning of a line that go with its rest in the next chunk. */
const CUT_OFF = 200;

const countNewlines = (bytes: Uint8Array): number => {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
};

const decoder = new TextDecoder();
