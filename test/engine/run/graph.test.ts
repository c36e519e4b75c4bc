import { describe, expect, test } from "bun:test";
import { command, job, shell, taskId } from "../../support/engine/factories.ts";
import { gate } from "../../support/engine/gate.ts";
import { type Finished, startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const fails = (id: string, after: readonly string[] = []) => command(id, "false", { after });
const works = (id: string, after: readonly string[] = []) => command(id, "true", { after });

/** Returns the maximum number of tasks of a run that ran at the same time. */
const mostAtOnce = ({ attempts }: Finished): number => {
  const steps = attempts.flatMap(({ startedAt, endedAt }) => [
    { at: startedAt, by: 1 },
    { at: endedAt ?? Number.POSITIVE_INFINITY, by: -1 },
  ]);
  let [now, most] = [0, 0];
  for (const { by } of steps.sort((a, b) => a.at - b.at || a.by - b.by)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
};

describe("a graph", () => {
  test("starts a task as soon as its own upstream tasks have ended, while unrelated tasks run", async () => {
    using stranger = gate();
    const tasks = [
      shell("slow", stranger.wait),
      works("fast"),
      works("after_fast", ["fast"]),
      works("last", ["slow", "after_fast"]),
    ];
    await using petit = await startEngine({ jobs: [job("branches", { tasks })] });
    const { id } = await petit.trigger("branches");
    await petit.event("task.finished", { taskId: taskId("after_fast") });
    expect(petit.read(id).summary).toBe("slow running · fast completed · after_fast completed · last pending");
    stranger.open();
    expect((await petit.ended(id)).run.status).toBe("completed");
  });

  test("of 100 parallel tasks completes with at most four at a time", async () => {
    const tasks = Array.from({ length: 100 }, (_, index) => works(`t${index}`));
    await using petit = await startEngine({ jobs: [job("wide", { tasks })] });
    const finished = await petit.run("wide");
    expect(finished.run.status).toBe("completed");
    expect(Object.values(finished.tasks).filter(({ status }) => status === "completed")).toHaveLength(100);
    expect(mostAtOnce(finished)).toBeLessThanOrEqual(4);
  });

  test("of 100 chained tasks runs them in order", async () => {
    const tasks = Array.from({ length: 100 }, (_, index) => works(`t${index}`, index === 0 ? [] : [`t${index - 1}`]));
    await using petit = await startEngine({ jobs: [job("chain", { tasks: tasks.toReversed() })] });
    const { run, tasks: ended } = await petit.run("chain");
    expect(run.status).toBe("completed");
    for (let index = 1; index < 100; index++) {
      expect(ended[`t${index}`]?.startedAt ?? 0).toBeGreaterThanOrEqual(ended[`t${index - 1}`]?.endedAt ?? Infinity);
    }
  });

  test.each([1, 2, 3])("respects --max-tasks %p", async (maxTasks) => {
    const tasks = Array.from({ length: 6 }, (_, index) => shell(`t${index}`, "sleep 0.05"));
    await using petit = await startEngine({ jobs: [job("wide", { tasks })], settings: { maxTasks } });
    expect(mostAtOnce(await petit.run("wide"))).toBe(maxTasks);
  });

  test("counts the tasks of each run separately", async () => {
    using stranger = gate();
    const jobs = [job("waits", { tasks: [shell("waits", stranger.wait)] }), job("goes")];
    await using petit = await startEngine({ jobs, settings: { maxTasks: 1 } });
    const waiting = await petit.trigger("waits");
    expect((await petit.run("goes")).run.status).toBe("completed");
    stranger.open();
    expect((await petit.ended(waiting.id)).run.status).toBe("completed");
  });
});

describe("conditions", () => {
  const on = (condition: "on_failure" | "all_done", id: string, after: readonly string[]) => ({
    ...works(id, after),
    condition,
  });

  test.each([
    ["all_success follows success", [works("a"), works("b", ["a"])], "a completed · b completed", "completed"],
    [
      "all_success is skipped after a failure, and so are its downstream tasks",
      [fails("a"), works("b", ["a"]), works("c", ["b"])],
      "a failed(exit_code) · b skipped(upstream_failed) · c skipped(upstream_failed)",
      "failed",
    ],
    [
      "all_success waits for each",
      [works("a"), fails("b"), works("c", ["a", "b"])],
      "a completed · b failed(exit_code) · c skipped(upstream_failed)",
      "failed",
    ],
    [
      "on_failure follows a failure",
      [fails("a"), on("on_failure", "b", ["a"])],
      "a failed(exit_code) · b completed",
      "failed",
    ],
    [
      "on_failure is skipped if all tasks completed, with its downstream tasks, and the run completes",
      [works("a"), on("on_failure", "b", ["a"]), works("c", ["b"])],
      "a completed · b skipped(condition_not_met) · c skipped(condition_not_met)",
      "completed",
    ],
    [
      "on_failure follows a task that was skipped because of a failure upstream",
      [fails("a"), works("b", ["a"]), on("on_failure", "c", ["b"])],
      "a failed(exit_code) · b skipped(upstream_failed) · c completed",
      "failed",
    ],
    [
      "on_failure does not follow a task that was skipped without a failure",
      [works("a"), on("on_failure", "b", ["a"]), on("on_failure", "c", ["b"])],
      "a completed · b skipped(condition_not_met) · c skipped(condition_not_met)",
      "completed",
    ],
    [
      "all_done follows any outcome",
      [works("a"), fails("b"), works("c", ["b"]), on("all_done", "d", ["a", "b", "c"])],
      "a completed · b failed(exit_code) · c skipped(upstream_failed) · d completed",
      "failed",
    ],
    [
      "a task after a completed on_failure task runs",
      [fails("a"), on("on_failure", "b", ["a"]), works("c", ["b"])],
      "a failed(exit_code) · b completed · c completed",
      "failed",
    ],
    [
      "a failed clean-up task fails the run",
      [works("a"), { ...fails("b", ["a"]), condition: "all_done" as const }],
      "a completed · b failed(exit_code)",
      "failed",
    ],
  ] as const)("%s", async (_, tasks, summary, status) => {
    await using petit = await startEngine({ jobs: [job("graph", { tasks })] });
    const finished = await petit.run("graph");
    expect(finished.summary).toBe(summary);
    expect(finished.run.status).toBe(status);
  });

  test("an alarm runs after a failure, also if another upstream task was skipped before it", async () => {
    using door = gate();
    const tasks = [
      works("ok"),
      on("on_failure", "a", ["ok"]),
      shell("b", `${door.wait}; exit 1`),
      works("c", ["a", "b"]),
      on("on_failure", "alarm", ["c"]),
    ];
    await using petit = await startEngine({ jobs: [job("graph", { tasks })] });
    const { id } = await petit.trigger("graph");
    await petit.event("task.finished", { taskId: taskId("a") });
    door.open();
    expect((await petit.ended(id)).summary).toBe(
      "ok completed · a skipped(condition_not_met) · b failed(exit_code) · c skipped(upstream_failed) · alarm completed",
    );
  });

  test("a task that refers to another one starts when that has ended, also if a failure has decided the tasks between", async () => {
    using door = gate();
    const slow = shell("slow", `${door.wait}; echo "rows=42" >> "$PETIT_OUTPUT"`);
    const skipped = works("skipped", ["fast", "slow"]);
    const tasks = [
      fails("fast"),
      slow,
      skipped,
      on("all_done", "unrelated", ["skipped"]),
      { ...on("all_done", "conditional", ["skipped"]), if: "tasks.slow.status == 'completed'" },
      { ...on("all_done", "any", ["skipped"]), if: "!contains(tasks.*.status, 'running')" },
      command("printing", "echo", {
        after: ["skipped"],
        condition: "all_done",
        args: ["${{ tasks.slow.outputs.rows }}"],
      }),
    ];
    await using petit = await startEngine({ jobs: [job("graph", { tasks })] });
    const { id } = await petit.trigger("graph");
    await petit.event("task.finished", { taskId: taskId("unrelated") });
    expect(petit.read(id).summary).toBe(
      "fast failed(exit_code) · slow running · skipped skipped(upstream_failed) · unrelated completed · conditional pending · any pending · printing pending",
    );
    door.open();
    const { summary, output } = await petit.ended(id);
    expect(summary).toBe(
      "fast failed(exit_code) · slow completed · skipped skipped(upstream_failed) · unrelated completed · conditional completed · any completed · printing completed",
    );
    expect(output()).toBe("42\n");
  });

  test("a skipped task has no attempt and no start time", async () => {
    await using petit = await startEngine({ jobs: [job("graph", { tasks: [fails("a"), works("b", ["a"])] })] });
    const { tasks } = await petit.run("graph");
    expect(tasks.b).toMatchObject({ attempts: 0, startedAt: null, exitCode: null });
    expect(tasks.b?.endedAt).toBeNumber();
  });

  test("a failed run names the first failed task and the number of others", async () => {
    using dir = tempDir();
    const waits = `until [ -e ${dir.file("ended")} ]; do sleep 0.02; done; exit 4`;
    const tasks = [
      shell("a", "exit 3"),
      works("b"),
      shell("marks", `: > ${dir.file("ended")}`, { after: ["a"], condition: "all_done" }),
    ];
    await using petit = await startEngine({ jobs: [job("graph", { tasks: [...tasks, shell("c", waits)] })] });
    const { run } = await petit.run("graph");
    expect(run).toMatchObject({ reason: "exit_code", error: "task 'a' failed: exit code 3 (and 1 more)" });
  });

  test("a failed run names the task that explains the failure, in whatever order the file has them", async () => {
    using dir = tempDir();
    const [reported, ended] = [dir.file("reported"), dir.file("ended")];
    const until = (file: string): string => `until [ -e ${file} ]; do sleep 0.02; done`;
    const tasks = [
      shell("notify", "exit 7", { after: ["main"], condition: "all_done" }),
      shell("slow", `${until(ended)}; exit 5`),
      shell("report", "exit 6", { after: ["fine"], condition: "all_done" }),
      works("fine"),
      shell("reports", `: > ${reported}`, { after: ["report"], condition: "all_done" }),
      shell("main", `${until(reported)}; exit 3`),
      shell("ends", `: > ${ended}`, { after: ["main"], condition: "all_done" }),
    ];
    await using petit = await startEngine({ jobs: [job("graph", { tasks })] });
    const { run } = await petit.run("graph");
    expect(run).toMatchObject({ reason: "exit_code", error: "task 'main' failed: exit code 3 (and 3 more)" });
    expect(petit.store.runs.describeFailure(run.id)).toMatchObject({ taskId: "main", exitCode: 3 });
  });
});

describe("a run", () => {
  test("is on disk as running before its trigger resolves", async () => {
    await using petit = await startEngine({ jobs: [job("hello")] });
    const run = await petit.trigger("hello");
    const stored = petit.store.runs.find(run.id);
    expect(stored).toMatchObject({ jobId: "hello", status: "running", trigger: "manual", scheduledFor: null });
    expect(petit.store.runs.listTaskRuns(run.id)).toHaveLength(1);
    await petit.ended(run.id);
  });

  test("emits its events in order, each once", async () => {
    await using petit = await startEngine({ jobs: [job("two", { tasks: [works("a"), works("b", ["a"])] })] });
    const { run } = await petit.run("two");
    const events = petit.store.events.after(0, 100).filter(({ runId }) => runId === run.id);
    expect(events.map(({ type, taskId, status }) => [type, taskId, status].filter(Boolean).join(" "))).toEqual([
      "run.started running",
      "task.started a running",
      "task.finished a completed",
      "task.started b running",
      "task.finished b completed",
      "run.finished completed",
    ]);
    expect(new Set(events.map(({ seq }) => seq)).size).toBe(events.length);
  });

  test("has consistent times: created, started, ended, and those of its tasks within", async () => {
    await using petit = await startEngine({ jobs: [job("two", { tasks: [works("a"), works("b", ["a"])] })] });
    const { run, tasks } = await petit.run("two");
    const times = [run.createdAt, run.startedAt, tasks.a?.startedAt, tasks.a?.endedAt, tasks.b?.endedAt, run.endedAt];
    expect(times).toEqual(times.toSorted((x, y) => Number(x) - Number(y)));
    expect(times).not.toContain(null);
  });
});
