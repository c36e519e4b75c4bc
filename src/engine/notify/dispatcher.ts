import {
  DELIVERY_EXPIRES_MS,
  deliveryDelayMs,
  MAX_DELIVERY_DELAY_MS,
  type NotifyTarget,
  receiverText,
} from "../../domain/notification.ts";
import { abortQuietly } from "../../lib/abort.ts";
import { sleep, soon } from "../../lib/clock.ts";
import type { Delivery, DeliveryEnd } from "../../store/notifications.ts";
import type { EngineOptions } from "../options.ts";
import type { SendResult } from "./send.ts";
import { sendTo } from "./send-to.ts";

/** Maximum of concurrent deliveries; one per channel. */
const MAX_CONCURRENT = 4;

/** How long ended deliveries stay in the database, and how many are deleted at a time. */
const RETENTION_MS = 7 * 86_400_000;
const PRUNE_ROWS = 20;

/** Delay after an internal error or an error of the database, in ms. */
const ERROR_DELAY_MS = 30_000;

/** Maximum duration of a drain, in ms. */
const DRAIN_TIMEOUT_MS = 2_000;

/** Outcomes of an attempt to deliver: `delivered`; `failed`, which is retried; `given_up`, which is not. */
export const DELIVERY_OUTCOMES = ["delivered", "failed", "given_up"] as const;

/**
 * Result of an attempt to deliver. `times` is more than 1 for deliveries that were given up together, without an
 * attempt.
 */
export type DeliveryResult = {
  readonly type: NotifyTarget["type"];
  readonly outcome: (typeof DELIVERY_OUTCOMES)[number];
  readonly times: number;
};

export type DispatcherOptions = Pick<
  EngineOptions,
  "store" | "clock" | "runtime" | "log" | "environment" | "followSchedules"
> & {
  /** Repeats `work` until the database accepts it, so that a delivery that was sent is not sent again. */
  readonly retryUntilStored: (work: () => void) => Promise<void>;
};

/**
 * Sends the deliveries that wait in the database, in order within each channel. While a receiver is unavailable, its channel
 * waits behind the delivery that is retried. In memory it only keeps when each channel is due.
 */
export class Dispatcher implements Disposable {
  readonly #options: DispatcherOptions;
  readonly #stop = new AbortController();
  /** When the first delivery of each channel is due, in ms since the epoch. */
  readonly #dueAt = new Map<string, number>();
  readonly #busy = new Set<string>();
  #cancelTimer: (() => void) | null = null;
  #isWakeScheduled = false;
  #onIdle: (() => void) | null = null;
  readonly #emit: (result: DeliveryResult) => void;

