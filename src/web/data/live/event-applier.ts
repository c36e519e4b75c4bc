import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";
import { changesJobs, type LiveEvent } from "../../../client/live-event.ts";
import { type DataName, type KnownData, staleBy } from "../../../client/stale-data.ts";
import { attentionQuery, workersQuery } from "../queries.ts";
import { patchJobs } from "./patch-jobs.ts";
import { patchTimeline } from "./patch-timeline.ts";

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
  readonly #stale = new Set<DataName>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: QueryClient) {
    this.#client = client;
  }

  apply(events: readonly LiveEvent[]): void {
    patchJobs(this.#client, events);
    patchTimeline(this.#client, events);
    const [ofRuns, others] = [events.filter(changesJobs), events.filter((event) => !changesJobs(event))];
    for (const name of [...this.#staleBy(ofRuns), ...this.#staleBy(others)]) this.#stale.add(name);
    // Events about runs contain what changes in this list, and others do not.
    if (this.#staleBy(others).includes("jobs-with-runs")) {
      void this.#client.invalidateQueries({ queryKey: ["jobs-with-runs"] });
    }
    this.#refresh();
  }

  /** Refetches everything: events may have been missed, because a stream was opened again or too many events arrived. */
  refreshAll(): void {
    this.#stale.clear();
    void this.#client.invalidateQueries();
  }

  #staleBy(events: readonly LiveEvent[]): readonly DataName[] {
    const asking = this.#client.getQueryData(attentionQuery().queryKey)?.items ?? [];
    const known: KnownData = {
      isAsking: (runId, taskId) =>
        asking.some((item) => item.kind === "approval_needed" && item.run_id === runId && item.task_id === taskId),
      hasWorkers: this.#client.getQueryData(workersQuery().queryKey)?.nats != null,
    };
    return events.flatMap((event) => staleBy(event, known));
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

const nameOf = ([noun, id]: QueryKey): DataName => (typeof id === "string" ? `${noun} ${id}` : `${noun}`);
