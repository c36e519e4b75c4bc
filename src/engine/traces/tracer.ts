import type { RunId } from "../../domain/ids.ts";
import { maskedUrl } from "../../domain/notification.ts";
import { abortQuietly } from "../../lib/abort.ts";
import { type Clock, sleep, soon } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { escapeUnprintable, shorten } from "../../lib/text.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Store } from "../../store/store.ts";
import { send } from "../notify/send.ts";
import { maskOf } from "../secrets/mask.ts";
import { type PartialSuccess, readPartialSuccess } from "./answer.ts";
import { TraceContexts } from "./contexts.ts";
import type { Bytes } from "./protobuf.ts";
import { spansOfRun } from "./run-spans.ts";
import { encodeRequest, encodeSpan, type TraceSource } from "./span.ts";
import { SpanBuffer } from "./span-buffer.ts";

/** Where spans are sent, and what sends them. */
export type TraceTarget = {
  /** The URL for traces, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Headers of the requests, which may be secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly source: TraceSource;
};

/** How sending works. The counts are since the start of petit. */
export type TracesState = {
  /** The URL as it may be displayed, without secrets. */
  readonly url: string;
  /** Number of spans that the receiver has accepted. */
  readonly sent: number;
  /** Number of spans that were given up: because too many wait, or because the receiver refused them. */
  readonly dropped: number;
  readonly waiting: number;
  /** Since when the receiver fails, in ms since the Unix epoch, and why; null if it does not. */
  readonly failing: { readonly since: number; readonly error: string } | null;
};

export type TracerOptions = {
  readonly target: TraceTarget;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly runtime: Pick<Runtime, "request">;
};

/** What may wait to be sent. */
const BUFFER = { spans: 20_000, bytes: 8 * 2 ** 20 };

/** Bounds of a request. */
const BATCH = { spans: 512, bytes: 2 ** 20 };

/** How long spans wait for others that are sent with them, in ms. */
const BATCH_DELAY_MS = 1_000;

const REQUEST_TIMEOUT_MS = 10_000;

/** Maximum length of what a receiver says, in the log. */
const MAX_MESSAGE = 200;

/** Delays between attempts while the receiver is away, in ms. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** A receiver can ask for a longer delay, up to this, in ms. */
const LONGEST_RETRY_AFTER_MS = 300_000;

/** How long a stop may take until the last spans are sent, in ms. */
const DRAIN_MS = 1_000;

/** How many ended runs can wait for room. Then their spans are dropped until there is some. */
const MAX_ENDED = 1_000;

/** How many spans are read at once, without a pause for other work. */
const SPANS_AT_ONCE = 50;

/**
 * Sends a trace of each run that has ended to a receiver of OpenTelemetry (OTLP over HTTP, https://opentelemetry.io/docs/specs/otlp/). The
 * spans are made of what is stored about the run, so a restart before its end does not change them. Nothing waits for it, except the
 * end of petit for a second.
 */
export class Tracer implements Disposable {
  readonly #options: TracerOptions;
  readonly contexts: TraceContexts;
  readonly #buffer = new SpanBuffer(BUFFER);
  readonly #over = new AbortController();
  /** Aborted when petit stops, so that nothing is delayed any more. */
  readonly #draining = new AbortController();
  readonly #unsubscribe: () => void;
  /** The runs whose spans are not read yet. */
  readonly #ended: RunId[] = [];
  #isReading = false;
  #isSending = false;
  #sent = 0;
  #dropped = 0;
  #failing: TracesState["failing"] = null;
  /** Whether it is logged that spans are dropped. */
  #saysDropped = false;
  /** Whether it is logged that the receiver rejects spans, or warns. */
  #saysRejected = false;
  /** Called when something has changed that somebody may wait for. */
  readonly #waiters = new Set<() => void>();

  constructor(options: TracerOptions) {
    this.#options = options;
    this.contexts = new TraceContexts(options.store);
    this.#unsubscribe = options.store.events.subscribe((events) => {
      for (const { type, runId } of events) if (type === "run.finished" && runId !== null) this.#noteEnd(runId);
    });
  }

  get state(): TracesState {
    return {
      url: maskedUrl(this.#options.target.url),
      sent: this.#sent,
      dropped: this.#dropped,
      waiting: this.#buffer.length,
      failing: this.#failing,
    };
  }

  /** Sends what waits, for at most a second, and not at all while the receiver is away. */
  async drain(): Promise<void> {
    abortQuietly(this.#draining);
    const late = new AbortController();
    const isDone = (): boolean => this.#failing !== null || (!this.#isReading && !this.#isSending);
    const done = this.#until(isDone).then(() => abortQuietly(late));
    await Promise.race([done, sleep(this.#options.clock, DRAIN_MS, late.signal)]);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    abortQuietly(this.#over);
    this.#changed();
  }

  #noteEnd(runId: RunId): void {
    this.#ended.push(runId);
    if (this.#isReading) return;
    this.#isReading = true;
    soon(() => void this.#readEnded());
  }

  async #readEnded(): Promise<void> {
    for (let runId = this.#ended.shift(); runId !== undefined; runId = this.#ended.shift()) {
      if (this.#over.signal.aborted) break;
      await this.#readRun(runId);
    }
    this.#isReading = false;
    this.#changed();
  }

  async #readRun(runId: RunId): Promise<void> {
    const { store, log } = this.#options;
    try {
      const run = store.runs.find(runId);
      if (run === null) return this.#drop(1);
      if (!this.contexts.of(runId).isSampled) return;
      let count = 0;
      for (const span of spansOfRun(run, { store, contexts: this.contexts })) {
        await this.#add(encodeSpan(span));
        if (++count % SPANS_AT_ONCE === 0) await new Promise<void>(soon);
        if (this.#over.signal.aborted) return;
      }
    } catch (error) {
      // A run is never affected by that; nobody but the operator hears of it.
      log.warn({ err: error, run_id: runId }, "cannot read the trace of a run");
      this.#drop(1);
    }
  }

  /** Adds a span to what waits. If that is full, waits for the receiver, unless that is away or has long been too slow. */
  async #add(span: Bytes): Promise<void> {
    const isHopeless = (): boolean =>
      this.#failing !== null || this.#ended.length > MAX_ENDED || this.#over.signal.aborted;
    while (!this.#buffer.add(span)) {
      if (isHopeless()) return this.#drop(1);
      const { length } = this.#buffer;
      await this.#until(() => this.#buffer.length < length || isHopeless());
    }
    this.#sendSoon();
  }

  #drop(count: number): void {
    this.#dropped += count;
    if (this.#saysDropped) return;
    this.#saysDropped = true;
    this.#options.log.warn({ url: this.state.url }, "spans are dropped; petit_spans_dropped_total counts them");
  }

  #sendSoon(): void {
    if (this.#buffer.length >= BATCH.spans) this.#changed();
    if (this.#isSending) return;
    this.#isSending = true;
    void this.#sendAll();
  }

  /** Sends all that waits, in batches, one after the other. */
  async #sendAll(): Promise<void> {
    for (let retryMs = 0; this.#buffer.length > 0; ) {
      await this.#pause(retryMs);
      if (this.#over.signal.aborted || (this.#failing !== null && this.#draining.signal.aborted)) break;
      retryMs = await this.#sendBatch(retryMs);
      this.#changed();
    }
    this.#isSending = false;
    this.#changed();
  }

  /** Waits for other spans to send, or for the next attempt. */
  async #pause(retryMs: number): Promise<void> {
    const { clock } = this.#options;
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, this.#over.signal, this.#draining.signal]);
    if (retryMs > 0) return await sleep(clock, retryMs, signal);
    const full = this.#until(() => this.#buffer.length >= BATCH.spans || signal.aborted).then(() => abortQuietly(end));
    await sleep(clock, BATCH_DELAY_MS, signal);
    abortQuietly(end);
    this.#changed();
    await full;
  }

  /** Sends the oldest spans. Returns the delay until they are sent again, in ms; 0 if they are not. */
  async #sendBatch(lastRetryMs: number): Promise<number> {
    const { target, clock, runtime } = this.#options;
    const spans = this.#buffer.first(BATCH);
    const request = {
      url: target.url,
      method: "POST",
      headers: {
        "User-Agent": `petit/${target.source.version}`,
        ...target.headers,
        "Content-Type": "application/x-protobuf",
      },
      body: encodeRequest(target.source, spans),
      readAnswer: null,
      secrets: [],
    } as const;
    const options = { clock, runtime, timeoutMs: REQUEST_TIMEOUT_MS, signal: this.#over.signal, readsBody: true };
    const result = await send(request, options);
    if (this.#over.signal.aborted) return 0;
    switch (result.kind) {
      case "delivered":
        this.#buffer.remove(spans.length);
        this.#noteWorks();
        this.#noteAccepted(spans.length, readPartialSuccess(result.body ?? null));
        return 0;
      case "refused":
        this.#buffer.remove(spans.length);
        this.#noteFails(result.why);
        this.#drop(spans.length);
        return 0;
      case "failed": {
        this.#noteFails(result.why);
        const delayMs = Math.min(LONGEST_RETRY_MS, Math.max(FIRST_RETRY_MS, lastRetryMs * 2));
        return Math.max(delayMs, Math.min(result.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS));
      }
    }
  }

  /** The standard forbids to send spans again that the receiver rejects. */
  #noteAccepted(count: number, { rejected: given, message }: PartialSuccess): void {
    const { log, target } = this.#options;
    const rejected = Math.min(given, count);
    this.#sent += count - rejected;
    this.#dropped += rejected;
    const isWorse = !this.#saysRejected && (rejected > 0 || message !== "");
    this.#saysRejected = rejected > 0 || message !== "";
    if (!isWorse) return;
    const secrets = Object.values(target.headers).flatMap((value) => [value, ...value.split(" ")]);
    const error = shorten(escapeUnprintable(maskOf(secrets)?.text(message) ?? message), MAX_MESSAGE);
    const what = rejected > 0 ? "the receiver of traces rejected spans" : "the receiver of traces warns";
    log.warn({ url: this.state.url, rejected_spans: rejected, error }, what);
  }

  #noteWorks(): void {
    const { log } = this.#options;
    if (this.#failing !== null)
      log.info({ url: this.state.url, dropped_spans: this.#dropped }, "traces can be sent again");
    this.#failing = null;
    this.#saysDropped = false;
  }

  #noteFails(error: string): void {
    const { log, clock } = this.#options;
    if (this.#failing === null) log.warn({ url: this.state.url, error }, "traces can't be sent");
    this.#failing = { since: this.#failing?.since ?? clock.now(), error };
  }

  /** Resolves when a condition holds. It is checked when something has changed. */
  #until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!isTrue()) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }

  #changed(): void {
    for (const check of [...this.#waiters]) check();
  }
}
