import type { EndingReason, Run } from "../../domain/run.ts";
import { INTERRUPTED_ERROR } from "../../domain/words/run.ts";
import { TransportError } from "../../domain/workers/link.ts";
import type {
  EndOrder,
  Hold,
  Offer,
  OutcomeAnswer,
  ShippedArtifact,
  ShippedOutcome,
} from "../../domain/workers/protocol.ts";
import { Artifacts } from "../../engine/artifacts/artifacts.ts";
import { artifactFolder } from "../../engine/artifacts/folder-name.ts";
import { containerOf } from "../../engine/attempt/container/engine.ts";
import { killLeftovers, type RunningProcess } from "../../engine/attempt/process.ts";
import { type AttemptResult, runAttempt } from "../../engine/attempt/run-attempt.ts";
import { findSpool, noteEnding, readEnding, type Spool, spoolOf } from "../../engine/output/spool.ts";
import { clockOfRun } from "../../engine/run/run-clock.ts";
import { decodeScope } from "../../engine/workers/offers/scope-json.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { ReceivedKey, ReceivedOutcome } from "../../store/workers/received.ts";
import { NoAnswer } from "../contact/requests.ts";
import { OutputCursor } from "../hand-over/output-cursor.ts";
import { bareOutcome, fitOutcome, sendOutcome } from "../hand-over/send-outcome.ts";
import { listArtifacts, shipArtifacts } from "../hand-over/ship-artifacts.ts";
import { NotYours, OutputShipper, quiet } from "../hand-over/ship-output.ts";
import type { WorkerParts } from "../parts.ts";
import { type LocalAttempt, taskOfOffer } from "./local-attempt.ts";
import { localJob } from "./local-job.ts";
import { readShippedEvent } from "./shipped-event.ts";

export type GrantedAttemptOptions = {
  readonly parts: WorkerParts;
  readonly offer: Offer;
  readonly local: LocalAttempt;
  /** How it ended, if that is stored already. */
  readonly outcome: ReceivedOutcome | null;
  /** False if an earlier worker process may have sent output of it. */
  readonly isNew: boolean;
};

/** What an earlier worker process left of an attempt: its running process, null if it was never started, or `lost`. */
export type Leftover = RunningProcess | "lost" | null;

/** An attempt that the worker was granted, from its start until the scheduler has everything about it. */
export class GrantedAttempt {
  readonly key: ReceivedKey;
  readonly #options: GrantedAttemptOptions;
  readonly #spool: Spool;
  readonly #artifacts: Artifacts;
  readonly #shipper: OutputShipper;
  readonly #end = new AbortController();
  readonly #forceKill = new AbortController();
  /** Aborted when nothing more is sent. */
  readonly #stopSending = new AbortController();
  #outcome: ReceivedOutcome | null;
  /** Sends output while the process runs. */
  #shipping: Promise<void> = Promise.resolve();
  #isUnwanted = false;
  /** True if its process was ended because it is unwanted. */
  #wasKilled = false;
  #isUnknown = false;
  /** How often in a row NATS did not store the artifacts, and what it said the last time. */
  #failures = 0;
  #problem: string | null = null;
  /** True if NATS has the artifacts, as far as the worker knows. */
  #hasShipped = false;
  /** Aborted when the run is being ended, so that its end does not wait for NATS. */
  readonly #toEnd = new AbortController();
  #isTooLarge = false;
  /** True if the worker itself ends it because it stops. */
  #isAbandoned = false;

