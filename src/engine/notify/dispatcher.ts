import {
  DELIVERY_EXPIRES_MS,
  deliveryDelayMs,
  MAX_DELIVERY_DELAY_MS,
  maskedUrl,
  type NotifyTarget,
} from "../../domain/notification.ts";
import { abortQuietly } from "../../lib/abort.ts";
import { sleep, soon } from "../../lib/clock.ts";
import type { Delivery, DeliveryEnd } from "../../store/notifications.ts";
import type { EngineOptions } from "../options.ts";
import { makeRequest } from "./request.ts";
import { type Sent, send } from "./send.ts";

/** Deliveries on their way at once; of a channel, one. */
const AT_ONCE = 4;

/** What ended is kept so long, for whoever looks into the database. */
const KEPT_MS = 7 * 86_400_000;
const PRUNE_ROWS = 20;

/** After a fault of petit itself, or of the database. */
const AGAIN_MS = 30_000;

/** How long petit waits, when it stops, for what can be delivered at once. */
const DRAIN_MS = 2_000;

/** `failed`: it is tried again. */
export const DELIVERY_OUTCOMES = ["delivered", "failed", "given_up"] as const;

/** What came of an attempt to deliver; or, `times`, of what was never tried. */
export type DeliveryNews = {
  readonly type: NotifyTarget["type"];
  readonly outcome: (typeof DELIVERY_OUTCOMES)[number];
  readonly times: number;
};

export type CourierOptions = Pick<EngineOptions, "store" | "clock" | "log" | "environment" | "followSchedules"> & {
  /** Repeats `work` while the database can't be written: what was sent must not be sent again for want of a row. */
  readonly untilStored: (work: () => void) => Promise<void>;
};

/**
 * Sends what waits in the database, channel by channel in the order of the queue: where a receiver is away, what is for
 * it waits behind the one that is tried. Of all that, it remembers when each channel is due.
 */
export class Courier implements Disposable {
  readonly #options: CourierOptions;
  readonly #left = new AbortController();
  /** When the first of each channel is to be tried, ms since the epoch. */
  readonly #dueAt = new Map<string, number>();
  readonly #busy = new Set<string>();
  #cancelTimer: (() => void) | null = null;
  #isWoken = false;
  #whenIdle: (() => void) | null = null;
  readonly #tell: (news: DeliveryNews) => void;

  constructor(options: CourierOptions, tell: (news: DeliveryNews) => void) {
    this.#options = options;
    this.#tell = tell;
  }

