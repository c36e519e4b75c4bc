import type { Client } from "../../../client/client.ts";
import { ClientError, failureMessage, isRefused, isUnreachable } from "../../../client/error.ts";
import { eventStream } from "../../../client/event-stream.ts";
import { changesJobs, type LiveEvent, parseLiveEvent } from "../../../client/live-event.ts";
import { Reconnect } from "../../../client/reconnect.ts";
import { type DataName, type KnownData, staleBy } from "../../../client/stale-data.ts";
import type { Clock } from "../../../lib/clock.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import type { Message } from "../state/message.ts";
import { hasWorkers, type LogTarget, type TopState, type Watched } from "../state/state.ts";
import { Batcher } from "./batcher.ts";
import { loadAttention, loadJob, loadJobs, loadRun, loadRuns, loadWorkers } from "./load.ts";
import { LogReader } from "./log-reader.ts";
import { Refresher } from "./refresher.ts";
import type { TopAttention } from "./shapes.ts";

export type FeedOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly send: (message: Message) => void;
};

/** Lists that are long are loaded less often: 1,000 jobs at most every 5 s. */
const JOBS_INTERVAL_MS = 1_000;
const INTERVAL_PER_JOB_MS = 5;
const RUNS_INTERVAL_MS = 500;
const ATTENTION_INTERVAL_MS = 1_000;
const WORKERS_INTERVAL_MS = 1_000;
/** No event reports that a worker was in contact. */
const WORKERS_POLL_MS = 5_000;
const RUN_INTERVAL_MS = 200;
/** petit reads the end of the output of each failed run for it. */
const JOB_INTERVAL_MS = 1_000;
/** For what changes without an event. */
const POLL_MS = 15_000;
/** Time for which the selection must stay before its log is loaded, in ms. */
const LOG_DELAY_MS = 80;

