import type { Job } from "../../domain/job.ts";
import {
  MAX_SENDING_DELAY_MS,
  type NotifyTarget,
  receiverHost,
  receiverKey,
  receiverText,
  SENDING_EXPIRES_MS,
  sendingDelayMs,
} from "../../domain/notification.ts";
import { jobOfSending } from "../../domain/review/digest.ts";
import { abortQuietly } from "../../lib/abort.ts";
import { sleep, soon } from "../../lib/clock.ts";
import type { Sending, SendingEnd } from "../../store/notifications.ts";
import type { EngineOptions } from "../options.ts";
import type { SendResult } from "./send.ts";
import { sendTo } from "./services.ts";

/**
 * Maximum of concurrent sendings: in total, to a host, and to a receiver, whose channels are those of all jobs that name it. A
 * receiver or a host that does not answer delays no other one.
 */
const MAX_CONCURRENT = 64;
const MAX_TO_HOST = 4;
const MAX_TO_RECEIVER = 1;

/** To whom a channel sends. */
type Receiver = { readonly key: string; readonly host: string };

/** How long ended sendings stay in the database, and how many are deleted at a time. */
const RETENTION_MS = 7 * 86_400_000;
const PRUNE_ROWS = 20;

/** Delay after an internal error or an error of the database, in ms. */
const ERROR_DELAY_MS = 30_000;

/** Maximum duration of a drain, in ms. */
const DRAIN_TIMEOUT_MS = 2_000;

/** Outcomes of an attempt to deliver: `delivered`; `failed`, which is retried; `given_up`, which is not. */
export const SENDING_OUTCOMES = ["delivered", "failed", "given_up"] as const;

/**
 * Result of an attempt to deliver. `times` is more than 1 for sendings that were given up together, without an
 * attempt.
 */
export type SendingResult = {
  readonly type: NotifyTarget["type"];
  readonly outcome: (typeof SENDING_OUTCOMES)[number];
  readonly times: number;
};

export type DispatcherOptions = Pick<
  EngineOptions,
  "store" | "clock" | "runtime" | "log" | "environment" | "followSchedules"
> & {
  /** Repeats `work` until the database accepts it, so that a sending that was sent is not sent again. */
  readonly retryUntilStored: (work: () => void) => Promise<void>;
};

/**
 * Sends what waits in the database, in order within each channel. While a receiver is unavailable, its channel
 * waits behind the sending that is retried. In memory it only keeps when each channel is due.
 */
export class Dispatcher implements Disposable {
  readonly #options: DispatcherOptions;
  readonly #stop = new AbortController();
  /** When the first sending of each channel is due, in ms since the epoch. */
  readonly #dueAt = new Map<string, number>();
  /** To whom each channel sends, as far as it is known. */
  readonly #receivers = new Map<string, Receiver>();
  readonly #busy = new Map<string, Receiver>();
  #cancelTimer: (() => void) | null = null;
  #isWakeScheduled = false;
  #onIdle: (() => void) | null = null;
  readonly #emit: (result: SendingResult) => void;

