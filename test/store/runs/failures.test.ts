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
