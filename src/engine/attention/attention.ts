import { setImmediate } from "node:timers/promises";
import {
  ADMIN_KINDS,
  ATTENTION_SEVERITY,
  type Attention,
  type AttentionKind,
  type ChangedCommitFiles,
  type FailingIndex,
  type FailingTrigger,
  type LimitsNotEnforced,
  type LostProcessGroups,
  lateAfterMs,
  MIN_STUCK_MS,
  type OldRuns,
  type OpenAccess,
  TRACES_FAIL_AFTER_MS,
  type UnreadableSecret,
} from "../../domain/attention.ts";
import type { BackupState } from "../../domain/backup/state.ts";
import type { ShutGate } from "../../domain/dependency.ts";
import { GIVEN_UP_COUNTS_MS, type HealthReason, type HeartbeatState } from "../../domain/health.ts";
import type { JobId, TaskId } from "../../domain/ids.ts";
import type { Consequence } from "../../domain/inbox/consequence.ts";
import { type AttentionEntry, type AttentionList, entryId, NO_ATTENTION } from "../../domain/inbox/entry.ts";
import { type Expectation, expectedFrom } from "../../domain/inbox/expectation.ts";
import type { Mark, MarkChange } from "../../domain/inbox/mark.ts";
import { byUrgency, CRITICAL_TAG, type Rank, type Urgency } from "../../domain/inbox/order.ts";
import { isDeliberate, MAX_UNFIRED, PAUSED_TOO_LONG_MS, type UnfiredStreak } from "../../domain/inbox/unfired.ts";
import { hasTags, type Job } from "../../domain/job.ts";
import { MAX_NEAR_LIMIT_RUNS } from "../../domain/limits/near-limit.ts";
import { SOON_MS } from "../../domain/people/token.ts";
import { dueAtOf, type ParamValues, type Run } from "../../domain/run.ts";
import type { Problem } from "../../jobfile/problem.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { assertNever } from "../../lib/never.ts";
import { noteAction } from "../../store/people/audit-scope.ts";
import type { Store } from "../../store/store.ts";
import type { InternalErrors } from "../internal-errors.ts";
import type { NewestRuns } from "../run/newest-runs.ts";
import type { Runs } from "../run/runs.ts";
import type { Jobs } from "../schedule/jobs.ts";
import type { Pauses } from "../schedule/pauses.ts";
import type { TracesState } from "../traces/tracer.ts";
import { groupByCause, type WaitFacts } from "./consequences.ts";
import { type FailingOrFlapping, JobResults } from "./job-results.ts";
import { type EndOfMark, Marks, ORPHAN_MS, withoutEnded } from "./marks.ts";
import { NearLimits } from "./near-limits.ts";
import { type UnfiredJob, UnfiredJobs } from "./unfired-jobs.ts";
import { UsualDurations } from "./usual-durations.ts";
import { type WorkerFacts, workerAttention } from "./worker-attention.ts";

export type AttentionListOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly newestRuns: NewestRuns;
  readonly runs: () => Pick<Runs, "active" | "find" | "waiting" | "late" | "waitsFor" | "waitCode" | "admissionState">;
  readonly jobs: Pick<Jobs, "all" | "find" | "currentId" | "problems" | "brokenSince">;
  readonly pauses: Pick<Pauses, "scheduler" | "findJob">;
  readonly workers: () => WorkerFacts;
  readonly internalErrors: Pick<InternalErrors, "listUrgent">;
  /** What is expected of the current jobs. */
  readonly expectations: () => Iterable<Expectation>;
  /** How the heartbeat works; null if none is configured. */
  readonly heartbeat: () => HeartbeatState | null;
  /** How backups fare; null if none are configured. */
  readonly traces: () => TracesState | null;
  readonly backup: () => BackupState | null;
  /** Why the index for searches can't be written; null if it can. */
  readonly failingIndex: () => FailingIndex | null;
  /** The triggers that start no runs because something about them is wrong. */
  readonly failingTriggers: () => readonly FailingTrigger[];
  /** Runs that would be deleted if somebody chose it; null if there are none. */
  readonly oldRuns: () => OldRuns | null;
  /** Who can control a petit of root without a token; null if nobody can. */
  readonly openAccess: () => OpenAccess | null;
  /** The secrets of the configuration file that can't be read again. */
  readonly unreadableSecrets: () => readonly UnreadableSecret[];
  /** The commits whose files somebody changed. */
  readonly changedCommitFiles: () => readonly ChangedCommitFiles[];
  /** What is wrong with the repository of the job files. */
  readonly repositoryProblems: () => readonly HealthReason[];
  /** What outlived a restore; null if there is nothing. */
  readonly lostProcesses: () => LostProcessGroups | null;
  /** Limits of jobs that this machine does not enforce; null if there are none. */
  readonly unenforcedLimits: () => LimitsNotEnforced | null;
};