/** Loads the data of the dashboard, and keeps it up to date by the events of petit. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #ending = new AbortController();
  readonly #events: Batcher<LiveEvent>;
  readonly #lists: {
    readonly jobs: Refresher;
    readonly runs: Refresher;
    readonly system: Refresher;
    readonly attention: Refresher;
    readonly workers: Refresher;
  };
  #hasWorkers: boolean;
  #jobCount: number;
  /** The tasks that wait for approval: the end of one changes what needs attention. */
  #asking: ReadonlySet<string> = new Set();
  #watched: Watched = { jobId: null, runId: null, itemsOf: null, log: null };
  #job: Refresher | null = null;
  #run: Refresher | null = null;
  #log: LogReader | null = null;
  #cancelLog: () => void = () => {};

  constructor(options: FeedOptions, initial: Pick<TopState, "jobs" | "workers">) {
    this.#options = options;
    this.#jobCount = initial.jobs.length;
    this.#hasWorkers = hasWorkers(initial);
    this.#events = new Batcher({
      clock: options.clock,
      onBatch: (events, dropped) => this.#receive(events, dropped),
    });
    const { client } = options;
    this.#lists = {
      jobs: this.#refresher({
        load: async () => {
          const jobs = await loadJobs(client);
          this.#jobCount = jobs.length;
          return { kind: "jobs", jobs };
        },
        intervalMs: () => JOBS_INTERVAL_MS + this.#jobCount * INTERVAL_PER_JOB_MS,
      }),
      runs: this.#refresher({
        load: async () => ({ kind: "runs", runs: await loadRuns(client) }),
        intervalMs: () => RUNS_INTERVAL_MS,
      }),
      attention: this.#refresher({
        load: async () => {
          const items = await loadAttention(client);
          this.#asking = new Set((items ?? []).flatMap(askingTask));
          return { kind: "attention", items };
        },
        intervalMs: () => ATTENTION_INTERVAL_MS,
        pollMs: POLL_MS,
      }),
      workers: this.#refresher({
        load: async () => {
          const workers = await loadWorkers(client);
          this.#hasWorkers = hasWorkers({ workers });
          return { kind: "workers", workers };
        },
        intervalMs: () => WORKERS_INTERVAL_MS,
        ...(this.#hasWorkers && { pollMs: WORKERS_POLL_MS }),
      }),
      system: this.#refresher({
        load: async () => ({ kind: "system", system: await client.get("/api/system"), at: options.clock.now() }),
        intervalMs: () => ATTENTION_INTERVAL_MS,
        pollMs: POLL_MS,
      }),
    };
  }

  /** Reads events until `stop`, over any number of broken connections. */
  async run(): Promise<void> {
    const { client, clock, send } = this.#options;
    const reconnect = new Reconnect({
      clock,
      // Whatever goes wrong, petit can be replaced or get another token.
      shouldRetry: () => true,
      onAway: (error) => send({ kind: "disconnected", at: clock.now(), message: shortMessageOf(error) }),
    });
    const items = eventStream({
      open: (lastId, signal) =>
        client.stream("/api/events", { headers: lastId === null ? {} : { "last-event-id": lastId }, signal }),
      clock,
      reconnect,
      signal: this.#ending.signal,
    });
    for await (const item of items) {
      if (item.kind === "open") {
        send({ kind: "connected" });
        // Events can have been missed before the stream was open.
        this.#refreshAll();
      } else if (item.kind === "event") {
        const event = parseLiveEvent(item);
        if (event !== null) this.#events.add(event);
      }
    }
  }

  stop(): void {
    this.#ending.abort();
    this.#events.stop();
    for (const list of Object.values(this.#lists)) list.stop();
    this.watch({ jobId: null, runId: null, itemsOf: null, log: null });
  }

  /** Loads what a view needs, and stops loading what it does not need any more. */
  watch(next: Watched): void {
    const { client } = this.#options;
    const before = this.#watched;
    this.#watched = next;
    if (next.jobId !== before.jobId) {
      const { jobId } = next;
      this.#job?.stop();
      this.#job =
        jobId === null
          ? null
          : this.#detail(JOB_INTERVAL_MS, async () => ({ kind: "job", data: await loadJob(client, jobId) }));
    }
    if (next.runId !== before.runId || next.itemsOf !== before.itemsOf) {
      const { runId, itemsOf } = next;
      this.#run?.stop();
      this.#run =
        runId === null
          ? null
          : this.#detail(RUN_INTERVAL_MS, async () => ({ kind: "run", data: await loadRun(client, runId, itemsOf) }));
    }
    if (next.log !== before.log) this.#watchLog(next.log);
  }

  /** Loads lines from before the oldest line in memory. */
  async loadEarlier(target: LogTarget, beforeSeq: number): Promise<void> {
    await this.#log?.loadEarlier(target, beforeSeq);
  }

  /** Loads the lists again: an action has changed something. */
  refresh(): void {
    this.#refreshAll();
  }

  #watchLog(target: LogTarget | null): void {
    const { client, clock, send } = this.#options;
    this.#cancelLog();
    this.#log?.stop();
    this.#log = null;
    if (target === null) return;
    // The selection can be on its way to another task.
    this.#cancelLog = clock.setTimeout(() => {
      this.#log = new LogReader({ client, clock, send, target });
      void this.#log.run();
    }, LOG_DELAY_MS);
  }

  #detail(intervalMs: number, load: () => Promise<Message>): Refresher {
    const refresher = this.#refresher({ load, intervalMs: () => intervalMs, pollMs: POLL_MS });
    refresher.request();
    return refresher;
  }

  #refresher({
    load: loadData,
    intervalMs,
    pollMs,
  }: {
    readonly load: () => Promise<Message>;
    readonly intervalMs: () => number;
    readonly pollMs?: number;
  }): Refresher {
    const { clock, send } = this.#options;
    const load = async (): Promise<void> => {
      try {
        send(await loadData());
      } catch (error) {
        if (isRefused(error, "NOT_FOUND")) send({ kind: "gone", text: errorMessage(error) });
        // The event stream reports when petit is away, and everything is loaded again when it is back.
        else if (!isUnreachable(error)) send({ kind: "failed", text: errorMessage(error) });
      }
    };
    return new Refresher({ clock, load, intervalMs, ...(pollMs !== undefined && { pollMs }) });
  }

  #receive(events: readonly LiveEvent[], dropped: number): void {
    this.#options.send({ kind: "events", events });
    if (dropped > 0) {
      this.#refreshAll();
      return;
    }
    const known: KnownData = {
      isAsking: (runId, taskId) => this.#asking.has(`${runId} ${taskId}`),
      hasWorkers: this.#hasWorkers,
    };
    const namesOf = (some: readonly LiveEvent[]): ReadonlySet<DataName> =>
      new Set(some.flatMap((event) => staleBy(event, known)));
    const stale = namesOf(events);
    const { jobs, runs, attention, workers, system } = this.#lists;
    if (stale.has("runs")) runs.request();
    if (stale.has("attention")) attention.request();
    if (stale.has("workers")) workers.request();
    if (stale.has("system")) system.request();
    // Events about runs contain what changes in the list of jobs.
    if (namesOf(events.filter((event) => !changesJobs(event))).has("jobs")) jobs.request();
    const { jobId, runId } = this.#watched;
    if (["run", "run-tasks", "run-items"].some((noun) => stale.has(`${noun} ${runId}`))) this.#run?.request();
    if (stale.has("job") || stale.has(`job ${jobId}`)) this.#job?.request();
  }

  #refreshAll(): void {
    for (const list of Object.values(this.#lists)) list.request();
    this.#job?.request();
    this.#run?.request();
  }
}

const askingTask = (item: TopAttention): readonly string[] =>
  item.kind === "approval_needed" ? [`${item.run_id} ${item.task_id}`] : [];

/** Returns a message that leaves out the address and the advice, because it is shown in one line. */
const shortMessageOf = (error: unknown): string =>
  error instanceof ClientError ? failureMessage(error.failure) : errorMessage(error);
