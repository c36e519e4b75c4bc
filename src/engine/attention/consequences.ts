import type { Attention } from "../../domain/attention.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import type { Consequence } from "../../domain/inbox/consequence.ts";
import { entryId, type Keyed } from "../../domain/inbox/entry.ts";
import { isDeliberate, type UnfiredStreak } from "../../domain/inbox/unfired.ts";
import type { Job } from "../../domain/job.ts";
import type { WaitsFor } from "../../domain/limits/waits-for.ts";
import type { Run } from "../../domain/run.ts";
import { assertNever } from "../../lib/never.ts";

/** What waits, and for what, apart from the items. */
export type WaitFacts = {
  readonly findJob: (jobId: JobId) => Job | null;
  /** Returns a run that has started and not ended. */
  readonly findActive: (runId: RunId) => Run | null;
  /** The pending runs. */
  readonly waiting: readonly { readonly run: Run; readonly job: Job }[];
  /** Returns what a pending run waits for; null if nothing keeps it. */
  readonly waitCode: (runId: RunId) => WaitsFor["code"] | null;
  /** The runs that are late by `warn_after`. */
  readonly late: readonly Run[];
  /** Jobs whose newest occurrences started no run, but too few of them for an item. */
  readonly skipping: readonly { readonly job: Job; readonly streak: UnfiredStreak }[];
};

type Grouped<Item> = {
  /** The items that are no consequence of another one. */
  readonly causes: readonly Item[];
  /** By the id of the cause. */
  readonly consequences: ReadonlyMap<string, readonly Consequence[]>;
};

type Of<Kind extends Attention["kind"]> = Extract<Keyed, { readonly kind: Kind }>;

/**
 * Groups what needs attention with its cause: a stuck or failed job, or one that waits for a person, for which others wait. What waits for
 * a cause is its consequence also if it would not need attention by itself yet.
 */
export const groupByCause = <Item extends Keyed>(items: readonly Item[], facts: WaitFacts): Grouped<Item> => {
  const found = new CauseFinder(items, facts);
  const consequences = new Map<string, Consequence[]>();
  const add = ({ causeId, consequence }: Found): void => {
    const others = consequences.get(causeId);
    if (others === undefined) consequences.set(causeId, [consequence]);
    else others.push(consequence);
  };
  const causes: Item[] = [];
  for (const item of items) {
    const cause = found.causeOf(item);
    if (cause === null) causes.push(item);
    else add(cause);
  }
  for (const each of found.unlisted()) add(each);
  return { causes, consequences };
};

type Found = { readonly causeId: string; readonly consequence: Consequence };

type Blocking = Of<"run_stuck"> | Of<"approval_needed">;

/** Finds the causes of items, and what waits for an item without being one. A cause is never a consequence of another one. */
class CauseFinder {
  readonly #facts: WaitFacts;
  readonly #allBlocking: Blocking[] = [];
  /** The first stuck run or approval of each job. */
  readonly #blocking = new Map<JobId, Blocking>();
  readonly #failing = new Map<JobId, Of<"job_failing">>();
  readonly #unrun = new Map<JobId, Of<"not_run_as_expected">>();
  readonly #lateInLine = new Map<JobId, Of<"run_late">>();
  readonly #stuckInQueue = new Map<string, Blocking>();
  readonly #stuckRuns = new Set<RunId>();
  #firstStuck: Blocking | null = null;
  /** What the runs that wait for a child run wait for. */
  readonly #awaited = new Map<RunId, Blocking>();
  /** What was found, and null for items whose causes are being looked for. */
  readonly #causes = new Map<Keyed, Found | null>();
  readonly #lateOf: ReadonlyMap<JobId, readonly Run[]>;
  #unlisted: { readonly consequences: readonly Found[]; readonly byRun: ReadonlyMap<RunId, string> } | null = null;

  constructor(items: readonly Keyed[], facts: WaitFacts) {
    this.#facts = facts;
    this.#lateOf = Map.groupBy(facts.late, ({ jobId }) => jobId);
    for (const item of items) this.#note(item);
  }

