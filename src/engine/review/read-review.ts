import { setImmediate } from "node:timers/promises";
import type { RunFailure } from "../../domain/attention.ts";
import { changeBetween } from "../../domain/durations/change.ts";
import { dayAt } from "../../domain/durations/day.ts";
import { countOf, quantileOf } from "../../domain/durations/histogram.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import type { Expectation } from "../../domain/inbox/expectation.ts";
import {
  type DueToday,
  type FailedJob,
  type FlakyTask,
  MAX_DUE_COUNTED,
  type PersonAction,
  type Review,
  type ReviewPage,
  type ReviewPart,
  type ReviewQuery,
  type SlowerJob,
  type StaleJob,
  type UnfiredOccurrences,
  type Wait,
} from "../../domain/review/review.ts";
import type { Run } from "../../domain/run.ts";
import { nextDateStart } from "../../domain/schedule/except.ts";
import { zoneOf } from "../../domain/schedule/local-time.ts";
import { explanationText, failureWords, shownFailure } from "../../domain/words/failure.ts";
import type { Clock } from "../../lib/clock.ts";
import type { DayOfRuns } from "../../store/durations.ts";
import type { EndedRuns } from "../../store/reviews.ts";
import type { Store } from "../../store/store.ts";
import type { FailingJob } from "../attention/attention.ts";
import type { JobView } from "../engine.ts";
import { DeletedRunsFinder } from "./deleted-runs.ts";

type ReviewSources = {
  readonly store: Pick<Store, "runs" | "durations" | "occurrences" | "reviews">;
  readonly clock: Clock;
  readonly timezone: string;
  /** The jobs that job files define. */
  readonly jobs: readonly JobView[];
  /** The jobs that fail now, as what needs attention has them. */
  readonly failing: () => Promise<readonly FailingJob[]>;
  /** The jobs with `expect`. */
  readonly expectations: Iterable<Expectation>;
  readonly nextOccurrences: (jobId: JobId, count: number, bounds: { readonly to: number }) => readonly number[];
  readonly isPaused: boolean;
};

/** Failures of a job of which a review tells. */
type Failures = {
  /** Those in the period. */
  readonly count: number;
  /** The last failed run. */
  readonly run: Run;
  readonly streak: FailedJob["streak"];
};

const FIRST_PAGE = { offset: 0, limit: null } satisfies ReviewPage;

/** Maximum of items of each part, if the query names none. */
const MAX_ITEMS = 50;
const MAX_SLOWER = 20;
const MAX_LONGEST = 10;
const MAX_DAYS = 31;

/** Retried tasks and waiting runs that are read. */
const MAX_RETRIED = 5_000;
const MAX_WAITS = 1_000;

/** A run that has waited for longer is listed; see the index `runs_waited`. */
const MIN_WAIT_MS = 60_000;

/** Rows that one query reads, which takes about 5 ms. Other work runs between two queries. */
const SLICE = 5_000;
const YIELD_INTERVAL_MS = 5;

/** Reads what happened in a period, of all jobs or of some. Yields to other work in between. */
export const readReview = async (query: ReviewQuery, sources: ReviewSources): Promise<Review> =>
  await new ReviewReader(query, sources).read();

/** Returns why a run failed, as other views show it; null if only its error says it. */
const explanationOf = (failure: RunFailure): string | null => {
  const words = failureWords(shownFailure(failure));
  return words.line === null ? null : explanationText(words);
};

class ReviewReader {
  readonly #query: ReviewQuery;
  readonly #sources: ReviewSources;
  readonly #defined: ReadonlyMap<JobId, JobView>;
  #yieldedAt: number;

  constructor(query: ReviewQuery, sources: ReviewSources) {
    this.#query = query;
    this.#sources = sources;
    this.#defined = new Map(sources.jobs.map((view) => [view.job.id, view]));
    this.#yieldedAt = sources.clock.monotonic();
  }

  async read(): Promise<Review> {
    const { from, to, jobIds } = this.#query;
    const { timezone, clock } = this.#sources;
    const deleted = new DeletedRunsFinder({ from, to }, { now: clock.now(), zone: zoneOf(timezone) });
    const ended = await this.#readEnded(deleted);
    await this.#findDeleted(deleted);
    const failed = await this.#failedJobs(ended);
    return {
      from,
      to,
      timezone,
      jobs: jobIds?.size ?? this.#defined.size,
      deleted: deleted.result,
      runs: totalsOf(ended, deleted.counts),
      broken: this.#part(failed.filter(({ recovery }) => recovery === null)),
      recovered: this.#part(failed.filter(({ recovery }) => recovery !== null)),
      stale: this.#part(this.#stale()),
      unfired: this.#part(await this.#unfired()),
      slower: await this.#slower(),
      flaky: this.#part(this.#flaky(ended)),
      people: this.#part(this.#people(ended)),
      waits: this.#part(this.#waits(), MAX_LONGEST),
      due: await this.#due(),
    };
  }

