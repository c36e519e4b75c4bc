import { EVENT_TYPES, type EventType } from "../../domain/event.ts";

/** What petit tells of over `/api/events`. Fields that don't apply are left out. */
export type LiveEvent = {
  readonly type: EventType;
  readonly seq: number;
  /** In ms since the Unix epoch. */
  readonly at: number;
  readonly job_id?: string;
  readonly run_id?: string;
  readonly task_id?: string;
  readonly status?: string;
  readonly reason?: string;
};

export type ServerSentEvent = { readonly id: string | null; readonly type: string; readonly data: string };

/** Null for one that this page doesn't know. */
export const liveEvent = ({ type, data }: ServerSentEvent): LiveEvent | null => {
  const known = EVENT_TYPES.find((each) => each === type);
  return known === undefined ? null : { ...JSON.parse(data), type: known };
};

/** The events of a stream until it ends; signs of life come as null. petit writes each field on a line of its own. */
export async function* readServerSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent | null> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = `${rest}${decoder.decode(value, { stream: true })}`.split("\n\n");
      rest = blocks.pop() ?? "";
      yield* blocks.map(readBlock);
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

const readBlock = (block: string): ServerSentEvent | null => {
  const fields = new Map(block.split("\n").map((line) => fieldOf(line)));
  const data = fields.get("data");
  return data === undefined ? null : { id: fields.get("id") ?? null, type: fields.get("event") ?? "message", data };
};

const fieldOf = (line: string): readonly [string, string] => {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
};