  #note(item: Keyed): void {
    switch (item.kind) {
      case "run_stuck":
      case "approval_needed":
        this.#allBlocking.push(item);
        setFirst(this.#blocking, item.jobId, item);
        if (item.kind === "run_stuck") this.#noteStuck(item);
        for (const parent of this.#ancestorsOf(item.runId)) setFirst(this.#awaited, parent.id, item);
        break;
      case "job_failing":
        this.#failing.set(item.jobId, item);
        break;
      case "not_run_as_expected":
        if (item.jobId !== null) this.#unrun.set(item.jobId, item);
        break;
      case "run_late":
        if (item.cause === "slot") this.#lateInLine.set(item.jobId, item);
        break;
      case "job_flapping":
      case "memory_near_limit":
      case "job_stale":
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
        break;
      default:
        assertNever(item);
    }
  }

  #noteStuck(item: Blocking): void {
    this.#firstStuck ??= item;
    this.#stuckRuns.add(item.runId);
    const queue = this.#facts.findJob(item.jobId)?.queue ?? null;
    if (queue !== null) setFirst(this.#stuckInQueue, queue, item);
  }

  /** Returns the runs that wait for a run because they started it or what did, the nearest first. */
  #ancestorsOf(runId: RunId, first = this.#facts.findActive(runId)): readonly Run[] {
    const found: Run[] = [];
    for (let run = first; run?.parent != null; ) {
      run = this.#facts.findActive(run.parent.runId);
      if (run !== null) found.push(run);
    }
    return found;
  }

  /** Returns the cause of an item, and what the item is to it; null if it has none. */
  causeOf(item: Keyed): Found | null {
    const known = this.#causes.get(item);
    if (known !== undefined) return known;
    // In a ring, the item at which the search began has no cause, so that nothing is lost.
    this.#causes.set(item, null);
    const found = this.#findCause(item);
    const cause = found?.causeId === entryId(item) ? null : found;
    this.#causes.set(item, cause);
    return cause;
  }

