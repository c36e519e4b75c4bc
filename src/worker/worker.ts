import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { PetitError } from "../domain/errors.ts";
import { linkFaultHint, linkFaultText } from "../domain/words/link.ts";
import { FEATURES } from "../domain/workers/features.ts";
import type { LinkState } from "../domain/workers/link.ts";
import { isSuccessor, type WorkerProcess } from "../domain/workers/process.ts";
import { type HelloAnswer, MAX_SENTENCE, readControl, type Verdict } from "../domain/workers/protocol.ts";
import { startSweep } from "../engine/artifacts/sweep.ts";
import { adoptProcess } from "../engine/attempt/adopt.ts";
import { Cgroups } from "../engine/attempt/cgroup/cgroups.ts";
import { limitSupportOf, NOT_LOOKED } from "../engine/attempt/cgroup/support.ts";
import { inheritable } from "../engine/attempt/command.ts";
import { bootId } from "../engine/attempt/identity.ts";
import { signalGroup } from "../engine/attempt/process.ts";
import { findStrays } from "../engine/attempt/strays.ts";
import { variablesOf } from "../engine/attempt/user/task-user.ts";
import { Commits } from "../engine/commits.ts";
import type { StopMode } from "../engine/engine.ts";
import { findSpool, removeOtherSpools } from "../engine/output/spool.ts";
import { SpoolPool } from "../engine/output/spool-pool.ts";
import { Poller } from "../engine/poller.ts";
import { secretKeyOf } from "../engine/secrets/secret-key.ts";
import { sleep } from "../lib/clock.ts";
import type { Frame } from "../lib/wire/frame.ts";
import { isLost } from "../store/identity.ts";
import type { Received, ReceivedKey } from "../store/workers/received.ts";
import { storeEmptyDefinition } from "./attempt/empty-definition.ts";
import { GrantedAttempt, type Leftover } from "./attempt/granted-attempt.ts";
import { findLocal } from "./attempt/local-attempt.ts";
import { Hellos } from "./contact/hellos.ts";
import { Requests } from "./contact/requests.ts";
import { SchedulerClock } from "./contact/scheduler-clock.ts";
import { Guard, type Lease, leaseOf } from "./lease/guard.ts";
import { type Accepted, Claims } from "./offers/claims.ts";
import { OfferedFiles } from "./offers/files.ts";
import { Puller } from "./offers/puller.ts";
import { Slots } from "./offers/slots.ts";
import type { WorkerOptions } from "./options.ts";
import type { WorkerParts } from "./parts.ts";
import { Storage } from "./storage.ts";
import type { ReceivedOffer } from "./transport.ts";

/** What a worker does, for people. */
export type WorkerStatus = {
  readonly link: LinkState;
  /** True if the scheduler answered the last hello, and gives it work. */
  readonly isAccepted: boolean;
  readonly isDraining: boolean;
  readonly slots: number;
  readonly running: number;
  /** How many attempts have ended, without the scheduler having everything about them. */
  readonly ended: number;
};

/** With more attempts than this to hand over, a slot stays occupied until one of them is. It bounds the disk. */
const MAX_ENDED = 64;

/** How long a worker that stops waits for answers to claims, for its last attempts to be handed over, and for its last hello, in ms. */
const CLAIM_MS = 2_000;
const HAND_OVER_MS = 5_000;
const LAST_HELLO_MS = 1_000;

/** Runs attempts for a scheduler elsewhere. */
export class Worker implements AsyncDisposable {
  /** Rejects if the worker can't work as it is: its credentials are refused, or its name is in use. */
  readonly refused: Promise<never>;
  readonly #options: WorkerOptions;
  readonly #detach = new AbortController();
  readonly #stopNow = new AbortController();
  readonly #parts: WorkerParts;
  readonly #process: WorkerProcess;
  readonly #schedulerClock: SchedulerClock;
  readonly #hellos: Hellos;
  readonly #slots: Slots;
  readonly #puller: Puller;
  readonly #claims: Claims;
  readonly #granted = new Map<string, GrantedAttempt>();
  /** The ids in the worker's own database of the attempts that it adopted at its start. */
  readonly #localIds = new Set<number>();
  /** Those that were granted, but not started, before the worker started again. */
  readonly #unstarted = new Set<GrantedAttempt>();
  readonly #refuse: (error: PetitError) => void;
  /** The attempts that the scheduler takes for this worker's, although the last hello did not list them. */
  #missing: readonly ReceivedKey[] = [];
  /** The attempts that could not be stored, of which the last hello said that they are lacking. */
  #toldUnstored: readonly ReceivedKey[] = [];
  /** The `lost_after` by which the lease counts; null before the first answer. */
  #lostAfterMs: number | null = null;
  #saidAnswer: string | null = null;
  #hasContact = false;
  /** False while another process may have the attempts that are in the state folder, because it may be a copy. */
  #isOwner: boolean;
  /** The newest local attempt that an earlier process of this database has begun; 0 for none. */
  readonly #newestEarlierId: number;
  #isAccepted = false;
  #isDrained = false;
  #stopping: Promise<void> | null = null;
  #changed = Promise.withResolvers<void>();
  readonly #listeners = new Set<() => void>();