type JobAttention = Awaited<ReturnType<JobResults["list"]>>[number];

export type FailingJob = Pick<
  Extract<Attention, { readonly kind: "job_failing" }>,
  "jobId" | "runId" | "since" | "count"
>;

/** An item whose details have not been read. */
type Listed = JobAttention | Exclude<Attention, { readonly kind: JobAttention["kind"] }>;

const isOfJob = <Item extends { readonly kind: AttentionKind }>(
  item: Item,
): item is Extract<Item, { readonly kind: JobAttention["kind"] }> =>
  item.kind === "job_failing" || item.kind === "job_flapping";

const isOfWaits = <Item extends { readonly kind: AttentionKind }>(
  item: Item,
): item is Extract<Item, { readonly kind: "no_worker" | "transfer_blocked" }> =>
  item.kind === "no_worker" || item.kind === "transfer_blocked";

type Unenforced = Extract<Attention, { readonly kind: "limits_not_enforced" }>;

/** Number of items whose details are read before other work runs. */
const DESCRIBED_AT_ONCE = 20;

/** How often the marks are judged while there are some. */
const ROUND_MS = 60_000;

/** At most so many tokens that expire or have expired are listed. */
const MAX_ENDING_TOKENS = 50;

/** Finds what needs attention. */
export class AttentionFinder {
  readonly #options: AttentionListOptions;
  readonly #results: JobResults;
  readonly #durations: UsualDurations;
  readonly #nearLimits: NearLimits;
  readonly #unfired: UnfiredJobs;
  readonly #marks: Marks;
  /** In ms since the Unix epoch. */
  readonly #createdAt: number;
  #cancelRound: (() => void) | null = null;

  constructor(options: AttentionListOptions) {
    this.#options = options;
    this.#results = new JobResults(options);
    this.#durations = new UsualDurations(options.store);
    this.#nearLimits = new NearLimits(options.store);
    const { store, clock, pauses, jobs } = options;
    this.#marks = new Marks(store);
    this.#createdAt = clock.now();
    this.#unfired = new UnfiredJobs({ store, clock, pauses, jobs: () => jobs.all.values() });
  }

  /** Call it when the end of a run is stored. */
  noteEnd(run: Run): void {
    this.#results.noteEnd(run);
    this.#durations.noteEnd(run);
    this.#nearLimits.noteChange(run.jobId);
  }

  /** Call it when the outcome of the newest due occurrence of a job is stored, or a backfill has made a run for one. */
  noteDecided(jobId: JobId, newest: { readonly hasFired: boolean }): void {
    this.#unfired.noteDecided(jobId, newest);
  }

  /** Reads in slices which jobs do not run as expected, so that no request has to do it at once. */
  async prepare(signal: AbortSignal): Promise<void> {
    try {
      await this.#unfired.list();
    } catch (error) {
      // The next request tries it again. After the stop, the store is closed.
      if (!signal.aborted) this.#options.log.error({ err: error }, "cannot read which jobs do not run as expected");
    }
  }

  /** Judges what people said in time, whether or not anybody asks, until `signal` is aborted. */
  watchMarks(signal: AbortSignal): void {
    this.#cancelRound?.();
    this.#cancelRound = null;
    const { clock } = this.#options;
    const end = signal.aborted ? null : this.#marks.nextEnd(clock.now());
    if (end === null) return;
    const delayMs = Math.min(ROUND_MS, Math.max(1, end - clock.now()));
    const cancel = clock.setTimeout(() => void this.#round(signal), delayMs);
    signal.addEventListener("abort", cancel, { once: true });
    this.#cancelRound = () => {
      signal.removeEventListener("abort", cancel);
      cancel();
    };
  }

