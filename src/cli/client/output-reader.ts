import type { Client } from "../../client/client.ts";
import { isRefused } from "../../client/error.ts";
import { eventStream, readConnection, type StreamItem } from "../../client/event-stream.ts";
import type { Reconnect } from "../../client/reconnect.ts";
import type { Clock } from "../../lib/clock.ts";

export type OutputOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly runId: string;
  readonly filter?: OutputFilter;
  /** Format of the output: the exact bytes in chunks, or one record per line. */
  readonly accept: "text/event-stream;chunks=base64" | "text/event-stream";
  /** Called with the data of each event, in order. */
  readonly show: (data: string) => void;
};

export type OutputFilter = {
  readonly task?: string | undefined;
  readonly item?: string | undefined;
  readonly attempt?: string | undefined;
  readonly stream?: string | undefined;
  readonly tail?: string | undefined;
  /** In ms since the Unix epoch. */
  readonly since?: number | undefined;
};

type RequestMode = { readonly follow: boolean; readonly isFirst: boolean; readonly signal: AbortSignal };

/** Reads the output of a run. It shows each line once, whichever method reads it. */
export class OutputReader {
  readonly #options: OutputOptions;
  /** Number of the last line that was shown. */
  #lastShown = 0;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** Shows the output until the run has ended. */
  async follow(reconnect: Reconnect): Promise<void> {
    const { client, clock, runId } = this.#options;
    let isFirst = true;
    const open = (_: string | null, signal: AbortSignal) => {
      const bytes = this.#open({ follow: true, isFirst, signal });
      isFirst = false;
      return bytes;
    };
    const isComplete = (): Promise<boolean> => hasRunEnded(client, runId);
    for await (const item of eventStream({ open, isComplete, clock, reconnect })) this.#show(item);
  }

  /** Shows the output that exists now. */
  async catchUp(): Promise<void> {
    const { clock } = this.#options;
    const open = (_: string | null, signal: AbortSignal) => this.#open({ follow: false, isFirst: true, signal });
    for await (const item of readConnection({ open, clock }, null)) this.#show(item);
  }

  #open({ follow, isFirst, signal }: RequestMode) {
    const { client, runId, accept, filter = {} } = this.#options;
    // If the last lines were requested and there were none, every later line is new.
    const tail = isFirst || filter.tail === "0" ? filter.tail : undefined;
    const resume: Readonly<Record<string, string>> =
      this.#lastShown === 0 ? {} : { "last-event-id": String(this.#lastShown) };
    return client.stream("/api/runs/:run_id/logs", {
      params: { run_id: runId },
      query: { ...filter, tail, follow },
      headers: { accept, ...resume },
      signal,
    });
  }

  #show(item: StreamItem): void {
    if (item.kind !== "event" || item.id === null || Number(item.id) <= this.#lastShown) return;
    this.#lastShown = Number(item.id);
    this.#options.show(item.data);
  }
}

/** Returns true if the run has ended, or retention has deleted it. */
const hasRunEnded = async (client: Client, runId: string): Promise<boolean> => {
  try {
    return (await client.get("/api/runs/:run_id", { params: { run_id: runId } })).ended_at !== null;
  } catch (error) {
    if (isRefused(error, "NOT_FOUND")) return true;
    throw error;
  }
};
