import type { Problem } from "../jobfile/problem.ts";
import type { Clock } from "../lib/clock.ts";
import { isLocked } from "../store/database/transaction.ts";
import type { Store } from "../store/store.ts";
import { LOCK_WAIT_MS } from "./commits.ts";
import type { Health } from "./engine.ts";
import type { Outage } from "./outage.ts";

/**
 * Whether the database can be written, and whether all job files are good and in use; asking tries the database. A lock of
 * another process counts once it has lasted longer than a trigger would wait for it.
 */
export const healthOf = (options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly outage: Outage;
  readonly problems: readonly Problem[];
  /** Why the job files as they are now are not in use yet; null where they are. */
  readonly reloadFailure: string | null;
}): Health => {
  const { problems, reloadFailure } = options;
  const failure = probe(options);
  if (failure !== null) return { status: "unavailable", reasons: [failure] };
  const files = [...new Set(problems.map(({ file }) => file))];
  const reasons = files.map((file) => reasonOf(file, problems));
  if (reloadFailure !== null) reasons.push(`the job files could not be reloaded; trying again: ${reloadFailure}`);
  return { status: reasons.length === 0 ? "ok" : "degraded", reasons };
};

/** Returns why the database can't be written, or null. */
const probe = ({ store, clock, outage }: Pick<Parameters<typeof healthOf>[0], "store" | "clock" | "outage">) => {
  try {
    // While a lock is known, the outage itself finds out when it is gone.
    if (!outage.isLocked) store.probe(clock.now());
  } catch (error) {
    if (!isLocked(error)) return error instanceof Error ? error.message : String(error);
    outage.noteFailure(error);
  }
  return outage.isLocked && outage.durationMs >= LOCK_WAIT_MS ? (outage.error?.message ?? null) : null;
};

const reasonOf = (file: string, problems: readonly Problem[]): string => {
  const [first, ...others] = problems.filter((problem) => problem.file === file);
  const where = first === undefined ? file : `${file}:${first.line}:${first.column}`;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `job file is broken: ${where}: ${[first?.path, first?.message].filter(Boolean).join(": ")}${more}`;
};
