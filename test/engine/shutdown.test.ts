import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { identify } from "../../src/engine/attempt/identity.ts";
import { recordedExit } from "../../src/engine/attempt/process.ts";
import { spoolOf } from "../../src/engine/output/spool.ts";
import { createEngine } from "../../src/engine/scheduler.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { command, job, jobId, retry, schedule, shell } from "../support/engine/factories.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";
import { gate } from "../support/engine/gate.ts";
import { filesOf, SETTINGS, startEngine, waitFor } from "../support/engine/started-engine.ts";

describe("a drain", () => {
  test("waits for running runs, including their next tasks", async () => {
    using door = gate();
    const tasks = [shell("a", door.wait), command("b", "true", { after: ["a"] })];
    await using petit = await startEngine({ jobs: [job("slow", { tasks })] });
    const { id } = await petit.trigger("slow");
    await door.reached();
    const stopped = petit.engine.stop("drain");
    expect(petit.engine.state).toBe("stopped");
    door.open();
    await stopped;
    expect(petit.read(id)).toMatchObject({ run: { status: "completed" }, summary: "a completed · b completed" });
    expect(petit.spooled).toEqual([]);
  });

  test("accepts no new runs", async () => {
    using door = gate();
    await using petit = await startEngine({ jobs: [job("slow", { tasks: [shell("t", door.wait)] })] });
    const { id } = await petit.trigger("slow");
    await petit.engine.waitForRun(id, { timeoutMs: 0 });
    const stopped = petit.engine.stop("drain");
    const refused = { code: "not_running", message: "petit is stopping; try again in a moment" };
    await expect(petit.trigger("slow")).rejects.toMatchObject(refused);
    await expect(petit.engine.retry(id)).rejects.toMatchObject(refused);
    await expect(petit.engine.reload()).rejects.toMatchObject(refused);
    await expect(petit.engine.pause()).rejects.toThrow(refused.message);
    door.open();
    await stopped;
  });

  test("ends what still runs after the timeout as interrupted: shutdown, including clean-up tasks", async () => {
    const tasks = [
      shell("a", "sleep 60"),
      command("b", "true", { after: ["a"] }),
      command("c", "true", { after: ["a"], condition: "all_done" }),
    ];
    await using petit = await startEngine({ jobs: [job("slow", { tasks })], settings: { shutdownTimeoutMs: 50 } });
    const { id } = await petit.trigger("slow");
    await petit.engine.stop("drain");
    const { run, summary, tasks: ended } = petit.read(id);
    expect(run).toMatchObject({
      status: "interrupted",
      reason: "shutdown",
      error: "Run was interrupted",
      ending: "shutdown",
    });
    expect(summary).toBe("a failed(shutdown) · b skipped(shutdown) · c skipped(shutdown)");
    expect(ended.a?.error).toBe("ended because petit was stopping");
  });

  test("kills what ignores SIGTERM, after the grace period", async () => {
    using door = gate();
    const tasks = [shell("t", `trap '' TERM; echo $$; ${door.wait}`)];
    const settings = { shutdownTimeoutMs: 10, killGraceMs: 100 };
    await using petit = await startEngine({ jobs: [job("stubborn", { tasks })], settings });
    const { id } = await petit.trigger("stubborn");
    await door.reached();
    await petit.engine.stop("drain");
    const { attempts, run, output } = petit.read(id);
    expect(run).toMatchObject({ status: "interrupted", reason: "shutdown" });
    expect(attempts).toMatchObject([{ reason: "shutdown", signal: "SIGKILL" }]);
    await waitFor(() => identify(Number(output())) === null);
  });

  test("ends immediately on a second request", async () => {
    using door = gate();
    const tasks = [shell("t", `trap '' TERM; ${door.wait}`)];
    await using petit = await startEngine({ jobs: [job("stubborn", { tasks })] });
    const { id } = await petit.trigger("stubborn");
    await door.reached();
    const begun = performance.now();
    const first = petit.engine.stop("drain");
    const second = petit.engine.stop("now");
    await Promise.all([first, second]);
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(petit.read(id).run).toMatchObject({ status: "interrupted", reason: "shutdown" });
  });

  test("gives up a waiting retry", async () => {
    const tasks = [shell("t", "exit 1", { retry: retry(3, { delayMs: 3_600_000 }) })];
    await using petit = await startEngine({ jobs: [job("flaky", { tasks })], settings: { shutdownTimeoutMs: 20 } });
    const { id } = await petit.trigger("flaky");
    await waitFor(() => petit.read(id).tasks.t?.retryAt !== null);
    await petit.engine.stop("drain");
    expect(petit.read(id)).toMatchObject({ run: { status: "interrupted" }, summary: "t failed(shutdown)" });
  });

  test("keeps a cancelled run cancelled", async () => {
    using door = gate();
    const tasks = [shell("t", `trap '' TERM; ${door.wait}`)];
    await using petit = await startEngine({ jobs: [job("stubborn", { tasks })] });
    const { id } = await petit.trigger("stubborn");
    await door.reached();
    await petit.engine.cancel(id);
    await petit.engine.stop("now");
    expect(petit.read(id)).toMatchObject({ run: { status: "cancelled" }, summary: "t failed(cancelled)" });
  });

  test("leaves pending runs for the next start", async () => {
    using door = gate();
    const clock = new FakeClock();
    const jobs = [
      job("tick", {
        schedule: schedule("* * * * *"),
        maxConcurrency: 1,
        onOverlap: "queue",
        tasks: [shell("t", door.wait)],
      }),
    ];
    await using petit = await startEngine({ clock, jobs });
    await clock.pass(120_000);
    door.open();
    await petit.engine.stop("drain");
    expect(petit.store.runs.list({ limit: 9 }).map(({ status }) => status)).toEqual(["pending", "completed"]);
  });

  test("fires no more occurrences", async () => {
    using door = gate();
    const clock = new FakeClock();
    const jobs = [job("tick", { schedule: schedule("* * * * *") }), job("slow", { tasks: [shell("t", door.wait)] })];
    await using petit = await startEngine({ clock, jobs, settings: { shutdownTimeoutMs: 24 * 3_600_000 } });
    await petit.trigger("slow");
    const stopped = petit.engine.stop("drain");
    await clock.pass(3_600_000);
    expect(petit.store.occurrences.list(jobId("tick"), { limit: 9 })).toEqual([]);
    door.open();
    await clock.passUntil(stopped);
  });

  test("without running runs ends immediately, and can be repeated", async () => {
    await using petit = await startEngine({ jobs: [job("hello")] });
    await petit.engine.stop("drain");
    await petit.engine.stop("drain");
    await petit.engine.stop("now");
    expect(petit.engine.state).toBe("stopped");
  });
});