  constructor(options: GrantedAttemptOptions) {
    const { parts, offer, local, outcome, isNew } = options;
    const { store, requests, clock, detach } = parts;
    this.#options = options;
    this.key = { scheduler: offer.scheduler, attempt: offer.attempt, epoch: offer.epoch };
    this.#outcome = outcome;
    this.#spool = isNew ? spoolOf(parts.spoolDir, local.attempt.id) : findSpool(parts.spoolDir, local.attempt.id);
    this.#artifacts = new Artifacts({
      store,
      clock,
      log: parts.log,
      commits: parts.commits,
      dir: parts.artifactsDir,
      limitBytes: offer.artifactLimitBytes,
      runtime: parts.runtime,
      detach,
    });
    const cursor = new OutputCursor({
      received: store.received,
      runId: local.run.id,
      claimedAt: local.attempt.startedAt,
      maxMessageBytes: () => parts.transport.maxMessageBytes ?? Number.POSITIVE_INFINITY,
    });
    const signal = AbortSignal.any([detach, this.#stopSending.signal]);
    this.#shipper = new OutputShipper({ key: this.key, cursor, requests, clock, signal, isNew });
    if (outcome !== null) this.#shipper.complete();
  }

  get offer(): Offer {
    return this.#options.offer;
  }

  get hold(): Hold {
    const state = this.hasEnded ? "ended" : "running";
    return { ...this.key, state, ...(this.#problem !== null && { problem: this.#problem.slice(0, MAX_PROBLEM) }) };
  }

  get hasEnded(): boolean {
    return this.#outcome !== null;
  }

  /** Fields for the log. */
  get fields() {
    const { job, run } = this.offer;
    return { ...idsOf(this.offer), run_id: run.id, job_id: job.id, task_id: taskOfOffer(this.offer).id };
  }

  /** How it ended, for the log. */
  get endFields() {
    const { status, reason, exitCode } = this.#outcome?.result.outcome ?? {};
    return { status, reason, exit_code: exitCode };
  }

  /** Marks it as unknown to the scheduler. Returns false if it was already marked. */
  noteUnknown(): boolean {
    const isNew = !this.#isUnknown;
    this.#isUnknown = true;
    return isNew;
  }

  /** Ends the process on behalf of the scheduler. A file in the spool tells the next worker process the reason. */
  end({ reason, force }: EndOrder): void {
    this.#toEnd.abort("to end");
    if (this.hasEnded) return;
    if (!this.#end.signal.aborted) noteEnding(this.#spool, reason);
    this.#end.abort(reason);
    if (force) this.#forceKill.abort();
  }

  /** Ends the process because the worker stops. The attempt then counts as interrupted. */
  abandon(): void {
    if (this.hasEnded) return;
    this.#isAbandoned ||= !this.#end.signal.aborted;
    this.#end.abort("shutdown");
  }

  forceKill(): void {
    this.#forceKill.abort();
  }

  /** Ends the process and then deletes the attempt, because it is no longer this worker's. */
  discard(): void {
    const { store, commits } = this.#options.parts;
    if (this.#isUnwanted) return;
    this.#isUnwanted = true;
    this.#wasKilled = !this.hasEnded;
    this.#stopSending.abort("discarded");
    commits.commitOrDefer(() => store.received.kill(this.key));
    this.#end.abort("cancelled");
  }

  /** Starts the process, or follows that of an earlier worker process, and stores how it ended. */
  async run(leftover: Leftover): Promise<void> {
    if (this.#outcome !== null) return;
    const { parts, local } = this.#options;
    const { store, commits, clock, spools, cgroups, guard, detach } = parts;
    this.#shipping = quiet(this.#ship());
    const result = leftover === "lost" ? lostAt(local.attempt.startedAt) : await this.#runOrLose(leftover);
    detach.throwIfAborted();
    const isLost = result.outcome.reason === "interrupted";
    if (isLost) await killLeftovers(local.attempt.process, this.#spool, { clock, cgroup: cgroups.find(local.attempt) });
    const durationMs = Math.max(0, Math.round(result.endedAt - local.attempt.startedAt));
    const outcome = { durationMs, result: withoutEnd(result) };
    await commits.retryUntilStored(() => store.received.end(this.key, outcome, clock.now()));
    spools.remove(this.#spool);
    cgroups.remove(local.attempt);
    guard.remove(local.attempt.id);
    this.#outcome = outcome;
    this.#shipper.complete();
  }

  /** Hands the ended attempt over to the scheduler, however long that takes, and then deletes it here. */
  async handOver(): Promise<void> {
    const { store, commits, detach, log } = this.#options.parts;
    await this.#shipping;
    try {
      await (this.#isUnwanted ? this.#reportLate() : this.#handOver());
    } catch (error) {
      if (!(error instanceof NotYours)) throw error;
      log.warn(this.fields, "the scheduler refused the outcome of an attempt; the attempt is deleted here");
    }
    detach.throwIfAborted();
    await commits.retryUntilStored(() => store.received.remove(this.key));
    this.#artifacts.deleteRuns([this.#options.local.run.id]);
  }

  async #handOver(): Promise<void> {
    const { requests, detach } = this.#options.parts;
    this.#hasShipped = false;
    while (!this.#isUnwanted && this.#outcome !== null) {
      const offset = await this.#shipper.run();
      if (this.#isUnwanted) return;
      detach.throwIfAborted();
      const message = fitOutcome({ ...this.key, ...this.#outcome, offset, artifacts: this.#listArtifacts() });
      if (message.result !== this.#outcome.result) this.#noteTooLarge(message.result.outcome.error);
      const answer = await requests.persist(() => this.#send(message));
      if (answer === null) return;
      if ("refused" in answer) throw new NotYours("the outcome is refused");
      if ("stored" in answer) return;
      if (answer.again === "output") this.#shipper.resync();
      else this.#hasShipped = false;
    }
  }

  /**
   * Sends the artifacts, unless they were sent, and the outcome. If NATS does not store them, others come first for a while. If the run is
   * being ended, the outcome is sent without them. Returns null if nobody wants it any more. Throws NoAnswer and TransportError.
   */
  async #send(message: ShippedOutcome): Promise<OutcomeAnswer | null> {
    const { clock, detach, requests, transport, log } = this.#options.parts;
    const options = { requests, transport, log, fields: this.fields };
    try {
      if (!this.#hasShipped && message.artifacts.length > 0) await this.#shipArtifacts();
      this.#hasShipped = true;
      const answer = await sendOutcome(message, options);
      this.#failures = 0;
      this.#problem = null;
      return answer;
    } catch (error) {
      if (!(error instanceof TransportError) || error.fault === "disconnected") throw error;
      this.#failures++;
      if (this.#failures < REPORTED_FAILURES) throw error;
      this.#problem = error.message;
      const woken = AbortSignal.any([detach, this.#stopSending.signal, this.#toEnd.signal]);
      await sleep(clock, Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - REPORTED_FAILURES)), woken);
      if (this.#isUnwanted) return null;
      if (!this.#toEnd.signal.aborted) throw error;
      return await sendOutcome(bareOutcome(message, `NATS did not store them: ${error.message}`), options);
    }
  }

  /** Reports once how an unwanted attempt ended. The scheduler keeps that as a note. */
  async #reportLate(): Promise<void> {
    const { requests, detach } = this.#options.parts;
    if (this.#outcome === null || this.#wasKilled) return;
    try {
      await requests.outcome({ ...this.key, ...this.#outcome, offset: 0, artifacts: [] });
    } catch (error) {
      if (!(error instanceof NoAnswer) && !detach.aborted) throw error;
    }
  }

  #noteTooLarge(error: string | null): void {
    if (!this.#isTooLarge)
      this.#options.parts.log.warn({ ...this.fields, error }, "the outcome of an attempt is too large");
    this.#isTooLarge = true;
  }

  #listArtifacts(): readonly ShippedArtifact[] {
    const { parts, local, offer } = this.#options;
    const folder = artifactFolder(local.attempt.taskId, offer.item?.key ?? null);
    return listArtifacts({ store: parts.store, key: this.key, localRunId: local.run.id, folder });
  }

  #shipArtifacts(): Promise<void> {
    const { parts, local } = this.#options;
    return shipArtifacts({
      store: parts.store,
      transport: parts.transport,
      key: this.key,
      localRunId: local.run.id,
      artifacts: this.#artifacts,
    });
  }

  /** Sends output until all of it is sent. If the scheduler refuses it, the process is ended. */
  async #ship(): Promise<void> {
    const { log, detach } = this.#options.parts;
    try {
      await this.#shipper.run();
    } catch (error) {
      if (detach.aborted || this.#isUnwanted) return;
      if (!(error instanceof NotYours)) throw error;
      log.warn(this.fields, "the scheduler refused the output of an attempt; the attempt is ended");
      this.discard();
    }
  }

  /** Runs the attempt. One that can't be started or followed, for example because the disk is full, is lost, and does not stay here. */
  async #runOrLose(leftover: RunningProcess | null): Promise<AttemptResult> {
    const { parts } = this.#options;
    try {
      return await this.#runAttempt(leftover);
    } catch (error) {
      if (parts.detach.aborted) throw error;
      parts.storage.noteFailure(error);
      parts.log.error({ err: error, ...this.fields }, "cannot run an attempt, which is lost");
      return lostAt(parts.clock.now());
    }
  }

  async #runAttempt(adopted: RunningProcess | null): Promise<AttemptResult> {
    const { parts, offer, local } = this.#options;
    const { store, runtime, clock, files, folder, log, guard, requests, detach } = parts;
    const taskRuns = store.runs.listTaskRuns(local.run.id);
    const known = adopted === null ? [] : [{ attempt: local.attempt, process: adopted }];
    const now = clockOfRun({ clock, run: local.run, taskRuns, attempts: [local.attempt], adopted: known });
    const noted = adopted === null ? null : readEnding(this.#spool);
    if (noted !== null) this.#end.abort(noted);
    const localFiles = await requests.persist(() => files.obtain(offer));
    const job = localJob(offer, { folder, files: localFiles });
    const [task] = job.tasks;
    if (task === undefined) return lostAt(now());
    // The guard ends a process that runs already.
    if (adopted !== null) this.#guard();
    const result = await runAttempt({
      services: {
        store,
        runtime,
        clock: withNow(clock, now),
        log,
        settings: { ...settingsOf(offer), usage: parts.usage, runAsAllowed: parts.runAsAllowed },
        ownFolders: parts.ownFolders,
        taskEnvironment: parts.taskEnvironment,
        fullEnvironment: parts.fullEnvironment,
        user: parts.user,
        spools: parts.spools,
        cgroups: parts.cgroups,
        secretKey: parts.secretKey,
        artifacts: this.#artifacts,
        poller: parts.poller,
        commits: parts.commits,
        detach,
      },
      context: {
        job,
        task,
        run: withEnding(offer.run, noted),
        item: offer.item,
        trace: offer.trace ?? null,
        scope: () => decodeScope(offer.scope, readShippedEvent(localFiles)),
      },
      attempt: local.attempt,
      now,
      spool: this.#spool,
      adopted,
      end: this.#end.signal,
      forceKill: this.#forceKill.signal,
      onOutput: () => this.#shipper.wake(),
      // The guard prevents a start by replacing the status file, which must exist for that.
      endedBefore: noted,
      beforeProcess: () => (this.#guard() ? null : lostAt(now())),
    });
    // The guard replaces the status file before it notes that it has ended an attempt.
    const isPrevented =
      result.outcome.reason === "spawn_failed" && offer.onInterrupt === "rerun" && !guard.isWithinLease;
    const isGuarded = isPrevented || guard.hasEnded(local.attempt.id);
    if (isGuarded) log.warn(this.fields, "ended an attempt, because it may have been started elsewhere meanwhile");
    return isGuarded || (this.#isAbandoned && result.outcome.reason === "shutdown") ? lostAt(result.endedAt) : result;
  }

  /** Lets the guard end the attempt before the scheduler may start it elsewhere. Returns false if that may already have happened. */
  #guard(): boolean {
    const { parts, offer, local } = this.#options;
    if (offer.onInterrupt !== "rerun") return true;
    if (!parts.guard.isSupported) return false;
    const { container } = taskOfOffer(offer);
    parts.guard.add({
      id: local.attempt.id,
      status: this.#spool.status,
      container: container === undefined ? null : containerOf(container, this.#spool, parts.taskEnvironment),
      cgroup: container === undefined ? parts.cgroups.folderOf(local.attempt) : null,
    });
    return parts.guard.isWithinLease;
  }
}

/** After this many failures in a row, the scheduler is told what NATS says. */
const REPORTED_FAILURES = 2;

/** Bounds of the delay after each of them, in ms. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;

/** Maximum length of what a hello says about it. */
const MAX_PROBLEM = 1_024;

const idsOf = ({ attempt, epoch }: Offer) => ({ attempt, epoch });

const withEnding = (run: Run, ending: EndingReason | null): Run => (ending === null ? run : { ...run, ending });

/** Returns a result without the time of its end. The scheduler is told the duration instead. */
const withoutEnd = ({ endedAt: _, ...result }: AttemptResult) => result;

const lostAt = (endedAt: number): AttemptResult => ({
  outcome: { status: "failed", reason: "interrupted", error: INTERRUPTED_ERROR, exitCode: null, signal: null },
  outputs: {},
  transient: false,
  endedAt,
});

/** Returns a clock whose `now` is that of the attempt, for the times of its output. */
const withNow = (clock: Clock, now: () => number): Clock => ({
  now,
  monotonic: () => clock.monotonic(),
  elapsed: () => clock.elapsed(),
  setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs),
});

const settingsOf = ({ killGraceMs, onInterrupt, logLimitBytes, artifactLimitBytes }: Offer) => ({
  killGraceMs,
  onInterrupt,
  logLimitBytes,
  artifactLimitBytes,
  maxJobs: null,
  maxTasks: 1,
  timezone: "UTC",
  shutdownTimeoutMs: 0,
});
