import type { Artifact } from "../domain/artifact/artifact.ts";
import type { FailingIndex, OpenAccess, UnreadableSecret } from "../domain/attention.ts";
import type { Backfill } from "../domain/backfill/backfill.ts";
import type { BackupState } from "../domain/backup/state.ts";
import type { Delivery } from "../domain/deliveries/delivery.ts";
import type { ShutGate } from "../domain/dependency.ts";
import type { PetitError } from "../domain/errors.ts";
import type { Event } from "../domain/event.ts";
import type { HeartbeatState } from "../domain/health.ts";
import type { JobId, RunId, TaskId } from "../domain/ids.ts";
import { type AttentionEntry, type AttentionList, NO_ATTENTION } from "../domain/inbox/entry.ts";
import type { Expectation } from "../domain/inbox/expectation.ts";
import type { Job, Pause } from "../domain/job.ts";
import type { ActivityCounts } from "../domain/limits/activity.ts";
import type { QueueRuns, QueueState } from "../domain/limits/queue.ts";
import { NO_RETENTION } from "../domain/limits/retention.ts";
import { findUnenforced, type LimitSupport, type UnenforcedLimits } from "../domain/limits/unenforced.ts";
import type { WaitingCode } from "../domain/limits/waiting-for.ts";
import type { WaitsFor } from "../domain/limits/waits-for.ts";
import { DEFAULT_AUDIT_DAYS } from "../domain/people/audit.ts";
import { entryNotFound, refuse } from "../domain/refusal.ts";
import type { Review, ReviewQuery } from "../domain/review/review.ts";
import { isFinal, type Run } from "../domain/run.ts";
import type { RepositoryStatus } from "../domain/versions/repository.ts";
import type { ReloadRequest } from "../domain/versions/version.ts";
import type { GoneJob } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import { Artifacts } from "./artifacts/artifacts.ts";
import { Cgroups } from "./attempt/cgroup/cgroups.ts";
import { limitSupportOf, NOT_LOOKED } from "./attempt/cgroup/support.ts";
import { inheritable } from "./attempt/command.ts";
import { type AttemptDriver, localDriver } from "./attempt/driver.ts";
import { ensureFilesOf } from "./attempt/ensure-files.ts";
import { bootId } from "./attempt/identity.ts";
import { openToOthers } from "./attempt/user/task-user.ts";
import { AttentionFinder } from "./attention/attention.ts";
import { Backfills } from "./backfill/backfills.ts";
import type { BackfillChange, BackfillPlan, BackfillRequest } from "./backfill/request.ts";
import { Backups } from "./backup/backups.ts";
import { type AddHooks, Commits } from "./commits.ts";
import { type Arrival, Deliveries } from "./deliveries/deliveries.ts";
import { FileTriggers } from "./deliveries/files/file-triggers.ts";
import type { MessageSource } from "./deliveries/messages/message-source.ts";
import { MessageTriggers } from "./deliveries/messages/message-triggers.ts";
import { Webhooks } from "./deliveries/webhooks.ts";
import type {
  Engine,
  EnginePhase,
  Health,
  JobView,
  KnownJob,
  OccurrenceBounds,
  PersonDecision,
  Reload,
  RetryScope,
  SchedulerState,
  StopMode,
  TriggeredRun,
  TriggerRequest,
} from "./engine.ts";
import { Expectations } from "./expectations.ts";
import { DailyFigures } from "./figures/daily-figures.ts";
import { healthOf } from "./health.ts";
import { InternalErrors } from "./internal-errors.ts";
import { catchErrors, Listeners } from "./listeners.ts";
import { Digests } from "./notify/digests.ts";
import { Heartbeats } from "./notify/heartbeat.ts";
import { Notifier } from "./notify/notifier.ts";
import type { NotifyTest } from "./notify/send-tests.ts";
import type { EngineOptions } from "./options.ts";
import { CauseSearch } from "./output/cause-search.ts";
import { makeSpoolDir } from "./output/spool.ts";
import { SpoolPool } from "./output/spool-pool.ts";
import { Poller } from "./poller.ts";
import { Pruner } from "./pruner.ts";
import { readReview } from "./review/read-review.ts";
import { adoptRuns } from "./run/adopt.ts";
import { LostProcesses } from "./run/lost-processes.ts";
import { NewestRuns } from "./run/newest-runs.ts";
import { canRetry, retry } from "./run/retry/retry.ts";
import { usesOwnCommit } from "./run/retry/retry-plan.ts";
import { mustFindRun, Runs } from "./run/runs.ts";
import { type TriggerOptions, trigger } from "./run/trigger.ts";
import { type WaitOptions, waitForRun } from "./run/wait.ts";
import type { DueJob, Fire } from "./schedule/due-job.ts";
import { fire as fireDue } from "./schedule/fire.ts";
import { Jobs } from "./schedule/jobs.ts";
import { Pauses } from "./schedule/pauses.ts";
import { Reloader } from "./schedule/reloader.ts";
import { ScheduleQueue } from "./schedule/schedule-queue.ts";
import { secretConcerns } from "./secrets/secret-concerns.ts";
import { secretKeyOf } from "./secrets/secret-key.ts";
import { Shutdown } from "./shutdown.ts";
import { Tracer, type TracesState } from "./traces/tracer.ts";
import type { CreateRemoteWorkers, RemoteWorkers } from "./workers/remote.ts";
import { WithoutWorkers } from "./workers/without-workers.ts";

