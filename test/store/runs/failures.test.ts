import { expect, test } from "bun:test";
import type { AttemptOutcome, TaskOutcome } from "../../../src/domain/task-run.ts";
import { command, job, taskId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const FAILED: AttemptOutcome = {
  status: "failed",
  reason: "exit_code",
  error: "exit code 1",
  exitCode: 1,
  signal: null,
};
const TASK_FAILED: TaskOutcome = {
  status: "failed",
  reason: "exit_code",
  error: "exit code 1",
  exitCode: 1,
  outputs: {},
};

const stderr = (text: string, at: number) => ({ stream: "stderr", at, bytes: Buffer.from(text), lines: 1 }) as const;

test("the last line of an attempt is found if it was stored long after the end, as after a restart of petit", () => {
  using store = memoryStore();
  const run = startRun(store, { job: job("two", { tasks: [command("a", "true"), command("b", "true")] }) });
  const [a, b] = [taskId("a"), taskId("b")].map((id) => store.runs.startAttempt(run, { taskId: id, item: null }, NOON));
  if (a === undefined || b === undefined) expect.unreachable();
  store.output.append(a, [stderr("before the restart\n", NOON + 10)], { stdout: 0, stderr: 19 });
  store.output.append(b, [stderr("from another task\n", NOON + 20)], { stdout: 0, stderr: 18 });
  store.output.append(a, [stderr("fatal: the reason\n", NOON + 60_000)], { stdout: 0, stderr: 37 });
  store.output.append(b, [stderr("later, from another task\n", NOON + 60_001)], { stdout: 0, stderr: 43 });
  store.runs.finishAttempt(a.id, FAILED, { now: NOON + 500, retryAt: null });
  store.runs.finishTask(run, { taskId: a.taskId, item: null }, { outcome: TASK_FAILED, now: NOON + 500 });
  expect(store.runs.describeFailure(run.id).lastLine).toEqual({ seq: 3, stream: "stderr", text: "fatal: the reason" });
});

test("of a task with items, the item that failed first explains the failure, whatever its position is", () => {
  using store = memoryStore();
  const run = startRun(store, { job: job("fan", { tasks: [command("each", "true")] }) });
  const id = taskId("each");
  const items = [0, 1, 2].map((index) => ({
    index,
    key: `k${index}`,
    value: index,
    outputs: null,
    exitCode: null,
    childRunId: null,
  }));
  store.runs.startItems(run, id, items, NOON);
  const end = (item: number, reason: "exit_code" | "cancelled", now: number) => {
    const attempt = store.runs.startAttempt(run, { taskId: id, item }, NOON);
    const outcome = { ...FAILED, reason };
    store.runs.finishAttempt(attempt.id, outcome, { now, retryAt: null });
    store.runs.finishTask(run, { taskId: id, item }, { outcome: { ...TASK_FAILED, reason }, now });
  };
  end(0, "cancelled", NOON + 1);
  end(2, "exit_code", NOON + 2);
  end(1, "exit_code", NOON + 3);
  store.runs.finishTask(
    run,
    { taskId: id, item: null },
    { outcome: { ...TASK_FAILED, reason: "items_failed" }, now: NOON + 3 },
  );
  expect(store.runs.describeFailure(run.id)).toMatchObject({
    taskId: id,
    item: 2,
    failedItems: 3,
    itemReason: "exit_code",
    moreTasks: 0,
  });
});

test("the failed items of a task are grouped by the lines that explain them", () => {
  using store = memoryStore();
  const run = startRun(store, { job: job("fan", { tasks: [command("each", "true")] }) });
  const id = taskId("each");
  const keys = ["web-1", "db-1", "web-2"];
  const items = keys.map((key, index) => ({
    index,
    key,
    value: key,
    outputs: null,
    exitCode: null,
    childRunId: null,
  }));
  store.runs.startItems(run, id, items, NOON);
  for (const [item, text] of ["refused after 3 ms", "disk full", "refused after 9 ms"].entries()) {
    const attempt = store.runs.startAttempt(run, { taskId: id, item }, NOON);
    const cause = { seq: item + 1, stream: "stderr", text, context: [], child: null } as const;
    store.runs.finishAttempt(attempt.id, FAILED, { now: NOON + item, retryAt: null, cause });
    store.runs.finishTask(run, { taskId: id, item }, { outcome: TASK_FAILED, now: NOON + item });
  }
  const outcome: TaskOutcome = { ...TASK_FAILED, reason: "items_failed" };
  store.runs.finishTask(run, { taskId: id, item: null }, { outcome, now: NOON + 3 });
  const groups = [
    {
      text: "refused after 3 ms",
      kind: "line",
      count: 2,
      items: [
        { index: 0, key: "web-1", seq: 1 },
        { index: 2, key: "web-2", seq: 3 },
      ],
    },
    { text: "disk full", kind: "line", count: 1, items: [{ index: 1, key: "db-1", seq: 2 }] },
  ] as const;
  expect(store.runs.describeFailure(run.id)).toMatchObject({ failedItems: 3, groups });
  expect(store.runs.describeFailures(run.id)).toMatchObject([{ failedItems: 3, groups }]);
});

test("a failure says how many more tasks failed, without those that may fail", () => {
  using store = memoryStore();
  const tasks = [command("a", "true"), command("b", "true"), command("c", "true", { allowFailure: "always" })];
  const run = startRun(store, { job: job("three", { tasks }) });
  for (const [index, name] of ["b", "a", "c"].entries()) {
    const attempt = store.runs.startAttempt(run, { taskId: taskId(name), item: null }, NOON);
    store.runs.finishAttempt(attempt.id, FAILED, { now: NOON + index, retryAt: null });
    store.runs.finishTask(run, { taskId: attempt.taskId, item: null }, { outcome: TASK_FAILED, now: NOON + index });
  }
  expect(store.runs.describeFailure(run.id)).toMatchObject({ taskId: taskId("b"), moreTasks: 1 });
});
