import { t } from "elysia";
import { STREAMS } from "../../domain/task-run.ts";
import type { OutputChunk } from "../../store/output.ts";
import { encodeServerSentEvent, SSE_HEADERS, SSE_HEARTBEAT } from "../events/sse.ts";
import { exactly, instant, integer, TaskIdText, word } from "./schemas.ts";

export const LogRecord = exactly(
  {
    seq: integer({
      minimum: 1,
      description: "Number of the line in its run; increases, with gaps where lines were dropped",
    }),
    task_id: TaskIdText,
    item: t.Optional(integer({ minimum: 0, description: "Position of the item that wrote it, from 0" })),
    item_key: t.Optional(t.String({ description: "Key of the item that wrote it" })),
    attempt: integer({ minimum: 1, description: "Number of the attempt that wrote it" }),
    stream: word(STREAMS, "Stream that it was written to"),
    at: instant("When petit read it"),
    text: t.String({ description: "The line without its line break; bytes that are not UTF-8 become U+FFFD" }),
  },
  {
    title: "LogRecord",
    description: "A line of output",
    examples: [{ seq: 1, task_id: "extract", attempt: 1, stream: "stdout", at: 1767225600012, text: "42 rows" }],
  },
);

const EXAMPLE = `{"seq":1,"task_id":"extract","attempt":1,"stream":"stdout","at":1767225600012,"text":"42 rows"}`;

const LogChunk = exactly(
  {
    seq: LogRecord.properties.seq,
    task_id: TaskIdText,
    item: LogRecord.properties.item,
    item_key: LogRecord.properties.item_key,
    attempt: LogRecord.properties.attempt,
    stream: LogRecord.properties.stream,
    at: LogRecord.properties.at,
    base64: t.String({ contentEncoding: "base64", description: "The bytes of the lines, with their line breaks" }),
  },
  { title: "LogChunk", description: "Lines of output that were read together; `seq` is the number of the first" },
);

const CHUNK_EXAMPLE = `{"seq":1,"task_id":"extract","attempt":1,"stream":"stdout","at":1767225600012,"base64":"NDIgcm93cwo="}`;

export const LogText = t.String({
  description: "The output of a run: its bytes, or one LogRecord per line, depending on `Accept`",
  "x-content": {
    "text/plain": { example: "42 rows\n" },
    "application/x-ndjson": { example: `${EXAMPLE}\n`, itemSchema: LogRecord },
    "text/event-stream": {
      example: `id: 1\ndata: ${EXAMPLE}\n\n`,
      itemSchema: LogRecord,
      events: { title: "ServerSentLogRecord", types: [] },
    },
    "text/event-stream;chunks=base64": {
      example: `id: 1\ndata: ${CHUNK_EXAMPLE}\n\n`,
      itemSchema: LogChunk,
      events: { title: "ServerSentLogChunk", types: [] },
    },
  },
});

/** Format in which output is sent to a client. */
export type LogFormat = {
  readonly headers: Readonly<Record<string, string>>;
  /** Encodes a chunk without its first `skip` lines. */
  readonly encode: (chunk: OutputChunk, skip: number) => Uint8Array;
  /** Sent first, and whenever the stream is idle; null if the format has none. */
  readonly heartbeat: Uint8Array | null;
  /** True if a client can resume after the sequence number of its last line. */
  readonly resumable: boolean;
};

/** Returns the first known format of an `Accept` header, or text. */
export const selectLogFormat = (accept: string | null, timestamps: boolean): LogFormat => {
  const [, named, chunks] = FORMATS.exec(accept ?? "")?.map((each) => each?.toLowerCase()) ?? [];
  if (named === "text/event-stream") return chunks === undefined ? EVENTS : CHUNKS;
  if (named === "application/x-ndjson") return NDJSON;
  return timestamps ? createStampedText() : TEXT;
};

const FORMATS = /(text\/event-stream|application\/x-ndjson)(;\s*chunks=base64)?/i;

const TEXT_HEADERS = { "content-type": "text/plain; charset=utf-8" } as const;

const TEXT: LogFormat = {
  headers: TEXT_HEADERS,
  encode: (chunk, skip) => dropLines(chunk.bytes, skip),
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
  encode: (chunk, skip) =>
    encodeRecords(chunk, skip, (record) => encodeServerSentEvent({ id: record.seq, data: record })),
  heartbeat: SSE_HEARTBEAT,
  resumable: true,
};

/** Several lines per event, with their exact bytes, for a client that must resume without loss. */
const CHUNKS: LogFormat = {
  ...EVENTS,
  encode: ({ seq, lines, attempt, stream, at, bytes, ...writer }, skip) => {
    const base64 = Buffer.from(dropLines(bytes, skip)).toString("base64");
    const data = { seq: seq + skip, ...writerFields(writer), attempt, stream, at, base64 };
    return encoder.encode(encodeServerSentEvent({ id: seq + lines - 1, data }));
  },
};

export type LogLine = typeof LogRecord.static;

/** Returns the lines of a chunk without the first `skip`. */
export const linesOf = (chunk: OutputChunk, skip: number): readonly LogLine[] => {
  const { seq, attempt, stream, at } = chunk;
  const writer = { ...writerFields(chunk), attempt, stream, at };
  const lines = decoder.decode(trimNewline(chunk.bytes)).split("\n").slice(skip);
  return lines.map((text, index) => ({ seq: seq + skip + index, ...writer, text }));
};

const writerFields = ({ taskId, item, itemKey }: Pick<OutputChunk, "taskId" | "item" | "itemKey">) => ({
  task_id: taskId,
  ...(item !== null && { item }),
  ...(itemKey !== null && { item_key: itemKey }),
});

const encodeRecords = (chunk: OutputChunk, skip: number, write: (line: LogLine) => string): Uint8Array =>
  encoder.encode(linesOf(chunk, skip).map(write).join(""));

/** Returns the format of text with the time before each line. A line in several chunks has the time once. */
const createStampedText = (): LogFormat => {
  const open = new Set<string>();
  return {
    ...TEXT,
    encode: (chunk, skip) => {
      const writer = `${chunk.taskId} ${chunk.item} ${chunk.attempt} ${chunk.stream}`;
      const bytes = dropLines(chunk.bytes, skip);
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

const trimNewline = (bytes: Uint8Array): Uint8Array => (bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes);

const dropLines = (bytes: Uint8Array, count: number): Uint8Array => {
  let start = 0;
  for (let line = 0; line < count; line++) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end === -1) return new Uint8Array(0);
    start = end + 1;
  }
  return bytes.subarray(start);
};

/** Splits at line breaks, which the lines keep. */
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
