import type { Pause } from "../domain/job.ts";
import { DEFAULT_RULES, type DefaultRule } from "../domain/limits/retention.ts";
import type { StoreContext } from "./context.ts";
import { encodeLockOwner, type LockOwner } from "./database/lock-owner.ts";
import { flag, integerOrNull, textOrNull, word } from "./database/rows.ts";
import { insertAction } from "./reviews.ts";

/** State of the scheduler as a whole. */
export interface SchedulerStore {
  /** Returns null if the scheduler is not paused. */
  findPause(): Pause | null;
  /** Pauses the scheduler, or resumes it for `by` if `pause` is null. */
  setPaused(pause: Pause | null, now: number, by?: string | null): void;
  /** Returns what happens to old runs where no limit is given. Databases of versions without this rule keep all. */
  findDefaultRule(): DefaultRule;
  /** Returns the end of the period of the last digest, in ms since the Unix epoch; null before the first. */
  findDigestUntil(): number | null;
  /** Replaces it. Throws unless it is still `before`. */
  setDigestUntil(before: number | null, until: number): void;
  /**
   * Stores whether everybody on the machine can control a petit that runs as root. Returns since when they could, also before a restart; null
   * if they can't.
   */
  setOpenAccess(isOpen: boolean, now: number): number | null;
  /** Stores the process that uses the database, for errors of others; null once it has stopped. Not durable. */
  setOwner(owner: LockOwner | null): void;
}

export const createSchedulerStore = ({ sql, write, recordEvent }: StoreContext): SchedulerStore => ({
  // Versions before schema 5 did not store the time.
  findPause: () => {
    const row = sql.get("SELECT paused, paused_at, paused_by FROM scheduler");
    if (row === null || !flag(row, "paused")) return null;
    return { at: integerOrNull(row, "paused_at") ?? 0, by: textOrNull(row, "paused_by") };
  },

  setPaused: write("durable", (pause, now, by = null) => {
    sql.updateOne(
      "UPDATE scheduler SET paused = $paused, paused_at = $at, paused_by = $by",
      { paused: pause === null ? 0 : 1, at: pause?.at ?? null, by: pause?.by ?? null },
      "pause or resume",
    );
    insertAction(sql, { action: pause === null ? "resume" : "pause", now, by: pause?.by ?? by });
    recordEvent({
      type: pause === null ? "scheduler.resumed" : "scheduler.paused",
      now,
      status: pause === null ? "running" : "paused",
      by: pause?.by ?? by,
    });
  }),

  findDefaultRule: () => {
    const row = sql.get("SELECT keeps FROM scheduler");
    return row === null ? "recent" : word(row, "keeps", DEFAULT_RULES);
  },

  setOpenAccess: write("durable", (isOpen, now) => {
    const row = sql.get(
      `UPDATE scheduler SET open_access_since = CASE WHEN $isOpen = 1 THEN coalesce(min(open_access_since, $now), $now) END
       RETURNING open_access_since`,
      { isOpen: isOpen ? 1 : 0, now },
    );
    return row === null ? null : integerOrNull(row, "open_access_since");
  }),

  findDigestUntil: () => {
    const row = sql.get("SELECT digest_until FROM scheduler");
    return row === null ? null : integerOrNull(row, "digest_until");
  },

  setDigestUntil: write("durable", (before, until) =>
    sql.updateOne(
      "UPDATE scheduler SET digest_until = $until WHERE digest_until IS $before",
      { before, until },
      "note the period of a digest",
    ),
  ),

  setOwner: write("relaxed", (owner) =>
    sql.updateOne(
      "UPDATE scheduler SET holder = $owner",
      { owner: owner === null ? null : encodeLockOwner(owner) },
      "set the owner",
    ),
  ),
});