  constructor(options: DispatcherOptions, emit: (result: DeliveryResult) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** Tries all waiting deliveries of the previous process immediately: a restart may have fixed their problem. */
  start(): void {
    const now = this.#options.clock.now();
    for (const channel of this.#options.store.notifications.listWaitingChannels()) this.#dueAt.set(channel, now);
    this.#dispatch();
  }

  /** Aborts the current requests. Their deliveries stay queued for the next start. */
  [Symbol.dispose](): void {
    abortQuietly(this.#stop);
    this.#cancelTimer?.();
  }

  /** Schedules a channel in which a delivery was queued, in a transaction that may still be open. */
  wake(channel: string): void {
    if (!this.#dueAt.has(channel)) this.#dueAt.set(channel, this.#options.clock.now());
    if (this.#isWakeScheduled) return;
    this.#isWakeScheduled = true;
    soon(() => {
      this.#isWakeScheduled = false;
      this.#dispatch();
    });
  }

  /** Tries the waiting deliveries of a channel now, since its receiver is known to work. */
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
      this.#busy.add(channel);
      void this.#deliverNext(channel);
    }
    if (this.#busy.size === 0) this.#onIdle?.();
    this.#arm();
  }

  /** Returns the channel that has been due the longest. Null if none is due or the maximum of deliveries is reached. */
  #nextDue(): string | null {
    if (this.#busy.size >= MAX_CONCURRENT) return null;
    const now = this.#options.clock.now();
    let first: { readonly channel: string; readonly dueAt: number } | null = null;
    for (const [channel, dueAt] of this.#dueAt) {
      if (this.#busy.has(channel) || waitMs(dueAt, now) > 0) continue;
      if (first === null || dueAt < first.dueAt) first = { channel, dueAt };
    }
    return first?.channel ?? null;
  }

  /** Sets the timer for the next due channel. At the maximum of deliveries, the end of one dispatches again. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#busy.size >= MAX_CONCURRENT) return;
    const { clock } = this.#options;
    const now = clock.now();
    const waits = [...this.#dueAt].filter(([channel]) => !this.#busy.has(channel)).map(([, at]) => waitMs(at, now));
    if (waits.length > 0)
      this.#cancelTimer = clock.setTimeout(
        () => this.#dispatch(),
        waits.reduce((shortest, wait) => Math.min(shortest, wait)),
      );
  }

  async #deliverNext(channel: string): Promise<void> {
    const { store, clock, log } = this.#options;
    try {
      const delivery = store.notifications.findNext(channel);
      if (delivery === null) this.#dueAt.delete(channel);
      else this.#dueAt.set(channel, await this.#deliver(delivery));
    } catch (error) {
      if (!this.#stop.signal.aborted) log.error({ err: error }, "cannot send a notification");
      this.#dueAt.set(channel, clock.now() + ERROR_DELAY_MS);
    }
    this.#busy.delete(channel);
    // In the next turn, so that a channel full of refused deliveries does not block the event loop.
    soon(() => this.#dispatch());
  }

  /** Makes one attempt. Returns when its channel is due again. */
  async #deliver(delivery: Delivery): Promise<number> {
    const { store, clock, retryUntilStored } = this.#options;
    const job = store.jobs.getDefinition(delivery.versionId);
    const target = job.notify?.[delivery.target];
    if (target === undefined) throw new Error(`job ${job.id} has no notify[${delivery.target}]`);
    const result = await this.#send(delivery, target, job.source.folder);
    this.#stop.signal.throwIfAborted();
    const now = clock.now();
    const end = endOf(result, delivery, now);
    if (end !== null) {
      await this.#end(delivery, target, end);
      return now;
    }
    const dueAt = now + delayMs(result, delivery);
    const error = result.kind === "delivered" ? "" : result.why;
    await retryUntilStored(() => store.notifications.postpone(delivery.id, { dueAt, error }));
    this.#emit({ type: target.type, outcome: "failed", times: 1 });
    this.#logFailure(delivery, target, { why: error, retry_in_ms: dueAt - now });
    return dueAt;
  }

  async #send(delivery: Delivery, target: NotifyTarget, folder: string): Promise<SendResult> {
    const { clock, runtime, environment } = this.#options;
    return await sendTo(target, delivery, { clock, runtime, environment, folder, signal: this.#stop.signal });
  }

  async #end(delivery: Delivery, target: NotifyTarget, end: DeliveryEnd): Promise<void> {
    const { store, clock, log, retryUntilStored } = this.#options;
    const now = clock.now();
    await retryUntilStored(() =>
      store.transaction(() => {
        store.notifications.finish(delivery.id, end, now);
        store.notifications.deleteEnded(now - RETENTION_MS, PRUNE_ROWS);
      }),
    );
    this.#emit({ type: target.type, outcome: end.status, times: 1 });
    const fields = this.#fields(delivery);
    if (end.status === "delivered") log.debug(fields, `${describe(delivery, target)} was delivered`);
    else log.error({ ...fields, why: end.error }, `${describe(delivery, target)} was given up: ${end.error}`);
  }

  /** Logs the first failure of a delivery as a warning, and repeated failures for debugging only. */
  #logFailure(delivery: Delivery, target: NotifyTarget, failure: { why: string; retry_in_ms: number }): void {
    const level = delivery.attempts === 0 ? "warn" : "debug";
    const message = `${describe(delivery, target)} was not delivered: ${failure.why}`;
    this.#options.log[level]({ ...this.#fields(delivery), ...failure }, message);
  }

  #fields({ id, jobId, runId, event, attempts }: Delivery): Readonly<Record<string, unknown>> {
    return { job_id: jobId, run_id: runId, event, delivery: id, attempt: attempts + 1 };
  }
}

/**
 * Returns the wait until `dueAt`. A wait longer than the maximum delay means that the clock was set back, and counts
 * as 0.
 */
const waitMs = (dueAt: number, now: number): number =>
  dueAt - now > MAX_DELIVERY_DELAY_MS ? 0 : Math.max(0, dueAt - now);

/** Returns how the delivery ends, or null if it is retried. */
const endOf = (result: SendResult, { queuedAt }: Delivery, now: number): DeliveryEnd | null => {
  if (result.kind === "delivered") return { status: "delivered" };
  if (result.kind === "refused") return { status: "given_up", error: result.why };
  return now - queuedAt >= DELIVERY_EXPIRES_MS ? { status: "given_up", error: `${result.why}, for 24 hours` } : null;
};

const delayMs = (result: SendResult, { attempts }: Delivery): number => {
  const requestedMs = result.kind === "failed" ? (result.retryAfterMs ?? 0) : 0;
  return Math.min(MAX_DELIVERY_DELAY_MS, Math.max(requestedMs, deliveryDelayMs(attempts + 1, Math.random())));
};

const describe = ({ jobId, event, target: place }: Delivery, target: NotifyTarget): string =>
  `the ${event} of ${jobId} to notify[${place}] (${target.type}, ${receiverText(target)})`;