  constructor(options: DispatcherOptions, emit: (result: SendingResult) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** Tries all waiting sendings of the previous process immediately: a restart may have fixed their problem. */
  start(): void {
    const now = this.#options.clock.now();
    for (const channel of this.#options.store.notifications.listWaitingChannels()) this.#dueAt.set(channel, now);
    this.#dispatch();
  }

  /** Schedules the waiting channels that it does not know yet. */
  wakeNew(): void {
    const { clock, store } = this.#options;
    const waiting = store.notifications.listWaitingChannels().filter((channel) => !this.#dueAt.has(channel));
    for (const channel of waiting) this.#dueAt.set(channel, clock.now());
    this.#dispatch();
  }

  /** Aborts the current requests. Their sendings stay queued for the next start. */
  [Symbol.dispose](): void {
    abortQuietly(this.#stop);
    this.#cancelTimer?.();
  }

  /** Schedules a channel in which a sending was queued, in a transaction that may still be open. */
  wake(channel: string, target: NotifyTarget): void {
    this.#receivers.set(channel, receiverOf(target));
    if (!this.#dueAt.has(channel)) this.#dueAt.set(channel, this.#options.clock.now());
    if (this.#isWakeScheduled) return;
    this.#isWakeScheduled = true;
    soon(() => {
      this.#isWakeScheduled = false;
      this.#dispatch();
    });
  }

  /** Tries the waiting sendings of a channel now, since its receiver is known to work. */
  retryNow(channel: string): void {
    if (!this.#dueAt.has(channel)) return;
    this.#dueAt.set(channel, this.#options.clock.now());
    this.#dispatch();
  }

  /** Resolves when nothing is left that can be sent now, after 2 s, or when `signal` aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#dispatch();
    if (this.#busy.size === 0) return;
    const idle = new AbortController();
    this.#onIdle = () => abortQuietly(idle);
    await sleep(this.#options.clock, DRAIN_TIMEOUT_MS, AbortSignal.any([idle.signal, signal]));
  }

  #dispatch(): void {
    if (this.#stop.signal.aborted) return;
    for (let channel = this.#nextDue(); channel !== null; channel = this.#nextDue()) {
      this.#busy.set(channel, this.#receiverOf(channel));
      void this.#deliverNext(channel);
    }
    if (this.#busy.size === 0) this.#onIdle?.();
    this.#arm();
  }

  /** Returns the channel that has been due the longest. Null if none is due or may send now. */
  #nextDue(): string | null {
    const isBlocked = this.#blocked();
    const now = this.#options.clock.now();
    let first: { readonly channel: string; readonly dueAt: number } | null = null;
    for (const [channel, dueAt] of this.#dueAt) {
      if (waitMs(dueAt, now) > 0 || (first !== null && dueAt >= first.dueAt) || isBlocked(channel)) continue;
      first = { channel, dueAt };
    }
    return first?.channel ?? null;
  }

  /** Returns whether a channel must wait for the end of a sending: its own, one of its receiver or host, or any. */
  #blocked(): (channel: string) => boolean {
    if (this.#busy.size >= MAX_CONCURRENT) return () => true;
    const counts = new Map<string, number>();
    const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const { key, host } of this.#busy.values()) {
      count(`receiver ${key}`);
      count(`host ${host}`);
    }
    return (channel) => {
      if (this.#busy.has(channel)) return true;
      const { key, host } = this.#receiverOf(channel);
      return (
        (counts.get(`receiver ${key}`) ?? 0) >= MAX_TO_RECEIVER || (counts.get(`host ${host}`) ?? 0) >= MAX_TO_HOST
      );
    };
  }

  /** Returns to whom a channel sends. A channel of a previous process is looked up in the database. */
  #receiverOf(channel: string): Receiver {
    const known = this.#receivers.get(channel);
    if (known !== undefined) return known;
    const found = this.#findReceiver(channel) ?? { key: channel, host: channel };
    this.#receivers.set(channel, found);
    return found;
  }

  #findReceiver(channel: string): Receiver | null {
    const { store } = this.#options;
    try {
      const sending = store.notifications.findNext(channel);
      const target = sending === null ? undefined : this.#targetOf(sending).target;
      return target === undefined ? null : receiverOf(target);
    } catch {
      // The attempt to deliver says what is wrong.
      return null;
    }
  }

  #targetOf(sending: Sending): { readonly job: Job; readonly target: NotifyTarget | undefined } {
    const job = this.#options.store.jobs.getDefinition(sending.versionId);
    return { job, target: job.notify?.[sending.target] };
  }

  /** Sets the timer for the next due channel. The end of a sending dispatches those that wait for it. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const { clock } = this.#options;
    const now = clock.now();
    const isBlocked = this.#blocked();
    const waits = [...this.#dueAt].filter(([channel]) => !isBlocked(channel)).map(([, at]) => waitMs(at, now));
    if (waits.length > 0)
      this.#cancelTimer = clock.setTimeout(
        () => this.#dispatch(),
        waits.reduce((shortest, wait) => Math.min(shortest, wait)),
      );
  }

  async #deliverNext(channel: string): Promise<void> {
    const { store, clock, log } = this.#options;
    try {
      const sending = store.notifications.findNext(channel);
      if (sending === null) this.#forget(channel);
      else this.#dueAt.set(channel, await this.#deliver(sending));
    } catch (error) {
      if (!this.#stop.signal.aborted) log.error({ err: error }, "cannot send a notification");
      this.#dueAt.set(channel, clock.now() + ERROR_DELAY_MS);
    }
    this.#busy.delete(channel);
    // In the next turn, so that a channel full of refused sendings does not block the event loop.
    soon(() => this.#dispatch());
  }

  #forget(channel: string): void {
    this.#dueAt.delete(channel);
    this.#receivers.delete(channel);
  }

  /** Makes one attempt. Returns when its channel is due again. */
  async #deliver(sending: Sending): Promise<number> {
    const { store, clock, retryUntilStored } = this.#options;
    const { job, target } = this.#targetOf(sending);
    if (target === undefined) throw new Error(`job ${job.id} has no notify[${sending.target}]`);
    const result = await this.#send(sending, target, job.source.folder);
    this.#stop.signal.throwIfAborted();
    const now = clock.now();
    const end = endOf(result, sending, now);
    if (end !== null) {
      await this.#end(sending, target, end);
      return now;
    }
    const dueAt = now + delayMs(result, sending);
    const error = result.kind === "delivered" ? "" : result.why;
    await retryUntilStored(() => store.notifications.postpone(sending.id, { dueAt, error }));
    this.#emit({ type: target.type, outcome: "failed", times: 1 });
    this.#logFailure(sending, target, { why: error, retry_in_ms: dueAt - now });
    return dueAt;
  }

  async #send(sending: Sending, target: NotifyTarget, folder: string): Promise<SendResult> {
    const { clock, runtime, environment } = this.#options;
    return await sendTo(target, sending, { clock, runtime, environment, folder, signal: this.#stop.signal });
  }

  async #end(sending: Sending, target: NotifyTarget, end: SendingEnd): Promise<void> {
    const { store, clock, log, retryUntilStored } = this.#options;
    const now = clock.now();
    await retryUntilStored(() =>
      store.transaction(() => {
        store.notifications.finish(sending.id, end, now);
        store.notifications.deleteEnded(now - RETENTION_MS, PRUNE_ROWS);
      }),
    );
    this.#emit({ type: target.type, outcome: end.status, times: 1 });
    const fields = this.#fields(sending);
    if (end.status === "delivered") log.debug(fields, `${describe(sending, target)} was delivered`);
    else log.error({ ...fields, why: end.error }, `${describe(sending, target)} was given up: ${end.error}`);
  }

  /** Logs the first failure of a sending as a warning, and repeated failures for debugging only. */
  #logFailure(sending: Sending, target: NotifyTarget, failure: { why: string; retry_in_ms: number }): void {
    const level = sending.attempts === 0 ? "warn" : "debug";
    const message = `${describe(sending, target)} was not delivered: ${failure.why}`;
    this.#options.log[level]({ ...this.#fields(sending), ...failure }, message);
  }

  #fields({ id, jobId, runId, event, attempts }: Sending): Readonly<Record<string, unknown>> {
    return { job_id: jobOfSending(jobId), run_id: runId, event, sending: id, attempt: attempts + 1 };
  }
}

