import { setImmediate } from "node:timers/promises";
import type { JobId } from "../../domain/ids.ts";
import { CauseFinder } from "../../domain/output/cause.ts";
import { normalise } from "../../domain/output/plain-line.ts";
import type { Attempt, FailureCause, OutputStream } from "../../domain/task-run.ts";
import type { OutputExtent } from "../../store/output.ts";
import type { Store } from "../../store/store.ts";

/** How much of an attempt's output is looked at, from its start and from its end, in bytes. */
const FRONT_BYTES = 65_536;
const END_BYTES = 1_048_576;

/** How much of the last success is looked at, from its end. */
const KNOWN_BYTES = 262_144;

/** Maximum time for which other work waits, in ms. */
const SLICE_MS = 4;

export type FailedAttempt = {
  readonly attempt: Attempt;
  readonly jobId: JobId;
  /** Key of the item; null in a task without items. */
  readonly itemKey: string | null;
};

/**
 * Finds the line that explains why an attempt failed, among the first 64 KiB and the last 1 MiB of its output, without those lines that the
 * last successful attempt of the task, or of the same item, printed too. Other work runs in between.
 */
export const findCause = async (
  { attempt, jobId, itemKey }: FailedAttempt,
  store: Pick<Store, "runs" | "output">,
): Promise<FailureCause | null> => {
  const own = withinBounds(store.output.listEnds(attempt), FRONT_BYTES, END_BYTES);
  if (own.length === 0) return null;
  const success = store.runs.findLastSuccess(jobId, attempt.taskId, itemKey);
  const known = new Set<string>();
  if (success !== null) {
    const extents = withinBounds(store.output.listEnds(success), 0, KNOWN_BYTES);
    for await (const { text } of linesOf(success, extents, store)) known.add(normalise(text));
  }
  const finder = new CauseFinder(known);
  for await (const line of linesOf(attempt, own, store)) finder.add(line);
  return finder.cause;
};

/** Returns the extents of the first and of the last bytes. */
const withinBounds = (
  extents: readonly OutputExtent[],
  frontBytes: number,
  endBytes: number,
): readonly OutputExtent[] => {
  const total = extents.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  return extents.filter(({ bytes }) => {
    const isIn = before < frontBytes || total - before <= endBytes;
    before += bytes;
    return isIn;
  });
};

type Line = { readonly seq: number; readonly stream: OutputStream; readonly text: string };

/** Returns the lines of some chunks. Lets other work run after each slice of time. */
async function* linesOf(
  { runId }: Pick<Attempt, "runId">,
  extents: readonly OutputExtent[],
  { output }: Pick<Store, "output">,
): AsyncGenerator<Line> {
  let began = performance.now();
  for (const { seq, stream } of extents) {
    const bytes = output.readBytes(runId, seq);
    if (bytes === null) continue;
    const texts = decoder.decode(bytes).split("\n");
    if (texts.at(-1) === "") texts.pop();
    for (const [index, text] of texts.entries()) {
      yield { seq: seq + index, stream, text };
      if (performance.now() - began < SLICE_MS) continue;
      await setImmediate();
      began = performance.now();
    }
  }
}

const decoder = new TextDecoder();
