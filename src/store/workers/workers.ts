import type { WorkerProcess } from "../../domain/workers/process.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { flag, integer, integerOrNull, json, text } from "../database/rows.ts";

/** What a worker says about itself. */
export type WorkerGreeting = {
  readonly name: string;
  readonly instance: string;
  /** Null if the worker does not say. */
  readonly process: WorkerProcess | null;
  readonly labels: readonly string[];
  readonly slots: number;
  readonly version: string;
  readonly protocol: number;
  readonly address: string;
  readonly draining: boolean;
  readonly leaving: boolean;
  /** How far its wall clock is ahead of petit's; null if that is unknown. */
  readonly clockDifferenceMs: number | null;
  /** The longest `lost_after` by which its lease may count, in ms. */
  readonly lostAfterMs: number;
};

export type StoredWorker = WorkerGreeting & {
  readonly firstSeenAt: number;
  readonly lastContactAt: number;
  /** True if a person has drained it. */
  readonly drained: boolean;
};

/** The workers that have said hello, until they are forgotten. */
export interface WorkerStore {
  /** Stores the hello of a worker. Not durable, because the worker repeats it. */
  greet(worker: WorkerGreeting, now: number): void;
  /** Returns all workers by name. */
  list(): readonly StoredWorker[];
  find(name: string): StoredWorker | null;
  /** Removes a worker, until it says hello again. */
  forget(name: string): void;
  /** Drains a worker for `by`, or lets it take work again. Returns false if there is no such worker. */
  setDrained(name: string, drained: boolean, by: { readonly now: number; readonly by: string | null }): boolean;
}

export const createWorkerStore = ({ sql, write, recordEvent }: StoreContext): WorkerStore => ({
  greet: write("relaxed", (worker, now) => {
    sql.run(
      `INSERT INTO workers (name, instance, process, labels, slots, version, protocol, address, draining, leaving, first_seen_at,
         last_contact_at, clock_difference_ms, lost_after_ms)
       VALUES ($name, $instance, $process, $labels, $slots, $version, $protocol, $address, $draining, $leaving, $now, $now,
         $clockDifferenceMs, $lostAfterMs)
       ON CONFLICT (name) DO UPDATE SET instance = $instance, process = $process, labels = $labels, slots = $slots, version = $version,
         protocol = $protocol, address = $address, draining = $draining, leaving = $leaving, last_contact_at = $now,
         clock_difference_ms = $clockDifferenceMs, lost_after_ms = $lostAfterMs`,
      {
        ...worker,
        process: worker.process === null ? null : JSON.stringify(worker.process),
        labels: JSON.stringify(worker.labels),
        draining: worker.draining ? 1 : 0,
        leaving: worker.leaving ? 1 : 0,
        now,
      },
    );
  }),

  list: () => sql.all("SELECT * FROM workers ORDER BY name").map(toWorker),

  find: (name) => {
    const row = sql.get("SELECT * FROM workers WHERE name = $name", { name });
    return row === null ? null : toWorker(row);
  },

  forget: write("durable", (name) => {
    sql.run("DELETE FROM workers WHERE name = $name", { name });
  }),

  setDrained: write("durable", (name, drained, { now, by }) => {
    const changed = sql.run("UPDATE workers SET drained = $drained WHERE name = $name AND drained <> $drained", {
      name,
      drained: drained ? 1 : 0,
    });
    if (changed === 1) recordEvent({ type: "worker", now, worker: name, status: drained ? "drained" : "resumed", by });
    return sql.get("SELECT 1 AS one FROM workers WHERE name = $name", { name }) !== null;
  }),
});

const toWorker = (row: SqlRow): StoredWorker => ({
  name: text(row, "name"),
  instance: text(row, "instance"),
  process: row.process === null ? null : json<WorkerProcess>(row, "process"),
  labels: json<readonly string[]>(row, "labels"),
  slots: integer(row, "slots"),
  version: text(row, "version"),
  protocol: integer(row, "protocol"),
  address: text(row, "address"),
  draining: flag(row, "draining"),
  leaving: flag(row, "leaving"),
  clockDifferenceMs: integerOrNull(row, "clock_difference_ms"),
  lostAfterMs: integer(row, "lost_after_ms"),
  firstSeenAt: integer(row, "first_seen_at"),
  lastContactAt: integer(row, "last_contact_at"),
  drained: flag(row, "drained"),
});
