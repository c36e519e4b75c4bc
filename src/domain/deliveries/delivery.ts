import type { Json } from "../../lib/json.ts";
import type { JobId, RunId } from "../ids.ts";
import type { EventTriggerType } from "./trigger.ts";

/**
 * Outcomes of a delivery:
 * - `waiting`: accepted, and not decided yet; the reason says what it waits for. Also after a restart.
 * - `fired`: its run has started, or was stored to start in its turn.
 * - `merged`: a newer delivery with the same debounce key has the run.
 * - `skipped`: petit decided against a run; the reason says why.
 *
 * `waiting` becomes one of the others, which are final.
 */
export const DELIVERY_OUTCOMES = ["waiting", "fired", "merged", "skipped"] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];

/** What a waiting delivery waits for: `busy` for its pending run to start, `debounce` for more of its kind, `paused` for the job to resume. */
export const DELIVERY_WAITS = ["busy", "debounce", "paused"] as const;
export type DeliveryWait = (typeof DELIVERY_WAITS)[number];

/**
 * Why a delivery was skipped:
 * - `event`: its type is not in `events`.
 * - `condition_not_met`: the `if` of the trigger is false, or could not be evaluated.
 * - `invalid_params`: its `params` do not fit those of the job.
 * - `paused`: the job or the scheduler is paused, and the trigger does not keep deliveries.
 * - `too_many`: the job is paused, and 1,000 newer deliveries wait.
 * - `disabled`: the job is disabled.
 * - `overlap`: the job is at its limit, and `on_overlap` of the trigger is `skip`.
 * - `dependency`: a gate of the job is shut.
 * - `too_deep`: its run would be at the end of a chain of more than 20 runs.
 * - `too_large`: the body of a message is larger than 1 MiB. It is not stored.
 * - `gone`: the job is in no job file any more, or has the trigger no more.
 */
export const DELIVERY_SKIPS = [
  "event",
  "condition_not_met",
  "invalid_params",
  "paused",
  "too_many",
  "disabled",
  "overlap",
  "dependency",
  "too_deep",
  "too_large",
  "gone",
] as const;
export type DeliverySkip = (typeof DELIVERY_SKIPS)[number];

/** The outcomes of deliveries without a run. */
export const UNFIRED_OUTCOMES = ["skipped", "waiting"] as const satisfies readonly DeliveryOutcome[];

/** What deliveries wait for that have no run, not even a pending one. */
export const UNFIRED_WAITS = ["debounce", "paused"] as const satisfies readonly DeliveryWait[];

/** Deliveries of a job without a run, with the same outcome and reason. Times are in ms since the Unix epoch. */
export type UnfiredDeliveries = {
  readonly jobId: JobId;
  readonly outcome: (typeof UNFIRED_OUTCOMES)[number];
  readonly reason: DeliverySkip | (typeof UNFIRED_WAITS)[number];
  readonly count: number;
  /** When the first and the last one were received. */
  readonly firstAt: number;
  readonly lastAt: number;
};

/** An event that reached petit from outside. Times are in ms since the Unix epoch. */
export type Delivery = {
  readonly id: string;
  readonly jobId: JobId;
  readonly type: EventTriggerType;
  /** Name of the trigger; null if it has none. */
  readonly trigger: string | null;
  readonly receivedAt: number;
  /** The provider's type of the event, otherwise that of the trigger. */
  readonly eventType: string;
  /** The provider's id of the delivery. */
  readonly providerId: string | null;
  readonly outcome: DeliveryOutcome;
  readonly reason: DeliveryWait | DeliverySkip | null;
  /** What is wrong with the params or the condition, as a sentence. */
  readonly problem: string | null;
  readonly runId: RunId | null;
  /** The newer delivery that has the run. */
  readonly mergedInto: string | null;
  /** The delivery that it repeats. */
  readonly replayOf: string | null;
  /** How many runs have started one another by `run` triggers before it. */
  readonly chain: number;
  /** Null while it waits. */
  readonly decidedAt: number | null;
};

/** The files of a delivery: how many, and the absolute path of the first one. */
export type DeliveryFiles = { readonly count: number; readonly path: string };

/** A file that a `files` trigger has found: its absolute path, its size in bytes, and when it was changed last, in ms since the Unix epoch. */
type EventFile = { readonly path: string; readonly size: number; readonly mtime: number };

/** What a run gets of the event that started it. */
export type EventData = {
  readonly type: string;
  /** petit's id of the delivery. */
  readonly id: string;
  /** The provider's. */
  readonly delivery_id: string | null;
  /** The body of a webhook or a message; a string if it is not JSON. */
  readonly body?: Json;
  readonly headers?: { readonly [name: string]: string };
  /** Absolute path of the file that a `files` trigger has found; missing if a run is for several. */
  readonly path?: string;
  readonly files?: readonly EventFile[];
  /** The run that has ended, and its outputs. */
  readonly run?: { readonly [name: string]: Json };
  readonly outputs?: { readonly [name: string]: string };
  /** Of a message: its subject, its stream, and its number in that. */
  readonly subject?: string;
  readonly stream?: string;
  readonly seq?: number;
};