  /** Takes up what an earlier petit left, all of it at once: a new start may be what was lacking. */
  start(): void {
    const now = this.#options.clock.now();
    for (const channel of this.#options.store.notifications.listWaitingChannels()) this.#dueAt.set(channel, now);
    this.#pump();
  }

  /** Lets what is on its way go: it stays queued, for the next start. */
  [Symbol.dispose](): void {
    abortQuietly(this.#left);
    this.#cancelTimer?.();
  }

  /** Something was queued in a channel, in a transaction that may still be open. */
  look(channel: string): void {
    if (!this.#dueAt.has(channel)) this.#dueAt.set(channel, this.#options.clock.now());
    if (this.#isWoken) return;
    this.#isWoken = true;
    soon(() => {
      this.#isWoken = false;
      this.#pump();
    });
  }

  /** Resolves when nothing is left that could be sent now; after 2 s, or when `signal` aborts, all the same. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#pump();
    if (this.#busy.size === 0) return;
    const idle = new AbortController();
    this.#whenIdle = () => abortQuietly(idle);
    await sleep(this.#options.clock, DRAIN_MS, AbortSignal.any([idle.signal, signal]));
  }

  #pump(): void {
    if (this.#left.signal.aborted) return;
    for (let channel = this.#nextDue(); channel !== null; channel = this.#nextDue()) {
      this.#busy.add(channel);
      void this.#serve(channel);
    }
    if (this.#busy.size === 0) this.#whenIdle?.();
    this.#arm();
  }

  /** The one that is due the longest; null where none is, or enough is on its way. */
  #nextDue(): string | null {
    if (this.#busy.size >= AT_ONCE) return null;
    const now = this.#options.clock.now();
    let first: { readonly channel: string; readonly dueAt: number } | null = null;
    for (const [channel, dueAt] of this.#dueAt) {
      if (this.#busy.has(channel) || waitMs(dueAt, now) > 0) continue;
      if (first === null || dueAt < first.dueAt) first = { channel, dueAt };
    }
    return first?.channel ?? null;
  }

  /** For the next channel that comes due; while there is no room, the end of a delivery looks again. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#busy.size >= AT_ONCE) return;
    const { clock } = this.#options;
    const now = clock.now();
    const waits = [...this.#dueAt].filter(([channel]) => !this.#busy.has(channel)).map(([, at]) => waitMs(at, now));
    if (waits.length > 0)
      this.#cancelTimer = clock.setTimeout(
        () => this.#pump(),
        waits.reduce((least, wait) => Math.min(least, wait)),
      );
  }

  async #serve(channel: string): Promise<void> {
    const { store, clock, log } = this.#options;
    try {
      const delivery = store.notifications.findNext(channel);
      if (delivery === null) this.#dueAt.delete(channel);
      else this.#dueAt.set(channel, await this.#deliver(delivery));
    } catch (error) {
      if (!this.#left.signal.aborted) log.error({ err: error }, "a notification can't be sent");
      this.#dueAt.set(channel, clock.now() + AGAIN_MS);
    }
    this.#busy.delete(channel);
    // In its own turn: a channel full of what is refused must not hold up everything else.
    soon(() => this.#pump());
  }

  /** One attempt. Answers when its channel is to be looked at again. */
  async #deliver(delivery: Delivery): Promise<number> {
    const { store, clock, untilStored } = this.#options;
    const job = store.jobs.getDefinition(delivery.versionId);
    const target = job.notify?.[delivery.target];
    if (target === undefined) throw new Error(`job ${job.id} has no notify[${delivery.target}]`);
    const sent = await this.#send(delivery, target, job.source.folder);
    this.#left.signal.throwIfAborted();
    const now = clock.now();
    const end = endOf(sent, delivery, now);
    if (end !== null) {
      await this.#end(delivery, target, end);
      return now;
    }
    const dueAt = now + delayMs(sent, delivery);
    const error = sent.kind === "delivered" ? "" : sent.why;
    await untilStored(() => store.notifications.postpone(delivery.id, { dueAt, error }));
    this.#tell({ type: target.type, outcome: "failed", times: 1 });
    this.#tellFailure(delivery, target, { why: error, retry_in_ms: dueAt - now });
    return dueAt;
  }

  async #send(delivery: Delivery, target: NotifyTarget, folder: string): Promise<Sent> {
    const { clock, environment } = this.#options;
    const request = makeRequest(delivery, target, { environment, folder, now: clock.now() });
    if ("problem" in request) return { kind: "failed", why: request.problem, retryAfterMs: null };
    return await send(request, { clock, timeoutMs: target.timeoutMs, signal: this.#left.signal });
  }

  async #end(delivery: Delivery, target: NotifyTarget, end: DeliveryEnd): Promise<void> {
    const { store, clock, log, untilStored } = this.#options;
    const now = clock.now();
    await untilStored(() =>
      store.transaction(() => {
        store.notifications.finish(delivery.id, end, now);
        store.notifications.deleteEnded(now - KEPT_MS, PRUNE_ROWS);
      }),
    );
    this.#tell({ type: target.type, outcome: end.status, times: 1 });
    const fields = this.#fields(delivery);
    if (end.status === "delivered") log.debug(fields, `${describe(delivery, target)} was delivered`);
    else log.error({ ...fields, why: end.error }, `${describe(delivery, target)} was given up: ${end.error}`);
  }

  /** The first failure is news; that it goes on is not. */
  #tellFailure(delivery: Delivery, target: NotifyTarget, failure: { why: string; retry_in_ms: number }): void {
    const level = delivery.attempts === 0 ? "warn" : "debug";
    const message = `${describe(delivery, target)} was not delivered: ${failure.why}`;
    this.#options.log[level]({ ...this.#fields(delivery), ...failure }, message);
  }

  #fields({ id, jobId, runId, event, attempts }: Delivery): Readonly<Record<string, unknown>> {
    return { job_id: jobId, run_id: runId, event, delivery: id, attempt: attempts + 1 };
  }
}

/** Never longer than anything is postponed: the clock may have been set back. */
const waitMs = (dueAt: number, now: number): number =>
  dueAt - now > MAX_DELIVERY_DELAY_MS ? 0 : Math.max(0, dueAt - now);

/** Null where it is tried again. */
const endOf = (sent: Sent, { queuedAt }: Delivery, now: number): DeliveryEnd | null => {
  if (sent.kind === "delivered") return { status: "delivered" };
  if (sent.kind === "refused") return { status: "given_up", error: sent.why };
  return now - queuedAt >= DELIVERY_EXPIRES_MS ? { status: "given_up", error: `${sent.why}, for 24 hours` } : null;
};

const delayMs = (sent: Sent, { attempts }: Delivery): number => {
  const asked = sent.kind === "failed" ? (sent.retryAfterMs ?? 0) : 0;
  return Math.min(MAX_DELIVERY_DELAY_MS, Math.max(asked, deliveryDelayMs(attempts + 1, Math.random())));
};

const describe = ({ jobId, event, target: place }: Delivery, { type, url }: NotifyTarget): string =>
  `the ${event} of ${jobId} to notify[${place}] (${type}, ${maskedUrl(url)})`;