  constructor(options: WorkerOptions) {
    const { store, runtime, clock, log, transport, stateDir, spoolDir, artifactsDir, ownFolders, folder } = options;
    const { name, labels, allowedTypes, trust, user, environment, usage = "wait", runAsAllowed = [] } = options;
    const detach = this.#detach.signal;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.refused = promise;
    this.#refuse = reject;
    this.#options = options;
    this.#slots = new Slots(options.slots);
    this.#schedulerClock = new SchedulerClock(clock);
    this.#process = { id: randomUUID(), file: options.processFile };
    const before = store.identity.getSession();
    this.#isOwner = before === null || isSuccessor(this.#process, JSON.parse(before) as WorkerProcess);
    if (this.#isOwner) store.identity.beginSession(JSON.stringify(this.#process));
    const requests = new Requests({ transport, clock, log, isOwner: () => this.#isOwner, detach });
    const instance = store.identity.getToken();
    this.#newestEarlierId = store.identity.beginIds(clock.now());
    this.#parts = {
      store,
      runtime,
      clock,
      log,
      transport,
      spoolDir,
      artifactsDir,
      ownFolders,
      folder,
      user,
      usage,
      runAsAllowed,
      taskEnvironment: { ...inheritable(environment), ...(user === null ? {} : variablesOf(user)) },
      fullEnvironment: environment,
      commits: new Commits({ store, clock, log, signal: detach }),
      poller: new Poller({ clock, log }),
      spools: new SpoolPool({ spoolDir, runtime, clock }),
      cgroups: new Cgroups({ support: options.cgroups ?? NOT_LOOKED, spoolDir, clock, log }),
      secretKey: secretKeyOf(options),
      guard: new Guard({ stateDir, spoolDir, instance, runtime }),
      storage: new Storage({ stateDir, store, clock, log }),
      files: new OfferedFiles({
        dir: join(stateDir, "files"),
        transport,
        isShared: user !== null || runAsAllowed.length > 0,
      }),
      requests,
      detach,
    };
    this.#claims = new Claims({
      parts: this.#parts,
      name,
      labels,
      allowedTypes,
      trust,
      schedulerClock: this.#schedulerClock,
      instance,
      process: this.#process,
      versionId: storeEmptyDefinition({ store, clock }),
      hasAttempt: (key) => this.#granted.has(nameOf(key)),
      onAccepted: (accepted) => this.#begin(accepted),
      onCannotStore: () => this.#stopPulling(),
    });
    this.#puller = new Puller({
      transport,
      slots: this.#slots,
      onOffer: (offer, set) => void this.#consider(offer, set),
    });
    this.#hellos = new Hellos({
      requests,
      schedulerClock: this.#schedulerClock,
      clock,
      log,
      detach,
      greeting: () => this.#greeting(),
      onAnswer: (answer, sentUptimeMs) => this.#onAnswer(answer, sentUptimeMs),
    });
  }

  /** Adopts what an earlier worker process has left, and connects. */
  start(): void {
    const { transport, log, store, artifactsDir } = this.#options;
    if (!this.#parts.guard.isSupported) log.warn({}, UNGUARDED);
    this.#logGap();
    startSweep({ dir: artifactsDir, store, log, signal: this.#detach.signal });
    this.#adopt();
    store.stopBlocking();
    transport.start({ onState: (state) => this.#onState(state), onControl: (frame) => this.#onControl(frame) });
    void this.#hellos.run().catch((error: unknown) => {
      if (!this.#detach.signal.aborted) log.error({ err: error }, "the worker no longer greets the scheduler");
    });
  }

  /** Logs which limits of tasks it can't enforce. */
  #logGap(): void {
    const { enforced, gap } = limitSupportOf(this.#parts.cgroups.support);
    if (gap === null) return;
    const enforces = enforced.join(", ");
    this.#options.log.info(
      { reason: gap.reason, advice: gap.advice },
      `this worker enforces ${enforces === "" ? "no limits" : `only the limits ${enforces}`} of tasks`,
    );
  }

  get status(): WorkerStatus {
    const ended = [...this.#granted.values()].filter(({ hasEnded }) => hasEnded).length;
    return {
      link: this.#options.transport.state,
      isAccepted: this.#isAccepted,
      isDraining: this.#isDraining,
      slots: this.#slots.count,
      running: this.#granted.size - ended,
      ended,
    };
  }

  /** Calls `listener` at each change of the status. Returns a function that ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Stops the worker. `drain`: attempts get time to end, then are ended. `leave`: they run on, and the next start adopts them. `now`
   * ends them at once, also during a drain. Idempotent.
   */
  stop(mode: StopMode): Promise<void> {
    if (mode === "now") this.#stopNow.abort();
    this.#stopping ??= this.#stop(mode);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("leave");
  }

  get #isDraining(): boolean {
    return this.#isDrained || this.#stopping !== null;
  }

  async #stop(mode: StopMode): Promise<void> {
    this.#slots.close();
    this.#puller[Symbol.dispose]();
    this.#noteChange();
    // What is granted by now is this worker's.
    const settled = new AbortController();
    void this.#claims.settled().then(() => settled.abort("settled"));
    await sleep(this.#options.clock, CLAIM_MS, settled.signal);
    if (mode !== "leave") await this.#drain();
    if (this.#hasContact) await this.#hellos.sayLast(LAST_HELLO_MS);
    this.#detach.abort();
    this.#parts.poller[Symbol.dispose]();
    this.#parts.spools[Symbol.dispose]();
    this.#parts.cgroups[Symbol.dispose]();
    await this.#options.transport[Symbol.asyncDispose]();
  }

  async #drain(): Promise<void> {
    const { log, shutdownTimeoutMs, killGraceMs } = this.#options;
    if (this.#granted.size === 0) return;
    this.#hellos.sayNow();
    log.info({ attempts: this.#granted.size, timeout_ms: shutdownTimeoutMs }, "waiting for running attempts to end");
    await this.#whenIdle(shutdownTimeoutMs, this.#stopNow.signal);
    const left = [...this.#granted.values()].filter(({ hasEnded }) => !hasEnded);
    if (left.length > 0) log.warn({ attempts: left.length }, "ending the attempts that are still running");
    for (const granted of left) granted.abandon();
    await this.#whenIdle(killGraceMs, this.#stopNow.signal, () => left.every(({ hasEnded }) => hasEnded));
    for (const granted of left) granted.forceKill();
    await this.#whenIdle(HAND_OVER_MS, null);
    if (this.#granted.size > 0) log.warn({ attempts: this.#granted.size }, "the next start hands over what is left");
  }

  /** Waits until the worker has no attempt, or as `isOver` says, or for at most `timeoutMs`. */
  async #whenIdle(
    timeoutMs: number,
    signal: AbortSignal | null,
    isOver: () => boolean = () => this.#granted.size === 0,
  ): Promise<void> {
    const idle = new AbortController();
    const wait = async (): Promise<void> => {
      while (!isOver()) await this.#changed.promise;
      idle.abort("idle");
    };
    void wait();
    await sleep(this.#options.clock, timeoutMs, AbortSignal.any([idle.signal, ...(signal === null ? [] : [signal])]));
  }

  #noteChange(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    for (const listener of this.#listeners) listener();
  }

  #greeting() {
    const { labels, allowedTypes, address, version, store, trust } = this.#options;
    const cannotStore = this.#parts.storage.check();
    const { enforced, gap } = limitSupportOf(this.#parts.cgroups.support);
    this.#toldUnstored = [...this.#claims.unstored];
    const holds = [...this.#claims.pending, ...[...this.#granted.values()].map(({ hold }) => hold)];
    return {
      instance: store.identity.getToken(),
      process: this.#process,
      version,
      labels: [...labels],
      slots: this.#slots.count,
      ...(allowedTypes !== null && { allowedTypes: [...allowedTypes] }),
      features: [...FEATURES],
      limits: [...enforced],
      ...(gap !== null && { limitsGap: { reason: sentenceOf(gap.reason), advice: sentenceOf(gap.advice) } }),
      trusts: [...trust],
      ...(cannotStore !== null && { cannotStore: cannotStore.slice(0, MAX_PROBLEM) }),
      address,
      draining: this.#isDraining,
      leaving: this.#stopping !== null && holds.length === 0,
      holds,
      lacks: [...this.#missing, ...this.#toldUnstored].filter((key) => this.#isLacking(key)),
      ...(this.#lostAfterMs !== null && { lostAfterMs: this.#lostAfterMs }),
    };
  }

  /** Returns whether the worker neither has an attempt nor may be granted it by a pending claim. It then never starts that attempt. */
  #isLacking(key: ReceivedKey): boolean {
    const name = nameOf(key);
    return !this.#granted.has(name) && this.#claims.pending.every((pending) => nameOf(pending) !== name);
  }

  #onState(state: LinkState): void {
    const { log } = this.#options;
    this.#noteChange();
    if (state.status === "connected") {
      log.info({ server: state.server }, "connected to NATS");
      this.#hellos.sayNow();
      return;
    }
    if (state.fault === "connecting") return;
    this.#isAccepted = false;
    log.warn({ fault: state.fault, detail: state.detail }, `${linkFaultText(state.fault)}; running attempts continue`);
    const isFinal = state.fault === "credentials" || state.fault === "tls" || state.fault === "permissions";
    if (!isFinal || this.#hasContact || this.#granted.size > 0) return;
    const hint = linkFaultHint(state.fault);
    const message = `${linkFaultText(state.fault)}: ${state.detail}${hint === null ? "" : `; ${hint}`}`;
    this.#refuse(new PetitError("invalid_request", message));
  }

  #onAnswer(answer: HelloAnswer, sentUptimeMs: number | null): void {
    const { refused, lostAfterMs } = answer;
    if (!isOthers(refused) && sentUptimeMs !== null && lostAfterMs !== null) {
      this.#setLease(leaseOf({ sentUptimeMs, lostAfterMs }));
      this.#lostAfterMs = lostAfterMs;
    }
    this.#claims.forgetUnstored(this.#toldUnstored);
    this.#noteRefusal(answer);
    if (!isOthers(refused)) this.#own();
    this.#hasContact = true;
    this.#isAccepted = answer.refused === null;
    for (const verdict of answer.verdicts) this.#obey(verdict);
    const said = new Set(this.#missing.map(nameOf));
    this.#missing = answer.verdicts.flatMap(({ verdict, scheduler, attempt, epoch }) =>
      verdict === "missing" ? [{ scheduler, attempt, epoch }] : [],
    );
    // The scheduler offers them again as soon as it knows that they are not here. It is told at once, but only once.
    if (this.#missing.some((key) => !said.has(nameOf(key)) && this.#isLacking(key))) this.#hellos.sayNow();
    this.#setDrained(answer.draining);
    this.#puller.pullFrom(answer.refused === null && !this.#isDraining ? answer.sets : []);
    this.#noteChange();
  }

  /** Takes over the state folder, unless it has. */
  #own(): void {
    if (this.#isOwner) return;
    this.#isOwner = true;
    try {
      this.#options.store.identity.beginSession(JSON.stringify(this.#process));
    } catch (error) {
      // The next start has to be decided by the scheduler, too.
      if (!this.#parts.storage.noteFailure(error)) throw error;
    }
    this.#endStrays(this.#localIds);
  }

  /** Extends the lease, also on a full disk. If it can't be stored all the same, the guard ends attempts at the end of the earlier one, but the answer holds otherwise. */
  #setLease(lease: Lease): void {
    try {
      this.#parts.guard.setLease(lease);
    } catch (error) {
      if (!this.#parts.storage.noteFailure(error)) this.#options.log.error({ err: error }, "cannot store the lease");
    }
  }

  /** Takes no more offers, and tells the scheduler why. */
  #stopPulling(): void {
    this.#puller.pullFrom([]);
    this.#hellos.sayNow();
  }

  /** Logs how the scheduler sees the worker, if that is new. */
  #noteRefusal({ refused, scheduler, protocol, keys = [] }: HelloAnswer): void {
    const { log, name } = this.#options;
    const said = refused ?? scheduler;
    if (said === this.#saidAnswer) return;
    this.#saidAnswer = said;
    if (refused === null) {
      log.info({ worker: name, scheduler }, "the scheduler knows this worker");
      return;
    }
    const text = REFUSAL_TEXTS[refused](name, keys);
    log.error({ worker: name, protocol }, text);
    // What is in a copy is not this worker's.
    const isIdle = this.#granted.size === 0 || !this.#isOwner;
    if (isOthers(refused) && !this.#hasContact && isIdle) this.#refuse(new PetitError("taken", text));
  }

  #obey({ verdict, end, ...key }: Verdict): void {
    const { log } = this.#options;
    const granted = this.#granted.get(nameOf(key));
    if (granted === undefined) return;
    if (verdict === "keep") {
      if (end !== null) granted.end(end);
      if (this.#unstarted.delete(granted)) void this.#follow(granted, null);
    } else if (verdict === "kill") {
      log.warn(granted.fields, "the attempt is no longer this worker's; it is ended and deleted");
      granted.discard();
      if (this.#unstarted.delete(granted)) void this.#follow(granted, "lost");
    } else if (verdict === "unknown" && granted.noteUnknown()) {
      log.warn(granted.fields, "the scheduler does not know an attempt; it continues, and its outcome may be deleted");
      if (this.#unstarted.delete(granted)) void this.#follow(granted, "lost");
    }
  }

  #setDrained(isDrained: boolean): void {
    if (isDrained === this.#isDrained) return;
    this.#isDrained = isDrained;
    this.#options.log.info({}, isDrained ? "drained: the worker takes no more work" : "the worker takes work again");
    if (isDrained) this.#slots.close();
    else if (this.#stopping === null) this.#slots.reopen();
  }

  async #onControl({ header }: Frame): Promise<object> {
    try {
      const control = readControl(header);
      if (control.kind === "end") {
        const { reason, force } = control;
        const found = this.#granted.get(nameOf(control));
        found?.end({ reason, force });
        return { done: found !== undefined };
      }
      if (control.kind !== "greet") this.#setDrained(control.kind === "drain");
      if (control.kind === "drain") await this.#claims.settled();
      // petit says so when it has connected, among others.
      this.#hellos.sayAfresh();
      return { done: true };
    } catch (error) {
      this.#options.log.warn({ err: error }, "cannot understand a message of the scheduler");
      return { done: false };
    }
  }

  /** Claims an offer, and frees the slot that was taken for it if it is not granted. */
  async #consider(offer: ReceivedOffer, set: string): Promise<void> {
    const isGranted = await this.#claims.consider(offer, set);
    if (!isGranted) this.#slots.release();
  }

  /** Starts an attempt that was just granted. Its slot is taken already. */
  #begin({ offer, local }: Accepted): void {
    const granted = new GrantedAttempt({ parts: this.#parts, offer, local, outcome: null, isNew: true });
    this.#granted.set(nameOf(granted.key), granted);
    this.#options.log.info(granted.fields, "took an attempt");
    void this.#follow(granted, null);
  }

  /** Follows an attempt until the scheduler has everything about it. Frees its slot when it has ended. */
  async #follow(granted: GrantedAttempt, leftover: Leftover): Promise<void> {
    const { log, store } = this.#options;
    const hadSlot = !granted.hasEnded;
    this.#noteChange();
    try {
      await granted.run(leftover);
      if (hadSlot) log.info({ ...granted.fields, ...granted.endFields }, "the attempt has ended");
      const isEarly = this.status.ended <= MAX_ENDED;
      if (hadSlot && isEarly) this.#slots.release();
      this.#noteChange();
      await granted.handOver();
      if (hadSlot && !isEarly) this.#slots.release();
      store.events.deleteOldest(1, MAX_EVENTS);
      this.#sweepFiles();
    } catch (error) {
      if (this.#detach.signal.aborted) return;
      log.error({ err: error, ...granted.fields }, "cannot continue an attempt");
      return;
    }
    this.#granted.delete(nameOf(granted.key));
    this.#noteChange();
  }

  #sweepFiles(): void {
    const offers = [...this.#granted.values()].map(({ offer }) => offer);
    this.#parts.files.sweep(new Set(offers.flatMap(({ files }) => Object.values(files).map(({ sha256 }) => sha256))));
  }

  #adopt(): void {
    const { store, spoolDir } = this.#options;
    const localIds = this.#localIds;
    store.identity.enterBoot(bootId());
    const guarded = new Set<number>();
    for (const received of store.received.list()) {
      const local = findLocal(store, received.offer, received.localRunId);
      const granted = new GrantedAttempt({
        parts: this.#parts,
        local,
        isNew: false,
        offer: received.offer,
        outcome: received.outcome,
      });
      localIds.add(local.attempt.id);
      if (!granted.hasEnded && received.offer.onInterrupt === "rerun") guarded.add(local.attempt.id);
      this.#granted.set(nameOf(granted.key), granted);
      this.#resume(granted, received, local.attempt.id);
    }
    this.#parts.guard.retain(guarded);
    if (this.#isOwner) this.#endStrays(localIds);
    removeOtherSpools(spoolDir, localIds);
    this.#parts.cgroups.removeOthers(localIds);
  }

  /**
   * Ends the attempts that an earlier worker of this folder has left, if its database was deleted or replaced: they may be started elsewhere.
   * What an attempt of this database has left running after its end lives on.
   */
  #endStrays(localIds: ReadonlySet<number>): void {
    const { spoolDir, user, log, store } = this.#options;
    const origin = { spoolDir, taskUid: user?.uid ?? null };
    const lost = store.identity.listLost();
    const isStray = (id: number): boolean => !localIds.has(id) && (id > this.#newestEarlierId || isLost(id, lost));
    for (const { attemptId, pgid } of findStrays(origin, isStray)) {
      log.warn(
        { pid: pgid, folder: join(spoolDir, String(attemptId)) },
        "ended an attempt that the state folder does not know",
      );
      this.#parts.cgroups.findByProcess(pgid, attemptId)?.kill();
      signalGroup(pgid, "SIGKILL");
    }
  }

  #resume(granted: GrantedAttempt, { state, outcome, offer, localRunId }: Received, localId: number): void {
    const { store, log, spoolDir, clock } = this.#options;
    const { poller, guard } = this.#parts;
    if (outcome !== null) return void this.#follow(granted, null);
    this.#slots.occupy();
    const { attempt } = findLocal(store, offer, localRunId);
    const leftover = guard.hasEnded(localId)
      ? "lost"
      : adoptProcess(attempt, findSpool(spoolDir, localId), { poller, clock });
    log.info(granted.fields, "adopted an attempt");
    if (state === "killed") granted.discard();
    // It may have been started elsewhere meanwhile: the scheduler decides.
    if (leftover === null && state === "running") this.#unstarted.add(granted);
    else void this.#follow(granted, leftover ?? "lost");
  }
}

const UNGUARDED =
  "this system does not report the time since boot, so this worker takes no tasks with on_interrupt: rerun: it could not end them in time if it is cut off, and they would run twice at once";

/** Returns a text as a hello may have it. It can name folders. */
const sentenceOf = (text: string): string => text.slice(0, MAX_SENTENCE).replaceAll(/\p{Cc}/gu, "?");

/** Maximum length of what a hello says about a problem. */
const MAX_PROBLEM = 1_024;

/** Events are for the API, which a worker does not have. */
const MAX_EVENTS = 1_000;

const nameOf = ({ scheduler, attempt, epoch }: GrantedAttempt["key"]): string => `${scheduler}/${attempt}/${epoch}`;

/** Returns whether another worker has the name, or the same state. */
const isOthers = (refused: HelloAnswer["refused"]): boolean => refused === "name_in_use" || refused === "copied";

const REFUSAL_TEXTS = {
  protocol: (name: string) =>
    `worker ${name} gets no work: its version of petit does not fit that of the scheduler; use the same version`,
  name_in_use: (name: string) =>
    `another worker named ${name} is connected; stop it, or choose another name with --name (after lost_after, a stopped worker's name is free)`,
  copied: (name: string) =>
    `another running worker named ${name} has a copy of this state folder; stop one of them, or start this one with another --name and with another or an empty --state-dir`,
  untrusted: (name: string, keys: readonly string[]) =>
    `worker ${name} gets no work: its --trust does not name the key of petit, which is ${keys.join(" or ")}`,
  storage: (name: string) => `worker ${name} gets no work until it can store what it takes`,
} as const satisfies Record<NonNullable<HelloAnswer["refused"]>, (name: string, keys: readonly string[]) => string>;
