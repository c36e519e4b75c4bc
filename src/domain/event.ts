import type { JobId, RunId, TaskId } from "./ids.ts";

/**
 * The event types. Each event is stored in the same transaction as the change that it reports, but for `run.waiting`: what a run waits
 * for is not stored. Its status is what it waits for now, its reason what it waited for before; null if something of it executes.
 */
export const EVENT_TYPES = [
  "run.started",
  "run.late",
  "run.waiting",
  "run.finished",
  "task.started",
  "task.finished",
  "item.started",
  "item.finished",
  "approval",
  "occurrence",
  "delivery",
  "backfill",
  "jobs.reloaded",
  "jobs.repository",
  "clock.set_back",
  "scheduler.paused",
  "scheduler.resumed",
  "job.paused",
  "job.resumed",
  "job.renamed",
  "job.stale",
  "job.recovered",
  "worker",
  "attention.changed",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export type Event = {
  /** Strictly increasing, also across restarts. */
  readonly seq: number;
  /** In ms since the Unix epoch. */
  readonly at: number;
  readonly type: EventType;
  readonly jobId: JobId | null;
  readonly runId: RunId | null;
  readonly taskId: TaskId | null;
  /** Position of the item, from 0. Only events about an item have it. */
  readonly item?: number;
  /** The worker that the event is about. Only events of the type `worker` have it. */
  readonly worker?: string;
  /** The new status or outcome. */
  readonly status: string | null;
  readonly reason: string | null;
  /** Number of occurrences that the event covers, if more than one. Sent, but not stored. */
  readonly times?: number;
  /** The entry of what needs attention. Only events of the type `attention.changed` have it; their status is a `MarkStatus`. */
  readonly entry?: string;
  /**
   * The person who did it: the name of a token, otherwise an address. It is logged; only that of the type `attention.changed` is stored
   * and sent.
   */
  readonly by?: string;
};

/**
 * Header of the event stream: how long there had been no event when it opened, in ms. Left out if there had been none since the start
 * of petit. A reader that has read the state before it opened the stream learns whether it may have missed an event.
 */
export const QUIET_HEADER = "x-quiet-ms";
