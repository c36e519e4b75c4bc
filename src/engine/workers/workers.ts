import type { RunId } from "../../domain/ids.ts";
import { refuse, workerNotFound } from "../../domain/refusal.ts";
import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import type { AttemptOutcome } from "../../domain/task-run.ts";
import { linkFaultText } from "../../domain/words/link.ts";
import { INTERRUPTED_ERROR } from "../../domain/words/run.ts";
import { canRun } from "../../domain/workers/labels.ts";
import type { LinkState } from "../../domain/workers/link.ts";
import type { Control } from "../../domain/workers/protocol.ts";
import { Repeats } from "../../domain/workers/repeats.ts";
import type { BlockedAttempt, Dispatch, WorkerWait } from "../../domain/workers/waiting.ts";
import type { WorkerView } from "../../domain/workers/worker.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { SigningKey } from "../../lib/wire/signing.ts";
import type { AttemptDriver } from "../attempt/driver.ts";
import { describeEnd } from "../attempt/exit-status.ts";
import type { AttemptResult, RunAttemptOptions } from "../attempt/run-attempt.ts";
import { catchErrors, Listeners } from "../listeners.ts";
import { LiveAttempt } from "./live-attempt.ts";
import { LabelSets } from "./offers/label-sets.ts";
import { Outbox } from "./offers/outbox.ts";
import { WaitingOffers } from "./offers/waiting-offers.ts";
import { Presence } from "./presence.ts";
import type { CreateRemoteWorkers, RemoteWorkers, RemoteWorkersParts } from "./remote.ts";
import type { RemoteContext } from "./remote-context.ts";
import { answerRequest } from "./requests/requests.ts";
import { schedulerIdentity } from "./scheduler-identity.ts";
import type { SchedulerReceiver, SchedulerTransport } from "./transport.ts";
import { viewWorkers } from "./view.ts";

export type WorkersOptions = {
  readonly transport: SchedulerTransport;
  readonly signingKeys: readonly SigningKey[];
  readonly lostAfterMs: number;
  /** Path of the database; null, which is the default, for one in memory. */
  readonly dbPath?: string | null;
  /** Called if another petit has a later epoch of the database. */
  readonly onSuperseded?: (by: string) => void;
  /** The address of NATS, for people, without a password. */
  readonly url: string;
};

/** Returns the function that creates the part of the engine that communicates with workers. */
export const remoteWorkers =
  ({
    transport,
    signingKeys,
    lostAfterMs,
    dbPath = null,
    url,
    onSuperseded = () => {},
  }: WorkersOptions): CreateRemoteWorkers =>
  ({ store, commits, clock, log, ensureFiles, detach, onWaitChange }) =>
    new Workers({
      transport,
      signingKeys,
      lostAfterMs,
      dbPath,
      onSuperseded,
      url,
      store,
      commits,
      clock,
      log,
      ensureFiles,
      detach,
      onWaitChange,
    });

/** How long a worker may take to answer a control message. The answer to its next hello has the same content. */
const CONTROL_TIMEOUT_MS = 5_000;

/** A worker that repeats a message that petit refuses is logged again after this time, in ms. */
const REPEAT_MS = 3_600_000;

/** Bounds of the interval between checks for lost workers and due offers, in ms. */
const MIN_TICK_MS = 20;
const MAX_TICK_MS = 1_000;

/** Offers attempts to workers, and follows those that they have claimed. */
class Workers implements RemoteWorkers {
  readonly driver: AttemptDriver;
  readonly #options: WorkersOptions & RemoteWorkersParts;
  readonly #attempts = new Map<number, LiveAttempt>();
  readonly #context: RemoteContext;
  readonly #presence: Presence;
  readonly #sets = new LabelSets();
  readonly #outbox: Outbox;
  readonly #waiting: WaitingOffers;
  readonly #dispatched = new Listeners<"dispatched", number>();
  readonly #tickMs: number;
  #lastTick: number;
  #cancelTick: (() => void) | null = null;
  #linkChangedAt: number;
  /** When JetStream last began or ceased to refuse what petit sends. */
  #problemAt: number;

