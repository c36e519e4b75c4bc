import type { PetitError } from "../../domain/errors.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Expectation } from "../../domain/inbox/expectation.ts";
import type { Job } from "../../domain/job.ts";
import { loadPatterns } from "../../domain/params/pattern.ts";
import { jobNotFound, refuse } from "../../domain/refusal.ts";
import { startsAtBoot } from "../../domain/schedule/boot.ts";
import { continuedJobs } from "../../domain/schedule/continued.ts";
import { allOf, type Due, dueInSteps } from "../../domain/schedule/due.ts";
import { compileSchedule, isDueAlike, type Schedule } from "../../domain/schedule/schedule.ts";
import type { FilesOrigin, ReloadRequest } from "../../domain/versions/version.ts";
import type { Problem } from "../../jobfile/problem.ts";
import { brokenFiles } from "../../jobfile/read/job-dir.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import { bootId } from "../attempt/identity.ts";
import type { EngineOptions, ReadJobFiles } from "../options.ts";
import { inParts } from "./backlog.ts";
import type { Fire } from "./due-job.ts";
import { changeFacts } from "./job-changes.ts";

const NONE: ReadonlyMap<JobId, StoredJob> = new Map();

export type JobsHooks = {
  readonly fire: Fire;
  /** Called when the history of some jobs was moved to others, with the new id by the former one. */
  /** Called within the transaction that stores the jobs, with what was expected of a stale job that its new definition makes stale no more. */
  readonly onRecovered: (stored: StoredJob, before: Expectation) => void;
  readonly onRenamed: (renamed: ReadonlyMap<JobId, JobId>) => void;
};

/** The current jobs, and the loading of job files. */
export class Jobs {
  readonly #options: EngineOptions;
  readonly #hooks: JobsHooks;
  /** Null until `load`. */
  #jobs: ReadonlyMap<JobId, StoredJob> | null = null;
  /** The jobs of the previous process while `load` runs; else null. */
  #previous: ReadonlyMap<JobId, StoredJob> | null = null;
  /** The new ids of renamed jobs, by former id. */
  #renamed: ReadonlyMap<JobId, JobId> = new Map();
  #formerIds: ReadonlyMap<JobId, readonly JobId[]> = new Map();
  #problems: readonly Problem[] = [];
  /** When each broken file was first read with problems, also by earlier processes, in ms since the Unix epoch. */
  #brokenSince: ReadonlyMap<string, number> = new Map();

  constructor(options: EngineOptions, hooks: JobsHooks) {
    this.#options = options;
    this.#hooks = hooks;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Returns when a broken file was first read with problems, and has had some since. */
  brokenSince(file: string): number {
    return this.#brokenSince.get(file) ?? this.#options.clock.now();
  }

  get all(): ReadonlyMap<JobId, StoredJob> {
    return this.#jobs ?? NONE;
  }

  /** Finds a job by an unchecked id, also by a former one. */
  find(jobId: string): StoredJob | null {
    const byText: ReadonlyMap<string, StoredJob> = this.all;
    return byText.get(jobId) ?? byText.get(this.currentId(jobId)) ?? null;
  }

  /** Returns the id that a job has now. */
  currentId(jobId: JobId): JobId;
  currentId(jobId: string): string;
  currentId(jobId: string): string {
    const byText: ReadonlyMap<string, JobId> = this.#renamed;
    return byText.get(jobId) ?? jobId;
  }

  /** Returns the ids that a job had before, and that lead to it. */
  formerIds(jobId: JobId): readonly JobId[] {
    return this.#formerIds.get(jobId) ?? [];
  }

  /** Finds a job by an unchecked id. Throws `not_found`. */
  mustFind(jobId: string): StoredJob {
    const stored = this.find(jobId);
    if (stored !== null) return stored;
    throw this.notFound(jobId);
  }

  /** Returns the error for a job that is unknown, or that no job file defines any more. */
  notFound(jobId: string): PetitError {
    const { jobs } = this.#options.store;
    const gone = jobs.findGone(jobId);
    if (gone !== null) return refuse({ reason: "job_gone", jobId: gone.job.id, since: gone.since });
    return jobNotFound(jobId, [...this.all.keys(), ...jobs.listGoneIds()]);
  }

  /** Reads the job files and stores the jobs. Jobs in broken files keep their last valid version. */
  async load(): Promise<void> {
    const { store } = this.#options;
    this.#previous = store.jobs.list();
    this.#noteRenamed(store.jobs.listRenamed());
    const files = await this.read();
    // Reading a file that has not changed, or a broken one, did not load the patterns of its jobs.
    const stored = [...this.#previous.values()].map(({ job }) => job);
    if ([...files.jobs, ...stored].some(hasPattern)) await loadPatterns();
    await this.accountForBacklogs(files);
    this.replace(files, { cause: "start", by: null });
    this.#previous = null;
  }

  /** Reads the job files. A file that has not changed gives the same definitions as before. */
  async read(): Promise<ReadJobFiles> {
    const current: ReadonlyMap<string, StoredJob> = this.#jobs ?? this.#previous ?? NONE;
    return await this.#options.readJobs((jobId) => current.get(jobId)?.job ?? null);
  }

  /**
   * Replaces the jobs by those of `files`, and stores them in one transaction with `alongside`. `request` says who had the files read.
   * Jobs in broken files keep their last valid version. After an error nothing has changed, and it can be called again.
   */
  replace(files: ReadJobFiles, request: ReloadRequest, alongside: () => void = () => {}): void {
    const { store, clock, followSchedules } = this.#options;
    const jobs = this.#jobsOf(files);
    if (followSchedules !== false) this.#accountForReplaced(jobs);
    const broken = new Set(files.problems.map(({ file }) => file));
    let brokenSince: ReadonlyMap<string, number> = NONE_BROKEN;
    this.#jobs = store.transaction(() => {
      const now = clock.now();
      const before = store.expectations.list().filter(({ staleSince }) => staleSince !== null);
      // A command that runs one job may have read another folder.
      if (followSchedules !== false) brokenSince = store.jobFiles.saveBroken(broken, now);
      const stored =
        followSchedules === false
          ? store.jobs.saveDefinitions(jobs, now)
          : store.jobs.save(jobs, now, { ...(files.origin ?? UNKNOWN_ORIGIN), request });
      if (before.length > 0) this.#announceRecovered(before, stored);
      if (followSchedules !== false) this.#recordChange(stored, files, request);
      alongside();
      return this.#withBoot(stored);
    });
    this.#announceRenamed();
    this.#problems = files.problems;
    this.#brokenSince = brokenSince;
  }