  async #round(signal: AbortSignal): Promise<void> {
    try {
      this.#judgeMarks(await this.#collect());
    } catch (error) {
      if (!signal.aborted)
        this.#options.log.error({ err: error }, "cannot judge what people said about what needs attention");
    }
    this.watchMarks(signal);
  }

  /** Returns what the newest occurrences of a job have in common if it has not run as expected; otherwise null. */
  findUnfired(job: Job): UnfiredStreak | null {
    return this.#unfired.find(job)?.streak ?? null;
  }

  /** Call it when runs of a job were deleted. */
  noteDeleted(jobId: JobId): void {
    this.#results.noteDeleted(jobId);
    this.#nearLimits.noteChange(jobId);
  }

  /** Call it when the history of a job was moved to another one. */
  noteRenamed(from: JobId, to: JobId): void {
    this.#results.noteRenamed(from, to);
    this.#durations.noteRenamed(from, to);
    this.#nearLimits.noteRenamed(from, to);
    this.#unfired.noteRenamed(from, to);
  }

  /** Reads details only for the items that it returns. */
  async list(limit: number, jobIds: ReadonlySet<JobId> | null = null, isForAdmin = false): Promise<AttentionList> {
    const found = await this.#collect();
    const marks = this.#judgeMarks(found);
    const chosen = this.#choose(found, jobIds).filter(({ kind }) => isForAdmin || !ADMIN_KINDS.has(kind));
    const { causes: all, consequences, childJobs } = this.#group(chosen, jobIds);
    const counts: Record<AttentionKind, number> = { ...NO_ATTENTION.counts };
    for (const { kind } of all) counts[kind]++;
    const ranked = all
      .map((item) => ({ item, mark: marks.get(entryId(item)) ?? null }))
      .map((each) => ({ ...each, consequences: consequences.get(entryId(each.item)) ?? [] }))
      .map((each) => ({ ...each, ...this.#rankOf(each.item, each.mark, each.consequences) }))
      .toSorted(byUrgency);
    const items: AttentionEntry[] = [];
    for (const [index, { item, mark, urgency, consequences }] of ranked.slice(0, limit).entries()) {
      if (index > 0 && index % DESCRIBED_AT_ONCE === 0) await setImmediate();
      items.push(
        toEntry(this.#describe(item), { urgency, mark, consequences, childJobs: childrenOf(item, childJobs) }),
      );
    }
    return { items, counts, handled: ranked.filter(({ isHandled }) => isHandled).length };
  }

  /** Returns the jobs that fail, with the newest of the failed runs in a row. */
  async listFailing(): Promise<readonly FailingJob[]> {
    const results = await this.#results.list((jobId) => this.#options.jobs.find(jobId) !== null);
    return results.filter((each) => each.kind === "job_failing");
  }

  /** Returns an entry, of all jobs or of some, or null if there is none with this id. The id can have a former id of its job. */
  async find(givenId: string, jobIds: ReadonlySet<JobId> | null = null): Promise<AttentionEntry | null> {
    const id = this.#currentId(givenId);
    const found = await this.#collect();
    const chosen = this.#choose(found, jobIds);
    const item = chosen.find((each) => entryId(each) === id);
    if (item === undefined) return null;
    const mark = this.#judgeMarks(found).get(id) ?? null;
    const grouped = this.#group(chosen, jobIds);
    const consequences = grouped.consequences.get(id) ?? [];
    const { urgency } = this.#rankOf(item, mark, consequences);
    const childJobs = childrenOf(item, grouped.childJobs);
    return toEntry(this.#describe(item), { urgency, mark, consequences, childJobs });
  }

  /** Returns the items about some jobs; null for all. What is about several jobs is about the chosen ones of them. */
  #choose(found: readonly Listed[], jobIds: ReadonlySet<JobId> | null): readonly Listed[] {
    if (jobIds === null) return found;
    const facts = this.#options.workers();
    const isOfJobs = ({ jobId }: { readonly jobId: JobId }): boolean => jobIds.has(jobId);
    const ofWaits = workerAttention({
      dispatch: facts.dispatch,
      workers: facts.workers,
      listWorkerWaits: () => facts.listWorkerWaits().filter(isOfJobs),
      listBlockedAttempts: () => facts.listBlockedAttempts?.().filter(isOfJobs) ?? [],
    });
    const isChosen = (item: Listed | Attention): boolean =>
      "jobId" in item && item.jobId !== null && jobIds.has(item.jobId);
    const unenforced = found.flatMap((item) => {
      if (item.kind !== "limits_not_enforced") return [];
      const jobs = item.jobs.filter(isOfJobs);
      return jobs.length === 0 ? [] : [{ ...item, jobs }];
    });
    const chosen = [...found.filter((item) => !isOfWaits(item)), ...ofWaits.filter(isOfWaits)].filter(isChosen);
    return [...chosen, ...unenforced];
  }

  /** Returns the id of an entry with the id that its job has now. */
  #currentId(id: string): string {
    const [kind = "", key = "", ...rest] = id.split(":");
    return [kind, this.#options.jobs.currentId(key), ...rest].join(":");
  }

  /** Groups items with what explains them. `childJobs` has the failing jobs without an item of their own by the job that explains them. */
  #group(items: readonly Listed[], jobIds: ReadonlySet<JobId> | null) {
    const parents = this.#results.findExplained(items.filter(isOfJob));
    const causes = items.filter((item) => !isOfJob(item) || !parents.has(item.jobId));
    const childJobs = Map.groupBy(parents.keys(), (jobId) => rootOf(jobId, parents));
    return { ...groupByCause(causes, this.#waitFacts(jobIds)), childJobs };
  }

  #waitFacts(jobIds: ReadonlySet<JobId> | null): WaitFacts {
    const runs = this.#options.runs();
    const isChosen = (job: Job): boolean => jobIds === null || jobIds.has(job.id);
    return {
      findJob: (jobId) => this.#options.jobs.find(jobId)?.job ?? null,
      findActive: (runId) => runs.find(runId)?.run ?? null,
      waiting: runs.waiting.filter(({ job }) => isChosen(job)),
      waitCode: (runId) => runs.waitCode(runId),
      late: runs.late,
      skipping: this.#unfired.listShort().filter(({ job }) => isChosen(job)),
    };
  }

  /** Stores what a person said about an entry of some jobs, or of all. Whether anybody wants to hear of it also holds for the child runs that it explains. */
  async change(
    entry: AttentionEntry,
    change: MarkChange,
    context: { readonly now: number; readonly by: string | null; readonly jobIds: ReadonlySet<JobId> | null },
  ): Promise<void> {
    noteAction({ jobId: "jobId" in entry ? entry.jobId : null });
    const explained = (await this.#listExplained(entry)).filter(({ jobId }) => context.jobIds?.has(jobId) ?? true);
    const ofExplained = changeOfExplained(change);
    this.#options.store.transaction(() => {
      this.#marks.change({ entry, seen: this.#marks.seenOf(entry), isInherited: false }, change, context);
      if (ofExplained === null) return;
      for (const item of explained)
        this.#marks.change(
          { entry: { id: entryId(item), jobId: item.jobId }, seen: this.#marks.seenOf(item), isInherited: true },
          ofExplained,
          context,
        );
    });
  }

  /** Returns the failing jobs that have no entry of their own because this one explains them. */
  async #listExplained(entry: AttentionEntry): Promise<readonly FailingOrFlapping[]> {
    if (!isOfJob(entry)) return [];
    const standings = (await this.#collect()).filter(isOfJob);
    const parents = this.#results.findExplained(standings);
    const isBelow = (jobId: JobId): boolean => ancestorsOf(jobId, parents).includes(entry.jobId);
    return standings
      .filter(({ jobId }) => jobId !== entry.jobId && isBelow(jobId))
      .map((item) => this.#results.describe(item));
  }

  /** Judges the end of a run within the transaction that stores it. Returns whether nobody is notified of its failure. */
  judgeEnd(run: Run): { readonly isQuiet: boolean } {
    return this.#marks.judgeEnd(run, this.#options.clock.now());
  }

  /** Returns whether nobody wants to be told of one more late run of a job. */
  isQuietLate(jobId: JobId): boolean {
    const late = this.#options.runs().late.filter((run) => run.jobId === jobId);
    return this.#marks.isQuietLate(jobId, { count: late.length + 1, now: this.#options.clock.now() });
  }

  /** Returns whether nobody wants to be told of further missed occurrences of a job. Call it when they are stored. */
  isQuietMissed(jobId: JobId): boolean {
    return this.#marks.isQuietMissed(jobId, this.#options.clock.now());
  }

  /** Returns whether nobody wants to be told that a task of a job waits for a person, because it already does in another run. */
  isQuietApproval(jobId: JobId, taskId: TaskId): boolean {
    return this.#marks.isQuietApproval({ jobId, taskId }, this.#options.clock.now());
  }

  /** Returns the marks of the entries as they hold now, and stores what has ended. */
  #judgeMarks(found: readonly Listed[]): ReadonlyMap<string, Mark> {
    const stored = this.#marks.load();
    if (stored.size === 0) return stored;
    const now = this.#options.clock.now();
    const listed = new Map(found.map((item) => [entryId(item), item]));
    const held = new Map<string, Mark>();
    const ends = new Map<Mark, EndOfMark>();
    const explained = this.#results.findExplained(found.filter(isOfJob));
    const gone = [...this.#marks.findOrphans(stored.keys(), (id) => listed.has(id), now)];
    for (const [id, mark] of stored) {
      const item = listed.get(id);
      if (item === undefined) continue;
      const seen = this.#marks.seenOf(this.#describe(item));
      const isExplained = isOfJob(item) && explained.has(item.jobId);
      // The job that explains it says how often both have failed.
      const current = {
        seen: isExplained ? { ...seen, streak: 0 } : seen,
        began: this.#beganOf(item),
        runId: isOfJob(item) ? item.runId : null,
      };
      const judged = this.#marks.judge(mark, current, now);
      switch (judged) {
        case "holds":
          held.set(id, mark);
          break;
        case "ended":
          gone.push(id);
          break;
        case "worse":
        case "expired":
          ends.set(mark, judged);
          held.set(id, withoutEnded(mark, judged));
          break;
        default:
          assertNever(judged);
      }
    }
    if (ends.size + gone.length > 0) this.#settle({ ends, gone, now });
    return held;
  }

  /** A list is also answered while the database can't be written; the next one tries it again. */
  #settle({
    ends,
    gone,
    now,
  }: {
    readonly ends: ReadonlyMap<Mark, EndOfMark>;
    readonly gone: readonly string[];
    readonly now: number;
  }): void {
    try {
      this.#options.store.transaction(() => {
        this.#marks.endEarly(ends, now);
        this.#marks.endGone(gone, now);
      });
    } catch (error) {
      this.#options.log.debug({ err: error }, "cannot store that entries are no longer acknowledged");
    }
  }

  /**
   * Returns when an item began, in ms since the Unix epoch; null if that time can change while the item lasts: the oldest of several runs or
   * sendings can be deleted, the run that has waited longest can start, and what petit detects soon after its own start may be older. Null
   * also for failing jobs, which are judged when a run ends.
   */
  #beganOf(item: Listed): number | null {
    const { since } = item;
    switch (item.kind) {
      case "job_failing":
      case "job_flapping":
      case "run_late":
      case "run_stuck":
      case "notifications_undelivered":
        return null;
      case "memory_near_limit":
        return item.count >= MAX_NEAR_LIMIT_RUNS ? null : since;
      case "not_run_as_expected":
        return item.count >= MAX_UNFIRED ? null : since;
      case "worker_unreachable":
      case "worker_refused":
      case "no_worker":
      case "nats_unreachable":
      case "transfer_blocked":
      case "retention_undecided":
      case "open_to_users":
      case "lost_processes":
      case "limits_not_enforced":
      case "heartbeat_failing":
      case "traces_failing":
      case "backup_failed":
      case "search_index_failing":
      case "trigger_failing":
      case "jobs_commit_refused":
      case "jobs_repository_failed":
      case "commit_files_changed":
      case "secret_unreadable":
        return since < this.#createdAt + ORPHAN_MS ? null : since;
      case "approval_needed":
      case "internal_error":
      case "job_stale":
      case "job_file_broken":
      case "token_expiring":
      case "token_expired":
        return since;
      default:
        return assertNever(item);
    }
  }

  async #collect(): Promise<readonly Listed[]> {
    const results = await this.#results.list((jobId) => this.#options.jobs.find(jobId) !== null);
    return [
      ...results,
      ...this.#unrun(await this.#unfired.list()),
      ...this.#staleJobs(),
      ...this.#stuckRuns(),
      ...this.#lateByWarning(),
      ...this.#lateRuns(),
      ...this.#nearLimits
        .list()
        .filter(({ jobId }) => this.#options.jobs.find(jobId) !== null)
        .map((each) => ({ kind: "memory_near_limit" as const, ...each })),
      ...this.#approvals(),
      ...workerAttention(this.#options.workers()),
      ...this.#undelivered(),
      ...this.#failingHeartbeat(),
      ...this.#failingTraces(),
      ...this.#failedBackup(),
      ...this.#failingIndex(),
      ...this.#options.failingTriggers().map((each) => ({ kind: "trigger_failing" as const, ...each })),
      ...this.#options.internalErrors
        .listUrgent(this.#options.clock.now())
        .map((each) => ({ kind: "internal_error" as const, ...each })),
      ...this.#endingTokens(),
      ...this.#options.unreadableSecrets().map((secret) => ({ kind: "secret_unreadable" as const, ...secret })),
      ...this.#oldRuns(),
      ...this.#openAccess(),
      ...this.#lostProcesses(),
      ...this.#unenforcedLimits(),
      ...this.#options.changedCommitFiles().map((changed) => ({ kind: "commit_files_changed" as const, ...changed })),
      ...this.#brokenFiles(),
      ...this.#repositoryProblems(),
    ];
  }

  /** What is critical makes its cause critical. */
  #rankOf(item: Listed, mark: Mark | null, consequences: readonly Consequence[] = []): Rank {
    const { kind, since } = item;
    const job = "jobId" in item && item.jobId !== null ? (this.#options.jobs.find(item.jobId)?.job ?? null) : null;
    return {
      isHandled: mark !== null && (mark.acknowledged !== null || mark.snoozed !== null),
      urgency: urgencyOf(item, [job, ...consequences.map(({ jobId }) => this.#options.jobs.find(jobId)?.job ?? null)]),
      severity: ATTENTION_SEVERITY[kind],
      priority: job?.priority ?? 0,
      streak: kind === "job_failing" || kind === "not_run_as_expected" ? Math.max(1, item.count) : 1,
      since,
    };
  }

  #describe(item: Listed): Attention {
    switch (item.kind) {
      case "job_failing":
      case "job_flapping":
        return this.#results.describe(item);
      case "run_stuck":
        return { ...item, taskId: this.#findRunningTask(item) };
      case "not_run_as_expected":
        return { ...item, gates: this.#shutGates(item) };
      case "run_late":
        return { ...item, waitsFor: this.#options.runs().waitsFor(item.runId) };
      case "job_stale":
      case "memory_near_limit":
      case "approval_needed":
      case "worker_unreachable":
      case "worker_refused":
      case "no_worker":
      case "nats_unreachable":
      case "transfer_blocked":
      case "notifications_undelivered":
      case "heartbeat_failing":
      case "traces_failing":
      case "backup_failed":
      case "search_index_failing":
      case "trigger_failing":
      case "internal_error":
      case "retention_undecided":
      case "open_to_users":
      case "lost_processes":
      case "limits_not_enforced":
      case "job_file_broken":
      case "jobs_commit_refused":
      case "jobs_repository_failed":
      case "commit_files_changed":
      case "token_expiring":
      case "token_expired":
      case "secret_unreadable":
        return item;
      default:
        return assertNever(item);
    }
  }

  /** One item for each job, but one for all jobs that do not run because the scheduler is paused. */
  #unrun(found: readonly UnfiredJob[]): readonly UnrunSchedule[] {
    const { pauses, clock } = this.#options;
    const pause = pauses.scheduler;
    const isPausedByScheduler = (each: UnfiredJob): boolean =>
      pause !== null && each.pause === null && each.streak.newest === "paused";
    const items = found
      .filter((each) => !isPausedByScheduler(each))
      .map((each) => unrunSchedule(each.streak, { jobId: each.job.id, jobs: 1, pause: each.pause }));
    const paused = found.filter(isPausedByScheduler);
    if (pause === null || (paused.length === 0 && clock.now() - pause.at < PAUSED_TOO_LONG_MS)) return items;
    const count = paused.reduce((sum, { streak }) => sum + streak.count, 0);
    const reasons = count === 0 ? [] : [{ reason: "paused", count } as const];
    const streak = { since: pause.at, count, newest: "paused", reasons } as const;
    return [...items, unrunSchedule(streak, { jobId: null, jobs: paused.length, pause })];
  }

  #shutGates({ jobId, newest }: UnrunSchedule): readonly ShutGate[] {
    const job = jobId === null || newest !== "dependency" ? undefined : this.#options.jobs.find(jobId)?.job;
    return job === undefined ? [] : this.#options.runs().admissionState(job).shutGates;
  }

  #staleJobs(): readonly Extract<Attention, { readonly kind: "job_stale" }>[] {
    const now = this.#options.clock.now();
    return [...this.#options.expectations()].flatMap((each) => {
      const { jobId, staleSince: since, withinMs, lastSuccessAt } = each;
      if (since === null) return [];
      return [
        { kind: "job_stale", jobId, since, withinMs, lastSuccessAt, waitedMs: Math.max(0, now - expectedFrom(each)) },
      ];
    });
  }

  #failingHeartbeat(): readonly Extract<Attention, { readonly kind: "heartbeat_failing" }>[] {
    const state = this.#options.heartbeat();
    return state === null || state.failing === null
      ? []
      : [{ kind: "heartbeat_failing", url: state.url, ...state.failing }];
  }

  #failingTraces(): readonly Extract<Attention, { readonly kind: "traces_failing" }>[] {
    const { traces, clock } = this.#options;
    const state = traces();
    if (state === null || state.failing === null || clock.now() - state.failing.since < TRACES_FAIL_AFTER_MS) return [];
    return [{ kind: "traces_failing", url: state.url, dropped: state.dropped, ...state.failing }];
  }

  #failedBackup(): readonly Extract<Attention, { readonly kind: "backup_failed" }>[] {
    const state = this.#options.backup();
    return state === null || state.failing === null
      ? []
      : [{ kind: "backup_failed", ...state.failing, folder: state.plan.folder, lastAt: state.last?.at ?? null }];
  }

  #failingIndex(): readonly Extract<Attention, { readonly kind: "search_index_failing" }>[] {
    const found = this.#options.failingIndex();
    return found === null ? [] : [{ kind: "search_index_failing", ...found }];
  }

  #oldRuns(): readonly Extract<Attention, { readonly kind: "retention_undecided" }>[] {
    const found = this.#options.oldRuns();
    return found === null ? [] : [{ kind: "retention_undecided", ...found }];
  }

  #endingTokens(): readonly Attention[] {
    const { store, clock } = this.#options;
    const now = clock.now();
    const named = Map.groupBy(
      store.tokens.listEnding(now, MAX_ENDING_TOKENS),
      ({ name, refused }) => `${name} ${refused === null}`,
    );
    return [...named.values()].flatMap(([token]): readonly Attention[] => {
      if (token === undefined) return [];
      const { name, role, createdAt, expiresAt, lastUsedAt, lastUsedFrom, refused } = token;
      const common = { token: name, role, expiresAt };
      if (refused !== null) {
        const { count, at: lastRefusedAt, from: lastRefusedFrom } = refused;
        return [{ kind: "token_expired", ...common, count, lastRefusedAt, lastRefusedFrom, since: expiresAt }];
      }
      const expiresInMs = expiresAt - now;
      const since = Math.max(createdAt, expiresAt - SOON_MS);
      return [{ kind: "token_expiring", ...common, expiresInMs, lastUsedAt: lastUsedAt ?? since, lastUsedFrom, since }];
    });
  }

  #openAccess(): readonly Extract<Attention, { readonly kind: "open_to_users" }>[] {
    const found = this.#options.openAccess();
    return found === null ? [] : [{ kind: "open_to_users", ...found }];
  }

  #lostProcesses(): readonly Extract<Attention, { readonly kind: "lost_processes" }>[] {
    const found = this.#options.lostProcesses();
    return found === null ? [] : [{ kind: "lost_processes", ...found }];
  }

  #unenforcedLimits(): readonly Unenforced[] {
    const found = this.#options.unenforcedLimits();
    return found === null ? [] : [{ kind: "limits_not_enforced", ...found }];
  }

  #stuckRuns(): readonly Extract<Attention, { readonly kind: "run_stuck" }>[] {
    return this.#options.runs().active.flatMap(({ run, elapsedMs, isParked }) => {
      if (elapsedMs <= MIN_STUCK_MS || isParked) return [];
      const usual = this.#durations.find(run.jobId);
      if (usual === null || elapsedMs <= usual.stuckAfterMs) return [];
      const since = (run.startedAt ?? run.createdAt) + usual.stuckAfterMs;
      const { id: runId, jobId } = run;
      return [{ kind: "run_stuck", jobId, runId, since, elapsedMs, usualMs: usual.medianMs, taskId: null }];
    });
  }

  #findRunningTask({ runId }: Extract<Attention, { readonly kind: "run_stuck" }>): TaskId | null {
    const running = this.#options.store.runs.listTaskRuns(runId).filter(({ status }) => status === "running");
    return running.toSorted((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0))[0]?.taskId ?? null;
  }

  /** One item per job, for the run that was due first. */
  #lateByWarning(): readonly Extract<Attention, { readonly kind: "run_late" }>[] {
    const now = this.#options.clock.now();
    return [...Map.groupBy(this.#options.runs().late, ({ jobId }) => jobId)].flatMap(([jobId, late]) => {
      const [first] = late.toSorted((a, b) => dueAtOf(a) - dueAtOf(b));
      if (first === undefined) return [];
      const waitedMs = Math.max(0, now - dueAtOf(first));
      const since = first.lateAt ?? now;
      return [
        {
          kind: "run_late",
          cause: "warn_after",
          jobId,
          runId: first.id,
          since,
          waitedMs,
          count: late.length,
          waitsFor: null,
        },
      ];
    });
  }

  /** One item per job, for the run that has waited longest. Runs that are late anyway are left out. */
  #lateRuns(): readonly Extract<Attention, { readonly kind: "run_late" }>[] {
    const now = this.#options.clock.now();
    const late = new Set(this.#options.runs().late.map(({ id }) => id));
    const others = this.#options.runs().waiting.filter(({ run }) => !late.has(run.id));
    const byJob = Map.groupBy(others, ({ run }) => run.jobId);
    return [...byJob].flatMap(([jobId, waiting]) => {
      const [oldest] = waiting.map(({ run }) => run).toSorted((a, b) => a.createdAt - b.createdAt);
      if (oldest === undefined) return [];
      const { id: runId, createdAt } = oldest;
      const waitedMs = Math.max(0, now - createdAt);
      if (waitedMs <= lateAfterMs(null) || waitedMs <= lateAfterMs(this.#durations.find(jobId))) return [];
      return [
        {
          kind: "run_late",
          cause: "slot",
          jobId,
          runId,
          since: createdAt,
          waitedMs,
          count: waiting.length,
          waitsFor: null,
        },
      ];
    });
  }

  #approvals(): readonly Attention[] {
    const asking = this.#options
      .runs()
      .active.map(({ run, approvals }) => ({ run, approvals }))
      .filter(({ approvals }) => approvals.length > 0);
    return [...Map.groupBy(asking, ({ run }) => run.jobId)].flatMap(([jobId, ofJob]) => {
      const differing = differingNames(ofJob.map(({ run }) => run.params));
      return ofJob.flatMap(({ run: { id: runId, params }, approvals }) =>
        approvals.map((approval) => ({
          kind: "approval_needed" as const,
          jobId,
          runId,
          ...approval,
          params,
          differing,
        })),
      );
    });
  }

  #undelivered(): readonly Attention[] {
    const { store, clock } = this.#options;
    return store.notifications
      .listUndeliveredTargets(clock.now() - GIVEN_UP_COUNTS_MS)
      .map((undelivered) => ({ kind: "notifications_undelivered", ...undelivered }));
  }

  #repositoryProblems(): readonly Attention[] {
    return this.#options.repositoryProblems().flatMap((reason): readonly Attention[] => {
      if (reason.code === "jobs_commit_refused") {
        const { code: kind, commit, author, since, inUse, problem, problems } = reason;
        return [{ kind, commit, author, since, inUse, problem, problems }];
      }
      if (reason.code === "jobs_repository_failed") {
        const { code: kind, inUse, since, error } = reason;
        return [{ kind, inUse, since, error }];
      }
      return [];
    });
  }

  #brokenFiles(): readonly Attention[] {
    const { jobs } = this.#options;
    return [...Map.groupBy<string, Problem>(jobs.problems, ({ file }) => file).values()].flatMap((problems) => {
      const [first] = problems;
      if (first === undefined) return [];
      const { file, line, column, path, message } = first;
      const since = jobs.brokenSince(file);
      return [
        { kind: "job_file_broken", since, file, line, column, path, problem: message, problems: problems.length },
      ];
    });
  }
}

