import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { HealthReason } from "../../../src/domain/health.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Runtime, SqlDatabase } from "../../../src/runtime/runtime.ts";
import type { Store } from "../../../src/store/store.ts";
import {
  childJob,
  command,
  items,
  job,
  jobId,
  retry,
  schedule,
  shell,
  taskId,
} from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { type StartedEngine, type StartOptions, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** An engine whose database raises errors that are no faults of the storage. */
const startFaulty = async (options: StartOptions, ...triggers: readonly string[]) => {
  const runtime = openRuntime();
  const opened: SqlDatabase[] = [];
  const openDatabase: Runtime["openDatabase"] = (path, settings) => {
    const db = runtime.openDatabase(path, settings);
    if (settings?.readonly !== true) opened.push(db);
    return db;
  };
  const exec = (sql: string): void => {
    for (const db of opened) db.exec(sql);
  };
  const petit = await startEngine({
    log: silentLog,
    runtime: { ...runtime, openDatabase },
    ...options,
    beforeStart: async (engine) => {
      for (const [index, each] of triggers.entries()) exec(fault(each, index));
      await options.beforeStart?.(engine);
    },
  });
  return { petit, exec, raise: (on: string) => exec(fault(on, 0)), repair: () => exec("DROP TRIGGER fault0") };
};

/** `on` is what follows BEFORE, such as `UPDATE ON runs WHEN NEW.status = 'completed'`. */
const fault = (on: string, index: number): string =>
  `CREATE TRIGGER fault${index} BEFORE ${on} BEGIN SELECT RAISE(ABORT, 'a fault of the test'); END`;

const reasonsOf = (petit: StartedEngine): readonly HealthReason["code"][] =>
  petit.engine.health().reasons.map(({ code }) => code);

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const internal = expect.stringContaining("a fault of the test");

describe("an error of petit itself", () => {
  test("ends the task whose result can't be stored, and what comes after it goes on", async () => {
    const tasks = [
      shell("a", "exit 0"),
      shell("b", "exit 0"),
      shell("c", "exit 0", { after: ["a"], condition: "all_done" }),
    ];
    const { petit } = await startFaulty(
      { jobs: [job("j", { tasks, maxConcurrency: 1 })] },
      "UPDATE ON task_runs WHEN NEW.task_id = 'a' AND NEW.status = 'completed'",
    );
    await using _ = petit;
    const { run, tasks: ended, attempts, summary } = await petit.run("j");
    expect(summary).toBe("a failed(internal_error) · b completed · c completed");
    expect(ended.a?.error).toEqual(internal);
    expect(attempts.find(({ taskId: id }) => id === taskId("a"))).toMatchObject({
      status: "failed",
      reason: "internal_error",
    });
    expect([run.status, run.reason, run.error]).toEqual(["failed", "internal_error", internal]);
    expect(reasonsOf(petit)).toEqual(["internal_error"]);
    expect((await petit.engine.listAttention(9)).items).toMatchObject([
      { kind: "job_failing", failure: { taskId: "a", reason: "internal_error", error: internal } },
    ]);
    expect((await petit.run("j")).run.status).toBe("failed");
  });

  test("ends the run if it has a task that can't be stored at all", async () => {
    const { petit } = await startFaulty(
      { jobs: [job("j", { tasks: [shell("a", "exit 0"), shell("b", "exit 0", { after: ["a"] })] })] },
      "UPDATE ON task_runs WHEN NEW.task_id = 'a' AND NEW.status <> 'running'",
    );
    await using _ = petit;
    const { run, tasks } = await petit.run("j");
    expect([run.status, run.reason, run.error]).toEqual(["failed", "internal_error", internal]);
    expect([tasks.b?.status, tasks.b?.reason]).toEqual(["skipped", "internal_error"]);
    expect(petit.engine.counts).toEqual({ pending: 0, running: 0 });
  });

  test("ends the run whose end can't be stored as it was", async () => {
    const { petit } = await startFaulty(
      { jobs: [job("j", { tasks: [shell("a", "exit 0")] })] },
      "UPDATE ON runs WHEN NEW.status = 'completed'",
    );
    await using _ = petit;
    const { run, summary } = await petit.run("j");
    expect([run.status, run.reason, run.error]).toEqual(["failed", "internal_error", internal]);
    expect(summary).toBe("a completed");
  });

  test("ends a run that can't begin, whatever triggered it, and others start", async () => {
    const { petit } = await startFaulty(
      {
        jobs: [
          job("bad", { tasks: [shell("a", "exit 0")], queue: "q" }),
          job("good", { tasks: [shell("b", "exit 0")], queue: "q" }),
        ],
        settings: { queues: new Map([["q", 1]]) },
      },
      "INSERT ON attempts WHEN NEW.task_id = 'a'",
    );
    await using _ = petit;
    expect((await petit.run("bad")).summary).toBe("a failed(internal_error)");
    const both = await Promise.all([petit.trigger("good"), petit.trigger("bad"), petit.trigger("good")]);
    const ends = await Promise.all(both.map(({ id }) => petit.ended(id)));
    expect(ends.map(({ run: { status } }) => status)).toEqual(["completed", "failed", "completed"]);
  });

  test("ends a pending run that can't begin at all, and others start", async () => {
    const { petit } = await startFaulty(
      {
        jobs: [
          job("bad", { tasks: [shell("a", "exit 0")], queue: "q" }),
          job("good", { tasks: [shell("b", "exit 7")], queue: "q" }),
        ],
        settings: { queues: new Map([["q", 1]]) },
      },
      "UPDATE ON runs WHEN NEW.job_id = 'bad' AND NEW.status = 'running'",
    );
    await using _ = petit;
    const first = await petit.trigger("good");
    const runs = [first, await petit.trigger("bad"), await petit.trigger("good")];
    const ends = await Promise.all(runs.map(({ id }) => petit.ended(id)));
    expect(ends.map(({ run: { reason } }) => reason)).toEqual(["exit_code", "internal_error", "exit_code"]);
  });

  test("keeps a run only as long as nothing about it can be stored, and says so meanwhile", async () => {
    const clock = new FakeClock();
    const { petit, repair } = await startFaulty(
      { clock, jobs: [job("j", { tasks: [shell("a", "exit 0")] })] },
      "UPDATE ON runs WHEN NEW.status NOT IN ('pending', 'running')",
    );
    await using _ = petit;
    const { id: runId } = await petit.trigger("j");
    await waitFor(() => reasonsOf(petit).includes("internal_error"));
    expect((await petit.engine.listAttention(9)).items).toMatchObject([
      { kind: "internal_error", jobId: "j", runId, error: internal },
    ]);
    repair();
    expect((await clock.passUntil(petit.ended(runId))).run.status).toBe("completed");
    expect((await petit.engine.listAttention(9)).items).toEqual([]);
    expect(reasonsOf(petit)).toEqual([]);
  });

  test("does not keep a run from being cancelled", async () => {
    const { petit } = await startFaulty(
      { clock: new FakeClock(), jobs: [job("j", { tasks: [shell("a", "exit 0")] })] },
      "UPDATE ON runs WHEN NEW.status IN ('completed', 'failed')",
    );
    await using _ = petit;
    const { id: runId } = await petit.trigger("j");
    await waitFor(() => petit.store.runs.find(runId) !== null && reasonsOf(petit).includes("internal_error"));
    await petit.engine.cancel(runId);
    expect((await petit.ended(runId)).run.status).toBe("cancelled");
    expect(petit.engine.counts.running).toBe(0);
  });

  test("ends the processes of the run that it ends", async () => {
    const tasks = [shell("a", "echo begun; exec sleep 600"), shell("b", "exit 0")];
    const { petit, raise } = await startFaulty({ jobs: [job("j", { tasks })] });
    await using _ = petit;
    raise("UPDATE ON task_runs WHEN NEW.task_id = 'b' AND NEW.status <> 'running'");
    const { id: runId } = await petit.trigger("j");
    const { run, attempts } = await petit.ended(runId);
    expect(run.reason).toBe("internal_error");
    expect(attempts.map(({ status }) => status)).not.toContain("running");
    await waitFor(() => petit.spooled.length === 0);
  });

  test("does not stop the occurrences of other jobs", async () => {
    const clock = new FakeClock(Date.UTC(2026, 0, 1, 11, 59, 59));
    const hourly = schedule("0 * * * *");
    const { petit } = await startFaulty(
      {
        clock,
        jobs: ["a", "bad", "c"].map((id) => job(id, { schedule: hourly, tasks: [command("t", "true")] })),
      },
      "INSERT ON occurrences WHEN NEW.job_id = 'bad'",
    );
    await using _ = petit;
    await clock.pass(1_000);
    for (const id of ["a", "c"])
      await waitFor(() => petit.store.runs.list({ jobId: jobId(id), limit: 1 })[0]?.status === "completed");
    expect(petit.store.runs.list({ jobId: jobId("bad"), limit: 1 })).toEqual([]);
    expect((await petit.engine.listAttention(9)).items).toMatchObject([
      { kind: "internal_error", jobId: "bad", runId: null, error: internal },
    ]);
    // Changes that need the due occurrences to be decided first are still possible.
    await petit.engine.pause();
    await petit.engine.resume();
  });

  test("rolls back nothing of other runs, even if SQLite undoes the whole transaction", async () => {
    const { petit, exec } = await startFaulty({
      jobs: ["bad", "good"].map((id) => job(id, { tasks: [shell(id, "exit 0")] })),
    });
    await using _ = petit;
    exec(
      "CREATE TRIGGER fault BEFORE UPDATE ON task_runs WHEN NEW.task_id = 'bad' AND NEW.status = 'completed' BEGIN SELECT RAISE(ROLLBACK, 'a fault of the test'); END",
    );
    const runs = await Promise.all([petit.trigger("bad"), petit.trigger("good")]);
    const ends = await Promise.all(runs.map(({ id }) => petit.ended(id)));
    expect(ends.map(({ run: { status, reason } }) => [status, reason])).toEqual([
      ["failed", "internal_error"],
      ["completed", null],
    ]);
  });

  test("at a child run, an approval or an item fails only that task", async () => {
    const tasks = [
      childJob("child", "other"),
      { ...shell("ask", ""), program: { type: "approval", prompt: null, onTimeout: "reject" } as const },
      shell("each", "exit 0", { items: items(["a", "b", "c"]) }),
      shell("last", "exit 0"),
    ];
    const { petit } = await startFaulty(
      { jobs: [job("j", { tasks }), job("other")] },
      "INSERT ON runs WHEN NEW.job_id = 'other'",
      "UPDATE ON task_runs WHEN NEW.task_id = 'ask' AND NEW.status = 'running'",
      "UPDATE ON items WHEN NEW.key = 'b' AND NEW.status = 'completed'",
    );
    await using _ = petit;
    const { run, summary } = await petit.run("j");
    expect(summary).toBe(
      "child failed(internal_error) · ask failed(internal_error) · each failed(items_failed) · last completed",
    );
    const listed = petit.store.runs.listItems({ runId: run.id, taskId: taskId("each") });
    expect(listed.map(({ key, status, reason }) => [key, status, reason])).toEqual([
      ["a", "completed", null],
      ["b", "failed", "internal_error"],
      ["c", "completed", null],
    ]);
    expect(petit.engine.counts).toEqual({ pending: 0, running: 0 });
  });

  test("at the output or the artifacts of an attempt ends the attempt with its process", async () => {
    const wrap = (store: Store): Store => ({
      ...store,
      artifacts: {
        ...store.artifacts,
        replace: () => {
          throw new Error("a fault of the test");
        },
      },
    });
    const tasks = [
      shell("kept", 'echo x > "$PETIT_ARTIFACTS/x"; sleep 600 > /dev/null 2>&1 & echo $!'),
      shell("plain", "exit 0"),
    ];
    await using petit = await startEngine({ jobs: [job("j", { tasks })], wrap, log: silentLog });
    const { summary, tasks: ended, output } = await petit.run("j");
    expect(summary).toBe("kept failed(internal_error) · plain completed");
    expect(ended.kept?.error).toEqual(internal);
    await waitFor(() => !isAlive(Number(output({ task: "kept" }))));
  });

  test("at the next attempt of a task fails only that task", async () => {
    const tasks = [shell("a", "exit 1", { retry: retry(1) }), shell("b", "exit 0")];
    const { petit } = await startFaulty(
      { jobs: [job("j", { tasks })] },
      "INSERT ON attempts WHEN NEW.task_id = 'a' AND NEW.attempt = 2",
    );
    await using _ = petit;
    expect((await petit.run("j")).summary).toBe("a failed(internal_error) · b completed");
  });

  test("of a previous process does not keep petit from starting", async () => {
    await using dir = tempDir();
    const options = { dir: dir.path, jobs: [job("j", { tasks: [shell("a", "exec sleep 600")] }), job("other")] };
    const first = await startEngine(options);
    const { id: runId } = await first.trigger("j");
    await first.event("task.started");
    await waitFor(() => first.read(runId).attempts[0]?.process != null);
    const [pid] = first.read(runId).attempts.map(({ process }) => process?.pid);
    await first.stop("leave");
    const wrap = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        getDefinition: () => {
          throw new Error("a fault of the test");
        },
      },
    });
    await using petit = await startEngine({ ...options, wrap, log: silentLog });
    expect(petit.store.runs.find(runId)).toMatchObject({ status: "failed", reason: "internal_error", error: internal });
    expect(reasonsOf(petit)).toEqual(["internal_error"]);
    await waitFor(() => pid !== undefined && !isAlive(pid));
    expect((await petit.run("other")).run.status).toBe("completed");
  });
});
