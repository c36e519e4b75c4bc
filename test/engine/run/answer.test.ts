import { expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { job, shell } from "../../support/engine/factories.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** A runtime that counts the processes it has started. */
const countingRuntime = () => {
  const runtime = openRuntime();
  const counting: Runtime & { spawned: number } = {
    ...runtime,
    spawned: 0,
    spawn: (options) => {
      counting.spawned++;
      return runtime.spawn(options);
    },
  };
  return counting;
};

test("a trigger is answered when its run is stored, before its process starts", async () => {
  const runtime = countingRuntime();
  await using petit = await startEngine({ runtime, jobs: [job("one")] });
  const run = await petit.trigger("one");
  expect(runtime.spawned).toBe(0);
  expect(petit.read(run.id)).toMatchObject({ run: { status: "running" }, attempts: [{ status: "running" }] });
  expect((await petit.ended(run.id)).run.status).toBe("completed");
  expect(runtime.spawned).toBe(1);
});

test("triggers that arrive together are all answered before their processes start", async () => {
  const runtime = countingRuntime();
  await using petit = await startEngine({ runtime, jobs: [job("one")] });
  const runs = await Promise.all([1, 2, 3].map(() => petit.trigger("one")));
  expect(runtime.spawned).toBe(0);
  for (const { id } of runs) expect((await petit.ended(id)).run.status).toBe("completed");
  expect(runtime.spawned).toBe(3);
});

test("a run that is cancelled with its answer ends as cancelled", async () => {
  await using petit = await startEngine({ jobs: [job("one", { tasks: [shell("a", "sleep 60")] })] });
  const run = await petit.trigger("one");
  await petit.engine.cancel(run.id);
  expect(await petit.ended(run.id)).toMatchObject({ run: { status: "cancelled" }, summary: "a failed(cancelled)" });
  expect(petit.spooled).toEqual([]);
});

test("a process that petit has not started when it stops is started by the next petit process", async () => {
  using dir = tempDir();
  const runtime = countingRuntime();
  const options = { dir: dir.path, jobs: [job("one", { tasks: [shell("a", "echo hello")] })] };
  const first = await startEngine({ ...options, runtime });
  const { id } = await first.trigger("one");
  await first.stop("leave");
  expect(runtime.spawned).toBe(0);
  await using next = await startEngine(options);
  const finished = await next.ended(id);
  expect(finished).toMatchObject({ run: { status: "completed" }, attempts: [{ attempt: 1, status: "completed" }] });
  expect(finished.output()).toBe("hello\n");
});
