import type { Client } from "../../client/client.ts";
import { MAX_ITEMS } from "../../domain/item.ts";
import { shorten } from "../../lib/text.ts";
import { EXIT, Failure } from "../exit.ts";
import { oneLine } from "../terminal/text-width.ts";

type ItemOptions = {
  readonly runId: string;
  readonly taskId: string | undefined;
  /** A position or a key; undefined for all items. */
  readonly text: string | undefined;
};

/** Maximum number of keys that an error lists. */
const LISTED_KEYS = 5;

/** Returns the position of an item. Throws a `Failure` if `text` is a key that no item of the task has. */
export const findItem = async (client: Client, { runId, taskId, text }: ItemOptions): Promise<string | undefined> => {
  // petit checks positions. A number is never a key.
  if (text === undefined || taskId === undefined || /^-?\d+$/.test(text)) return text;
  const { items } = await client.get("/api/runs/:run_id/tasks/:task_id/items", {
    params: { run_id: runId, task_id: taskId },
    query: { limit: MAX_ITEMS },
  });
  const found = items.find(({ key }) => key === text);
  if (found !== undefined) return String(found.index);
  const listed = items.slice(0, LISTED_KEYS).map(({ key }) => oneLine(key));
  const more = items.length > LISTED_KEYS ? `, … (${items.length})` : "";
  const known =
    items.length === 0 ? "no items" : `no item '${oneLine(shorten(text))}'; its items are ${listed.join(", ")}${more}`;
  throw new Failure(EXIT.USAGE, `task '${taskId}' of run ${runId} has ${known}`);
};
