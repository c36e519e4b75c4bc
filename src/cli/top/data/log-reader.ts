import type { Client } from "../../../client/client.ts";
import { isRefused } from "../../../client/error.ts";
import { eventStream } from "../../../client/event-stream.ts";
import { Reconnect } from "../../../client/reconnect.ts";
import type { Clock } from "../../../lib/clock.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { type BookLine, bookLine, EARLIER_LINES } from "../state/list/log-book.ts";
import type { Message } from "../state/message.ts";
import type { LogTarget } from "../state/state.ts";
import { Batcher } from "./batcher.ts";

export type LogReaderOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly target: LogTarget;
  readonly send: (message: Message) => void;
};

/** Lines that are loaded at first. */
const FIRST_LINES = 1_000;
/** Lines that can arrive between two changes of the screen; of more, the oldest are left out. */
const MAX_BATCH = 5_000;

/** Reads the newest lines of a log, and then new lines as they arrive until the run has ended. */
export class LogReader {
  readonly #options: LogReaderOptions;
  readonly #ending = new AbortController();
  readonly #lines: Batcher<BookLine>;
  readonly #reconnect: Reconnect;

  constructor(options: LogReaderOptions) {
    const { clock, target, send } = options;
    this.#options = options;
    this.#lines = new Batcher({
      clock,
      max: MAX_BATCH,
      onBatch: (lines, skipped) => send({ kind: "log-lines", target, lines, skipped }),
    });
    this.#reconnect = new Reconnect({ clock });
  }

  stop(): void {
    this.#ending.abort();
    this.#lines.stop();
  }

  /** Reads until the run has ended or `stop` is called. Never throws. */
  async run(): Promise<void> {
    const { signal } = this.#ending;
    try {
      const page = await this.#firstPage();
      if (page === null || signal.aborted) return;
      const { target, send } = this.#options;
      const lines = page.lines.map(bookLine);
      send({ kind: "log-opened", target, page: { lines, before: page.offset, ended: page.ended } });
      if (!page.ended) await this.#follow(page.last_seq);
    } catch (error) {
      if (signal.aborted || isRefused(error, "NOT_FOUND")) return;
      this.#options.send({ kind: "failed", text: errorMessage(error) });
    }
  }

  async loadEarlier(target: LogTarget, beforeSeq: number): Promise<void> {
    const { send } = this.#options;
    try {
      const { lines } = await this.#page({ before: beforeSeq, limit: EARLIER_LINES });
      if (!this.#ending.signal.aborted) send({ kind: "log-earlier", target, lines: lines.map(bookLine) });
    } catch (error) {
      send({ kind: "log-earlier", target, lines: [] });
      send({ kind: "failed", text: errorMessage(error) });
    }
  }

  /** Returns null if `stop` was called before petit answered. */
  async #firstPage() {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        const page = await this.#page({ tail: true, limit: FIRST_LINES });
        this.#reconnect.succeeded();
        return page;
      } catch (error) {
        await this.#reconnect.failed(error, signal);
      }
    }
    return null;
  }

  #page(query: { readonly limit: number; readonly tail?: boolean; readonly before?: number }) {
    const { client, target } = this.#options;
    return client.get("/api/runs/:run_id/lines", {
      params: { run_id: target.runId },
      query: { ...query, ...filterOf(target) },
    });
  }

  async #follow(lastSeq: number): Promise<void> {
    const { client, clock, target, send } = this.#options;
    const params = { run_id: target.runId };
    const items = eventStream({
      open: (lastId, signal) =>
        client.stream("/api/runs/:run_id/logs", {
          params,
          query: { ...filterOf(target), follow: true },
          headers: { accept: "text/event-stream", "last-event-id": lastId ?? String(lastSeq) },
          signal,
        }),
      isComplete: async () => (await client.get("/api/runs/:run_id", { params })).ended_at !== null,
      clock,
      reconnect: this.#reconnect,
      signal: this.#ending.signal,
    });
    for await (const item of items) if (item.kind === "event") this.#lines.add(bookLine(JSON.parse(item.data)));
    if (this.#ending.signal.aborted) return;
    this.#lines.flush();
    send({ kind: "log-ended", target });
  }
}

const filterOf = ({ taskId, item, stderrOnly }: LogTarget) => ({
  ...(taskId === null ? {} : { task: taskId }),
  ...(item === null ? {} : { item }),
  ...(stderrOnly ? { stream: "stderr" } : {}),
});
