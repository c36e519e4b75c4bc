/** Some output of a task, on one stream. */
export type TaskOutput = { readonly taskId: string; readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array };

/** A chunk of output with its attempt and time, as `text/event-stream;chunks=base64` sends it. */
export type DecodedChunk = TaskOutput & {
  readonly attempt: number;
  /** When petit read the output, ms since the Unix epoch. */
  readonly at: number;
};

/** Parses the data of an event that petit sent. */
export const readChunk = (data: string): DecodedChunk => {
  const { task_id, attempt, stream, at, base64 } = JSON.parse(data);
  return { taskId: String(task_id), attempt, stream, at, bytes: Buffer.from(String(base64), "base64") };
};
