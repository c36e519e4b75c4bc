import type { WorkerWait } from "../../../src/domain/workers/waiting.ts";
import type { WorkerAttempt, WorkerView } from "../../../src/domain/workers/worker.ts";
import { job } from "../engine/factories.ts";
import { fakeApi } from "./api-fake.ts";

const fakeWorker = (name: string, rest: Partial<WorkerView> = {}): WorkerView => ({
  name,
  state: "connected",
  refused: null,
  labels: ["gpu", "zone=eu"],
  allowedTypes: null,
  slots: 2,
  version: "0.1.0",
  protocol: 1,
  address: "10.0.0.7",
  firstSeenAt: 1,
  lastContactAt: 2,
  isDraining: false,
  clockDifferenceMs: 12.4,
  attempts: [],
  ...rest,
});

const DISPATCH = { url: "nats://nats:4222", isConnected: true, since: 1, error: null };

type FakeOptions = Parameters<typeof fakeApi>[0];

/**
 * Returns an API with a fake engine, two workers, and a run whose only task waits for a worker with the label `oracle`. `box7` runs
 * an attempt of the same task, and `db1` is unreachable.
 */
export const fakeApiWithWorkers = async (options: FakeOptions = {}) => {
  const fake = fakeApi({ jobs: [job("hello")], ...options });
  const { engine } = fake;
  const run = await engine.trigger("hello");
  const [task] = fake.store.runs.listTaskRuns(run.id);
  if (task === undefined) throw new Error("the run has no task");
  const node = { runId: run.id, jobId: run.jobId, taskId: task.taskId, item: null };
  const wait: WorkerWait = { ...node, labels: ["oracle"], type: "shell", features: [], limits: [], since: 5 };
  const attempt: WorkerAttempt = { ...node, attemptId: 1, attempt: 1, claimedAt: 3 };
  engine.dispatch = DISPATCH;
  engine.workers = [
    fakeWorker("box7", { attempts: [attempt] }),
    fakeWorker("db1", { state: "unreachable", labels: ["oracle"] }),
  ];
  engine.waitingFor = (runId) => (runId === run.id ? "worker" : null);
  engine.listWorkerWaits = (runId) => (runId === undefined || runId === run.id ? [wait] : []);
  return { ...fake, run };
};
