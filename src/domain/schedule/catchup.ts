import type { MissReason } from "./occurrence.ts";
import type { CatchupPolicy } from "./schedule.ts";

/** Runs that `catchup: all` starts at most. */
export const MAX_CATCHUP_RUNS = 100;

/** An occurrence that fires this late is still on time: a busy moment, not an outage. */
export const ON_TIME_MS = 2_000;

export type Verdict =
  | { readonly kind: "fire"; readonly trigger: "schedule" | "catchup" }
  | { readonly kind: "miss"; readonly reason: MissReason };

export type CatchupRules = {
  readonly policy: CatchupPolicy;
  readonly windowMs: number;
  /** True for what came due while petit was not running; then nothing is on time. */
  readonly wasDown: boolean;
  /** Where these are a part of a large backlog: how many newer ones belong to it. Then not all of it is on time. */
  readonly newer?: number | undefined;
};

/**
 * What becomes of occurrences that have come due, oldest first (ms since the epoch): a verdict each. All that are on
 * time fire. When some are late, `latest` fires the newest of all, `all` each within the window, `none` only those on time.
 */
export const judgeDue = (due: readonly number[], now: number, rules: CatchupRules): readonly Verdict[] => {
  const isOnTime = (at: number): boolean => !rules.wasDown && now - at <= ON_TIME_MS;
  if (rules.newer === undefined && due.every(isOnTime)) return due.map(() => ({ kind: "fire", trigger: "schedule" }));
  const firesFrom = due.length + (rules.newer ?? 0) - (rules.policy === "all" ? MAX_CATCHUP_RUNS : 1);
  return due.map((at, index): Verdict => {
    if (isOnTime(at) && (rules.policy !== "latest" || index >= firesFrom)) return { kind: "fire", trigger: "schedule" };
    if (rules.policy === "none" || now - at > rules.windowMs)
      return { kind: "miss", reason: rules.wasDown ? "down" : "late" };
    return index >= firesFrom ? { kind: "fire", trigger: "catchup" } : { kind: "miss", reason: "superseded" };
  });
};
