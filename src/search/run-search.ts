import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import type { FailingIndex } from "../domain/attention.ts";
import type { IndexFault } from "../domain/search/index-fault.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { siblingFile } from "../store/database/sibling-file.ts";
import type { LinesFound } from "./finding.ts";
import { deleteIndex } from "./index-file.ts";
import type { IndexStatus } from "./indexing.ts";
import { SEARCH_COMMAND } from "./search-command.ts";
import type { FindAnswer, FindRequest, IndexMessage, SearchTask } from "./search-process.ts";

export type RunSearchOptions = {
  /** Path of the database. */
  readonly db: string;
  /** Maximum size of the index, in bytes. */
  readonly limitBytes: number;
  readonly runtime: Pick<Runtime, "self">;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** What is searched for. The search ends after `MAX_SEARCH_MS`. */
export type RunSearchQuery = Omit<FindRequest, "maxMs">;

/** What was found, and why the index can't be written; null if it can. */
export type RunSearchAnswer = LinesFound & { readonly fault: IndexFault | null };

/** The index beside a database. */
export const searchIndexOf = (db: string): string => resolve(siblingFile(db, "-search"));

/** After this time a search answers with what it has found, in ms. */
const MAX_SEARCH_MS = 10_000;
/** After this time the process that searches is killed: it hangs. */
const KILL_AFTER_MS = 30_000;

/** After this time without a search, its process ends. */
const IDLE_MS = 60_000;

/** The index is brought up to date when so many runs have ended, or when the first of them ended so long ago, in ms. */
const MAX_ENDED = 500;
const MAX_WAIT_MS = 300_000;
/** The shortest time between two updates, and after one that failed, in ms. */
const MIN_PAUSE_MS = 10_000;
const RETRY_MS = 30_000;
/** The first update waits until petit has started, in ms. */
const START_DELAY_MS = 2_000;
/** Runs are deleted also while none end. */
const MAX_PAUSE_MS = 3_600_000;

/**
 * Searches the output of ended runs, and keeps the index for that up to date. Both are done by other processes, so that nothing waits for
 * them. The runs that have ended since the last update are read by each search.
 */
export class RunSearch implements AsyncDisposable {
  readonly #options: RunSearchOptions;
  readonly #index: string;
  #failing: FailingIndex | null = null;
  /** Runs that have ended since the last update began. */
  #ended = 0;
  #update: { readonly child: ChildProcess; readonly over: Promise<void> } | null = null;
  #cancelUpdate: (() => void) | null = null;
  #updateAt = Number.POSITIVE_INFINITY;
  #earliest = Number.NEGATIVE_INFINITY;
  #finder: Finder | null = null;
  #isClosed = false;

  constructor(options: RunSearchOptions) {
    this.#options = options;
    this.#index = searchIndexOf(options.db);
  }

  /** Begins to build the index, or to bring it up to date. */
  start(): void {
    this.#schedule(START_DELAY_MS);
  }

  /** Why the index can't be written; null if it can. */
  get failing(): FailingIndex | null {
    return this.#failing;
  }

  /** Notes that a run has ended. */
  noteEnd(): void {
    this.#ended++;
    this.#schedule(this.#ended >= MAX_ENDED ? 0 : MAX_WAIT_MS);
  }

  /** Searches lines. Rejects if the process that searches fails. */
  async find(query: RunSearchQuery): Promise<RunSearchAnswer> {
    const answer = await this.#askFinder(query);
    if (answer.kind === "found") {
      if (!answer.found.reach.hasIndex) this.#buildAgain();
      return { ...answer.found, fault: this.#failing?.fault ?? null };
    }
    if (!answer.isDamaged) throw new Error(`the search failed: ${answer.error}`);
    // An update notices only the damage that it meets.
    deleteIndex(this.#index);
    return this.find(query);
  }

  #askFinder(query: RunSearchQuery): Promise<FindAnswer> {
    const finder =
      this.#finder ??
      new Finder(this.#spawn({ kind: "find", db: this.#db, index: this.#index }), this.#options.clock, (ended) => {
        if (this.#finder === ended) this.#finder = null;
      });
    this.#finder = finder;
    return finder.ask({ ...query, maxMs: MAX_SEARCH_MS });
  }

  #buildAgain(): void {
    this.#ended = MAX_ENDED;
    this.#schedule(0);
  }

  get #db(): string {
    return resolve(siblingFile(this.#options.db, ""));
  }

  #schedule(delayMs: number): void {
    const { clock } = this.#options;
    if (this.#isClosed || this.#update !== null) return;
    const at = Math.max(clock.monotonic() + delayMs, this.#earliest);
    if (at >= this.#updateAt) return;
    this.#cancelUpdate?.();
    this.#updateAt = at;
    this.#cancelUpdate = clock.setTimeout(() => this.#startUpdate(), Math.max(0, at - clock.monotonic()));
  }

  #startUpdate(): void {
    this.#updateAt = Number.POSITIVE_INFINITY;
    this.#cancelUpdate = null;
    this.#ended = 0;
    const { limitBytes } = this.#options;
    const child = this.#spawn({ kind: "index", db: this.#db, index: this.#index, limitBytes });
    this.#update = { child, over: this.#follow(child) };
  }

  async #follow(child: ChildProcess): Promise<void> {
    let isComplete = false;
    for await (const message of messagesOf<IndexMessage>(child)) {
      this.#note(message.status.failure);
      isComplete ||= message.isLast;
    }
    this.#update = null;
    if (this.#isClosed) return;
    if (!isComplete) {
      this.#note({ fault: "unwritable", error: "the process that writes it has ended" });
    }
    const { clock } = this.#options;
    const isFailing = this.#failing !== null;
    this.#earliest = clock.monotonic() + (isFailing ? RETRY_MS : MIN_PAUSE_MS);
    this.#schedule(isFailing || this.#ended >= MAX_ENDED ? 0 : this.#ended > 0 ? MAX_WAIT_MS : MAX_PAUSE_MS);
  }

  #note(failure: IndexStatus["failure"]): void {
    const { log, clock } = this.#options;
    const wasFailing = this.#failing;
    this.#failing = failure === null ? null : { ...failure, since: wasFailing?.since ?? clock.now() };
    if (failure === null && wasFailing !== null) log.info({}, "the index for searches can be written again");
    if (failure !== null && wasFailing === null)
      log.warn({ error: failure.error, file: this.#index }, "the index for searches can't be written");
  }

  #spawn(task: SearchTask): ChildProcess {
    const { runtime, environment } = this.#options;
    const [program = "", ...args] = runtime.self([SEARCH_COMMAND, JSON.stringify(task)]);
    const env = Object.fromEntries(
      PASSED_ON.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
    );
    const child = spawn(program, args, { cwd: "/", env, stdio: ["pipe", "pipe", "ignore"] });
    child.on("error", () => {});
    child.stdin?.on("error", () => {});
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#cancelUpdate?.();
    this.#finder?.kill();
    this.#update?.child.kill("SIGKILL");
    await this.#update?.over;
  }
}

const PASSED_ON = ["PATH", "HOME", "TMPDIR", "DENO_DIR"] as const;

/** A process that searches. It answers one request after the other. */
class Finder {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #onEnd: (ended: Finder) => void;
  readonly #waiting: { readonly request: FindRequest; readonly resolve: (answer: FindAnswer) => void }[] = [];
  #cancelTimer: () => void = () => {};

  constructor(child: ChildProcess, clock: Clock, onEnd: (ended: Finder) => void) {
    this.#child = child;
    this.#clock = clock;
    this.#onEnd = onEnd;
    void this.#follow();
  }

  ask(request: FindRequest): Promise<FindAnswer> {
    const { promise, resolve: answer } = Promise.withResolvers<FindAnswer>();
    this.#waiting.push({ request, resolve: answer });
    if (this.#waiting.length === 1) this.#send(request);
    return promise;
  }

  kill(): void {
    this.#cancelTimer();
    this.#child.kill("SIGKILL");
  }

  #send(request: FindRequest): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.setTimeout(() => this.kill(), KILL_AFTER_MS);
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
  }

  async #follow(): Promise<void> {
    for await (const answer of messagesOf<FindAnswer>(this.#child)) {
      this.#waiting.shift()?.resolve(answer);
      const [next] = this.#waiting;
      if (next !== undefined) this.#send(next.request);
      else {
        this.#cancelTimer();
        this.#cancelTimer = this.#clock.setTimeout(() => this.#stop(), IDLE_MS);
      }
    }
    this.#cancelTimer();
    this.#onEnd(this);
    for (const { resolve: answer } of this.#waiting)
      answer({ kind: "failed", error: "the process that searches has ended", isDamaged: false });
  }

  /** Ends the process. From now on, another one searches. */
  #stop(): void {
    this.#onEnd(this);
    this.#child.stdin?.end();
  }
}

/** Returns the lines of JSON that a process writes, until it ends. */
async function* messagesOf<Message>(child: ChildProcess): AsyncGenerator<Message> {
  const closed = new Promise<void>((done) => void child.once("close", () => done()).once("error", () => done()));
  let text = "";
  for await (const chunk of child.stdout?.setEncoding("utf8") ?? []) {
    text += String(chunk);
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      yield JSON.parse(line) as Message;
    }
  }
  await closed;
}
