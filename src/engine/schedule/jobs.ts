import type { JobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { loadPatterns } from "../../domain/pattern.ts";
import { allOf } from "../../domain/schedule/due.ts";
import { isDueAlike } from "../../domain/schedule/schedule.ts";
import type { Problem } from "../../jobfile/problem.ts";
import { brokenFiles, type JobFiles } from "../../jobfile/read/job-dir.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { NewOccurrence } from "../../store/occurrences.ts";
import type { EngineOptions } from "../options.ts";
import { inParts } from "./backlog.ts";
import type { DueJob } from "./due-job.ts";
import { dueOfLeft } from "./replaced-schedule.ts";

/** Decides about what is due, and accounts for it. */
type Fire = (due: readonly DueJob[], now: number) => void;

const NONE: ReadonlyMap<JobId, StoredJob> = new Map();

/** The jobs as they are now. */
export class Jobs {
  readonly #options: EngineOptions;
  readonly #fire: Fire;
  /** Null until they are loaded. */
  #jobs: ReadonlyMap<JobId, StoredJob> | null = null;
  #problems: readonly Problem[] = [];

  constructor(options: EngineOptions, fire: Fire) {
    this.#options = options;
    this.#fire = fire;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  get all(): ReadonlyMap<JobId, StoredJob> {
    return this.#jobs ?? NONE;
  }

  /** By an id as it came from outside. */
  find(jobId: string): StoredJob | null {
    const byText: ReadonlyMap<string, StoredJob> = this.all;
    return byText.get(jobId) ?? null;
  }

  /** Reads JOBS_DIR and stores what it says; jobs of broken files keep their last good version. */
  async load(): Promise<void> {
    const { store, readJobs } = this.#options;
    const files = await readJobs();
    // Jobs of broken files come from the store: their patterns were not seen while the files were read.
    const stored = [...store.jobs.list().values()].map(({ job }) => job);
    if ([...files.jobs, ...stored].some(hasPattern)) await loadPatterns();
    await this.leaveLargeSchedules(files);
    this.replace(files);
  }

  /**
   * Stores what was read and takes it over, in one transaction with `alongside`; jobs of broken files keep their last good
   * version. Where that throws all is as before, and it can be called again.
   */
  replace(files: JobFiles, alongside: () => void = () => {}): void {
    const { store, clock, followSchedules } = this.#options;
    const jobs = this.#jobsOf(files);
    if (followSchedules !== false) this.#leaveSchedules(jobs);
    this.#jobs = store.transaction(() => {
      const now = clock.now();
      const stored = followSchedules === false ? store.jobs.saveDefinitions(jobs, now) : store.jobs.save(jobs, now);
      alongside();
      return stored;
    });
    this.#problems = files.problems;
  }

  /** What a schedule had due until now is accounted for before another takes its place, or the job goes. */
  #leaveSchedules(jobs: readonly Job[]): void {
    const now = this.#options.clock.now();
    const due = [...this.#leaving(jobs, now)].map(({ stored, steps }) => ({
      stored,
      occurrences: allOf(steps).occurrences,
      wasDown: this.#jobs === null,
    }));
    if (due.length > 0) this.#fire(due, now);
  }

  /**
   * Accounts for long backlogs of schedules that these files end, in parts, before `replace` does the rest in one go.
   * Where it throws it can be called again.
   */
  async leaveLargeSchedules(files: JobFiles): Promise<void> {
    if (this.#options.followSchedules === false) return;
    const now = this.#options.clock.now();
    for (const { stored, steps } of this.#leaving(this.#jobsOf(files), now)) {
      if (steps.next().done) continue;
      const recorded: NewOccurrence[] = [];
      for await (const { occurrences, newer } of inParts(steps, () => true)) {
        const backlog = { isPaused: null, recorded, newer };
        this.#fire([{ stored, occurrences, wasDown: this.#jobs === null, backlog }], now);
      }
    }
  }

  /** The stored jobs that have another schedule now or are gone, with what they had due. */
  *#leaving(jobs: readonly Job[], now: number) {
    // What is at hand doesn't know how far the ledgers go by now, but tells soon that there is nothing to do.
    if (this.#jobs !== null && leaving(this.#jobs, jobs).length === 0) return;
    const { store, settings } = this.#options;
    const there = new Set(jobs.map(({ id }) => id));
    for (const stored of leaving(store.jobs.list(), jobs)) {
      const isThere = there.has(stored.job.id);
      const due = dueOfLeft(stored, { now, timezone: settings.timezone, isThere });
      if (due !== null) yield due;
    }
  }

  #jobsOf(files: JobFiles): readonly Job[] {
    return [...files.jobs, ...this.#keptOf(files)].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #keptOf(files: JobFiles): readonly Job[] {
    if (files.broken.length === 0) return [];
    const isBroken = brokenFiles(files.broken);
    const valid = new Set(files.jobs.map(({ id }) => id));
    return [...this.#options.store.jobs.list().values()]
      .map(({ job }) => job)
      .filter((job) => isBroken(job.source.file) && !valid.has(job.id));
  }
}

/** True if a value that a trigger gives may have to match a pattern. */
const hasPattern = ({ params }: Job): boolean => Object.values(params).some(({ pattern }) => pattern !== null);

/** Those of the stored jobs that have another schedule now, or are gone. */
const leaving = (stored: ReadonlyMap<JobId, StoredJob>, jobs: readonly Job[]): readonly StoredJob[] => {
  const today = new Map(jobs.map((job) => [job.id, job]));
  return [...stored.values()].filter(({ job: { id, schedule } }) => {
    const now = today.get(id);
    return now === undefined || !isDueAlike(schedule, now.schedule);
  });
};