/** Returns what a change of an entry means for the child runs that it explains; null if nothing. */
const changeOfExplained = (change: MarkChange): MarkChange | null => {
  switch (change.kind) {
    case "acknowledge":
      return { kind: "acknowledge" };
    case "snooze":
      return { kind: "snooze", until: change.until };
    case "unacknowledge":
    case "unsnooze":
      return { kind: change.kind };
    case "own":
    case "note":
      return null;
    default:
      return assertNever(change);
  }
};

/** Returns the jobs that explain a job, the nearest first. */
const ancestorsOf = (jobId: JobId, parents: ReadonlyMap<JobId, JobId>): readonly JobId[] => {
  const found: JobId[] = [];
  for (let at = parents.get(jobId); at !== undefined && !found.includes(at); at = parents.get(at)) found.push(at);
  return found;
};

const rootOf = (jobId: JobId, parents: ReadonlyMap<JobId, JobId>): JobId => ancestorsOf(jobId, parents).at(-1) ?? jobId;

const childrenOf = (item: Listed, childJobs: ReadonlyMap<JobId, readonly JobId[]>): readonly JobId[] =>
  isOfJob(item) ? (childJobs.get(item.jobId) ?? []) : [];

/** Returns the names of the params that have not the same value in all of several runs. */
const differingNames = (runs: readonly ParamValues[]): readonly string[] => {
  const names = new Set(runs.flatMap((params) => Object.keys(params)));
  return [...names].filter((name) => new Set(runs.map((params) => params[name])).size > 1);
};

