import type { Clock } from "../../lib/clock.ts";
import { Failure } from "../failure.ts";
import type { Client } from "./client.ts";
import { type EventSourceOptions, eventSource, openEvents, type StreamedEvent } from "./event-source.ts";

export type OutputOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly runId: string;
  readonly filter?: OutputFilter;
  /** What is asked for: bytes as they were, or records. */
  readonly accept: "text/event-stream;chunks=base64" | "text/event-stream";
  /** Given the data of each event, in order. */
  readonly show: (data: string) => void;
};

export type OutputFilter = {
  readonly task?: string | undefined;
  readonly attempt?: string | undefined;
  readonly stream?: string | undefined;
  readonly tail?: string | undefined;
};

/** The output of a run, each line once, however it is had. */
export class OutputReader {
  readonly #options: OutputOptions;
  /** Number of the last line that was shown. */
  #shown = 0;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** Shows what comes until the run has ended. */
  async follow(options: Pick<EventSourceOptions, "patienceMs" | "onBreak">): Promise<void> {
    const { client, clock, runId } = this.#options;
    let isFirst = true;
    const open: EventSourceOptions["open"] = (_, signal) => {
      const bytes = this.#open({ follow: true, isFirst, signal });
      isFirst = false;
      return bytes;
    };
    const isOver = (): Promise<boolean> => runHasEnded(client, runId);
    for await (const event of eventSource({ ...options, clock, open, isOver })) this.#show(event);
  }

  /** Shows what there is by now. */
  async catchUp(): Promise<void> {
    const { clock } = this.#options;
    const open: EventSourceOptions["open"] = (_, signal) => this.#open({ follow: false, isFirst: true, signal });
    for await (const event of openEvents({ open, clock }, null)) this.#show(event);
  }

  #open(how: { readonly follow: boolean; readonly isFirst: boolean; readonly signal: AbortSignal }) {
    const { client, runId, accept, filter = {} } = this.#options;
    // Where the last lines were asked for and there were none, what comes later are all of them.
    const tail = how.isFirst || filter.tail === "0" ? filter.tail : undefined;
    const resume: Readonly<Record<string, string>> = this.#shown === 0 ? {} : { "last-event-id": String(this.#shown) };
    return client.stream("/api/runs/:run_id/logs", {
      params: { run_id: runId },
      query: { ...filter, tail, follow: how.follow },
      headers: { accept, ...resume },
      signal: how.signal,
    });
  }

  #show({ id, data }: StreamedEvent): void {
    if (id === null || data === null || Number(id) <= this.#shown) return;
    this.#shown = Number(id);
    this.#options.show(data);
  }
}

/** A run that is no longer kept has ended. */
const runHasEnded = async (client: Client, runId: string): Promise<boolean> => {
  try {
    return (await client.get("/api/runs/:run_id", { params: { run_id: runId } })).ended_at !== null;
  } catch (error) {
    if (error instanceof Failure && error.code === "NOT_FOUND") return true;
    throw error;
  }
};
