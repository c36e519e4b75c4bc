import type { StoreContext } from "./context.ts";
import { encodeLockOwner, type LockOwner } from "./database/lock-owner.ts";
import { flag } from "./database/rows.ts";

/** State of the scheduler as a whole. */
export interface SchedulerStore {
  isPaused(): boolean;
  setPaused(paused: boolean, now: number): void;
  /** Stores the process that uses the database, for errors of others; null once it has stopped. Not durable. */
  setOwner(owner: LockOwner | null): void;
}

export const createSchedulerStore = ({ sql, write, recordEvent }: StoreContext): SchedulerStore => ({
  isPaused: () => {
    const row = sql.get("SELECT paused FROM scheduler");
    return row !== null && flag(row, "paused");
  },

  setPaused: write("durable", (paused, now) => {
    sql.updateOne("UPDATE scheduler SET paused = $paused", { paused: paused ? 1 : 0 }, "pause or resume");
    recordEvent({
      type: paused ? "scheduler.paused" : "scheduler.resumed",
      now,
      status: paused ? "paused" : "running",
    });
  }),

  setOwner: write("relaxed", (owner) =>
    sql.updateOne(
      "UPDATE scheduler SET holder = $owner",
      { owner: owner === null ? null : encodeLockOwner(owner) },
      "set the owner",
    ),
  ),
});
