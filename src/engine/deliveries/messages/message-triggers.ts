import type { FailingTrigger } from "../../../domain/attention.ts";
import { isOfSubject } from "../../../domain/deliveries/message.ts";
import { type NatsTrigger, triggerKey } from "../../../domain/deliveries/trigger.ts";
import type { JobId } from "../../../domain/ids.ts";
import { TransportError } from "../../../domain/workers/link.ts";
import { type Clock, sleep } from "../../../lib/clock.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import type { Log } from "../../../lib/log.ts";
import { assertNever } from "../../../lib/never.ts";
import type { StoredJob } from "../../../store/jobs.ts";
import type { Store } from "../../../store/store.ts";
import type { MessageConsumer } from "../../../store/triggers/message-consumers.ts";
import type { Commits } from "../../commits.ts";
import type { InternalErrors } from "../../internal-errors.ts";
import type { Jobs } from "../../schedule/jobs.ts";
import type { Deliveries } from "../deliveries.ts";
import { arrivalOf, consumerName } from "./arrival.ts";
import type { FirstMessage, MessageAnswer, MessageSource, StreamMessage, StreamState } from "./message-source.ts";

/** The delay before the next try to receive messages, or to delete a consumer, in ms. */
const RETRY_MS = 1_000;

/** How long a connection may be away before that needs attention, in ms. */
const PATIENCE_MS = 10_000;

export type MessageTriggersOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  readonly jobs: Jobs;
  readonly deliveries: Deliveries;
  readonly internalErrors: InternalErrors;
  /** Null in a petit without NATS. */
  readonly source: MessageSource | null;
  /** True if petit sends traces. */
  readonly isTracing: boolean;
  readonly isRunning: () => boolean;
};

/** What one `nats` trigger receives. */
type Subscription = Pick<MessageConsumer, "jobId" | "trigger" | "stream"> & {
  readonly subject: string;
  /** When petit learned of it, in ms since the Unix epoch. */
  readonly wantedSince: number;
  readonly stop: AbortController;
  /** Since when it receives nothing, by the clock for rows and the one for durations; null if it receives messages. */
  down: { readonly since: number; readonly from: number } | null;
  problem: Problem | null;
};

type Problem = Pick<FailingTrigger, "fault" | "problem">;

/** Receives the messages of `nats` triggers, and hands them to the deliveries. */
export class MessageTriggers implements Disposable {
  readonly #options: MessageTriggersOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  /** By consumer: when nothing receives its messages any more. */
  readonly #receiving = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #isStarted = false;
  #isTidying = false;

  constructor(options: MessageTriggersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStarted = true;
    this.follow();
  }