  #findCause(item: Keyed): Found | null {
    if (item.kind === "run_stuck") {
      const { jobId, runId } = item;
      return this.#found(this.#awaited.get(runId), { reason: "child", jobId, runId, count: 1 });
    }
    if (item.kind === "not_run_as_expected") return item.jobId === null ? null : this.#causeOfSkips(item.jobId, item);
    if (item.kind !== "run_late") return null;
    const { jobId, runId, count } = item;
    return item.cause === "slot" ? this.#causeOfWait({ jobId, runId, count }) : this.#causeOfLateness(item);
  }

  /** Returns a consequence with its first cause. */
  #found(cause: Keyed | null | undefined, consequence: Consequence): Found | null {
    return cause == null ? null : { causeId: this.causeOf(cause)?.causeId ?? entryId(cause), consequence };
  }

  #causeOfSkips(jobId: JobId, { newest, reasons, count }: Pick<UnfiredStreak, "newest" | "reasons" | "count">) {
    if (isDeliberate(newest)) return null;
    const hasOverlapped = reasons.some(({ reason }) => reason === "overlap" || reason === "queue_full");
    const ofJob = hasOverlapped ? (this.#blocking.get(jobId) ?? this.#lateInLine.get(jobId)) : undefined;
    if (ofJob !== undefined) return this.#found(ofJob, { reason: "overlap", jobId, runId: null, count });
    return newest === "dependency"
      ? this.#found(this.#upstreamOf(jobId), { reason: "gate", jobId, runId: null, count })
      : null;
  }

  /** Returns what keeps a gate of a job shut: an item about the job of the gate. */
  #upstreamOf(jobId: JobId): Keyed | undefined {
    const upstream = (this.#facts.findJob(jobId)?.dependsOn ?? []).map((gate) => gate.jobId);
    const first = <Item>(items: ReadonlyMap<JobId, Item>): Item | undefined =>
      upstream.map((id) => items.get(id)).find((item) => item !== undefined);
    return first(this.#blocking) ?? first(this.#failing) ?? first(this.#unrun);
  }

  #causeOfWait({ jobId, runId, count }: Omit<Consequence, "reason" | "runId"> & { readonly runId: RunId }) {
    const code = this.#facts.waitCode(runId);
    switch (code) {
      case null:
        return null;
      case "max_concurrency":
        return this.#found(this.#blocking.get(jobId), { reason: "limit", jobId, runId, count });
      case "queue": {
        const queue = this.#facts.findJob(jobId)?.queue ?? "";
        return this.#found(this.#stuckInQueue.get(queue), { reason: "limit", jobId, runId, count });
      }
      case "max_jobs":
        return this.#found(this.#firstStuck, { reason: "limit", jobId, runId, count });
      case "gates":
        return this.#found(this.#upstreamOf(jobId), { reason: "gate", jobId, runId, count });
      default:
        return assertNever(code);
    }
  }

  /** Late runs of a job are the consequence of what one of them waits for, if all of them wait for something that is listed. */
  #causeOfLateness({ jobId, runId, count }: Of<"run_late">): Found | null {
    const { byRun } = this.#findUnlisted();
    const late = this.#lateOf.get(jobId) ?? [];
    const causeId = byRun.get(runId);
    if (causeId === undefined || !late.every(({ id }) => byRun.has(id))) return null;
    return { causeId, consequence: { reason: "late", jobId, runId, count } };
  }

  /** Returns what waits for an item and needs no attention by itself yet. */
  unlisted(): readonly Found[] {
    return this.#findUnlisted().consequences;
  }

  #findUnlisted() {
    if (this.#unlisted !== null) return this.#unlisted;
    const byRun = new Map<RunId, string>();
    for (const item of this.#allBlocking) setFirst(byRun, item.runId, this.#idOfCause(item));
    const waiting = this.#findWaiting(byRun);
    const parents = this.#findParents(byRun);
    this.#unlisted = { consequences: [...parents, ...waiting, ...this.#findSkipping()], byRun };
    return this.#unlisted;
  }

  #idOfCause(item: Keyed): string {
    return this.causeOf(item)?.causeId ?? entryId(item);
  }

  /** One consequence for each job whose first pending run waits for something that is listed. */
  #findWaiting(byRun: Map<RunId, string>): readonly Found[] {
    if (this.#blocking.size + this.#failing.size + this.#unrun.size === 0) return [];
    const found: Found[] = [];
    for (const [jobId, ofJob] of Map.groupBy(this.#facts.waiting, ({ job }) => job.id)) {
      const [first] = ofJob;
      if (first === undefined) continue;
      const cause = this.#causeOfWait({ jobId, runId: first.run.id, count: ofJob.length });
      if (cause === null) continue;
      for (const { run } of ofJob) byRun.set(run.id, cause.causeId);
      if (!this.#lateInLine.has(jobId)) found.push(cause);
    }
    return found;
  }

  /** One consequence for each job of which runs wait for child runs. Adds these runs to `byRun`. */
  #findParents(byRun: Map<RunId, string>): readonly Found[] {
    const pending = new Map(this.#facts.waiting.map(({ run }) => [run.id, run]));
    const parents: { readonly run: Run; readonly causeId: string }[] = [];
    for (const [runId, causeId] of [...byRun])
      for (const run of this.#ancestorsOf(runId, this.#facts.findActive(runId) ?? pending.get(runId) ?? null)) {
        if (byRun.has(run.id)) continue;
        byRun.set(run.id, causeId);
        if (!this.#stuckRuns.has(run.id)) parents.push({ run, causeId });
      }
    return [...Map.groupBy(parents, ({ run, causeId }) => `${run.jobId} ${causeId}`).values()].flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const { run, causeId } = first;
      const { jobId, id: runId } = run;
      return [{ causeId, consequence: { reason: "child", jobId, runId, count: group.length } }];
    });
  }

  #findSkipping(): readonly Found[] {
    return this.#facts.skipping.flatMap(({ job, streak }) => this.#causeOfSkips(job.id, streak) ?? []);
  }
}

const setFirst = <Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void => {
  if (!map.has(key)) map.set(key, value);
};
