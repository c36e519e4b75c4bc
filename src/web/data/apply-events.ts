import type { QueryClient, QueryKey } from "@tanstack/react-query";
import type { LiveEvent } from "./event.ts";
import { patchJobs } from "./patch-jobs.ts";

/** Ms that what an event makes stale waits for more of its kind; a list of all jobs is a large thing. */
const WAIT_MS = { job: 150, list: 400, jobs: 1_500 } as const;
type Wait = keyof typeof WAIT_MS;

/** Which queries an event makes stale, and how soon they are asked again. */
const staleBy = (event: LiveEvent): readonly (readonly [Wait, QueryKey])[] => {
  const { type, job_id, run_id } = event;
  switch (type) {
    case "task.started":
    case "task.finished":
      return [["job", ["run-tasks", run_id]]];
    case "run.started":
    case "run.finished":
      return [
        ["job", ["run", run_id]],
        ["job", ["run-tasks", run_id]],
        ["job", ["job", job_id]],
        ["list", ["job-runs", job_id]],
        ["list", ["runs"]],
        ["jobs", ["jobs"]],
      ];
    case "occurrence":
      return [
        ["list", ["job", job_id]],
        ["list", ["occurrences", job_id]],
        ["jobs", ["jobs"]],
      ];
    case "jobs.reloaded":
      return ALL.map((name) => ["job", [name]] as const);
    case "scheduler.paused":
    case "scheduler.resumed":
      return [["job", ["scheduler"]]];
  }
};

const ALL = ["jobs", "job", "health", "system", "occurrences"] as const;

/**
 * Has the cache follow what petit tells: what an event says by itself is written at once, the rest is asked for again,
 * soon and once for many events. Queries that no view shows are only marked as stale.
 */
export class EventApplier {
  readonly #client: QueryClient;
  readonly #waiting = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(client: QueryClient) {
    this.#client = client;
  }

  apply(event: LiveEvent): void {
    patchJobs(this.#client, event);
    for (const [wait, key] of staleBy(event)) this.#later(wait, key);
  }

  /** A stream begins: whatever happened before it may have been missed. */
  refreshAll(): void {
    void this.#client.invalidateQueries();
  }

  #later(wait: Wait, queryKey: QueryKey): void {
    const name = JSON.stringify(queryKey);
    if (this.#waiting.has(name)) return;
    const timer = setTimeout(() => {
      this.#waiting.delete(name);
      void this.#client.invalidateQueries({ queryKey }, { cancelRefetch: false });
    }, WAIT_MS[wait]);
    this.#waiting.set(name, timer);
  }
}