  /** Receives what the triggers of the current jobs want, and nothing else. Call it when the jobs have changed. */
  follow(): void {
    if (!this.#isStarted || this.#stop.signal.aborted) return;
    const wanted = this.#listWanted();
    for (const [key, subscription] of this.#subscriptions) {
      if (wanted.has(key)) continue;
      subscription.stop.abort("unwanted");
      this.#subscriptions.delete(key);
    }
    for (const [key, { jobId, trigger }] of wanted)
      if (!this.#subscriptions.has(key)) this.#subscribe(key, jobId, trigger);
    void this.#tidy();
  }

  [Symbol.dispose](): void {
    this.#stop.abort("stopped");
    for (const { stop } of this.#subscriptions.values()) stop.abort("stopped");
  }

  /** Returns the triggers that receive nothing. */
  listFailing(): readonly FailingTrigger[] {
    const { clock, source } = this.#options;
    return [...this.#subscriptions.values()].flatMap(({ jobId, trigger, stream, down, problem }) => {
      if (down === null) return [];
      const common = { jobId, trigger, since: down.since, count: 1 };
      if (problem !== null && problem.fault !== "nats_disconnected") return [{ ...common, ...problem }];
      if (source !== null && clock.monotonic() - down.from < PATIENCE_MS) return [];
      const text = this.#whyDisconnected() ?? problem?.problem ?? `the stream ${stream} does not answer`;
      return [{ ...common, fault: "nats_disconnected" as const, problem: text }];
    });
  }

  #whyDisconnected(): string | null {
    const { source } = this.#options;
    if (source === null) return "petit was started without --nats";
    const { state } = source;
    if (state.status === "connected") return null;
    return state.detail === "" ? "petit is not connected to NATS" : `petit is not connected to NATS: ${state.detail}`;
  }

  /** Returns the `nats` triggers of all jobs. Those of a job that are the same to NATS have the same key. */
  #listWanted(): ReadonlyMap<string, { readonly jobId: JobId; readonly trigger: NatsTrigger }> {
    const wanted = new Map<string, { readonly jobId: JobId; readonly trigger: NatsTrigger }>();
    for (const { job } of this.#options.jobs.all.values())
      for (const trigger of job.triggers ?? []) {
        if (trigger.type !== "nats") continue;
        wanted.set(JSON.stringify([job.id, triggerKey(trigger), trigger.stream, trigger.subject]), {
          jobId: job.id,
          trigger,
        });
      }
    return wanted;
  }

  #subscribe(key: string, jobId: JobId, trigger: NatsTrigger): void {
    const { clock } = this.#options;
    const subscription: Subscription = {
      jobId,
      trigger: keyOf(trigger),
      stream: trigger.stream,
      subject: trigger.subject,
      wantedSince: clock.now(),
      stop: new AbortController(),
      down: { since: clock.now(), from: clock.monotonic() },
      problem: null,
    };
    this.#subscriptions.set(key, subscription);
    this.#noteNew(subscription);
    const consumer = consumerKey(subscription);
    // What a former subject of the trigger has in hand is given back first.
    const receiving = (this.#receiving.get(consumer) ?? Promise.resolve()).then(() => this.#receive(subscription));
    this.#receiving.set(consumer, receiving);
    void receiving.then(() => {
      if (this.#receiving.get(consumer) === receiving) this.#receiving.delete(consumer);
    });
  }

  /** Stores when a trigger is new: messages that are stored from then on are for it, also if NATS answers much later. */
  #noteNew(subscription: Subscription): void {
    const { commits, store } = this.#options;
    const { jobId, trigger, stream, wantedSince } = subscription;
    if (store.messageConsumers.find({ jobId, trigger, stream }) !== null) return;
    commits.commitOrDefer(() => {
      if (this.#subscriptions.values().some((each) => each === subscription))
        store.messageConsumers.add({ jobId, trigger, stream, name: this.#nameOf(subscription), newSince: wantedSince });
    });
  }

  async #receive(subscription: Subscription): Promise<void> {
    const { source, clock, log } = this.#options;
    const { stream, subject, stop } = subscription;
    if (source === null) return;
    while (!stop.signal.aborted) {
      try {
        const consumer = this.#nameOf(subscription);
        await source.consume({
          stream,
          subject,
          consumer,
          signal: stop.signal,
          onStream: (state) => this.#noteStream(subscription, consumer, state),
          onReady: () => this.#noteReady(subscription),
          onMessages: (messages, state) => this.#accept(subscription, messages, state),
        });
      } catch (error) {
        if (error instanceof TransportError) this.#noteProblem(subscription, error);
        else if (!stop.signal.aborted)
          log.error({ err: error, job_id: subscription.jobId, stream }, "cannot receive messages");
      }
      await sleep(clock, RETRY_MS, stop.signal);
    }
  }

  /** A consumer keeps its name when its job gets another id. */
  #nameOf({ jobId, trigger, stream }: Subscription): string {
    const { messageConsumers } = this.#options.store;
    const known = messageConsumers.find({ jobId, trigger, stream });
    if (known !== null) return known.name;
    const name = consumerName(jobId, trigger);
    for (let number = 1; ; number++) {
      const unused = number === 1 ? name : `${name}-${number}`;
      if (!messageConsumers.has({ stream, name: unused })) return unused;
    }
  }

  /**
   * Stores where a new trigger begins: with the first message that was stored since petit learned of it. Returns the first message that is not
   * accounted for. A stream that was created again is received from its beginning, because the trigger was there before it.
   */
  #noteStream(subscription: Subscription, name: string, state: StreamState): Promise<FirstMessage> {
    const { createdAt, lastSequence, lastStoredAt } = state;
    const { commits, store, log } = this.#options;
    const { jobId, trigger, stream, wantedSince } = subscription;
    const key = { jobId, trigger, stream };
    return commits.enqueueUntilStored(() => {
      store.messageConsumers.add({ ...key, name, newSince: wantedSince });
      const known = store.messageConsumers.find(key);
      const newSince = known?.newSince ?? wantedSince;
      if (known === null || known.createdAt === null) {
        // A number is more exact than a time, of which petit and NATS can have different opinions.
        if (lastStoredAt < newSince) store.messageConsumers.restart(key, { createdAt, position: lastSequence });
        else store.messageConsumers.begin(key, { createdAt });
      } else if (known.createdAt !== createdAt) {
        log.warn({ job_id: jobId, stream }, `the stream ${stream} is another one than before; petit reads all of it`);
        store.messageConsumers.restart(key, { createdAt, position: 0 });
      } else if (known.position > lastSequence) {
        log.warn({ job_id: jobId, stream }, `NATS has lost the newest messages of the stream ${stream}`);
        store.messageConsumers.restart(key, { createdAt, position: lastSequence });
      }
      const next = store.messageConsumers.find(key);
      return next?.newSince == null ? { sequence: (next?.position ?? lastSequence) + 1 } : { storedAt: next.newSince };
    });
  }

  #noteReady(subscription: Subscription): void {
    const { jobId, stream, problem } = subscription;
    if (problem !== null)
      this.#options.log.info({ job_id: jobId, stream }, `petit receives messages of the stream ${stream} again`);
    subscription.down = null;
    subscription.problem = null;
  }

