import { EVENT_TYPES, type EventType } from "../domain/event.ts";
import { WAITING_CODES } from "../domain/limits/waiting-for.ts";
import type { StreamEvent } from "./event-stream.ts";

/** An event of `/api/events`. Fields that do not apply are left out. */
export type LiveEvent = {
  readonly type: EventType;
  readonly seq: number;
  /** Ms since the Unix epoch. */
  readonly at: number;
  readonly job_id?: string;
  readonly run_id?: string;
  readonly task_id?: string;
  readonly worker?: string;
  readonly entry_id?: string;
  readonly by?: string;
  readonly status?: string;
  readonly reason?: string;
};

/** Returns true for an event about the start or end of a run. */
const isRunEvent = ({ type }: LiveEvent): boolean => type === "run.started" || type === "run.finished";

/** Returns true for an event that contains what changes in the list of jobs. */
export const changesJobs = (event: LiveEvent): boolean => isRunEvent(event) || event.type === "run.waiting";

/** Returns what a run waits for, by an event about that: now, and before. */
export const waitsOfEvent = ({ status, reason }: LiveEvent) => {
  const codeOf = (text: string | undefined) => WAITING_CODES.find((code) => code === text) ?? null;
  return { now: codeOf(status), before: codeOf(reason) };
};

/** Returns the event, or null if this client does not know its type. */
export const parseLiveEvent = ({ type, data }: StreamEvent): LiveEvent | null => {
  const known = EVENT_TYPES.find((each) => each === type);
  return known === undefined ? null : { ...JSON.parse(data), type: known };
};