export type CreateEngineOptions = EngineOptions & {
  /** Creates the part that communicates with workers. Null or missing in a petit without workers. */
  readonly workers?: CreateRemoteWorkers | null;
  /** Where the messages of `nats` triggers come from. Null or missing in a petit without NATS. */
  readonly messages?: MessageSource | null;
  /** Returns who can control a petit of root without a token, or null. Missing if nobody can. */
  readonly openAccess?: () => OpenAccess | null;
  /** Returns why the index for searches can't be written. Missing if there is none. */
  readonly failingIndex?: () => FailingIndex | null;
  /** Returns what runs attempts instead of this machine and its workers. Missing: they do. */
  readonly attempts?: (local: AttemptDriver) => AttemptDriver;
  /** Returns the secrets of the configuration file that can't be read again. Missing if there are none. */
  readonly unreadableSecrets?: () => readonly UnreadableSecret[];
};

/** What only simulations do with an engine. */
export type EventIntake = {
  /** Accepts an event as if a trigger of a job had verified it. Rejects with `not_found`. */
  acceptEvent(jobId: string, event: Pick<Arrival, "trigger" | "eventTypes" | "event">): Promise<Delivery>;
};

export const createEngine = (options: CreateEngineOptions): Engine & EventIntake => new Scheduler(options);

/** Number of processes for which petit prepares even if fewer jobs have a schedule. */
const MIN_PREPARED = 8;

/** Implements the engine: creates its parts and connects them. */
class Scheduler implements Engine, EventIntake {
  readonly store: Store;
  readonly #options: EngineOptions;
  /** Aborted when the engine stops: from then on it stores nothing, and processes run on without it. */
  readonly #detach = new AbortController();
  readonly #commits: Commits;
  readonly #poller: Poller;
  readonly #jobs: Jobs;
  readonly #notifier: Notifier;
  readonly #newestRuns = new NewestRuns();
  readonly #internalErrors = new InternalErrors();
  readonly #attention: AttentionFinder;
  readonly #artifacts: Artifacts;
  readonly #cgroups: Cgroups;
  readonly #limitSupport: LimitSupport | null;
  readonly #runs: Runs;
  readonly #figures: DailyFigures;
  readonly #expectations: Expectations;
  readonly #lostProcesses: LostProcesses;
  readonly #scheduleQueue: ScheduleQueue;
  readonly #pruner: Pruner;
  readonly #shutdown: Shutdown;
  readonly #reloader: Reloader;
  readonly #pauses: Pauses;
  readonly #deliveries: Deliveries;
  readonly #webhooks: Webhooks;
  readonly #fileTriggers: FileTriggers;
  readonly #messageTriggers: MessageTriggers;
  readonly #backfills: Backfills;
  /** Null in a petit without workers. */
  readonly #workers: RemoteWorkers | null;
  readonly #withoutWorkers: WithoutWorkers;
  readonly #started = Promise.withResolvers<void>();
  /** Null if none is configured. */
  readonly #digests: Digests | null;
  /** Null if none is configured. */
  readonly #heartbeats: Heartbeats | null;
  /** Null if traces are not sent. */
  readonly #tracer: Tracer | null;
  /** Null if none are configured. */
  readonly #backups: Backups | null;
  #isStarted = false;
  /** What `knownJobs` has returned for some jobs. */
  #knownJobs: { readonly of: object; readonly jobs: readonly KnownJob[] } | null = null;