  /** Stores in the audit log what has changed. */
  #recordChange(after: ReadonlyMap<JobId, StoredJob>, files: ReadJobFiles, request: ReloadRequest): void {
    const { store, clock } = this.#options;
    const before = this.#jobs ?? this.#previous ?? NONE;
    const facts = changeFacts({ before, after, origin: files.origin ?? UNKNOWN_ORIGIN, request });
    if (facts !== null) store.audit.add(facts, clock.now());
  }

  #noteRenamed(renamed: ReadonlyMap<JobId, JobId>): void {
    this.#renamed = renamed;
    const byNewId = Map.groupBy(renamed, ([, jobId]) => jobId);
    this.#formerIds = new Map([...byNewId].map(([jobId, pairs]) => [jobId, pairs.map(([former]) => former).sort()]));
  }

  /** Another duration, or no expectation, can end that a job is stale. */
  #announceRecovered(before: readonly Expectation[], stored: ReadonlyMap<JobId, StoredJob>): void {
    const after = new Map(this.#options.store.expectations.list().map((each) => [each.jobId, each]));
    for (const each of before) {
      const job = stored.get(each.jobId);
      const isStale = (after.get(each.jobId)?.staleSince ?? null) !== null;
      if (job !== undefined && !isStale) this.#hooks.onRecovered(job, each);
    }
  }

  #announceRenamed(): void {
    const before = this.#renamed;
    this.#noteRenamed(this.#options.store.jobs.listRenamed());
    const added = [...this.#renamed].filter(([former, jobId]) => before.get(former) !== jobId);
    if (added.length > 0) this.#hooks.onRenamed(new Map(added));
  }

  /** A job with `@reboot` that became known in this boot of the machine starts at the next one. */
  #withBoot(jobs: ReadonlyMap<JobId, StoredJob>): ReadonlyMap<JobId, StoredJob> {
    const isNew = ({ job, bootId: known }: StoredJob): boolean =>
      known === null && job.schedule !== null && startsAtBoot(job.schedule.expressions);
    const added = [...jobs.values()].filter(isNew);
    for (const { job } of added) this.#options.store.jobs.setBoot(job.id, bootId());
    return added.length === 0
      ? jobs
      : new Map([...jobs, ...added.map((stored) => [stored.job.id, { ...stored, bootId: bootId() }] as const)]);
  }

  /** Accounts for the due occurrences of schedules that are about to be replaced or removed. */
  #accountForReplaced(jobs: readonly Job[]): void {
    const now = this.#options.clock.now();
    const due = [...this.#replacedSchedules(jobs, now)].map(({ stored, schedule, steps }) => ({
      stored,
      schedule,
      occurrences: allOf(steps).occurrences,
      wasDown: this.#jobs === null,
    }));
    if (due.length > 0) this.#hooks.fire(due, now);
  }

  /**
   * Accounts for large backlogs of schedules that `files` replaces or removes, in parts. `replace` accounts for the rest in
   * one transaction. After an error it can be called again.
   */
  async accountForBacklogs(files: ReadJobFiles): Promise<void> {
    if (this.#options.followSchedules === false) return;
    const now = this.#options.clock.now();
    for (const { stored, schedule, steps } of this.#replacedSchedules(this.#jobsOf(files), now)) {
      if (steps.next().done) continue;
      const recorded: NewOccurrence[] = [];
      for await (const { occurrences, isLast, newer } of inParts(steps, { schedule, isCurrent: () => true })) {
        const backlog = { isPaused: null, recorded, isLast, newer };
        this.#hooks.fire([{ stored, schedule, occurrences, wasDown: this.#jobs === null, backlog }], now);
      }
    }
  }

  /** Yields the stored jobs whose schedule `jobs` replaces or removes, with the search for their due occurrences. */
  *#replacedSchedules(jobs: readonly Job[], now: number) {
    // A cheap check. The jobs in memory may be behind the ledger, so the rest reads the store.
    const known = this.#jobs ?? this.#previous;
    if (known !== null && withReplacedSchedule(known, this.#successors(known, jobs)).length === 0) return;
    const { store, settings } = this.#options;
    const stored = store.jobs.list();
    const successors = this.#successors(stored, jobs);
    for (const each of withReplacedSchedule(stored, successors)) {
      const isRemoved = !successors.has(each.job.id);
      const due = dueBeforeReplacement(each, { now, timezone: settings.timezone, isRemoved });
      if (due !== null) yield due;
    }
  }

  /** Returns the job that takes the place of each stored one, by the id of that. A renamed job takes the place of its former self. */
  #successors(stored: ReadonlyMap<JobId, StoredJob>, jobs: readonly Job[]): ReadonlyMap<JobId, Job> {
    const isCurrent = (jobId: JobId): boolean => stored.has(jobId);
    const renamed = continuedJobs(jobs, { isCurrent, currentId: (jobId) => this.currentId(jobId) });
    return new Map([...renamed, ...jobs.map((job) => [job.id, job] as const)]);
  }

  #jobsOf(files: ReadJobFiles): readonly Job[] {
    return [...files.jobs, ...this.#jobsOfBrokenFiles(files)].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #jobsOfBrokenFiles(files: ReadJobFiles): readonly Job[] {
    if (files.broken.length === 0) return [];
    const isBroken = brokenFiles(files.broken);
    const valid = new Set(files.jobs.map(({ id }) => id));
    return [...this.#options.store.jobs.list().values()]
      .map(({ job }) => job)
      .filter((job) => isBroken(job.source.file) && !valid.has(job.id));
  }
}

const UNKNOWN_ORIGIN: FilesOrigin = { commit: null, modifiedAt: () => null };

const NONE_BROKEN: ReadonlyMap<string, number> = new Map();

/** Returns whether any param of a job has a pattern. */
const hasPattern = ({ params }: Job): boolean => Object.values(params).some(({ pattern }) => pattern !== null);

/** Returns the stored jobs that have no successor, or one with another schedule. */
const withReplacedSchedule = (
  stored: ReadonlyMap<JobId, StoredJob>,
  successors: ReadonlyMap<JobId, Job>,
): readonly StoredJob[] =>
  [...stored.values()].filter(({ job: { id, schedule } }) => {
    const job = successors.get(id);
    return job === undefined || !isDueAlike(schedule, job.schedule);
  });

type ReplacementOptions = {
  readonly now: number;
  /** Time zone of schedules that set none. */
  readonly timezone: string;
  /** True if the job is removed, false if only its schedule is replaced. */
  readonly isRemoved: boolean;
};

/**
 * Returns how to find the occurrences of a replaced schedule that are due and not in the ledger yet; null if there was no schedule. They
 * are not caught up on: only one that is still on time, for example because of jitter, can start a run. If the job is removed, none can, as
 * if the job were disabled.
 */
const dueBeforeReplacement = (
  stored: StoredJob,
  { now, timezone, isRemoved }: ReplacementOptions,
): { readonly stored: StoredJob; readonly schedule: Schedule; readonly steps: Iterator<void, Due> } | null => {
  const { schedule: spec, enabled } = stored.job;
  if (spec === null) return null;
  const schedule = compileSchedule(spec, timezone);
  const job = { ...stored.job, enabled: enabled && !isRemoved, schedule: { ...spec, catchup: "none" as const } };
  const steps = dueInSteps(schedule, schedule.next(stored.accountedUntil), now, (at) => at <= now);
  return { stored: { ...stored, job }, schedule, steps };
};
