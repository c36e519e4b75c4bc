import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";
import type { LiveEvent } from "../event.ts";
import { patchJobs } from "./patch-jobs.ts";
import { patchTimeline } from "./patch-timeline.ts";

/** The begin of a query's key: one of all, `jobs`, or one of an id, `run 019b…`. */
type QueryName = string;

/** The queries that an event makes stale. */
const staleBy = ({ type, job_id, run_id }: LiveEvent): readonly QueryName[] => {
  switch (type) {
    case "task.started":
    case "task.finished":
      return [`run-tasks ${run_id}`];
    case "run.started":
    case "run.finished":
      return [
        ...ofRun(run_id),
        ...ofJob(job_id),
        "runs",
        "jobs",
        "jobs-with-runs",
        "timeline",
        "stats",
        "notifications",
      ];
    case "occurrence":
      return [...ofJob(job_id), "jobs", "timeline", "stats"];
    case "jobs.reloaded":
      return ["jobs", "job", "definition", "health", "system", "occurrences", "timeline"];
    case "scheduler.paused":
    case "scheduler.resumed":
      return ["scheduler", "system"];
  }
};

const ofRun = (id: string | undefined): readonly QueryName[] => [`run ${id}`, `run-tasks ${id}`];
const ofJob = (id: string | undefined): readonly QueryName[] => [`job ${id}`, `job-runs ${id}`, `occurrences ${id}`];

/** Ms between two answers of a query, at least, and how much more for each item of a list: a thousand jobs are a large thing. */
const REST_MS = 150;
const REST_PER_ITEM_MS = 10;
/** Of those that are counted from all runs of a day. */
const REST_STATS_MS = 2_000;

/**
 * Has the cache follow what petit tells: what an event says by itself is written at once, the rest is asked for again,
 * once for many events. Queries that no view shows are only marked as stale.
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
    if (events.some(({ type }) => type === "jobs.reloaded")) {
      void this.#client.invalidateQueries({ queryKey: ["jobs-with-runs"] });
    }
    this.#refresh();
  }

  /** A stream begins, or more was told than could be taken: whatever happened may have been missed. */
  refreshAll(): void {
    this.#stale.clear();
    void this.#client.invalidateQueries();
  }

  #refresh(): void {
    const stale = this.#client.getQueryCache().findAll({
      predicate: (query) => this.#isStale(query.queryKey) && !isPatched(query),
    });
    const now = Date.now();
    const ready = new Set(stale.filter((query) => waitMs(query, now) === 0));
    this.#wait(stale.filter((query) => !ready.has(query)));
    void this.#client.invalidateQueries({ predicate: (query) => ready.has(query) });
  }

  #isStale([noun, id]: QueryKey): boolean {
    return this.#stale.has(`${noun}`) || this.#stale.has(`${noun} ${id}`);
  }

  #wait(queries: readonly Query[]): void {
    this.#stale.clear();
    for (const { queryKey } of queries) this.#stale.add(nameOf(queryKey));
    clearTimeout(this.#timer);
    if (queries.length === 0) return;
    const now = Date.now();
    this.#timer = setTimeout(() => this.#refresh(), Math.min(...queries.map((query) => waitMs(query, now))));
  }
}

/** While it is shown, events say all of it that changes, and it is the largest of all. */
const isPatched = (query: Query): boolean => query.queryKey[0] === "jobs-with-runs" && query.isActive();

/** What is on its way may have been read before the event: it is asked for once more, when it is there. */
const waitMs = (query: Query, now: number): number => {
  if (!query.isActive()) return 0;
  if (query.state.fetchStatus === "fetching") return REST_MS;
  const restedMs = now - query.state.dataUpdatedAt;
  const restMs = Math.max(restOf(query), itemsOf(query.state.data) * REST_PER_ITEM_MS);
  return restedMs < 0 ? 0 : Math.max(0, restMs - restedMs);
};

const restOf = ({ queryKey }: Query): number => (queryKey[0] === "stats" ? REST_STATS_MS : REST_MS);

/** Every list of petit's says how long it is. */
const itemsOf = (data: unknown): number =>
  typeof data === "object" && data !== null && "count" in data ? Number(data.count) : 0;

const nameOf = ([noun, id]: QueryKey): QueryName => (typeof id === "string" ? `${noun} ${id}` : `${noun}`);
