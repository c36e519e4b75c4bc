import type { MissReason } from "./occurrence.ts";
import type { CatchupPolicy } from "./schedule.ts";

/** Maximum number of runs that `catchup: all` starts. */
export const MAX_CATCHUP_RUNS = 100;

/** An occurrence that fires at most this late counts as on time. */
export const ON_TIME_MS = 2_000;

export type CatchupDecision =
  | { readonly kind: "fire"; readonly trigger: "schedule" | "catchup" }
  | { readonly kind: "miss"; readonly reason: MissReason };

export type CatchupRules = {
  readonly policy: CatchupPolicy;
  readonly windowMs: number;
  /** True if the occurrences came due while petit was not running; none is on time then. */
  readonly wasDown: boolean;
  /** For a part of a large backlog: the number of newer occurrences in it. */
  readonly newer?: number | undefined;
};

/**
 * Decides what happens to due occurrences (oldest first, in ms since the Unix epoch). All that are on time fire. If some
 * are late, `latest` fires only the newest, `all` each one within the window, and `none` only those on time.
 */
export const judgeDue = (due: readonly number[], now: number, rules: CatchupRules): readonly CatchupDecision[] => {
  const isOnTime = (at: number): boolean => !rules.wasDown && now - at <= ON_TIME_MS;
  if (rules.newer === undefined && due.every(isOnTime)) return due.map(() => ({ kind: "fire", trigger: "schedule" }));
  const firesFrom = due.length + (rules.newer ?? 0) - (rules.policy === "all" ? MAX_CATCHUP_RUNS : 1);
  return due.map((at, index): CatchupDecision => {
    if (isOnTime(at) && (rules.policy !== "latest" || index >= firesFrom)) return { kind: "fire", trigger: "schedule" };
    if (rules.policy === "none" || now - at > rules.windowMs)
      return { kind: "miss", reason: rules.wasDown ? "down" : "late" };
    return index >= firesFrom ? { kind: "fire", trigger: "catchup" } : { kind: "miss", reason: "superseded" };
  });
};
