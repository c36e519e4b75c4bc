import { oneLine } from "../terminal/text-width.ts";

/** Some output of a task or of one of its items, on one stream. */
export type TaskOutput = {
  readonly taskId: string;
  /** Position of the item, from 0; null if the task has none. */
  readonly item: number | null;
  /** Key of the item; missing if a petit that sends no keys has sent the output. */
  readonly itemKey?: string | null;
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
};

/** Returns the name of what wrote some output: `load`, or `load[web-3]` for an item. */
export const writerName = ({ taskId, item, itemKey }: Pick<TaskOutput, "taskId" | "item" | "itemKey">): string =>
  item === null ? taskId : `${taskId}[${oneLine(itemKey ?? String(item))}]`;

/** A chunk of output with its attempt and time, as `text/event-stream;chunks=base64` sends it. */
export type DecodedChunk = TaskOutput & {
  readonly attempt: number;
  /** When petit read the output, ms since the Unix epoch. */
  readonly at: number;
};

/** Parses the data of an event that petit sent. */
export const readChunk = (data: string): DecodedChunk => {
  const { task_id, item = null, item_key = null, attempt, stream, at, base64 } = JSON.parse(data);
  return {
    taskId: String(task_id),
    item,
    itemKey: item_key,
    attempt,
    stream,
    at,
    bytes: Buffer.from(String(base64), "base64"),
  };
};

const NEWLINE = 10;

/** Splits bytes into lines. Each line includes its newline; the last one may have none. */
export const linesOf = (bytes: Uint8Array): readonly Uint8Array[] => {
  const lines: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, from);
    const to = end === -1 ? bytes.length : end + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
};

/** Returns whether the bytes end with a newline. */
export const endsLine = (bytes: Uint8Array): boolean => bytes.at(-1) === NEWLINE;
