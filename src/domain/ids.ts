import { uuidv7 } from "../lib/uuid.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type JobId = Branded<"JobId">;
export type TaskId = Branded<"TaskId">;
export type RunId = Branded<"RunId">;

/** What the id of a job or a task looks like; 1 to 128 characters, none of which means anything to a shell or a path. */
export const ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$";

/** What a client may call a request of its own: 1 to 255 visible ASCII characters, as they fit into a header. */
export const IDEMPOTENCY_KEY_PATTERN = "^[\\x21-\\x7e](?:[\\x20-\\x7e]{0,253}[\\x21-\\x7e])?$";

const NAME = new RegExp(ID_PATTERN);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const isName = (text: string): boolean => NAME.test(text);

/** Null where the text can't be a job's id. */
export const parseJobId = (text: string): JobId | null => (NAME.test(text) ? (text as JobId) : null);

/** Null where the text can't be a task's id. */
export const parseTaskId = (text: string): TaskId | null => (NAME.test(text) ? (text as TaskId) : null);

/** Null where the text can't be a run's id (a UUID; upper case is accepted). */
export const parseRunId = (text: string): RunId | null => {
  const id = text.toLowerCase();
  return UUID.test(id) ? (id as RunId) : null;
};

/** A new run's id; ids sort by the time they were made. */
export const newRunId = (nowMs: number): RunId => uuidv7(nowMs) as RunId;
