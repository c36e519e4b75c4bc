import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { FailingTrigger } from "../../domain/attention.ts";
import type { Delivery, EventData } from "../../domain/deliveries/delivery.ts";
import {
  type Debounce,
  type EventTrigger,
  type EventTriggerType,
  type RunTrigger,
  triggerKey,
} from "../../domain/deliveries/trigger.ts";
import { type JobId, newRunId, type RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { deliveryNotFound, refuse } from "../../domain/refusal.ts";
import { type ParamValues, type Run, runFields } from "../../domain/run.ts";
import type { Clock } from "../../lib/clock.ts";
import { parseExactly } from "../../lib/json.ts";
import type { Log } from "../../lib/log.ts";
import { assertNever } from "../../lib/never.ts";
import { uuidv7 } from "../../lib/uuid.ts";
import { parseTraceParent, type TraceParent } from "../../lib/wire/trace-parent.ts";
import type { Decision, WaitingDelivery } from "../../store/deliveries.ts";
import type { StoredJob } from "../../store/jobs.ts";
import { noteAction } from "../../store/people/audit-scope.ts";
import type { Store } from "../../store/store.ts";
import type { AddHooks, Commits, TransactionHooks } from "../commits.ts";
import { assertNoStorageFault, type InternalErrors } from "../internal-errors.ts";
import { replaceOldest } from "../run/replace.ts";
import type { Runs } from "../run/runs.ts";
import type { Jobs } from "../schedule/jobs.ts";
import { Timer } from "../schedule/timer.ts";
import { type DeliveryVerdict, decideArrival, decideReplay, decideWaiting } from "./decide.ts";
import type { Acceptance } from "./result.ts";

/** Maximum of deliveries of a job that wait for the end of a pause. */
const MAX_PAUSED = 1_000;

/** Where the id of a delivery is not signed, the same signed body is the same delivery for so long. */
const SAME_BODY_MS = 86_400_000;

/**
 * How many deliveries one transaction decides about. Few, because their processes start after it; requests are answered between two
 * transactions.
 */
const BATCH = 5;

export type DeliveriesOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly internalErrors: InternalErrors;
  readonly isPaused: (jobId: JobId) => boolean;
};

/** A verified event that reached petit. */
export type Arrival = {
  readonly stored: StoredJob;
  readonly trigger: EventTrigger;
  readonly eventTypes: readonly string[];
  /** The provider's id of the delivery; null if each one is new. */
  readonly providerId: string | null;
  /** What identifies it where that id is not signed: its raw body. */
  readonly signedBody: Uint8Array | null;
  /** What the event has beside its type and its ids. */
  readonly event: Omit<EventData, "type" | "id" | "delivery_id">;
  /** True if its body is too large to be stored. Missing: it is not. */
  readonly isTooLarge?: boolean;
  /** How many runs have started one another before it. */
  readonly chain: number;
  /** The person who sends it as a test. Missing, or null: nobody does, or that is not known. */
  readonly by?: string | null;
};

