import type { Database } from "bun:sqlite";
import { ClientError } from "../../../src/client/error.ts";
import { eventStream } from "../../../src/client/event-stream.ts";
import { Reconnect } from "../../../src/client/reconnect.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Petit } from "../petit/petit.ts";

/** How long a follower waits for petit to restart, in ms. */
const PATIENCE_MS = 60_000;

/** Consecutive lines of output: the number of the first line, their writer, and their bytes. */
type FollowedChunk = { readonly seq: number; readonly writer: string; readonly bytes: Uint8Array };

/** Follows the log of a run until its end, over restarts of petit, and records what it receives. */
export class LogFollower {
  readonly #runId: string;
  readonly #petit: () => Petit | null;
  readonly #chunks: FollowedChunk[] = [];
  /** Resolves when the run has ended, with an error message or null. */
  readonly ended: Promise<string | null>;

  /** `petit` returns the process that serves at the moment. */
  constructor(runId: string, petit: () => Petit | null) {
    this.#runId = runId;
    this.#petit = petit;
    this.ended = this.#follow().then(
      () => null,
      (error: unknown) => `a follower of ${runId} failed: ${error}`,
    );
  }

  /** Compares what it received with the output in the database. Returns a sentence for each difference. */
  faults(db: Database): readonly string[] {
    const got = linesOf(this.#chunks);
    const faults = this.#chunks
      .filter(({ seq }, index) => seq < lineAfter(this.#chunks[index - 1]))
      .map(({ seq }) => `line ${seq} is duplicated or out of order`);
    const stored = storedChunks(db, this.#runId);
    const last = lineAfter(stored.at(-1)) - 1;
    if (lineAfter(this.#chunks.at(-1)) - 1 !== last) faults.push(`its last line is not line ${last}`);
    // The follower may have received a line that was dropped later; then the marker has its number.
    for (const [seq, line] of linesOf(stored.filter(({ dropped }) => dropped === 0)))
      if (got.get(seq) !== line) faults.push(`line ${seq} is ${got.get(seq)} instead of ${line}`);
    const seqs = [...got.keys()];
    const newestMarker = seqs.findLast((seq) => got.get(seq)?.startsWith(MARKER)) ?? 0;
    for (const [index, seq] of seqs.entries())
      if (seq > (seqs[index - 1] ?? 0) + 1 && seq > newestMarker)
        faults.push(`no marker explains the gap before ${seq}`);
    return faults.map((fault) => `a follower of ${this.#runId}: ${fault}`);
  }

  async #follow(): Promise<void> {
    const items = eventStream({
      open: async (lastId, signal) => this.#open(lastId, signal),
      isComplete: async () => {
        const response = await this.#ask(`/api/runs/${this.#runId}`, {});
        return ((await response.json()) as { readonly ended_at: string | null }).ended_at !== null;
      },
      clock: systemClock,
      reconnect: new Reconnect({ clock: systemClock, patienceMs: PATIENCE_MS }),
    });
    for await (const item of items) if (item.kind === "event") this.#chunks.push(readChunk(item.data));
  }

  async *#open(lastId: string | null, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const headers = {
      accept: "text/event-stream;chunks=base64",
      ...(lastId === null ? {} : { "last-event-id": lastId }),
    };
    const { body } = await this.#ask(`/api/runs/${this.#runId}/logs?follow=true`, { headers, signal });
    try {
      for await (const bytes of body ?? []) yield bytes;
    } catch {
      throw LOST_CONNECTION;
    }
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#petit()
      ?.fetch(path, init)
      .catch(() => null);
    if (response?.ok) return response;
    throw LOST_CONNECTION;
  }
}

const readChunk = (data: string): FollowedChunk => {
  const { seq, task_id, attempt, stream, base64 } = JSON.parse(data);
  return { seq, writer: `${task_id} ${attempt} ${stream}`, bytes: Buffer.from(base64, "base64") };
};

const LOST_CONNECTION = new ClientError(
  { kind: "unreachable", why: "broken", response: null },
  "the connection to petit was lost",
);

const MARKER = "[petit: ";

type StoredChunk = FollowedChunk & { readonly dropped: number };

const storedChunks = (db: Database, runId: string): readonly StoredChunk[] =>
  db
    .query<StoredChunk, [string]>(
      `SELECT output.seq, task_id || ' ' || attempt || ' ' || stream AS writer, bytes, dropped
       FROM output JOIN runs ON runs.seq = run WHERE runs.id = ? ORDER BY output.seq`,
    )
    .all(runId);

/** Returns the number of the line after a chunk. */
const lineAfter = (chunk: FollowedChunk | undefined): number =>
  chunk === undefined ? 1 : chunk.seq + textsOf(chunk).length;

/** Returns the lines by number, each with its writer and its text. */
const linesOf = (chunks: readonly FollowedChunk[]): ReadonlyMap<number, string> =>
  new Map(
    chunks.flatMap((chunk) =>
      textsOf(chunk).map((text, index): [number, string] => [
        chunk.seq + index,
        text.startsWith(MARKER) ? text : `${chunk.writer} ${text}`,
      ]),
    ),
  );

/** Returns the lines with their line breaks. */
const textsOf = ({ bytes }: Pick<FollowedChunk, "bytes">): readonly string[] =>
  Buffer.from(bytes)
    .toString("latin1")
    .match(/[^\n]*\n|[^\n]+$/g) ?? [];
