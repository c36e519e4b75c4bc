import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { silentLog } from "../../src/lib/log.ts";
import { job, jobId, schedule, shell } from "../support/engine/factories.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";
import { gate } from "../support/engine/gate.ts";
import { filesOf, type StartOptions, startEngine, waitFor } from "../support/engine/started-engine.ts";
import { tempDir } from "../support/temp-dir.ts";

/** Starts an engine, and another connection that locks its database. */
const start = async (options: StartOptions) => {
  const parts = new AsyncDisposableStack();
  const petit = parts.use(await startEngine({ log: silentLog, ...options }));
  const other = openRuntime().openDatabase(`${petit.dir}/petit.db`);
  parts.defer(() => other.close());
  return {
    petit,
    lock: () => other.exec("BEGIN IMMEDIATE"),
    unlock: () => other.exec("ROLLBACK"),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

/** Returns how long a call blocks the event loop, in ms. */
const blockedMs = (call: () => unknown): number => {
  const begun = performance.now();
  call();
  return performance.now() - begun;
};

describe("a database that another process has locked", () => {
  test("delays a trigger until it is unlocked, and nothing else", async () => {
    await using it = await start({ jobs: [job("hello")] });
    it.lock();
    const begun = performance.now();
    const triggers = [it.petit.trigger("hello"), it.petit.trigger("hello")];
    for (let turn = 0; turn < 10; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(blockedMs(() => it.petit.engine.listJobs())).toBeLessThan(100);
      expect(blockedMs(() => it.petit.engine.health())).toBeLessThan(100);
    }
    expect(it.petit.store.runs.list({ limit: 9 })).toEqual([]);
    it.unlock();
    const runs = await Promise.all(triggers);
    expect(performance.now() - begun).toBeLessThan(4_000);
    for (const { id } of runs) expect((await it.petit.ended(id)).run.status).toBe("completed");
    expect(it.petit.store.runs.list({ limit: 9 })).toHaveLength(2);
  });

  test("refuses requests after 5 s with the reason that health gives, and changes nothing", async () => {
    const clock = new FakeClock();
    using door = gate();
    await using it = await start({ clock, jobs: [job("hello", { tasks: [shell("t", door.wait)] })] });
    const { id } = await it.petit.trigger("hello");
    await door.reached();
    it.lock();
    const { engine } = it.petit;
    const asked = Promise.allSettled([
      engine.trigger("hello", { idempotencyKey: "k" }),
      engine.cancel(id),
      engine.pause(),
    ]);
    await clock.pass(4_000);
    expect(engine.health()).toEqual({ status: "ok", reasons: [] });
    await clock.pass(2_000);
    const health = engine.health();
    expect(health).toMatchObject({ status: "unavailable", reasons: [{ code: "database_locked" }] });
    const refusal = { status: "rejected", reason: { code: "storage_failed", details: { fault: health.reasons[0] } } };
    expect(await asked).toMatchObject([refusal, refusal, refusal]);
    it.unlock();
    await clock.pass(1_000);
    expect(engine.health()).toEqual({ status: "ok", reasons: [] });
    expect(engine.state).toBe("running");
    expect(it.petit.read(id).run).toMatchObject({ status: "running", ending: null });
    expect(it.petit.store.runs.list({ limit: 9 })).toHaveLength(1);
    door.open();
    expect((await clock.passUntil(it.petit.ended(id))).run.status).toBe("completed");
  });

  test("does not delay the timeouts of runs and tasks", async () => {
    const tasks = [shell("t", "echo begun; exec sleep 60")];
    const jobs = [
      job("run", { timeoutMs: 1_000, tasks }),
      job("task", { tasks: [shell("t", "echo begun; exec sleep 60", { timeoutMs: 1_000 })] }),
    ];
    await using it = await start({ jobs });
    const runs = await Promise.all([it.petit.trigger("run"), it.petit.trigger("task")]);
    for (const { id } of runs) await it.petit.written(id, "begun");
    for (const { id } of runs) await waitFor(() => it.petit.read(id).attempts[0]?.process != null);
    it.lock();
    const pids = runs.map(({ id }) => it.petit.read(id).attempts[0]?.process?.pid ?? 0);
    const begun = performance.now();
    await waitFor(() => pids.every((pid) => !isAlive(pid)));
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(runs.map(({ id }) => it.petit.read(id).run.status)).toEqual(["running", "running"]);
    const gone = performance.now();
    await waitFor(() => performance.now() - gone > 400);
    const unlockedAt = Date.now();
    it.unlock();
    for (const { id } of runs) {
      const { run, tasks: ended, attempts } = await it.petit.ended(id);
      expect(attempts).toMatchObject([{ status: "failed", reason: "timeout" }]);
      // They ended at their real times, not when that could be stored.
      for (const { endedAt } of [run, ...Object.values(ended), ...attempts])
        expect(endedAt).toBeWithin(run.startedAt ?? 0, unlockedAt - 100);
    }
  });

  test("does not skip an occurrence as paused that was due before the pause", async () => {
    const clock = new FakeClock();
    await using it = await start({ clock, jobs: [job("tick", { schedule: schedule("* * * * *") })] });
    await clock.pass(58_000);
    it.lock();
    await clock.pass(3_000);
    const paused = it.petit.engine.pause();
    await clock.pass(100);
    it.unlock();
    await clock.passUntil(paused);
    await clock.pass(60_000);
    const ledger = it.petit.store.occurrences.list(jobId("tick"), { limit: 9 });
    expect(ledger.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["skipped", "paused"],
      ["fired", null],
    ]);
  });

  test("delays a reload until it is unlocked", async () => {
    await using it = await start({ jobs: [job("a")] });
    it.petit.files = filesOf([job("a"), job("b")]);
    it.lock();
    const reload = it.petit.engine.reload();
    await waitFor(() => it.petit.engine.health().status === "degraded");
    expect(it.petit.engine.health().reasons).toMatchObject([{ code: "reload_failed" }]);
    it.unlock();
    expect(await reload).toMatchObject({ jobs: 2 });
    expect(it.petit.engine.findJob("b")).not.toBeNull();
    expect(it.petit.engine.health()).toEqual({ status: "ok", reasons: [] });
    expect((await it.petit.run("b")).run.status).toBe("completed");
  });

  test("lets petit stop in time, and the next start knows why the runs were ended", async () => {
    using dir = tempDir();
    const options = {
      dir: dir.path,
      settings: { shutdownTimeoutMs: 100, killGraceMs: 100 },
      jobs: [job("slow", { tasks: [shell("t", "echo begun; exec sleep 60"), shell("u", "true", { after: ["t"] })] })],
    };
    await using it = await start(options);
    const { id } = await it.petit.trigger("slow");
    await it.petit.written(id, "begun");
    it.lock();
    const begun = performance.now();
    await it.petit.engine.stop("drain");
    expect(performance.now() - begun).toBeLessThan(8_000);
    it.unlock();
    await it.petit.stop("now");
    await using next = await startEngine(options);
    const { run, summary } = await next.ended(id);
    expect(run).toMatchObject({ status: "interrupted", reason: "shutdown" });
    expect(summary).toBe("t failed(shutdown) · u skipped(shutdown)");
    expect(next.spooled).toEqual([]);
  });
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
