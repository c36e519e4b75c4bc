import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { searchPatternOf, type WantedText } from "../domain/search/search-pattern.ts";
import { errorMessage } from "../lib/error-message.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { findLines, type LineSearch, type LinesFound } from "./finding.ts";
import { isDamage } from "./index-file.ts";
import { type IndexStatus, updateIndex } from "./indexing.ts";

/** What the process is told, as the last argument. */
export type SearchTask = { readonly db: string; readonly index: string } & (
  | { readonly kind: "index"; readonly limitBytes: number }
  | { readonly kind: "find" }
);

/** A line to the process that searches. */
export type FindRequest = { readonly wanted: WantedText } & Omit<LineSearch, "pattern">;

/** A line of its answer. */
export type FindAnswer =
  | { readonly kind: "found"; readonly found: LinesFound }
  | { readonly kind: "failed"; readonly error: string; readonly isDamaged: boolean };

/** A line of the process that writes the index. */
export type IndexMessage = { readonly status: IndexStatus; readonly isLast: boolean };

/** Lowest priority: jobs and petit come first. */
const LOWEST_PRIORITY = 19;

/**
 * Writes the index, or searches, until its input ends. It is a process of its own, so that petit does not wait for it, and so that it has
 * the lowest priority. Returns the exit status.
 */
export const runSearchProcess = async (runtime: Runtime, argument: string): Promise<number> => {
  runtime.denyInspection();
  const task = JSON.parse(argument) as SearchTask;
  const over = new AbortController();
  if (task.kind === "find") {
    await answerRequests(runtime, task);
    return 0;
  }
  process.stdin.on("end", () => over.abort()).resume();
  try {
    setPriority(LOWEST_PRIORITY);
  } catch {
    // The system does not allow it.
  }
  const say = (message: IndexMessage): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
  const { db, index, limitBytes } = task;
  const status = await updateIndex({
    db,
    index,
    limitBytes,
    runtime,
    rest: (ms) => sleep(ms, undefined, { signal: over.signal }).catch(() => {}),
    onStep: (each) => say({ status: each, isLast: false }),
    signal: over.signal,
  });
  say({ status, isLast: true });
  return 0;
};

const answerRequests = async (runtime: Runtime, { db, index }: SearchTask): Promise<void> => {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    text += chunk;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      const answer = await answerRequest({ runtime, db, index }, JSON.parse(text.slice(0, end)) as FindRequest);
      text = text.slice(end + 1);
      process.stdout.write(`${JSON.stringify(answer)}\n`);
    }
  }
};

const answerRequest = async (
  files: Parameters<typeof findLines>[0],
  { wanted, ...search }: FindRequest,
): Promise<FindAnswer> => {
  try {
    const pattern = await searchPatternOf(wanted);
    if ("problem" in pattern) throw new Error(pattern.problem);
    const { jobIds, stream, status, since, before, limit, context, maxMs } = search;
    return {
      kind: "found",
      found: findLines(files, { pattern, jobIds, stream, status, since, before, limit, context, maxMs }),
    };
  } catch (error) {
    return { kind: "failed", error: errorMessage(error), isDamaged: isDamage(error) };
  }
};
