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

  setOwner: write("relaxed", (owner) =>
    sql.updateOne(
      "UPDATE scheduler SET holder = $owner",
      { owner: owner === null ? null : encodeLockOwner(owner) },
      "set the owner",
    ),
  ),
});