describe("a stop that leaves processes running", () => {
  test("ends immediately, and its processes continue", async () => {
    using door = gate();
    await using petit = await startEngine({ jobs: [job("slow", { tasks: [shell("t", `echo $$; ${door.wait}`)] })] });
    const { id } = await petit.trigger("slow");
    await petit.written(id, "\n");
    const pid = Number(petit.read(id).output());
    await petit.engine.stop("leave");
    expect(identify(pid)).not.toBeNull();
    expect(petit.read(id).run.status).toBe("running");
    expect(petit.read(id).attempts[0]).toMatchObject({ status: "running", process: { pid: expect.any(Number) } });
    process.kill(pid, "SIGKILL");
  });

  test("stores nothing more", async () => {
    using door = gate();
    await using petit = await startEngine({ jobs: [job("slow", { tasks: [shell("t", door.wait)] })] });
    const { id } = await petit.trigger("slow");
    await door.reached();
    await petit.engine.stop("leave");
    const before = petit.store.events.getNewestSeq();
    door.open();
    await waitFor(() => recordedExit(spoolOf(`${petit.dir}/spool`, 1)) !== null);
    expect(petit.store.events.getNewestSeq()).toBe(before);
    expect(petit.read(id).run.status).toBe("running");
  });
});

describe("a start", () => {
  test("accepts no triggers before it has finished", async () => {
    await using petit = await startEngine();
    const early = createEngine({
      store: petit.store,
      runtime: openRuntime(),
      clock: systemClock,
      log: silentLog,
      readJobs: async () => filesOf([job("hello")]),
      spoolDir: `${petit.dir}/spool`,
      artifactsDir: `${petit.dir}/artifacts`,
      ownFolders: { state: [], jobs: null },
      environment: {},
      settings: SETTINGS,
    });
    expect({ state: early.state, phase: early.phase, health: early.health() }).toEqual({
      state: "stopped",
      phase: "starting",
      health: { status: "starting", reasons: [] },
    });
    await expect(early.trigger("hello")).rejects.toMatchObject({
      code: "not_running",
      message: "petit is starting; try again in a moment",
    });
    await early.stop("now");
    await early.started;
    expect(early.health()).toEqual({ status: "stopping", reasons: [] });
  });
});
