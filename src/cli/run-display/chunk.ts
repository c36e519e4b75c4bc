import type { Piece } from "./display.ts";

/** Some lines of output, as `text/event-stream;chunks=base64` brings them. */
export type Chunk = Piece & {
  readonly attempt: number;
  /** When they were seen, ms since the epoch. */
  readonly at: number;
};

/** Reads the data of an event of petit's own. */
export const readChunk = (data: string): Chunk => {
  const { task_id, attempt, stream, at, base64 } = JSON.parse(data);
  return { taskId: String(task_id), attempt, stream, at, bytes: Buffer.from(String(base64), "base64") };
};