  #nameOf(jobId: JobId): string {
    return this.#defined.get(jobId)?.job.name ?? jobId;
  }

  #isSelected(jobId: JobId): boolean {
    return this.#query.jobIds?.has(jobId) ?? true;
  }

  /** Returns the items that the query asks for; without a limit, at most `max`. */
  #part<Item>(items: readonly Item[], max = MAX_ITEMS): ReviewPart<Item> {
    const { offset, limit } = this.#query.page ?? FIRST_PAGE;
    const end = offset + (limit ?? max);
    return { items: items.slice(offset, end), leftOut: Math.max(0, items.length - end) };
  }

  async #breathe(): Promise<void> {
    const { clock } = this.#sources;
    if (clock.monotonic() - this.#yieldedAt < YIELD_INTERVAL_MS) return;
    await setImmediate();
    this.#yieldedAt = clock.monotonic();
  }

  /** Reads the runs of the period, and lets `deleted` count those of its days. */
  async #readEnded(deleted: DeletedRunsFinder): Promise<readonly EndedRuns[]> {
    const { runs, reviews } = this.#sources.store;
    const found: EndedRuns[] = [];
    for (const { from, to, day, isInside } of deleted.parts()) {
      const until = to - 1;
      for (let after = from - 1; after < until; ) {
        const end = Math.min(runs.findNthEndAfter(after, SLICE) ?? until, until);
        for (const each of reviews.countEnded(after, end)) {
          if (!this.#isSelected(each.jobId)) continue;
          deleted.count(each, day);
          if (isInside) found.push(each);
        }
        after = end;
        await this.#breathe();
      }
    }
    return found;
  }

  /** Compares the runs of each day with the daily figures. */
  async #findDeleted(deleted: DeletedRunsFinder): Promise<void> {
    const { durations, reviews } = this.#sources.store;
    const { first, last } = deleted.days;
    for (let jobId = durations.findJobAfter(""); jobId !== null; jobId = durations.findJobAfter(jobId)) {
      await this.#breathe();
      if (!this.#isSelected(jobId)) continue;
      const known = jobId;
      deleted.compare(jobId, durations.listDays(jobId, first, last), () => reviews.findFirstEnd(known));
    }
  }

  /** Returns the jobs with failures: those that fail most first, and those that are gone last. */
  async #failedJobs(ended: readonly EndedRuns[]): Promise<readonly FailedJob[]> {
    const { runs } = this.#sources.store;
    const found: Found[] = [];
    for (const [jobId, { count, run, streak }] of await this.#findFailures(ended)) {
      // A run that was deleted meanwhile is left out.
      if (run.endedAt === null) continue;
      const recovery = runs.findRecovery(run);
      const last = { lastRunId: run.id, lastAt: run.endedAt, recovery };
      const isGone = !this.#defined.has(jobId);
      found.push({ run, job: { jobId, jobName: this.#nameOf(jobId), failures: count, streak, ...last, isGone } });
      await this.#breathe();
    }
    found.sort(
      ({ job: a }, { job: b }) => Number(a.isGone) - Number(b.isGone) || b.failures - a.failures || b.lastAt - a.lastAt,
    );
    const parents = await this.#findParents(found);
    const below = Map.groupBy(parents.keys(), (child) => topOf(child, parents));
    const described: FailedJob[] = [];
    const { offset, limit } = this.#query.page ?? FIRST_PAGE;
    const counts = { broken: 0, recovered: 0 };
    for (const each of found) {
      if (parents.has(each)) continue;
      const { run, job } = each;
      const kind = partOf(each);
      const index = counts[kind]++;
      const isListed = index >= offset && index < offset + (limit ?? MAX_ITEMS);
      const failure = isListed ? runs.describeFailure(run.id) : null;
      const why = failure === null ? null : explanationOf(failure);
      // The error of a run names the task itself.
      const taskId = why === null ? null : (failure?.taskId ?? null);
      const children = (below.get(each) ?? []).map(childOf);
      described.push({ ...job, taskId, cause: why ?? run.error, children });
      await this.#breathe();
    }
    return described;
  }

  /** Returns the jobs whose last failed run is the child run because of which another one failed last, with that other one. */
  async #findParents(found: readonly Found[]): Promise<ReadonlyMap<Found, Found>> {
    const byRun = new Map(found.map((each) => [each.run.id, each]));
    const parents = new Map<Found, Found>();
    for (const child of found) {
      const { parent: started } = child.run;
      const parent = started === null ? undefined : byRun.get(started.runId);
      if (parent === undefined || partOf(parent) !== partOf(child)) continue;
      if (this.#sources.store.runs.describeFailure(parent.run.id).taskId === started?.taskId)
        parents.set(child, parent);
      await this.#breathe();
    }
    return parents;
  }

  /** Returns the failures in the period, and those before it after which a job was still broken then. */
  async #findFailures(ended: readonly EndedRuns[]): Promise<ReadonlyMap<JobId, Failures>> {
    const { runs, reviews } = this.#sources.store;
    const counts = new Map<JobId, { readonly count: number; readonly lastSeq: number }>();
    for (const { jobId, status, count, lastSeq } of ended) {
      if (status !== "failed" && status !== "interrupted") continue;
      const before = counts.get(jobId);
      counts.set(jobId, {
        count: count + (before?.count ?? 0),
        lastSeq: Math.max(lastSeq, before?.lastSeq ?? 0),
      });
    }
    const broken = await this.#findBroken(new Set(counts.keys()));
    const found = new Map<JobId, Failures>();
    for (const [jobId, { count, lastSeq }] of counts) {
      const run = reviews.findRun(lastSeq);
      if (run !== null) found.set(jobId, { count, run, streak: broken.get(jobId) ?? null });
      await this.#breathe();
    }
    const recovered = await this.#findRecovered(ended, found);
    for (const [jobId, { lastRunId, ...streak }] of [...broken, ...recovered]) {
      const run = found.has(jobId) ? null : runs.find(lastRunId);
      if (run !== null) found.set(jobId, { count: 0, run, streak });
      await this.#breathe();
    }
    return found;
  }

  /** Returns the jobs that were broken at the end of the period, as far as job files define them or they failed in it. */
  async #findBroken(failed: ReadonlySet<JobId>): Promise<ReadonlyMap<JobId, StreakWithRun>> {
    const { store, clock, failing } = this.#sources;
    const { to } = this.#query;
    const found = new Map<JobId, StreakWithRun>();
    const isOpen = to >= clock.now() - NOW_MS;
    if (isOpen) {
      for (const { jobId, runId, since, count } of await failing())
        if (this.#isSelected(jobId) && since < to) found.set(jobId, { since, count, lastRunId: runId });
    }
    const others = isOpen
      ? [...failed].filter((jobId) => !this.#defined.has(jobId))
      : [...this.#defined.keys(), ...failed];
    for (const jobId of new Set(others)) {
      const streak = this.#isSelected(jobId) ? store.runs.findStreakBefore(jobId, to) : null;
      if (streak !== null) found.set(jobId, streak);
      await this.#breathe();
    }
    return found;
  }

  /** Returns the jobs that were broken at the start of the period, and completed in it. */
  async #findRecovered(
    ended: readonly EndedRuns[],
    known: ReadonlyMap<JobId, unknown>,
  ): Promise<ReadonlyMap<JobId, StreakWithRun>> {
    const completed = new Set(ended.flatMap(({ jobId, status }) => (status === "completed" ? [jobId] : [])));
    const found = new Map<JobId, StreakWithRun>();
    for (const jobId of completed) {
      const streak = known.has(jobId) ? null : this.#sources.store.runs.findStreakBefore(jobId, this.#query.from);
      if (streak !== null) found.set(jobId, streak);
      await this.#breathe();
    }
    return found;
  }

  #stale(): readonly StaleJob[] {
    return [...this.#sources.expectations]
      .flatMap(({ jobId, staleSince: since, withinMs, lastSuccessAt }) =>
        since === null || since >= this.#query.to || !this.#isSelected(jobId)
          ? []
          : [{ jobId, jobName: this.#nameOf(jobId), since, withinMs, lastSuccessAt }],
      )
      .sort((a, b) => a.since - b.since);
  }

  /** Returns the occurrences without a run by job and reason: missed ones first, then the most frequent. */
  async #unfired(): Promise<readonly UnfiredOccurrences[]> {
    const { occurrences } = this.#sources.store;
    const { from, to } = this.#query;
    const found = new Map<string, UnfiredOccurrences>();
    for (let at = occurrences.findNthUnfired(from, to, 1); at !== null; ) {
      const last = occurrences.findNthUnfired(at, to, SLICE);
      const end = last === null ? to : last + 1;
      for (const span of occurrences.listUnfiredSpans(at, end)) {
        if (!this.#isSelected(span.jobId)) continue;
        const key = `${span.reason} ${span.jobId}`;
        const before = found.get(key);
        if (before === undefined) found.set(key, { ...span, jobName: this.#nameOf(span.jobId) });
        else found.set(key, { ...before, count: before.count + span.count, lastAt: span.lastAt });
      }
      await this.#breathe();
      at = occurrences.findNthUnfired(end, to, 1);
    }
    const isSkip = ({ outcome }: UnfiredOccurrences): number => Number(outcome === "skipped");
    return [...found.values()].sort((a, b) => isSkip(a) - isSkip(b) || b.count - a.count);
  }

  /** Compares the days of the period with as many days before, 7 at least. */
  async #slower(): Promise<ReviewPart<SlowerJob>> {
    const { durations } = this.#sources.store;
    const zone = zoneOf(this.#sources.timezone);
    const [first, last] = [dayAt(this.#query.from, zone), dayAt(this.#query.to - 1, zone)];
    const start = first - Math.max(MIN_BEFORE_DAYS, last - first + 1);
    const found: Omit<SlowerJob, "days">[] = [];
    for (let jobId = durations.findJobAfter(""); jobId !== null; jobId = durations.findJobAfter(jobId)) {
      await this.#breathe();
      if (!this.#isSelected(jobId)) continue;
      const recent = durations.histogram(jobId, first, last);
      const change = countOf(recent) === 0 ? null : changeBetween(durations.histogram(jobId, start, first - 1), recent);
      if (change !== null && change.recentMs > change.beforeMs)
        found.push({ jobId, jobName: this.#nameOf(jobId), change });
    }
    const factor = ({ change }: Omit<SlowerJob, "days">): number => change.recentMs / Math.max(1, change.beforeMs);
    found.sort((a, b) => factor(b) - factor(a));
    const { items, leftOut } = this.#part(found, MAX_SLOWER);
    const withDays = items.map((each) => {
      const days = durations.listDays(each.jobId, Math.max(start, last - MAX_DAYS + 1), last);
      return { ...each, days: days.map(figuresOf) };
    });
    return { items: withDays, leftOut };
  }

  #flaky(ended: readonly EndedRuns[]): readonly FlakyTask[] {
    const firstSeq = ended.reduce((first, each) => Math.min(first, each.firstSeq), Number.MAX_SAFE_INTEGER);
    const { from, to } = this.#query;
    const found = new Map<string, FlakyTask>();
    for (const { jobId, taskId, runId, endedAt } of this.#sources.store.reviews.listRetried({
      from,
      to,
      firstSeq,
      limit: MAX_RETRIED,
    })) {
      if (!this.#isSelected(jobId)) continue;
      const key = `${jobId} ${taskId}`;
      const before = found.get(key);
      // The newest run comes first.
      found.set(
        key,
        before === undefined
          ? { jobId, jobName: this.#nameOf(jobId), taskId, runs: 1, lastRunId: runId, lastAt: endedAt }
          : { ...before, runs: before.runs + 1 },
      );
    }
    return [...found.values()].sort((a, b) => b.runs - a.runs);
  }

  #people(ended: readonly EndedRuns[]): readonly PersonAction[] {
    const { store } = this.#sources;
    const { from, to } = this.#query;
    const found = new Map<string, PersonAction>();
    const add = (given: Omit<PersonAction, "jobName">): void => {
      const key = JSON.stringify([given.actor, given.action, given.jobId]);
      const before = found.get(key);
      found.set(key, {
        ...given,
        jobName: given.jobId === null ? null : this.#nameOf(given.jobId),
        count: given.count + (before?.count ?? 0),
        lastAt: Math.max(given.lastAt, before?.lastAt ?? 0),
      });
    };
    for (const { jobId, trigger, triggeredBy, cancelledBy, count, lastAt } of ended) {
      const action = trigger === "retry" ? "retry" : "trigger";
      if (triggeredBy !== null) add({ actor: triggeredBy, action, jobId, count, lastAt });
      if (cancelledBy !== null) add({ actor: cancelledBy, action: "cancel", jobId, count, lastAt });
    }
    for (const { jobId, trigger, triggeredBy, createdAt } of store.runs.listUnfinished()) {
      if (triggeredBy === null || createdAt < from || createdAt >= to || !this.#isSelected(jobId)) continue;
      add({
        actor: triggeredBy,
        action: trigger === "retry" ? "retry" : "trigger",
        jobId,
        count: 1,
        lastAt: createdAt,
      });
    }
    for (const each of store.reviews.countActions(from, to))
      if (each.jobId === null || this.#isSelected(each.jobId)) add(each);
    const name = ({ actor }: PersonAction): string => actor ?? "";
    return [...found.values()].sort((a, b) => (name(a) === name(b) ? b.lastAt - a.lastAt : name(a) < name(b) ? -1 : 1));
  }

  #waits(): readonly Wait[] {
    const { store, clock } = this.#sources;
    const { from, to } = this.#query;
    const now = clock.now();
    const queueOf = (jobId: JobId): string | null => this.#defined.get(jobId)?.job.queue ?? null;
    const over = store.reviews.listWaits(from, to, MAX_WAITS).map((each) => ({ ...each, isOver: true }));
    const open = store.runs
      .listUnfinished()
      .filter(({ status, createdAt }) => status === "pending" && createdAt < to && now - createdAt > MIN_WAIT_MS)
      .map((run) => ({
        jobId: run.jobId,
        runId: run.id,
        since: run.createdAt,
        waitedMs: now - run.createdAt,
        isOver: false,
      }));
    return [...over, ...open]
      .filter(({ jobId }) => this.#isSelected(jobId))
      .sort((a, b) => b.waitedMs - a.waitedMs)
      .map((each) => ({ ...each, jobName: this.#nameOf(each.jobId), queue: queueOf(each.jobId) }));
  }

  /** Returns what is due by the end of today, in order; jobs that are due all the time come last. */
  async #due(): Promise<ReviewPart<DueToday>> {
    const { clock, timezone, jobs, isPaused, nextOccurrences } = this.#sources;
    const end = nextDateStart(clock.now(), zoneOf(timezone));
    const due = isPaused
      ? []
      : jobs.filter(
          ({ job, nextRunAt, pause }) =>
            nextRunAt !== null && nextRunAt < end && pause === null && this.#isSelected(job.id),
        );
    const found: (Omit<DueToday, "count"> & { readonly isOften: boolean })[] = [];
    for (const { job, nextRunAt } of due) {
      const isOften = nextOccurrences(job.id, OFTEN + 1, { to: end }).length > OFTEN;
      if (nextRunAt !== null) found.push({ jobId: job.id, jobName: job.name, nextAt: nextRunAt, isOften });
      await this.#breathe();
    }
    found.sort((a, b) => Number(a.isOften) - Number(b.isOften) || a.nextAt - b.nextAt);
    const { items, leftOut } = this.#part(found);
    const counted: DueToday[] = [];
    for (const { isOften: _, ...each } of items) {
      const { length } = nextOccurrences(each.jobId, MAX_DUE_COUNTED, { to: end });
      counted.push({ ...each, count: Math.max(1, length) });
      await this.#breathe();
    }
    return { items: counted, leftOut };
  }
}

/** A failed job, whose last failure is described later. */
type Found = { readonly run: Run; readonly job: Omit<FailedJob, "taskId" | "cause" | "children"> };

const partOf = ({ job }: Found): "broken" | "recovered" => (job.recovery === null ? "broken" : "recovered");

/** Returns the first of those that started each other's failed runs. */
const topOf = (each: Found, parents: ReadonlyMap<Found, Found>): Found => {
  const parent = parents.get(each);
  return parent === undefined ? each : topOf(parent, parents);
};

const childOf = ({ job: { jobId, jobName, failures, lastRunId } }: Found): FailedJob["children"][number] => ({
  jobId,
  jobName,
  failures,
  lastRunId,
});

type StreakWithRun = { readonly since: number; readonly count: number; readonly lastRunId: RunId };

/** A review whose end is no longer ago than this, in ms, is about what is broken now. */
const NOW_MS = 60_000;

const MIN_BEFORE_DAYS = 7;

/** A job with more occurrences today is due all the time. */
const OFTEN = 6;

const totalsOf = (ended: readonly EndedRuns[], deleted: DeletedRunsFinder["counts"]): Review["runs"] => {
  const count = (status: EndedRuns["status"]): number =>
    ended.reduce((sum, each) => sum + (each.status === status ? each.count : 0), 0);
  return {
    completed: count("completed") + deleted.completed,
    failed: count("failed") + deleted.failed,
    cancelled: count("cancelled") + deleted.cancelled,
    interrupted: count("interrupted"),
  };
};

const figuresOf = ({ day, completed }: DayOfRuns): SlowerJob["days"][number] => ({
  day,
  completed: countOf(completed),
  p50Ms: quantileOf(completed, 0.5),
  p95Ms: quantileOf(completed, 0.95),
});
