import { type Hello, type HelloAnswer, PROTOCOL } from "../../domain/workers/protocol.ts";
import { anyAborted } from "../../lib/abort.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { uptimeMs } from "../lease/guard.ts";
import { InvalidRequest, NoAnswer, type Requests } from "./requests.ts";
import type { SchedulerClock } from "./scheduler-clock.ts";

export type HellosOptions = {
  readonly requests: Requests;
  readonly schedulerClock: SchedulerClock;
  readonly clock: Clock;
  readonly log: Log;
  /** What the next hello says. */
  readonly greeting: () => Omit<Hello, "protocol" | "sentAt" | "now">;
  /** Called with each answer, and with when its hello was sent, in ms since boot. */
  readonly onAnswer: (answer: HelloAnswer, sentUptimeMs: number | null) => void;
  readonly detach: AbortSignal;
};

/** The longest time between two hellos, in ms. At least four are sent within `lost_after`. */
const MAX_PERIOD_MS = 10_000;
const HELLOS_IN_LOST_AFTER = 4;
/** The delay after a hello without an answer, in ms. */
const RETRY_MS = 500;

/** Says hello to the scheduler periodically, and at once when the worker has something to report. */
export class Hellos {
  readonly #options: HellosOptions;
  #due = Promise.withResolvers<void>();
  /** Aborted, and replaced, when the current hello need not be waited for. */
  #stale = new AbortController();
  #isAnswered = false;
  #isInvalid = false;

  constructor(options: HellosOptions) {
    this.#options = options;
  }

  /** Sends the next hello at once. */
  sayNow(): void {
    this.#due.resolve();
  }

  /** Does the same without waiting for the answer to the current hello, which the scheduler may have lost in a restart. */
  sayAfresh(): void {
    this.sayNow();
    const stale = this.#stale;
    this.#stale = new AbortController();
    stale.abort("stale");
  }

  /** Says hello until the worker detaches. */
  async run(): Promise<void> {
    const { clock, detach } = this.#options;
    while (!detach.aborted) {
      this.#due = Promise.withResolvers();
      const periodMs = await this.#say().catch((error: unknown) => this.#noteFailure(error));
      const over = new AbortController();
      await Promise.race([this.#due.promise, sleep(clock, periodMs, AbortSignal.any([detach, over.signal]))]);
      over.abort("over");
    }
  }

  /** Sends one hello. Returns after how many ms the next one is due. Throws NoAnswer. */
  async #say(): Promise<number> {
    const { requests, schedulerClock, clock, greeting, onAnswer, detach } = this.#options;
    const [sentAt, sentUptimeMs] = [clock.elapsed(), uptimeMs()];
    const hello = { ...greeting(), protocol: PROTOCOL, sentAt, now: clock.now() };
    const over = new AbortController();
    const stale = anyAborted([this.#stale.signal, over.signal]).then((): null => null);
    const answer = await Promise.race([requests.hello(hello), stale]).finally(() => over.abort("over"));
    if (answer === null || detach.aborted) return 0;
    if (answer.now !== null) schedulerClock.note(answer.now, sentAt);
    this.#isAnswered = true;
    this.#isInvalid = false;
    onAnswer(answer, sentUptimeMs);
    requests.noteAnswered(answer);
    return Math.min(MAX_PERIOD_MS, (answer.lostAfterMs ?? Number.POSITIVE_INFINITY) / HELLOS_IN_LOST_AFTER);
  }

  /** Logs why a hello had no answer. Returns after how many ms the next one is due. */
  #noteFailure(error: unknown): number {
    if (error instanceof InvalidRequest) {
      this.#noteInvalid(error);
      return MAX_PERIOD_MS;
    }
    if (!(error instanceof NoAnswer)) this.#options.log.error({ err: error }, "cannot say hello to the scheduler");
    this.#noteSilence();
    return RETRY_MS;
  }

  #noteSilence(): void {
    if (this.#isAnswered && !this.#options.detach.aborted)
      this.#options.log.warn({}, "the scheduler does not answer; running attempts continue");
    this.#isAnswered = false;
  }

  #noteInvalid(error: InvalidRequest): void {
    const { log } = this.#options;
    if (!this.#isInvalid)
      log.error({ err: error }, "the scheduler cannot read the hello of this worker; use the same version of petit");
    this.#isInvalid = true;
  }

  /** Sends a last hello, and waits at most `timeoutMs` for its answer. */
  async sayLast(timeoutMs: number): Promise<void> {
    const { clock } = this.#options;
    const over = new AbortController();
    await Promise.race([this.#say().catch(() => {}), sleep(clock, timeoutMs, over.signal), anyAborted([over.signal])]);
    over.abort("over");
  }
}
