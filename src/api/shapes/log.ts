import { t } from "elysia";
import { type OutputChunk, STREAMS } from "../../store/output.ts";
import { SSE_HEADERS, SSE_HEARTBEAT, serverSentEvent } from "../events/sse.ts";
import { exactly, instant, integer, TaskIdText, word } from "./schemas.ts";

export const LogRecord = exactly(
  {
    seq: integer({
      minimum: 1,
      description: "Number of the line in its run; it only grows, with gaps where lines were dropped",
    }),
    task_id: TaskIdText,
    attempt: integer({ minimum: 1, description: "Which attempt wrote it" }),
    stream: word(STREAMS, "Where to"),
    at: instant("When it was seen"),
    text: t.String({ description: "The line without its end; bytes that are no UTF-8 become U+FFFD" }),
  },
  {
    title: "LogRecord",
    description: "A line of output",
    examples: [{ seq: 1, task_id: "extract", attempt: 1, stream: "stdout", at: 1767225600012, text: "42 rows" }],
  },
);

const EXAMPLE = `{"seq":1,"task_id":"extract","attempt":1,"stream":"stdout","at":1767225600012,"text":"42 rows"}`;

export const LogText = t.String({
  description: "The output of a run: its bytes, or a LogRecord a line, as `Accept` asks",
  "x-content": {
    "text/plain": { example: "42 rows\n" },
    "application/x-ndjson": { example: `${EXAMPLE}\n`, itemSchema: LogRecord },
    "text/event-stream": { example: `id: 1\ndata: ${EXAMPLE}\n\n`, itemSchema: LogRecord },
  },
});

/** How output is written for a client. */
export type LogFormat = {
  readonly headers: Readonly<Record<string, string>>;
  /** A chunk without its first `skip` lines. */
  readonly encode: (chunk: OutputChunk, skip: number) => Uint8Array;
  /** Sent first, and whenever the stream was silent for long. */
  readonly heartbeat: Uint8Array | null;
  /** Whether a client may go on by the number of the last line it had. */
  readonly resumable: boolean;
};

/** The format that an `Accept` header names first; text where it names none of them. */
export const logFormat = (accept: string | null, timestamps: boolean): LogFormat => {
  const [, named, chunks] = FORMATS.exec(accept ?? "")?.map((each) => each?.toLowerCase()) ?? [];
  if (named === "text/event-stream") return chunks === undefined ? EVENTS : CHUNKS;
  if (named === "application/x-ndjson") return NDJSON;
  return timestamps ? stampedText() : TEXT;
};

const FORMATS = /(text\/event-stream|application\/x-ndjson)(;\s*chunks=base64)?/i;

const TEXT_HEADERS = { "content-type": "text/plain; charset=utf-8" } as const;

const TEXT: LogFormat = {
  headers: TEXT_HEADERS,
  encode: (chunk, skip) => withoutLines(chunk.bytes, skip),
  heartbeat: null,
  resumable: false,
};

const NDJSON: LogFormat = {
  headers: { "content-type": "application/x-ndjson; charset=utf-8" },
  encode: (chunk, skip) => encodeRecords(chunk, skip, (record) => `${JSON.stringify(record)}\n`),
  heartbeat: null,
  resumable: true,
};

const EVENTS: LogFormat = {
  headers: SSE_HEADERS,
  encode: (chunk, skip) => encodeRecords(chunk, skip, (record) => serverSentEvent({ id: record.seq, data: record })),
  heartbeat: SSE_HEARTBEAT,
  resumable: true,
};

/** Several lines an event, their bytes as they were: what a client needs that goes on after a break and loses none. */
const CHUNKS: LogFormat = {
  ...EVENTS,
  encode: ({ seq, lines, taskId, attempt, stream, at, bytes }, skip) => {
    const base64 = Buffer.from(withoutLines(bytes, skip)).toString("base64");
    const data = { seq: seq + skip, task_id: taskId, attempt, stream, at, base64 };
    return encoder.encode(serverSentEvent({ id: seq + lines - 1, data }));
  },
};

export type LogLine = typeof LogRecord.static;

/** The lines of a chunk without its first `skip`. */
export const linesOf = (chunk: OutputChunk, skip: number): readonly LogLine[] => {
  const { seq, taskId, attempt, stream, at } = chunk;
  const lines = decoder.decode(withoutEnd(chunk.bytes)).split("\n").slice(skip);
  return lines.map((text, index) => ({ seq: seq + skip + index, task_id: taskId, attempt, stream, at, text }));
};

const encodeRecords = (chunk: OutputChunk, skip: number, write: (line: LogLine) => string): Uint8Array =>
  encoder.encode(linesOf(chunk, skip).map(write).join(""));

/** Text with the time before each line. A line too long for one chunk goes on in a later one, and has it once. */
const stampedText = (): LogFormat => {
  const open = new Set<string>();
  return {
    ...TEXT,
    encode: (chunk, skip) => {
      const writer = `${chunk.taskId} ${chunk.attempt} ${chunk.stream}`;
      const bytes = withoutLines(chunk.bytes, skip);
      const stamp = Buffer.from(`${new Date(chunk.at).toISOString()} `);
      const lines = splitLines(bytes);
      const parts = lines.flatMap((line, index) => (index === 0 && open.has(writer) ? [line] : [stamp, line]));
      if (bytes.at(-1) === NEWLINE) open.delete(writer);
      else open.add(writer);
      return Buffer.concat(parts);
    },
  };
};

const NEWLINE = 10;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

const withoutEnd = (bytes: Uint8Array): Uint8Array => (bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes);

const withoutLines = (bytes: Uint8Array, count: number): Uint8Array => {
  let start = 0;
  for (let line = 0; line < count; line++) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end === -1) return new Uint8Array(0);
    start = end + 1;
  }
  return bytes.subarray(start);
};

/** Each with its end. */
const splitLines = (bytes: Uint8Array): Uint8Array[] => {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    const next = end === -1 ? bytes.length : end + 1;
    lines.push(bytes.subarray(start, next));
    start = next;
  }
  return lines;
};