  #noteProblem(subscription: Subscription, error: TransportError): void {
    const { clock, log } = this.#options;
    const { jobId, stream } = subscription;
    // The first error may only say that a connection or a consumer was lost.
    const isLoss = subscription.down === null && error.fault !== "refused";
    subscription.down ??= { since: clock.now(), from: clock.monotonic() };
    if (isLoss) return;
    const problem = problemOf(error, stream);
    if (problem.fault !== subscription.problem?.fault && problem.fault !== "nats_disconnected")
      log.warn({ job_id: jobId, stream }, `cannot receive messages of the stream ${stream}: ${problem.problem}`);
    subscription.problem = problem;
  }

  #accept(
    subscription: Subscription,
    messages: readonly StreamMessage[],
    state: StreamState,
  ): Promise<readonly MessageAnswer[]> {
    return Promise.all(messages.map((message) => this.#acceptOne(subscription, message, state)));
  }

  async #acceptOne(subscription: Subscription, message: StreamMessage, state: StreamState): Promise<MessageAnswer> {
    const { commits, store, deliveries, internalErrors, log, clock, isRunning, isTracing } = this.#options;
    const { jobId, trigger: key, stream, stop } = subscription;
    const subject = { jobId, runId: null };
    try {
      return await commits.enqueueUntilStored((addHooks) => {
        const found = isRunning() && !stop.signal.aborted ? this.#find(subscription) : null;
        if (found === null) return "unwanted";
        // The trigger may have had another subject when NATS sent the message.
        if (!isOfSubject(message.subject, found.trigger.subject)) return "stored";
        deliveries.accept(arrivalOf({ ...found, message, state, isTracing }), addHooks);
        const { createdAt } = state;
        store.messageConsumers.advance({ jobId, trigger: key, stream }, { createdAt, position: message.sequence });
        addHooks({ onCommit: () => internalErrors.unblock(subject) });
        return "stored";
      });
    } catch (error) {
      // petit stops.
      if (!isRunning()) return "unwanted";
      log.error({ err: error, job_id: jobId, stream, seq: message.sequence }, "cannot accept a message");
      internalErrors.block(subject, { error, now: clock.now() });
      return "again";
    }
  }

  #find({ jobId, trigger: key, stream, subject }: Subscription): {
    readonly stored: StoredJob;
    readonly trigger: NatsTrigger;
  } | null {
    const stored = this.#options.jobs.find(jobId);
    const trigger = stored?.job.triggers?.find((each) => each.type === "nats" && keyOf(each) === key);
    if (stored === null || trigger?.type !== "nats") return null;
    return trigger.stream === stream && trigger.subject === subject ? { stored, trigger } : null;
  }

  /** Deletes the consumers of triggers that are in no job file any more. */
  async #tidy(): Promise<void> {
    const { source, clock, store, commits, log } = this.#options;
    if (source === null || this.#isTidying) return;
    this.#isTidying = true;
    try {
      for (let next = this.#nextUnwanted(); next !== undefined; next = this.#nextUnwanted()) {
        const consumer = next;
        try {
          const { stream, name, createdAt } = consumer;
          if (createdAt !== null) await source.deleteConsumer({ stream, consumer: name });
          await commits.enqueueUntilStored(() => store.messageConsumers.remove(consumer));
        } catch (error) {
          if (!(error instanceof TransportError)) throw error;
          log.debug({ stream: consumer.stream }, `cannot delete a consumer yet: ${errorMessage(error)}`);
          await sleep(clock, 5 * RETRY_MS, this.#stop.signal);
        }
        if (this.#stop.signal.aborted) return;
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) log.error({ err: error }, "cannot delete a consumer of NATS");
    } finally {
      this.#isTidying = false;
    }
  }

  #nextUnwanted(): MessageConsumer | undefined {
    const wanted = new Set([...this.#subscriptions.values()].map(consumerKey));
    return this.#options.store.messageConsumers.list().find((each) => !wanted.has(consumerKey(each)));
  }
}

const consumerKey = ({ jobId, trigger, stream }: Pick<MessageConsumer, "jobId" | "trigger" | "stream">): string =>
  JSON.stringify([jobId, trigger, stream]);

const keyOf = (trigger: NatsTrigger): string => triggerKey(trigger) ?? trigger.stream;

const problemOf = ({ fault, message }: TransportError, stream: string): Problem => {
  switch (fault) {
    case "not_found":
      return { fault: "stream_missing", problem: `there is no stream ${stream}` };
    case "refused":
      return { fault: "nats_refused", problem: message };
    case "disconnected":
    case "timeout":
    case "no_receiver":
      return { fault: "nats_disconnected", problem: message };
    default:
      return assertNever(fault);
  }
};
