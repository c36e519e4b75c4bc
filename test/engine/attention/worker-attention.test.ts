import { describe, expect, test } from "bun:test";
import { attentionList } from "../../../src/api/shapes/attention/attention.ts";
import { newRunId } from "../../../src/domain/ids.ts";
import { NO_ATTENTION } from "../../../src/domain/inbox/entry.ts";
import type { WorkerWait } from "../../../src/domain/workers/waiting.ts";
import type { WorkerAttempt, WorkerView } from "../../../src/domain/workers/worker.ts";
import { type WorkerFacts, workerAttention } from "../../../src/engine/attention/worker-attention.ts";
import { entryOf } from "../../support/attention-entry.ts";
import { jobId, taskId } from "../../support/engine/factories.ts";

const NODE = { runId: newRunId(0), jobId: jobId("train"), taskId: taskId("fit"), item: null };

const ATTEMPT: WorkerAttempt = { ...NODE, attemptId: 1, attempt: 1, claimedAt: 3 };

const worker = (rest: Partial<WorkerView>): WorkerView => ({
  name: "box7",
  state: "connected",
  refused: null,
  labels: ["gpu"],
  allowedTypes: null,
  features: ["time_travel"],
  slots: 2,
  version: "0.1.0",
  protocol: 1,
  address: "",
  firstSeenAt: 1,
  lastContactAt: 2,
  isDraining: false,
  clockDifferenceMs: null,
  attempts: [],
  ...rest,
});

const WAIT: WorkerWait = { ...NODE, labels: ["gpu"], type: "python", features: ["time_travel"], limits: [], since: 5 };

const messages = (workers: readonly WorkerView[], rest: Partial<WorkerFacts> = {}): readonly string[] => {
  const items = workerAttention({
    dispatch: { url: "nats://nats:4222", isConnected: true, since: 1, error: null },
    workers,
    listWorkerWaits: () => [WAIT, { ...WAIT, since: 6 }],
    ...rest,
  });
  return attentionList({ items: items.map(entryOf), counts: NO_ATTENTION.counts, handled: 0 }).items.map(
    ({ message }) => message,
  );
};

const UNSERVED = "task 'fit' of job 'train' (and 1 more) waits for a worker with gpu: none is connected";

describe("what needs attention about workers", () => {
  test.each<[string, readonly WorkerView[], readonly string[]]>([
    ["tasks that no worker can serve", [], [UNSERVED]],
    [
      "tasks whose only worker is drained",
      [worker({ isDraining: true })],
      [UNSERVED.replace("none is connected", "box7 is drained")],
    ],
    ["tasks whose only worker lacks a label", [worker({ labels: ["zone=eu"] })], [UNSERVED]],
    ["nothing while a connected worker has the labels", [worker({})], []],
    [
      "tasks whose type no worker allows",
      [worker({ allowedTypes: ["shell", "command"] })],
      [
        "task 'fit' of job 'train' (and 1 more) waits for a worker with gpu that allows python tasks: none is connected",
      ],
    ],
    [
      "tasks with features that their only worker does not know",
      [worker({ features: ["ssh"] })],
      [`${UNSERVED.replace("none is connected", "box7 has a version of petit that does not know time_travel")}`],
    ],
    [
      "nothing while one of the connected workers allows the type",
      [worker({ allowedTypes: ["shell"] }), worker({ name: "box8", allowedTypes: ["python"] })],
      [],
    ],
    [
      "an unreachable worker, with what runs there",
      [worker({}), worker({ name: "box8", state: "unreachable", attempts: [ATTEMPT] })],
      ["worker 'box8' is unreachable; task 'fit' of job 'train' runs there"],
    ],
    [
      "a lost worker",
      [worker({}), worker({ name: "box8", state: "lost" })],
      ["worker 'box8' is unreachable for longer than lost_after; nothing runs there"],
    ],
    ["nothing about a worker that said that it stops", [worker({}), worker({ name: "box8", state: "gone" })], []],
  ])("is %s", (_name, workers, expected) => {
    expect(messages(workers)).toEqual(expected);
  });

  test("is only NATS while petit does not reach it", () => {
    const dispatch = { url: "nats://nats:4222", isConnected: false, since: 1, error: "connection refused" };
    expect(messages([worker({ state: "unreachable" })], { dispatch })).toEqual([
      "petit does not reach NATS at nats://nats:4222: connection refused; nothing new starts on workers",
    ]);
  });
});