/** Decides what becomes of each delivery, stores that, and starts its run. */
export class Deliveries implements Disposable {
  readonly #options: DeliveriesOptions;
  readonly #timer: Timer<"due">;
  #isStopped = false;
  /** The triggers whose last deliveries had params that do not fit, by job and trigger. */
  readonly #failing = new Map<string, FailingTrigger>();
  /** The `run` triggers, by the job whose runs they follow. */
  #followers: ReadonlyMap<JobId, readonly Follower[]> = new Map();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#timer = new Timer({ clock: options.clock, onDue: () => void this.#fireDue() });
  }

  /** Continues what waited when the previous process ended. The clock may have been set back since. */
  start(): void {
    const { store, clock } = this.#options;
    store.deliveries.bringForward(clock.now());
    this.#loadFailing();
    this.follow();
    void this.#handleEnds();
    this.#timer.start();
    this.#arm();
    for (const jobId of this.#options.store.deliveries.listWaitingJobs("paused")) this.resumed(jobId);
  }

  [Symbol.dispose](): void {
    this.#isStopped = true;
    this.#timer[Symbol.dispose]();
  }

  /** Debounced deliveries wait for a time by the clock, so they would wait longer by as much. */
  clockWasSetBack(byMs: number): void {
    const { commits, store, log } = this.#options;
    try {
      commits.commitOrDefer(() => {
        store.deliveries.advanceDebounced(byMs);
        this.#arm();
      });
    } catch (error) {
      log.error({ err: error }, "cannot bring debounced deliveries forward after the clock was set back");
    }
  }

  /** Accepts an event within the current transaction, or finds the delivery that it repeats. */
  accept(arrival: Arrival, addHooks: AddHooks): Acceptance {
    const { store, clock } = this.#options;
    const now = clock.now();
    const key = { jobId: arrival.stored.job.id, trigger: triggerKey(arrival.trigger) };
    const digest = digestOf(arrival);
    const known =
      (arrival.providerId === null
        ? null
        : store.deliveries.findByProvider({ ...key, type: arrival.trigger.type, providerId: arrival.providerId })) ??
      (digest === null ? null : store.deliveries.findByDigest({ ...key, digest, since: now - SAME_BODY_MS }));
    if (known !== null) return { delivery: known, isNew: false };
    const id = uuidv7(now);
    const eventType = arrival.eventTypes[0] ?? arrival.trigger.type;
    const event: EventData = { type: eventType, id, delivery_id: arrival.providerId, ...arrival.event };
    const { chain } = arrival;
    const incoming = { eventTypes: arrival.eventTypes, data: event, chain, isTooLarge: arrival.isTooLarge === true };
    const { job } = arrival.stored;
    const verdict = decideArrival(job, arrival.trigger, incoming, this.#stateOf(job));
    const given = { id, jobId: job.id, type: arrival.trigger.type, chain };
    const start = this.#prepare(
      {
        ...given,
        stored: arrival.stored,
        trigger: arrival.trigger,
        verdict,
        now,
        by: arrival.by ?? null,
        trace: traceOf(event),
      },
      addHooks,
    );
    this.#noteDecision(key, start.decision, { now, addHooks });
    const delivery = store.deliveries.add({
      ...given,
      trigger: triggerKey(arrival.trigger),
      eventType,
      providerId: arrival.providerId,
      digest,
      replayOf: null,
      receivedAt: now,
      event,
      decision: start.decision,
    });
    start.createRun();
    return { delivery, isNew: true };
  }

  /** Returns the triggers whose last deliveries had params that do not fit those of the job. */
  listFailing(): readonly FailingTrigger[] {
    const { jobs } = this.#options;
    return [...this.#failing.values()].filter(({ jobId, trigger }) =>
      jobs.find(jobId)?.job.triggers?.some((each) => triggerKey(each) === trigger),
    );
  }

  /** Call it when the history of a job was moved to another one. */
  noteRenamed(): void {
    this.#loadFailing();
  }

  #loadFailing(): void {
    this.#failing.clear();
    for (const each of this.#options.store.deliveries.listInvalid())
      this.#failing.set(keyOf(each), { ...each, fault: "invalid_params" });
  }

  /** Call it for each decision, within its transaction. */
  #noteDecision(key: Parameters<typeof keyOf>[0], decision: Decision, { now, addHooks }: NotedAt): void {
    addHooks({ onCommit: () => this.#count(key, decision, now) });
  }

  #count({ jobId, trigger }: Parameters<typeof keyOf>[0], decision: Decision, now: number): void {
    const key = keyOf({ jobId, trigger });
    if (decision.outcome !== "skipped") this.#failing.delete(key);
    else if (decision.reason === "invalid_params") {
      const { since = now, count = 0 } = this.#failing.get(key) ?? {};
      const problem = decision.problem ?? "";
      this.#failing.set(key, { jobId, trigger, fault: "invalid_params", since, count: count + 1, problem });
    }
  }

  /** Sets which jobs have `run` triggers on others. Call it when the jobs have changed. */
  follow(): void {
    const { store, jobs } = this.#options;
    const followers = new Map<JobId, Follower[]>();
    for (const stored of jobs.all.values())
      for (const trigger of stored.job.triggers ?? []) {
        if (trigger.type !== "run") continue;
        const jobId = jobs.currentId(trigger.jobId);
        followers.set(jobId, [...(followers.get(jobId) ?? []), { stored, trigger }]);
      }
    store.deliveries.setFollowed([...followers.keys()]);
    this.#followers = followers;
    // A job that is gone never resumes.
    for (const jobId of store.deliveries.listWaitingJobs("paused"))
      if (jobs.find(jobId) === null) void this.#fireKept(jobId);
  }

  /** The end of a run is stored. Starts the runs of other jobs that follow from it. */
  noteEnd({ jobId }: Pick<Run, "jobId">): void {
    if (this.#followers.has(jobId)) void this.#handleEnds();
  }

  /** Each end is handled once: it stays unseen until the deliveries that follow from it are stored. */
  async #handleEnds(): Promise<void> {
    const { commits, log, store } = this.#options;
    try {
      for (let hasMore = true; hasMore && !this.#isStopped; ) {
        hasMore = await commits.enqueueUntilStored((addHooks) => {
          const ended = store.deliveries.listUnseenEnds(BATCH);
          let left = BATCH;
          for (const run of ended) {
            const followers = this.#findFollowers(run);
            for (const follower of followers.slice(0, left)) this.#acceptEnd(run, follower, addHooks);
            if (followers.length > left) return true;
            store.deliveries.noteEndSeen(run.id);
            left -= followers.length;
          }
          return ended.length === BATCH;
        });
        await setImmediate();
      }
    } catch (error) {
      log.error({ err: error }, "cannot start what follows from the end of a run");
    }
  }

  /** Returns the triggers that follow from the end of a run and have no delivery of it yet. */
  #findFollowers({ id, jobId, status }: Run): readonly Follower[] {
    const { deliveries } = this.#options.store;
    return (this.#followers.get(jobId) ?? []).filter(({ stored: { job }, trigger }) => {
      if (!trigger.on.some((each) => each === status)) return false;
      const key = { jobId: job.id, type: trigger.type, trigger: triggerKey(trigger) };
      return deliveries.findByProvider({ ...key, providerId: id }) === null;
    });
  }

  #acceptEnd(run: Run, { stored, trigger }: Follower, addHooks: AddHooks): void {
    const { status } = run;
    const { id, job_id, reason, trigger: how, params, created_at, started_at, ended_at } = runFields(run, null);
    const event = {
      run: { id, job_id, status, reason, trigger: how, params, created_at, started_at, ended_at },
      outputs: run.outputs,
    };
    const arrival = {
      stored,
      trigger,
      eventTypes: [status],
      providerId: id,
      signedBody: null,
      event,
      chain: run.chain + 1,
    };
    this.accept(arrival, addHooks);
  }

  /** Starts a run of a stored delivery again for `by`, within the current transaction. Throws `not_found` and `conflict`. */
  replay(deliveryId: string, by: string | null, addHooks: AddHooks): Delivery {
    const { store, clock, jobs, runs } = this.#options;
    const original = store.deliveries.find(deliveryId);
    if (original === null) throw deliveryNotFound(deliveryId);
    const stored = jobs.mustFind(original.jobId);
    const { job } = stored;
    noteAction({ jobId: job.id });
    const trigger = triggerOf(job, original);
    if (trigger === undefined) throw refuse({ reason: "trigger_gone", deliveryId, jobId: job.id });
    const text = store.deliveries.findEvent(deliveryId);
    if (text === null || original.reason === "too_large")
      throw refuse({ reason: "event_deleted", deliveryId, jobId: job.id });
    const now = clock.now();
    const id = uuidv7(now);
    const event: EventData = { ...(parseExactly(text) as EventData), id };
    const verdict = decideReplay(job, trigger, { data: event }, runs.admissionState(job));
    const given = { id, jobId: job.id, type: original.type, chain: original.chain };
    const start = this.#prepare({ ...given, stored, trigger, verdict, now, by }, addHooks);
    this.#noteDecision({ jobId: job.id, trigger: triggerKey(trigger) }, start.decision, { now, addHooks });
    const delivery = store.deliveries.add({
      ...given,
      trigger: triggerKey(trigger),
      eventType: original.eventType,
      providerId: original.providerId,
      digest: null,
      replayOf: original.id,
      receivedAt: now,
      event,
      decision: start.decision,
    });
    start.createRun();
    return delivery;
  }

  /** Starts what was kept while a job was paused, or all jobs. */
  resumed(jobId: JobId | null): void {
    const { store } = this.#options;
    const jobIds = jobId === null ? store.deliveries.listWaitingJobs("paused") : [jobId];
    for (const each of jobIds) void this.#fireKept(each);
  }

  #stateOf(job: Job) {
    const { runs, isPaused } = this.#options;
    return { ...runs.admissionState(job), isPaused: isPaused(job.id) };
  }

  /** Returns what is stored about a delivery, and a function that creates its run, if it gets one. */
  #prepare(given: Prepared, addHooks: AddHooks): { readonly decision: Decision; readonly createRun: () => void } {
    const { verdict, stored, now } = given;
    const { runs, store } = this.#options;
    switch (verdict.kind) {
      case "skip":
        return {
          decision: { outcome: "skipped", reason: verdict.reason, problem: verdict.problem },
          createRun: nothing,
        };
      case "keep":
        this.#dropOldestKept(stored.job.id, now);
        return { decision: { outcome: "waiting", reason: "paused" }, createRun: nothing };
      case "debounce":
        return { decision: this.#debounce(given, verdict.key, addHooks), createRun: nothing };
      case "start":
      case "queue":
      case "replace": {
        const runId = newRunId(now);
        noteAction({ jobId: stored.job.id, runId });
        const isBusy = verdict.kind !== "start";
        if (verdict.kind === "replace") replaceOldest(stored.job, { runs, store, addHooks });
        return {
          decision: isBusy ? { outcome: "waiting", reason: "busy", runId } : { outcome: "fired", runId },
          createRun: () => this.#createRun({ ...given, runId, isBusy, params: verdict.params }, addHooks),
        };
      }
    }
    return assertNever(verdict);
  }

  /** Makes the delivery the one of its key that waits. The one before it is merged into it. */
  #debounce({ id, jobId, trigger, now, group: ownGroup = null }: Prepared, key: string, addHooks: AddHooks): Decision {
    const { store } = this.#options;
    const { waitMs, maxWaitMs } = mustDebounce(trigger);
    const previous = store.deliveries.findDebounced({ jobId, trigger: triggerKey(trigger), debounceKey: key });
    if (previous !== null) store.deliveries.decide(previous.id, { outcome: "merged", into: id }, now);
    // The clock may have been set back since the first one.
    const firstAt = Math.min(now, previous?.debounce.firstAt ?? now);
    const dueAt = Math.min(now + waitMs, firstAt + (maxWaitMs ?? Number.MAX_SAFE_INTEGER));
    addHooks({ onCommit: () => this.#timer.add("due", dueAt) });
    const group = previous?.debounce.group ?? ownGroup ?? id;
    // It was debounced before a pause, and meanwhile others of its key came.
    if (ownGroup !== null && ownGroup !== group) store.deliveries.joinGroups(ownGroup, group);
    return { outcome: "waiting", reason: "debounce", key, firstAt, dueAt, group };
  }

  /** Makes room for one more delivery that is kept during a pause. */
  #dropOldestKept(jobId: JobId, now: number): void {
    const { deliveries } = this.#options.store;
    const excess = deliveries.countPaused(jobId) + 1 - MAX_PAUSED;
    if (excess <= 0) return;
    for (const { id } of deliveries.listWaiting(jobId, "paused", excess))
      deliveries.decide(id, { outcome: "skipped", reason: "too_many", problem: null }, now);
  }

  /** Starts the debounced deliveries that are due. */
  async #fireDue(): Promise<void> {
    const { store, clock } = this.#options;
    await this.#decideAll(() => store.deliveries.listDue(clock.now(), BATCH));
    this.#arm();
  }

  /** Starts the deliveries that were kept while a job was paused, in their order; skips them if the job is gone, paused or not. */
  async #fireKept(jobId: JobId): Promise<void> {
    const { store, jobs, isPaused } = this.#options;
    const mustWait = (): boolean => isPaused(jobId) && jobs.find(jobId) !== null;
    await this.#decideAll(() => (mustWait() ? [] : store.deliveries.listWaiting(jobId, "paused", BATCH)));
    this.#arm();
  }

  /** Decides about waiting deliveries, in batches, until none is left. */
  async #decideAll(next: () => readonly WaitingDelivery[]): Promise<void> {
    const { commits, log } = this.#options;
    try {
      for (let hasMore = true; hasMore && !this.#isStopped; ) {
        hasMore = await commits.retryUntilStored(() =>
          commits.commit((addHooks) => {
            const batch = next();
            return batch.map((each) => this.#decideOne(each, addHooks)).some((isDecided) => isDecided);
          }),
        );
        await setImmediate();
      }
    } catch (error) {
      log.error({ err: error }, "cannot decide about waiting deliveries");
    }
  }

  /** Decides about a waiting delivery. Returns false if that fails because of an error of petit itself; then it goes on waiting. */
  #decideOne(delivery: WaitingDelivery, addHooks: AddHooks): boolean {
    const { store, clock, log, internalErrors } = this.#options;
    const subject = { jobId: delivery.jobId, runId: null };
    const added: TransactionHooks[] = [];
    try {
      store.transaction(() => this.#decideWaiting(delivery, (hooks) => added.push(hooks)));
      added.push({ onCommit: () => internalErrors.unblock(subject) });
      for (const hooks of added) addHooks(hooks);
      return true;
    } catch (error) {
      for (const { onRollback } of added.toReversed()) onRollback?.();
      assertNoStorageFault(error);
      log.error({ err: error, job_id: delivery.jobId, delivery: delivery.id }, "cannot decide about a delivery");
      internalErrors.block(subject, { error, now: clock.now() });
      return false;
    }
  }

  #decideWaiting(delivery: WaitingDelivery, addHooks: AddHooks): void {
    const { store, clock, jobs } = this.#options;
    const now = clock.now();
    const { id, jobId, chain, type, group, isDue } = delivery;
    const settle = (decision: Decision): void => {
      store.deliveries.decide(id, decision, now);
      if (group !== null && decision.outcome !== "merged")
        store.deliveries.settleGroup(group, { id, runId: "runId" in decision ? decision.runId : null });
    };
    const stored = jobs.find(jobId);
    const trigger = stored === null ? undefined : triggerOf(stored.job, delivery);
    const text = store.deliveries.findEvent(id);
    if (stored === null || trigger === undefined || text === null) {
      settle({ outcome: "skipped", reason: "gone", problem: null });
      return;
    }
    const state = { ...this.#stateOf(stored.job), isDebounced: isDue };
    const event = { data: parseExactly(text) as EventData, chain };
    const verdict = decideWaiting(stored.job, trigger, event, state);
    const start = this.#prepare(
      {
        id,
        jobId: stored.job.id,
        chain,
        type,
        stored,
        trigger,
        verdict,
        now,
        by: null,
        group,
        trace: traceOf(event.data),
      },
      addHooks,
    );
    settle(start.decision);
    this.#noteDecision({ jobId: stored.job.id, trigger: delivery.trigger }, start.decision, { now, addHooks });
    start.createRun();
  }

  /** Sets the timer for the next debounced delivery. */
  #arm(): void {
    if (this.#isStopped) return;
    const dueAt = this.#options.store.deliveries.nextDueAt();
    if (dueAt !== null) this.#timer.add("due", dueAt);
  }

  #createRun(
    { id, chain, stored, type, by, trace, runId, isBusy, params }: NewRunOfDelivery,
    addHooks: AddHooks,
  ): void {
    addHooks(
      this.#options.runs.create({
        id: runId,
        job: stored.job,
        versionId: stored.versionId,
        status: isBusy ? "pending" : "running",
        trigger: type,
        params,
        scheduledFor: null,
        ledger: null,
        retry: null,
        idempotency: null,
        delivery: { id, chain },
        triggeredBy: by,
        trace: trace ?? null,
      }),
    );
  }
}

