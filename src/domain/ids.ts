import { uuidv7 } from "../lib/uuid.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type JobId = Branded<"JobId">;
export type TaskId = Branded<"TaskId">;
export type RunId = Branded<"RunId">;

/** The pattern of job and task ids: 1 to 128 characters, none of them special in a shell or a path. */
export const ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$";

/** The pattern of idempotency keys: 1 to 255 visible ASCII characters, so that they fit into a header. */
export const IDEMPOTENCY_KEY_PATTERN = "^[\\x21-\\x7e](?:[\\x20-\\x7e]{0,253}[\\x21-\\x7e])?$";

const NAME = new RegExp(ID_PATTERN);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const isName = (text: string): boolean => NAME.test(text);

/** Returns null if the text is not a valid job id. */
export const parseJobId = (text: string): JobId | null => (NAME.test(text) ? (text as JobId) : null);

/** Returns null if the text is not a valid task id. */
export const parseTaskId = (text: string): TaskId | null => (NAME.test(text) ? (text as TaskId) : null);

/** Returns the id in lower case, or null if the text is not a UUID. */
export const parseRunId = (text: string): RunId | null => {
  const id = text.toLowerCase();
  return UUID.test(id) ? (id as RunId) : null;
};

/** Returns a new run id (UUIDv7); ids sort by creation time. */
export const newRunId = (nowMs: number): RunId => uuidv7(nowMs) as RunId;