const receiverOf = (target: NotifyTarget): Receiver => {
  const key = receiverKey(target);
  return { key, host: receiverHost(target) ?? key };
};

/**
 * Returns the wait until `dueAt`. A wait longer than the maximum delay means that the clock was set back, and counts
 * as 0.
 */
const waitMs = (dueAt: number, now: number): number =>
  dueAt - now > MAX_SENDING_DELAY_MS ? 0 : Math.max(0, dueAt - now);

/** Returns how the sending ends, or null if it is retried. */
const endOf = (result: SendResult, { queuedAt }: Sending, now: number): SendingEnd | null => {
  if (result.kind === "delivered") return { status: "delivered" };
  if (result.kind === "refused") return { status: "given_up", error: result.why };
  return now - queuedAt >= SENDING_EXPIRES_MS ? { status: "given_up", error: `${result.why}, for 24 hours` } : null;
};

const delayMs = (result: SendResult, { attempts }: Sending): number => {
  const requestedMs = result.kind === "failed" ? (result.retryAfterMs ?? 0) : 0;
  return Math.min(MAX_SENDING_DELAY_MS, Math.max(requestedMs, sendingDelayMs(attempts + 1, Math.random())));
};

const describe = ({ jobId, event, target: index }: Sending, target: NotifyTarget): string => {
  const receiver = `${target.type}, ${receiverText(target)}`;
  return jobOfSending(jobId) === null
    ? `the digest to receiver ${index + 1} (${receiver})`
    : `the ${event} of ${jobId} to notify[${index}] (${receiver})`;
};
