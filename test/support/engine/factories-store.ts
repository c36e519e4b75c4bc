import { openRuntime } from "#runtime";
import { newRunId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { Run } from "../../../src/domain/run.ts";
import type { Attempt } from "../../../src/domain/task-run.ts";
import { MEMORY, openStore } from "../../../src/store/database/open.ts";
import type { NewRun } from "../../../src/store/runs/runs.ts";
import type { Store } from "../../../src/store/store.ts";
import { job } from "./factories.ts";
import { NOON } from "./fake-clock.ts";

export const memoryStore = (): Store => openStore({ path: MEMORY, runtime: openRuntime() });

/** Stores a run. The default is a run of a new job. */
export const startRun = (store: Store, given: Partial<NewRun> & { readonly job?: Job } = {}): Run => {
  const now = given.now ?? NOON;
  const definition = given.job ?? job("hello");
  const known = [...store.jobs.list().values()].map((stored) => stored.job).filter(({ id }) => id !== definition.id);
  const { versionId = 0 } = store.jobs.save([...known, definition], now).get(definition.id) ?? {};
  return store.runs.start({
    id: newRunId(now),
    job: definition,
    versionId,
    status: "running",
    trigger: "manual",
    params: {},
    now,
    scheduledFor: null,
    ledger: null,
    retry: null,
    idempotency: null,
    ...given,
  });
};

/** Stores a run with an attempt of its first task. */
export const startAttempt = (store: Store, definition: Job = job("hello")): Attempt => {
  const run = startRun(store, { job: definition });
  const [task] = definition.tasks;
  if (task === undefined) throw new Error("a job without tasks");
  return store.runs.startAttempt(run, { taskId: task.id, item: null }, NOON);
};