  constructor(options: CreateEngineOptions) {
    const { store, runtime, clock, log, settings, spoolDir, environment } = options;
    const followSchedules = options.followSchedules ?? true;
    this.store = store;
    this.#options = options;
    this.#pauses = new Pauses(store);
    const detach = this.#detach.signal;
    const commits = new Commits({ store, clock, log, signal: detach });
    const fire: Fire = (due, now) => this.#fire(due, now);
    this.#commits = commits;
    this.#poller = new Poller({ clock, log });
    this.#jobs = new Jobs(options, {
      fire,
      onRecovered: (stored, before) => {
        store.events.record({ type: "job.recovered", now: clock.now(), jobId: stored.job.id });
        this.#notifier.recovered(stored, before);
      },
      onRenamed: (renamed) => this.#noteRenamed(renamed),
    });
    this.#notifier = new Notifier({
      store,
      runtime,
      clock,
      log,
      settings,
      environment,
      followSchedules,
      retryUntilStored: (work) => commits.retryUntilStored(work),
      judgeEnd: (run) => this.#attention.judgeEnd(run),
      isQuietLate: (jobId) => this.#attention.isQuietLate(jobId),
      isQuietMissed: (jobId) => this.#attention.isQuietMissed(jobId),
      isQuietApproval: (jobId, taskId) => this.#attention.isQuietApproval(jobId, taskId),
      findStale: (jobId) => this.#expectations.findStale(jobId),
    });
    this.#expectations = new Expectations({
      store,
      clock,
      log,
      commits,
      notifier: this.#notifier,
      jobs: this.#jobs,
      detach,
    });
    this.#figures = new DailyFigures({
      store,
      clock,
      log,
      timezone: settings.timezone,
      retryUntilStored: (step) => commits.retryUntilStored(step),
      signal: detach,
    });
    this.#digests = this.#createDigests();
    this.#heartbeats = this.#createHeartbeats();
    const { traces = null } = options;
    this.#tracer = traces === null ? null : new Tracer({ target: traces, store, clock, log, runtime });
    this.#backups = this.#createBackups();
    const createdAt = clock.now();
    this.#attention = new AttentionFinder({
      store,
      clock,
      log,
      newestRuns: this.#newestRuns,
      runs: () => this.#runs,
      jobs: this.#jobs,
      pauses: this.#pauses,
      workers: () => this,
      internalErrors: this.#internalErrors,
      expectations: () => this.#expectations.all,
      heartbeat: () => this.heartbeat,
      traces: () => this.traces,
      backup: () => this.backup,
      failingTriggers: () => [
        ...this.#webhooks.listUnreadable(),
        ...this.#deliveries.listFailing(),
        ...this.#fileTriggers.listFailing(),
        ...this.#messageTriggers.listFailing(),
      ],
      oldRuns: () => this.#pruner.offer,
      openAccess: options.openAccess ?? (() => null),
      failingIndex: options.failingIndex ?? (() => null),
      unreadableSecrets: options.unreadableSecrets ?? (() => []),
      repositoryProblems: () => options.repository?.problems() ?? [],
      changedCommitFiles: () => options.repository?.changed() ?? [],
      lostProcesses: () => this.#lostProcesses.found,
      unenforcedLimits: () => {
        const found = this.unenforcedLimits();
        return found === null ? null : { ...found, since: createdAt };
      },
    });
    const ensureFiles = ensureFilesOf(options.repository ?? null);
    this.#artifacts = new Artifacts({
      store,
      runtime,
      clock,
      log,
      commits,
      dir: options.artifactsDir,
      limitBytes: settings.artifactLimitBytes,
      detach,
    });
    this.#workers =
      options.workers?.({
        store,
        commits,
        clock,
        log,
        ensureFiles,
        detach,
        onWaitChange: (runId) => this.#runs.find(runId)?.announceWait(),
      }) ?? null;
    this.#withoutWorkers = new WithoutWorkers(store);
    this.#lostProcesses = new LostProcesses({
      store,
      clock,
      log,
      spoolDir,
      occupy: (jobId, runId) => this.#runs.occupy(jobId, runId),
      currentId: (jobId) => this.#jobs.currentId(jobId),
    });
    const local = localDriver(store, this.#lostProcesses, ensureFiles);
    const simulated = options.attempts?.(local);
    this.#limitSupport = options.cgroups === undefined ? null : limitSupportOf(options.cgroups);
    this.#cgroups = new Cgroups({ support: options.cgroups ?? NOT_LOOKED, spoolDir, clock, log });
    this.#runs = new Runs({
      services: {
        store,
        runtime,
        clock,
        log,
        settings,
        spoolDir,
        ownFolders: options.ownFolders,
        taskEnvironment: inheritable(environment),
        fullEnvironment: environment,
        user: null,
        spools: new SpoolPool({ spoolDir, clock, runtime }),
        cgroups: this.#cgroups,
        secretKey: secretKeyOf(options),
        artifacts: this.#artifacts,
        poller: this.#poller,
        commits,
        drivers: {
          local: simulated ?? local,
          remote: simulated ?? (this.#workers ?? this.#withoutWorkers).driver,
        },
        causes: new CauseSearch({ store, clock }),
        notifier: this.#notifier,
        figures: this.#figures,
        internalErrors: this.#internalErrors,
        traces: this.#tracer?.contexts ?? null,
        outputListeners: new Listeners(),
        detach,
      },
      newestRuns: this.#newestRuns,
      jobs: this.#jobs,
      onEnd: (run) => {
        this.#attention.noteEnd(run);
        this.#internalErrors.noteEnd(run);
        this.#figures.noteEnd(run);
        this.#expectations.noteEnd(run);
        this.#deliveries.noteEnd(run);
        this.#backfills.noteEnd(run);
        this.#pruner.enqueue(run.jobId);
      },
    });
    this.#pruner = new Pruner({
      store,
      clock,
      log,
      followSchedules,
      jobIds: () => new Set([...this.#jobs.all.keys(), ...(followSchedules ? this.#newestRuns.jobIds : [])]),
      findJob: (jobId) => this.#jobs.find(jobId)?.job ?? null,
      settings: settings.retention ?? NO_RETENTION,
      auditDays: settings.auditDays ?? DEFAULT_AUDIT_DAYS,
      onDeleted: (jobId) => {
        this.#newestRuns.set(jobId, store.runs.findNewest(jobId));
        this.#attention.noteDeleted(jobId);
      },
      onArtifactsUnlisted: (runIds) => this.#artifacts.deleteRuns(runIds),
      retryUntilStored: (work) => commits.retryUntilStored(work),
      signal: detach,
    });
    this.#deliveries = new Deliveries({
      store,
      clock,
      log,
      commits,
      jobs: this.#jobs,
      runs: this.#runs,
      internalErrors: this.#internalErrors,
      isPaused: (jobId) => this.#pauses.isPaused(jobId),
    });
    this.#webhooks = new Webhooks({
      clock,
      log,
      commits,
      jobs: this.#jobs,
      deliveries: this.#deliveries,
      environment,
      isTracing: traces !== null,
      assertRunning: () => this.#assertRunning(),
    });
    this.#fileTriggers = new FileTriggers({
      store,
      clock,
      log,
      commits,
      jobs: this.#jobs,
      deliveries: this.#deliveries,
      internalErrors: this.#internalErrors,
      isRunning: () => this.phase === "running",
      ownPrefix: this.#options.spoolDir.replace(/-spool$/, ""),
    });
    this.#messageTriggers = new MessageTriggers({
      store,
      clock,
      log,
      commits,
      jobs: this.#jobs,
      deliveries: this.#deliveries,
      internalErrors: this.#internalErrors,
      source: options.messages ?? null,
      isTracing: traces !== null,
      isRunning: () => this.phase === "running",
    });
    this.#scheduleQueue = new ScheduleQueue({
      clock,
      timezone: settings.timezone,
      fire,
      onClockSetBack: (since, byMs) => {
        this.#deferRewind(since);
        this.#expectations.plan();
        this.#deliveries.clockWasSetBack(byMs);
      },
      onError: (jobId, error) => this.#noteUndecided(jobId, error),
      isPaused: (jobId) => this.#pauses.isPaused(jobId),
      isUnknown: (at) => at <= (store.identity.get().unknownUntil ?? 0),
    });
    this.#backfills = new Backfills({
      store,
      clock,
      log,
      commits,
      jobs: this.#jobs,
      runs: this.#runs,
      internalErrors: this.#internalErrors,
      timezone: settings.timezone,
      isPaused: (jobId) => this.#pauses.isPaused(jobId),
      undecidedFrom: (jobId) => this.#scheduleQueue.undecidedFrom(jobId),
      onMade: (jobId) => this.#attention.noteDecided(jobId, { hasFired: true }),
      assertRunning: () => this.#assertRunning(),
      isRunning: () => this.phase === "running",
    });
    this.#shutdown = new Shutdown({
      clock,
      log,
      settings,
      followSchedules,
      notifier: this.#notifier,
      runs: this.#runs,
      scheduleQueue: this.#scheduleQueue,
      drainTraces: async () => this.#tracer?.drain(),
      detach: () => this.#release(),
    });
    this.#reloader = new Reloader({
      store,
      clock,
      log,
      notifier: this.#notifier,
      commits,
      scheduleQueue: this.#scheduleQueue,
      jobs: this.#jobs,
      detach,
      assertRunning: () => this.#assertRunning(),
      onReloaded: () => {
        this.#warnOfSecrets();
        this.#expectations.load();
        this.#deliveries.follow();
        this.#messageTriggers.follow();
        this.#backfills.checkAll();
        return this.#watchesFiles ? this.#fileTriggers.follow() : Promise.resolve();
      },
    });
  }

  async start(): Promise<void> {
    const { store } = this;
    const { clock, log, spoolDir, settings } = this.#options;
    makeSpoolDir(spoolDir);
    // Attempts that outlived the last petit may be those of other users.
    if ((settings.runAsAllowed ?? []).length > 0) openToOthers(spoolDir);
    this.#pauses.load();
    await this.#jobs.load();
    this.#newestRuns.load(store.runs.listNewestByJob());
    this.#expectations.load();
    this.#artifacts.start();
    this.#lostProcesses.start();
    const { attemptIds: lostIds } = this.#lostProcesses;
    store.identity.enterBoot(bootId());
    adoptRuns({
      store,
      clock,
      log,
      spoolDir,
      runs: this.#runs,
      poller: this.#poller,
      cgroups: this.#cgroups,
      lostIds,
    });
    this.#workers?.start();
    if (this.#options.followSchedules !== false) this.#startSchedules();
    if (this.#watchesFiles) await this.#fileTriggers.start();
    store.stopBlocking();
    this.#isStarted = true;
    this.#started.resolve();
    this.#notifier.start(this.#jobs.all.values());
    this.#warnOfSecrets();
    this.#figures.start();
    this.#digests?.start();
    this.#heartbeats?.start();
    this.#backups?.start();
    this.#pruner.enqueueAll();
    void this.#runs.startPending();
    if (this.#options.followSchedules !== false) void this.#attention.prepare(this.#detach.signal);
    this.#watchMarks();
    if (this.#options.followSchedules === false) return;
    this.#deliveries.start();
    this.#messageTriggers.start();
    this.#backfills.start();
  }

  get #watchesFiles(): boolean {
    const { followSchedules = true, watchFiles = followSchedules } = this.#options;
    return watchFiles;
  }

  #createDigests(): Digests | null {
    const { digest: given = null, followSchedules, clock, log, settings } = this.#options;
    if (given === null || followSchedules === false) return null;
    return new Digests({
      ...given,
      store: this.store,
      clock,
      log,
      timezone: settings.timezone,
      notifier: this.#notifier,
      review: (query) => this.review(query),
      jobs: () => this.listJobs(),
      retryUntilStored: (work) => this.#commits.retryUntilStored(work),
      signal: this.#detach.signal,
    });
  }

  #createHeartbeats(): Heartbeats | null {
    const { heartbeat: given = null, followSchedules, clock, log, runtime, environment } = this.#options;
    if (given === null || followSchedules === false) return null;
    const { heartbeat, folder } = given;
    const signal = this.#detach.signal;
    return new Heartbeats({ heartbeat, folder, clock, log, runtime, environment, health: () => this.health(), signal });
  }

  #createBackups(): Backups | null {
    const { backup: given = null, followSchedules, clock, log, settings } = this.#options;
    if (given === null || followSchedules === false) return null;
    const { plan, copier } = given;
    return new Backups({ plan, copier, clock, log, timezone: settings.timezone, signal: this.#detach.signal });
  }

  /** The history of jobs was moved to others in the store. Does the same in memory. */
  #noteRenamed(renamed: ReadonlyMap<JobId, JobId>): void {
    this.#pauses.load();
    for (const [from, to] of renamed) {
      this.#newestRuns.set(from, null);
      this.#newestRuns.set(to, this.store.runs.findNewest(to));
      this.#runs.rename(from, to);
      this.#internalErrors.rename(from, to);
      this.#attention.noteRenamed(from, to);
      this.#figures.noteRenamed(from, to);
      this.#deliveries.noteRenamed();
    }
    if (!this.#isStarted) return;
    this.#expectations.load();
    this.#notifier.renamed();
    for (const to of renamed.values()) this.#pruner.enqueue(to);
  }

  /** Logs what is wrong with the secrets of tasks. The attempt that needs one says so too, when it fails. */
  #warnOfSecrets(): void {
    const { environment, log, followSchedules } = this.#options;
    if (followSchedules === false) return;
    for (const { job } of this.#jobs.all.values())
      for (const { message } of secretConcerns(job, environment)) log.warn({ job_id: job.id }, message);
  }

  /** Fires what came due while petit was not running, then starts the timer. */
  #startSchedules(): void {
    const now = this.#options.clock.now();
    this.#rewindLedger(now);
    if (this.#options.isRestored) this.store.identity.extendUnknown(now);
    this.#scheduleQueue.set(this.#jobs.all.values(), now);
    this.#scheduleQueue.start(now);
    this.#expectations.start();
    this.#runs.prepareFor(Math.max(MIN_PREPARED, this.#scheduleQueue.size));
  }

  /** Handles a clock that was set back while petit was not running: occurrences after `now` come due again. */
  #rewindLedger(now: number): void {
    try {
      this.store.jobs.rewindAccountedUntil(now);
    } catch (error) {
      this.#options.log.error({ err: error }, "cannot store that the clock was set back");
    }
  }

  #deferRewind(since: number): void {
    try {
      this.#commits.commitOrDefer(() => {
        this.store.jobs.rewindAccountedUntil(since);
        this.store.events.record({ type: "clock.set_back", now: this.#options.clock.now() });
      });
    } catch (error) {
      this.#options.log.error({ err: error }, "cannot store that the clock was set back");
    }
  }

  /** The due occurrences of a job could not be found because of an error of petit itself. */
  #noteUndecided(jobId: JobId, error: unknown): void {
    const { log, clock } = this.#options;
    log.error({ err: error, job_id: jobId }, "cannot process due occurrences");
    this.#internalErrors.block({ jobId, runId: null }, { error, now: clock.now() });
  }

  async stop(mode: StopMode): Promise<void> {
    this.#started.resolve();
    this.#messageTriggers[Symbol.dispose]();
    await this.#shutdown.run(mode);
  }

  #release(): void {
    this.#notifier[Symbol.dispose]();
    this.#detach.abort();
    this.#tracer?.[Symbol.dispose]();
    this.#poller[Symbol.dispose]();
    this.#cgroups[Symbol.dispose]();
    this.#lostProcesses[Symbol.dispose]();
    this.#runs[Symbol.dispose]();
    this.#deliveries[Symbol.dispose]();
    this.#expectations[Symbol.dispose]();
    this.#fileTriggers[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("now");
  }

  get phase(): EnginePhase {
    if (this.#shutdown.isStopping) return "stopping";
    return this.#isStarted ? "running" : "starting";
  }

  get started(): Promise<void> {
    return this.#started.promise;
  }

  get state(): SchedulerState {
    if (this.phase !== "running") return "stopped";
    return this.#pauses.scheduler !== null ? "paused" : "running";
  }

  get counts(): Engine["counts"] {
    return this.#runs.counts;
  }

  get queues(): Engine["queues"] {
    return this.#runs.queues;
  }

  shutGates(jobId: JobId): readonly ShutGate[] {
    const stored = this.#jobs.find(jobId);
    return stored === null ? [] : this.#runs.admissionState(stored.job).shutGates;
  }

  queuesOf(jobIds: ReadonlySet<JobId>): readonly QueueState[] {
    const named = this.#jobs.all
      .values()
      .flatMap(({ job: { id, queue } }) => (queue !== undefined && jobIds.has(id) ? [queue] : []));
    return this.#runs.queuesOf(jobIds, named);
  }

  queueRuns(name: string, jobIds: ReadonlySet<JobId> | null = null): QueueRuns {
    return this.#runs.queueRuns(name, jobIds);
  }

  waitsFor(runId: RunId): WaitsFor | null {
    return this.#runs.waitsFor(runId);
  }

  listWaiting(code: WaitingCode): readonly RunId[] {
    return this.#runs.listWaiting(code);
  }

  waitingFor(runId: RunId): WaitingCode | null {
    return this.#runs.waitingFor(runId);
  }

  waitingTasks(runId: RunId): ReadonlyMap<TaskId, WaitingCode> {
    return this.#runs.find(runId)?.waitingTasks ?? new Map();
  }

  activity(jobIds: ReadonlySet<JobId> | null = null): ActivityCounts {
    return this.#runs.activity(jobIds);
  }

  get dispatch(): Engine["dispatch"] {
    return this.#workers?.dispatch ?? null;
  }

  get workers(): Engine["workers"] {
    return this.#workers?.workers ?? [];
  }

  listBlockedAttempts(runId?: RunId): ReturnType<Engine["listBlockedAttempts"]> {
    return this.#workers?.listBlocked(runId) ?? [];
  }

  listWorkerWaits(runId?: RunId): ReturnType<Engine["listWorkerWaits"]> {
    return (this.#workers ?? this.#withoutWorkers).listWaits(runId);
  }

  drainWorker(name: string, by: string | null = null): Promise<void> {
    return this.#commits.retryWhileLocked(() => this.#mustHaveWorkers().setDrained(name, true, by));
  }

  resumeWorker(name: string, by: string | null = null): Promise<void> {
    return this.#commits.retryWhileLocked(() => this.#mustHaveWorkers().setDrained(name, false, by));
  }

  forgetWorker(name: string): Promise<void> {
    return this.#commits.retryWhileLocked(() => this.#mustHaveWorkers().forget(name));
  }

  #mustHaveWorkers(): RemoteWorkers {
    if (this.#workers === null) throw refuse({ reason: "no_workers" });
    return this.#workers;
  }

  onDispatched(listener: (latencyMs: number) => void): () => void {
    return this.#workers?.onDispatched(listener) ?? (() => {});
  }

  trigger(jobId: string, request: TriggerRequest = {}): Promise<TriggeredRun> {
    return this.#commits.retryWhileLocked(() =>
      this.#commits.enqueue((addHooks) => trigger(jobId, request, this.#triggerOptions(addHooks))),
    );
  }

  acceptEvent(...[jobId, event]: Parameters<EventIntake["acceptEvent"]>): Promise<Delivery> {
    const { trigger, eventTypes, event: data } = event;
    const ids = { providerId: null, signedBody: null, chain: 0 };
    return this.#commits.enqueue((addHooks) => {
      const stored = this.#jobs.mustFind(jobId);
      return this.#deliveries.accept({ stored, trigger, eventTypes, event: data, ...ids }, addHooks).delivery;
    });
  }

  receiveWebhook(
    ...[jobId, name, request]: Parameters<Engine["receiveWebhook"]>
  ): ReturnType<Engine["receiveWebhook"]> {
    return this.#webhooks.receive(jobId, name, request);
  }

  replayDelivery(deliveryId: string, by: string | null = null): Promise<Delivery> {
    return this.#commits.retryWhileLocked(() =>
      this.#commits.enqueue((addHooks) => {
        this.#assertRunning();
        return this.#deliveries.replay(deliveryId, by, addHooks);
      }),
    );
  }

  planBackfill(request: BackfillRequest): Promise<BackfillPlan> {
    return this.#backfills.plan(request);
  }

  createBackfill(request: BackfillRequest): Promise<Backfill> {
    return this.#backfills.create(request);
  }

  changeBackfill(backfillId: string, change: BackfillChange, by: string | null = null): Promise<Backfill> {
    return this.#commits.retryWhileLocked(() =>
      this.#commits.enqueue((addHooks) => {
        this.#assertRunning();
        return this.#backfills.change(backfillId, change, { by, addHooks });
      }),
    );
  }

  testWebhook(...[jobId, test]: Parameters<Engine["testWebhook"]>): ReturnType<Engine["testWebhook"]> {
    return this.#webhooks.test(jobId, test);
  }

  hasWebhook(jobId: string, name: string | null): boolean {
    return this.#webhooks.has(jobId, name);
  }

  get refusedWebhooks(): ReadonlyMap<JobId, number> {
    return this.#webhooks.refused;
  }

  async retry(runId: RunId, scope: RetryScope = { kind: "rest" }, by: string | null = null): Promise<Run> {
    const before = mustFindRun(this.store, runId);
    const commit = usesOwnCommit(before, scope) ? before.commit : null;
    using _files = commit === null ? null : await this.#options.repository?.provide(commit);
    return await this.#commits.retryWhileLocked(() =>
      this.#commits.enqueue((addHooks) =>
        retry(mustFindRun(this.store, runId), { scope, by }, this.#triggerOptions(addHooks)),
      ),
    );
  }

  decide(runId: RunId, taskId: string | null, decision: PersonDecision): Promise<void> {
    return this.#commits.retryWhileLocked(() =>
      this.#commits.enqueue((addHooks) => {
        this.#assertRunning();
        addHooks(this.#runs.decide(runId, taskId, decision));
      }),
    );
  }

  canRetry(run: Run): boolean {
    return canRetry(run, { store: this.store, jobs: this.#jobs });
  }

  cancel(runId: RunId, by: string | null = null): Promise<Run> {
    return this.#commits.retryWhileLocked(() => this.#runs.cancel(runId, by));
  }

  storeAction(): Promise<void> {
    return this.#commits.storeAction();
  }

  waitForRun(runId: RunId, options: WaitOptions = {}): Promise<Run> {
    return waitForRun(runId, options, { store: this.store, runs: this.#runs, clock: this.#options.clock });
  }

  get schedulerPause(): Pause | null {
    return this.#pauses.scheduler;
  }

  pause(by: string | null = null): Promise<void> {
    return this.#commits.retryWhileLocked(() => this.#setPaused(true, by));
  }

  resume(by: string | null = null): Promise<void> {
    return this.#commits.retryWhileLocked(() => this.#setPaused(false, by));
  }

  pauseJob(jobId: string, by: string | null = null): Promise<void> {
    return this.#commits.retryWhileLocked(() => this.#setJobPaused(jobId, true, by));
  }

  resumeJob(jobId: string, by: string | null = null): Promise<void> {
    return this.#commits.retryWhileLocked(() => this.#setJobPaused(jobId, false, by));
  }

  reload(request: ReloadRequest = { cause: "api", by: null }): Promise<Reload> {
    return this.#reloader.reload(request);
  }

  listJobs(): readonly JobView[] {
    return [...this.#jobs.all.values()].map(({ job }) => this.#view(job));
  }

  findJob(jobId: string): JobView | null {
    const stored = this.#jobs.find(jobId);
    return stored === null ? null : this.#view(stored.job);
  }

  currentJobId(jobId: string): string {
    return this.#jobs.currentId(jobId);
  }

  listGoneJobs(): readonly JobView[] {
    return [...this.store.jobs.listGone().values()].map((gone) => this.#goneView(gone));
  }

  findGoneJob(jobId: string): JobView | null {
    const gone = this.store.jobs.findGone(jobId);
    return gone === null ? null : this.#goneView(gone);
  }

  jobNotFound(jobId: string): PetitError {
    return this.#jobs.notFound(jobId);
  }

  get knownJobs(): readonly KnownJob[] {
    const { all } = this.#jobs;
    if (this.#knownJobs?.of === all) return this.#knownJobs.jobs;
    const jobs = [
      ...all.values().map(({ job }) => job),
      ...this.store.jobs
        .listGone()
        .values()
        .map(({ job }) => job),
    ].map(({ id, tags = [] }) => ({ id, tags }));
    this.#knownJobs = { of: all, jobs };
    return jobs;
  }

  async testNotifications(
    ...[jobId, signal]: Parameters<Engine["testNotifications"]>
  ): ReturnType<Engine["testNotifications"]> {
    this.#assertRunning();
    return await this.#notifier.test(this.#jobs.mustFind(jobId).job, signal);
  }

  async testDigest(signal: AbortSignal): Promise<readonly NotifyTest[]> {
    this.#assertRunning();
    if (this.#digests === null) throw refuse({ reason: "no_digest" });
    return await this.#digests.test(signal);
  }

  nextOccurrences(jobId: JobId, count: number, bounds: OccurrenceBounds = {}): readonly number[] {
    return this.#scheduleQueue.nextOccurrences(jobId, count, bounds);
  }

  get problems(): Engine["problems"] {
    return this.#jobs.problems;
  }

  get heartbeat(): HeartbeatState | null {
    return this.#heartbeats?.state ?? null;
  }

  get traces(): TracesState | null {
    return this.#tracer?.state ?? null;
  }

  get backup(): BackupState | null {
    return this.#backups?.state ?? null;
  }

  get limitSupport(): LimitSupport | null {
    return this.#limitSupport;
  }

  unenforcedLimits(): UnenforcedLimits | null {
    const support = this.#limitSupport;
    const jobs = [...this.#jobs.all.values()].map(({ job }) => job);
    const defaults = this.#options.settings.limits ?? {};
    return support === null ? null : findUnenforced(jobs, { defaults, support });
  }

  noteUnhandledError(error: Error): void {
    this.#internalErrors.noteUnhandled(error, this.#options.clock.now());
  }

  noteRepository(status: RepositoryStatus): void {
    if (this.phase !== "running") return;
    this.#commits.commitOrDefer(() =>
      this.store.events.record({ type: "jobs.repository", now: this.#options.clock.now(), status }),
    );
  }

  health(): Health {
    return healthOf({
      phase: this.phase,
      store: this.store,
      clock: this.#options.clock,
      outage: this.#commits.outage,
      problems: this.#jobs.problems,
      reloadFailure: this.#reloader.failure,
      repositoryProblems: this.#options.repository?.problems() ?? [],
      internalErrors: this.#internalErrors.list(this.#options.clock.now()),
      backup: this.backup,
    });
  }

  listAttention(limit: number, jobIds: ReadonlySet<JobId> | null = null, isForAdmin = false): Promise<AttentionList> {
    // Before the start, the newest runs are not known.
    return this.#isStarted ? this.#attention.list(limit, jobIds, isForAdmin) : Promise.resolve(NO_ATTENTION);
  }

  review(query: ReviewQuery): Promise<Review> {
    return readReview(query, {
      store: this.store,
      clock: this.#options.clock,
      timezone: this.#options.settings.timezone,
      jobs: this.listJobs(),
      expectations: this.#expectations.all,
      // Before the start, the newest runs are not known.
      failing: () => (this.#isStarted ? this.#attention.listFailing() : Promise.resolve([])),
      nextOccurrences: (jobId, count, bounds) => this.nextOccurrences(jobId, count, bounds),
      isPaused: this.#pauses.scheduler !== null,
    });
  }

  changeAttention(
    ...[entryId, change, by = null, jobIds = null]: Parameters<Engine["changeAttention"]>
  ): Promise<AttentionEntry> {
    return this.#commits.retryWhileLocked(async () => {
      this.#assertRunning();
      const entry = await this.#mustFindEntry(entryId, jobIds);
      await this.#attention.change(entry, change, { now: this.#options.clock.now(), by, jobIds });
      this.#watchMarks();
      return await this.#mustFindEntry(entryId, jobIds);
    });
  }

  findAttention(entryId: string, jobIds: ReadonlySet<JobId> | null = null): Promise<AttentionEntry> {
    // Before the start, the newest runs are not known.
    if (!this.#isStarted) return Promise.reject(entryNotFound(entryId));
    return this.#mustFindEntry(entryId, jobIds);
  }

  #watchMarks(): void {
    if (this.#options.followSchedules !== false) this.#attention.watchMarks(this.#detach.signal);
  }

  async #mustFindEntry(entryId: string, jobIds: ReadonlySet<JobId> | null): Promise<AttentionEntry> {
    const entry = await this.#attention.find(entryId, jobIds);
    if (entry === null) throw entryNotFound(entryId);
    return entry;
  }

  get expectations(): Iterable<Expectation> {
    return this.#expectations.all;
  }

  openArtifact(artifact: Artifact): number | null {
    return this.#artifacts.open(artifact);
  }

  artifactFile(artifact: Artifact): string {
    return this.#artifacts.fileOf(artifact);
  }

  onEvent(listener: (event: Event) => void): () => void {
    const safeListener = catchErrors(listener, this.#options.log);
    return this.store.events.subscribe((events) => {
      for (const event of events) safeListener(event);
    });
  }

  onOutput(runId: RunId, listener: () => void): () => void {
    return this.#runs.onOutput(runId, catchErrors(listener, this.#options.log));
  }

  onSending(...[listener]: Parameters<Engine["onSending"]>): () => void {
    return this.#notifier.onSending(catchErrors(listener, this.#options.log));
  }

  #setPaused(paused: boolean, by: string | null): void {
    this.#assertRunning();
    if ((this.#pauses.scheduler !== null) === paused) {
      this.#commits.noteUnchanged();
      return;
    }
    // Occurrences that are due by now are decided by the state until now.
    this.#scheduleQueue.decideDue();
    this.#pauses.setScheduler(paused, this.#options.clock.now(), by);
    if (paused) return;
    this.#deliveries.resumed(null);
    this.#backfills.checkAll();
  }

  #setJobPaused(jobId: string, paused: boolean, by: string | null): void {
    this.#assertRunning();
    const { id } = this.#jobs.mustFind(jobId).job;
    if ((this.#pauses.findJob(id) !== null) === paused) {
      this.#commits.noteUnchanged();
      return;
    }
    this.#scheduleQueue.decideDue();
    this.#pauses.setJob(id, paused, { now: this.#options.clock.now(), by });
    if (paused) return;
    this.#deliveries.resumed(id);
    this.#backfills.checkAll();
  }

  #fire(due: readonly DueJob[], now: number): ReadonlySet<JobId> {
    if (this.#shutdown.isStopping) this.#assertRunning();
    return fireDue(due, {
      store: this.store,
      log: this.#options.log,
      commits: this.#commits,
      runs: this.#runs,
      notifier: this.#notifier,
      internalErrors: this.#internalErrors,
      now,
      isPaused: (jobId) => this.#pauses.isPaused(jobId),
      onDecided: (jobId, decided) => this.#attention.noteDecided(jobId, decided),
    });
  }

  #goneView({ job, since }: GoneJob): JobView {
    return { ...this.#view(job), unfired: null, expectation: null, gone: { since } };
  }

  #view(job: Job): JobView {
    const nextRunAt = this.#scheduleQueue.nextAt(job.id);
    const lastRun = this.#newestRuns.find(job.id);
    return {
      job,
      nextRunAt,
      nextStartAt: nextRunAt === null ? null : this.#scheduleQueue.startOf(job.id, nextRunAt),
      everyMs: this.#scheduleQueue.everyMs(job.id),
      lastRun,
      lastWaitingFor: lastRun === null || isFinal(lastRun.status) ? null : this.#runs.waitingFor(lastRun.id),
      ...this.#runs.activityOf(job.id),
      durationChange: this.#figures.changeOf(job.id),
      pause: this.#pauses.findJob(job.id),
      unfired: this.#attention.findUnfired(job),
      expectation: this.#expectations.find(job.id),
      formerIds: this.#jobs.formerIds(job.id),
      gone: null,
    };
  }

  #triggerOptions(addHooks: AddHooks): TriggerOptions {
    this.#assertRunning();
    return { store: this.store, jobs: this.#jobs, runs: this.#runs, now: this.#options.clock.now(), addHooks };
  }

  /** Throws `not_running` before `start` has resolved and after `stop` was called. */
  #assertRunning(): void {
    if (this.phase !== "running") throw refuse({ reason: "not_running", state: this.phase });
  }
}
