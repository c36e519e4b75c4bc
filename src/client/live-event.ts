import { EVENT_TYPES, type EventType } from "../domain/event.ts";
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
  readonly status?: string;
  readonly reason?: string;
};

/** Returns true for an event about the start or end of a run. */
export const isRunEvent = ({ type }: LiveEvent): boolean => type === "run.started" || type === "run.finished";

/** Returns the event, or null if this client does not know its type. */
export const parseLiveEvent = ({ type, data }: StreamEvent): LiveEvent | null => {
  const known = EVENT_TYPES.find((each) => each === type);
  return known === undefined ? null : { ...JSON.parse(data), type: known };
};