type UnrunSchedule = Extract<Attention, { readonly kind: "not_run_as_expected" }>;

const unrunSchedule = (
  { since, count, newest, reasons }: UnfiredStreak,
  about: Pick<UnrunSchedule, "jobId" | "jobs" | "pause">,
): UnrunSchedule => ({ kind: "not_run_as_expected", since, count, newest, reasons, ...about, gates: [] });

type OfEntry = Pick<AttentionEntry, "urgency" | "consequences" | "childJobs"> & { readonly mark: Mark | null };

const toEntry = (item: Attention, { mark, ...facts }: OfEntry): AttentionEntry => {
  const { acknowledged = null, snoozed = null, owner = null, note = null } = mark ?? {};
  return {
    ...item,
    id: entryId(item),
    ...facts,
    acknowledged: acknowledged === null ? null : { at: acknowledged.at, by: acknowledged.by },
    snoozed: snoozed === null ? null : { at: snoozed.at, by: snoozed.by, until: snoozed.until },
    owner,
    note,
  };
};

const urgencyOf = (item: Listed, jobs: readonly (Job | null)[]): Urgency => {
  if (item.kind === "approval_needed") return "decision";
  if (jobs.some(isCritical)) return "critical";
  return item.kind === "not_run_as_expected" && item.jobId !== null && isDeliberate(item.newest) ? "low" : "problem";
};

const isCritical = (job: Job | null): boolean => job !== null && hasTags(job, [CRITICAL_TAG]);