  constructor(options: WorkersOptions & RemoteWorkersParts) {
    const { store, commits, clock, log, transport, signingKeys, lostAfterMs, ensureFiles, detach } = options;
    this.#options = options;
    this.#context = {
      store,
      commits,
      clock,
      log,
      transport,
      signingKeys,
      lostAfterMs,
      ensureFiles,
      detach,
      scheduler: store.identity.get().id,
      attempts: this.#attempts,
      repeats: new Repeats(REPEAT_MS),
    };
    this.#presence = new Presence(this.#context, (worker) => void this.#control(worker, { kind: "greet" }));
    this.#outbox = new Outbox(this.#context);
    this.#waiting = new WaitingOffers(clock);
    this.#tickMs = Math.min(MAX_TICK_MS, Math.max(MIN_TICK_MS, lostAfterMs / 20));
    this.#lastTick = clock.monotonic();
    this.#linkChangedAt = this.#problemAt = clock.now();
    this.driver = {
      outlivesPetit: true,
      store: ({ run, node, task, now }) => store.runs.offerAttempt(run, node, { labels: task.runsOn ?? [], now }),
      run: (attempt) => this.#run(attempt),
      isExecuting: ({ id }) => {
        const live = this.#attempts.get(id);
        return live !== undefined && !live.isOpen && live.blocked === null;
      },
      release: ({ id }) => {
        const live = this.#attempts.get(id);
        this.#attempts.delete(id);
        if (live === undefined) return;
        live.release();
        this.#waiting.remove(live);
        this.#outbox.remove(live);
      },
    };
  }

  start(): void {
    const { transport, detach } = this.#options;
    detach.addEventListener("abort", () => this.#stop(), { once: true });
    const { store, dbPath = null, onSuperseded = () => {} } = this.#options;
    const receiver: SchedulerReceiver = {
      onState: (state) => this.#onLink(state),
      onProblem: (problem) => this.#onProblem(problem),
      onRequest: (request) =>
        answerRequest(request, {
          context: this.#context,
          presence: this.#presence,
          outbox: this.#outbox,
          waiting: this.#waiting,
          sets: this.#sets,
          onClaimed: (live) => this.#onClaimed(live),
          onMissing: (live, about) => void this.#offerAgain(live, about),
        }),
    };
    transport.start(receiver, schedulerIdentity({ store, dbPath, onOutdated: () => this.#onOutdated(), onSuperseded }));
    this.#tickLater();
  }

  /** Begins a new incarnation, because NATS has seen a newer state of the database. Nothing was sent to workers since the connection. */
  #onOutdated(): void {
    const { store, clock, log } = this.#options;
    log.warn({}, "the database was replaced by an older copy: what ran at that time may count as interrupted");
    store.identity.renew({ now: clock.now(), isHere: () => true });
    for (const live of this.#attempts.values()) {
      live.offer = store.offers.find(live.id) ?? live.offer;
      this.#loseRestored(live, { isReleased: false });
    }
  }

  /** Detaches from the attempts. They continue on their workers, and the next process follows them. */
  #stop(): void {
    this.#cancelTick?.();
    for (const live of this.#attempts.values()) {
      live.fail(this.#options.detach.reason);
      live.release();
    }
  }

  async #run(options: RunAttemptOptions): Promise<AttemptResult> {
    const { attempt, end, forceKill } = options;
    const offer = this.#options.store.offers.find(attempt.id);
    if (offer === null) throw new Error(`attempt ${attempt.id} has no offer`);
    const live = new LiveAttempt(options, offer);
    this.#attempts.set(attempt.id, live);
    const onEnd = (): void => this.#end(live);
    for (const signal of [end, forceKill]) signal.addEventListener("abort", onEnd);
    if (live.isOpen) this.#offer(live);
    if (end.aborted) onEnd();
    this.#loseRestored(live, { isReleased: false });
    try {
      return await live.result;
    } finally {
      for (const signal of [end, forceKill]) signal.removeEventListener("abort", onEnd);
    }
  }

  #offer(live: LiveAttempt): void {
    const set = this.#sets.add(live.needs.labels);
    this.#waiting.add(live);
    this.#outbox.add(live);
    for (const [name, { hello, sets }] of this.#presence.contacts)
      if (!sets.has(set) && !hello.draining && canRun(hello, live.needs)) void this.#control(name, { kind: "greet" });
  }

  /** Ends an attempt on request: at once if no worker has claimed it. */
  #end(live: LiveAttempt): void {
    const { end, forceKill, now } = live.options;
    if (live.isOver || !end.aborted) return;
    const reason: EndingReason = ENDING_REASONS.find((each) => each === end.reason) ?? "cancelled";
    const { claim, offer } = live;
    if (claim === null) {
      live.finish(failed({ reason, error: describeEnd(reason, null) }, now()));
      return;
    }
    live.end = { reason, force: forceKill.aborted };
    const { scheduler } = this.#context;
    void this.#control(claim.worker, { kind: "end", scheduler, attempt: live.id, epoch: offer.epoch, ...live.end });
  }

  #onClaimed(live: LiveAttempt): void {
    const { log, clock, onWaitChange } = this.#options;
    live.blocked = null;
    this.#waiting.remove(live);
    onWaitChange(live.options.attempt.runId);
    log.debug(live.logFields, "a worker has claimed an attempt");
    this.#dispatched.emit("dispatched", clock.monotonic() - live.offeredAt);
  }

  /** Offers an attempt again because its worker never started it, or lets it count as interrupted if it may have. */
  async #offerAgain(live: LiveAttempt, { mayHaveRun }: { readonly mayHaveRun: boolean }): Promise<void> {
    const { log, commits, store, clock, detach, onWaitChange } = this.#options;
    // The attempt was to be ended, and its worker does not have it, so it ends here.
    if (live.end !== null) {
      const { reason } = live.end;
      live.finish(failed({ reason, error: describeEnd(reason, null) }, live.options.now()));
      return;
    }
    const { offer } = live;
    if (offer.isRestored || mayHaveRun) {
      live.isMissing = true;
      this.#loseRestored(live, { isReleased: false });
      return;
    }
    log.info(live.logFields, "a worker does not have an attempt that it claimed; it is offered again");
    try {
      await commits.enqueueUntilStored((addHooks) => {
        if (live.isOver || live.offer !== offer || live.outcome !== null) return;
        if (!store.offers.offerAgain(offer, clock.now())) return;
        addHooks({
          onCommit: () => {
            live.offer = { ...offer, state: "offered", epoch: offer.epoch + 1, claim: null, storedOffset: 0 };
            if (live.options.end.aborted) this.#end(live);
            else this.#offer(live);
            onWaitChange(live.options.attempt.runId);
          },
        });
      });
    } catch (error) {
      if (!detach.aborted) log.error({ ...live.logFields, err: error }, "cannot offer an attempt again");
    }
  }

  /** Sends a control message. It may get lost, because the answer to the next hello has the same content. */
  async #control(worker: string, message: Control): Promise<void> {
    const { transport, log } = this.#options;
    try {
      await transport.control(worker, message, CONTROL_TIMEOUT_MS);
    } catch (error) {
      log.debug({ err: error, worker, control: message.kind }, "a worker does not answer");
    }
  }

  #onLink(state: LinkState): void {
    const { log, clock, url, store } = this.#options;
    const isConnected = state.status === "connected";
    this.#linkChangedAt = clock.now();
    this.#presence.setConnected(isConnected);
    if (isConnected) {
      log.info({ nats: url }, "connected to NATS");
      this.#outbox.publishDue({ isAll: true });
      // Workers get no work from a petit that has just started until they say hello.
      for (const { name, leaving } of store.workers.list()) if (!leaving) void this.#control(name, { kind: "greet" });
    } else
      log.warn({ nats: url, fault: state.fault, detail: state.detail }, `not connected: ${linkFaultText(state.fault)}`);
  }

  #onProblem(problem: string | null): void {
    const { log, clock, url } = this.#options;
    this.#problemAt = clock.now();
    if (problem !== null) {
      log.error({ nats: url, problem }, "NATS is connected, but does not store what petit sends");
      return;
    }
    log.info({ nats: url }, "NATS stores what petit sends again");
    this.#outbox.publishDue({ isAll: true });
  }

  #tickLater(): void {
    const { clock, detach, log } = this.#options;
    this.#cancelTick = clock.setTimeout(() => {
      if (detach.aborted) return;
      try {
        this.#tick();
      } catch (error) {
        log.error({ err: error }, "cannot check the workers and the offers");
      }
      this.#tickLater();
    }, this.#tickMs);
  }

  #tick(): void {
    const { clock, lostAfterMs } = this.#options;
    const now = clock.monotonic();
    // petit was suspended, and may not have read all messages of workers yet.
    if (now - this.#lastTick > Math.max(3 * this.#tickMs, lostAfterMs / 4)) this.#presence.restart();
    this.#lastTick = now;
    this.#presence.reportMissing();
    // By then, workers that are cut off have ended what they ran for the petit that the copy was made of.
    const isReleased = this.#presence.connectedMs >= this.#presence.longestLostAfterMs;
    for (const live of this.#attempts.values()) {
      this.#loseRestored(live, { isReleased });
      const { claim } = live;
      if (claim === null || live.outcome !== null) continue;
      const silentMs = this.#presence.silentMs(claim.worker, claim.instance);
      if (silentMs >= this.#presence.lostAfterMs(claim.worker)) this.#lose(live, claim.worker);
    }
    this.#outbox.publishDue({ isAll: false });
  }

  #lose(live: LiveAttempt, worker: string): void {
    this.#options.log.warn(live.logFields, "the worker of an attempt is lost");
    const error = `worker ${worker} was out of reach for ${formatDuration(this.#presence.lostAfterMs(worker))}`;
    live.finish(failed({ reason: "worker_lost", error }, live.options.now()));
  }

  /** Ends an attempt that is gone since a restore. If it is made anew, that waits until it can't run anywhere any more. */
  #loseRestored(live: LiveAttempt, { isReleased }: { readonly isReleased: boolean }): void {
    if (!live.isGone || (live.mayRerun && !isReleased)) return;
    this.#options.log.warn(
      live.logFields,
      "an attempt ran when petit or its worker was restored; it counts as interrupted",
    );
    live.finish(failed({ reason: "interrupted", error: INTERRUPTED_ERROR }, live.options.now()));
  }

  get dispatch(): Dispatch {
    const { transport, url } = this.#options;
    const { state } = transport;
    const error = state.status === "connected" || state.detail === "" ? null : state.detail;
    const isConnected = state.status === "connected";
    const { problem: detail = null } = transport;
    const problem = isConnected && detail !== null ? { problem: { detail, since: this.#problemAt } } : {};
    return { url, isConnected, since: this.#linkChangedAt, error, ...problem };
  }

  get workers(): readonly WorkerView[] {
    return viewWorkers(this.#options.store.workers.list(), this.#presence, this.#attempts.values());
  }

  listWaits(runId?: RunId): readonly WorkerWait[] {
    return this.#liveOf(runId).flatMap((live) => (live.isOpen ? [waitOf(live)] : []));
  }

  listBlocked(runId?: RunId): readonly BlockedAttempt[] {
    return this.#liveOf(runId).flatMap((live) =>
      live.blocked === null || live.isOver
        ? []
        : [{ ...waitOf(live), worker: live.claim?.worker ?? null, blocked: live.blocked }],
    );
  }

  #liveOf(runId: RunId | undefined): readonly LiveAttempt[] {
    const all = [...this.#attempts.values()];
    return runId === undefined ? all : all.filter(({ options }) => options.attempt.runId === runId);
  }

  setDrained(name: string, drained: boolean, by: string | null): void {
    const { store, clock } = this.#options;
    if (!store.workers.setDrained(name, drained, { now: clock.now(), by })) throw this.#notFound(name);
    void this.#control(name, { kind: drained ? "drain" : "resume" });
  }

  forget(name: string): void {
    const { store } = this.#options;
    const view = this.workers.find((worker) => worker.name === name);
    if (view === undefined) throw this.#notFound(name);
    const isThere = view.state === "connected" || view.state === "refused";
    if (isThere || view.attempts.length > 0)
      throw refuse({ reason: "worker_in_use", worker: name, attempts: view.attempts.length });
    store.workers.forget(name);
    this.#presence.forget(name);
  }

  #notFound(name: string) {
    return workerNotFound(
      name,
      this.#options.store.workers.list().map((worker) => worker.name),
    );
  }

  onDispatched(listener: (latencyMs: number) => void): () => void {
    return this.#dispatched.add("dispatched", catchErrors(listener, this.#options.log));
  }
}

const waitOf = (live: LiveAttempt): WorkerWait => {
  const { attempt, context } = live.options;
  const { runId, taskId, item } = attempt;
  return { runId, jobId: context.run.jobId, taskId, item, ...live.needs, since: live.offer.offeredAt };
};

const failed = (outcome: Pick<AttemptOutcome, "reason" | "error">, endedAt: number): AttemptResult => ({
  outcome: { ...outcome, status: "failed", exitCode: null, signal: null },
  outputs: {},
  transient: false,
  endedAt,
});
