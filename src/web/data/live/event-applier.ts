import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";
import type { LiveEvent } from "../../../client/live-event.ts";
import { attentionQuery, workersQuery } from "../queries.ts";
import { patchJobs } from "./patch-jobs.ts";
import { patchTimeline } from "./patch-timeline.ts";

/** The start of a query key: a noun, such as `jobs`, or a noun with an id, such as `run 019b…`. */
type QueryName = string;

/** Returns the queries that an event makes stale. */
const staleBy = ({ type, job_id, run_id }: LiveEvent): readonly QueryName[] => {
  switch (type) {
    case "task.started":
    case "task.finished":
    case "item.started":
    case "item.finished":
      return [`run-tasks ${run_id}`, `run-items ${run_id}`, `artifacts ${run_id}`];
    case "approval":
      return [`run-tasks ${run_id}`, `run-items ${run_id}`, "attention"];
    case "run.started":
    case "run.finished":
      return [
        ...ofRun(run_id),
        ...ofJob(job_id),
        `task-history ${job_id}`,
        "runs",
        "jobs",
        "jobs-with-runs",
        "timeline",
        "stats",
        "attention",
        `comparison ${run_id}`,
        "notifications",
      ];
    case "run.late":
      return [...ofRun(run_id), ...ofJob(job_id), "runs", "attention", "notifications"];
    case "occurrence":
      return [...ofJob(job_id), "jobs", "timeline", "stats"];
    case "job.renamed":
      return ["jobs", "gone-jobs", "job", "runs", "timeline", "attention", "stats", "occurrences"];
    case "jobs.reloaded":
      return ["jobs", "gone-jobs", "job", "definition", "attention", "health", "system", "occurrences", "timeline"];
    case "scheduler.paused":
    case "scheduler.resumed":
      return ["scheduler", "system"];
    case "job.paused":
    case "job.resumed":
      return [...ofJob(job_id), "jobs"];
    case "worker":
      return ["workers", "attention"];
  }
};

/** Events that change the list of jobs in a way that their data does not contain. */
const CHANGES_LIST: ReadonlySet<LiveEvent["type"]> = new Set(["jobs.reloaded", "job.paused", "job.resumed"]);

const ofRun = (id: string | undefined): readonly QueryName[] => [
  `run ${id}`,
  `run-tasks ${id}`,
  `run-items ${id}`,
  `artifacts ${id}`,
];
const ofJob = (id: string | undefined): readonly QueryName[] => [`job ${id}`, `job-runs ${id}`, `occurrences ${id}`];

/** Minimum time between two fetches of a query in ms, and the additional time per list item: a list of 1,000 jobs is large. */
const MIN_INTERVAL_MS = 150;
const INTERVAL_PER_ITEM_MS = 10;
/** Minimum time for what petit computes from many runs. */
const SUMMARY_INTERVAL_MS = 2_000;
const SUMMARIES: readonly unknown[] = ["stats", "attention", "task-history"];

/**
 * Updates the query cache from live events: writes the data of an event into the cache directly, and refetches the other
 * stale queries, once for many events. Queries that no view uses are only marked as stale.
 */
export class EventApplier {
  readonly #client: QueryClient;
  readonly #stale = new Set<QueryName>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: QueryClient) {
    this.#client = client;
  }

  apply(events: readonly LiveEvent[]): void {
    patchJobs(this.#client, events);
    patchTimeline(this.#client, events);
    for (const name of events.flatMap(staleBy)) this.#stale.add(name);
    if (events.some((event) => this.#endsApproval(event))) this.#stale.add("attention");
    if (events.some(isOfTask) && this.#hasWorkers()) for (const name of OF_WAITING) this.#stale.add(name);
    if (events.some(({ type }) => CHANGES_LIST.has(type))) {
      void this.#client.invalidateQueries({ queryKey: ["jobs-with-runs"] });
    }
    this.#refresh();
  }

  /** Refetches everything: events may have been missed, because a stream was opened again or too many events arrived. */
  refreshAll(): void {
    this.#stale.clear();
    void this.#client.invalidateQueries();
  }

  /** Returns true for the end of a task that is known to wait for approval. */
  #endsApproval({ type, run_id, task_id }: LiveEvent): boolean {
    if (type !== "task.finished") return false;
    const items = this.#client.getQueryData(attentionQuery().queryKey)?.items ?? [];
    return items.some((item) => item.kind === "approval_needed" && item.run_id === run_id && item.task_id === task_id);
  }

  /** With workers, a task can begin or end to wait for one. */
  #hasWorkers(): boolean {
    return this.#client.getQueryData(workersQuery().queryKey)?.nats != null;
  }

  #refresh(): void {
    const stale = this.#client.getQueryCache().findAll({
      predicate: (query) => this.#isStale(query.queryKey) && !isPatched(query),
    });
    const now = Date.now();
    const ready = new Set(stale.filter((query) => waitMs(query, now) === 0));
    this.#postpone(stale.filter((query) => !ready.has(query)));
    void this.#client.invalidateQueries({ predicate: (query) => ready.has(query) });
  }

  #isStale([noun, id]: QueryKey): boolean {
    return this.#stale.has(`${noun}`) || this.#stale.has(`${noun} ${id}`);
  }

  #postpone(queries: readonly Query[]): void {
    this.#stale.clear();
    for (const { queryKey } of queries) this.#stale.add(nameOf(queryKey));
    clearTimeout(this.#timer);
    if (queries.length === 0) return;
    const now = Date.now();
    this.#timer = setTimeout(() => this.#refresh(), Math.min(...queries.map((query) => waitMs(query, now))));
  }
}

/** What shows the tasks that wait for a worker. */
const OF_WAITING: readonly QueryName[] = ["attention", "workers", "runs"];

const isOfTask = ({ type }: LiveEvent): boolean => type.startsWith("task.") || type.startsWith("item.");

/** The list of jobs with runs is the largest answer. While a view uses it, events contain all of its changes. */
const isPatched = (query: Query): boolean => query.queryKey[0] === "jobs-with-runs" && query.isActive();

/** Returns in how many ms a query may be fetched again. A pending fetch may have read data from before the event, so it is repeated. */
const waitMs = (query: Query, now: number): number => {
  if (!query.isActive()) return 0;
  if (query.state.fetchStatus === "fetching") return MIN_INTERVAL_MS;
  const elapsedMs = now - query.state.dataUpdatedAt;
  const intervalMs = Math.max(minIntervalOf(query), itemsOf(query.state.data) * INTERVAL_PER_ITEM_MS);
  return elapsedMs < 0 ? 0 : Math.max(0, intervalMs - elapsedMs);
};

const minIntervalOf = ({ queryKey }: Query): number =>
  SUMMARIES.includes(queryKey[0]) ? SUMMARY_INTERVAL_MS : MIN_INTERVAL_MS;

/** Returns the length of a list: each list of the API has a `count`. */
const itemsOf = (data: unknown): number =>
  typeof data === "object" && data !== null && "count" in data ? Number(data.count) : 0;

const nameOf = ([noun, id]: QueryKey): QueryName => (typeof id === "string" ? `${noun} ${id}` : `${noun}`);