type NotedAt = { readonly now: number; readonly addHooks: AddHooks };

const keyOf = ({ jobId, trigger }: Pick<Delivery, "jobId" | "trigger">): string => `${jobId} ${trigger ?? ""}`;

/** A job with a `run` trigger. */
type Follower = { readonly stored: StoredJob; readonly trigger: RunTrigger };

type Prepared = {
  readonly id: string;
  readonly jobId: JobId;
  readonly chain: number;
  readonly type: EventTriggerType;
  readonly stored: StoredJob;
  readonly trigger: EventTrigger;
  readonly verdict: DeliveryVerdict;
  readonly now: number;
  /** The person who replays it, or sends it as a test; null if petit starts the run by itself. */
  readonly by: string | null;
  /** The group of deliveries in which it waited before. Missing, or null, if there was none. */
  readonly group?: string | null;
  /** The span that caused the event. Missing, or null: none is known. A replay has none, because it was caused by a person. */
  readonly trace?: TraceParent | null;
};

type NewRunOfDelivery = Pick<Prepared, "id" | "chain" | "stored" | "type" | "by" | "trace"> & {
  readonly runId: RunId;
  readonly isBusy: boolean;
  readonly params: ParamValues;
};

const traceOf = ({ headers = {} }: Pick<EventData, "headers">): TraceParent | null =>
  parseTraceParent(headers.traceparent ?? null, headers.tracestate ?? null);

const triggerOf = (job: Job, { type, trigger }: Pick<Delivery, "type" | "trigger">): EventTrigger | undefined =>
  job.triggers?.find((each) => each.type === type && triggerKey(each) === trigger);

const nothing = (): void => {};

const mustDebounce = ({ debounce }: EventTrigger): Debounce => {
  if (debounce === undefined) throw new Error("the trigger does not debounce");
  return debounce;
};

const digestOf = ({ signedBody, eventTypes }: Arrival): string | null =>
  signedBody === null ? null : createHash("sha256").update(`${eventTypes.join()}\0`).update(signedBody).digest("hex");
