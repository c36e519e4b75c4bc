import { describe, expect, test } from "bun:test";
import type { RunId } from "../../../src/domain/ids.ts";
import { identify } from "../../../src/engine/attempt/identity.ts";
import { command, job, jobId, retry, schedule, shell, taskId } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { type Gate, gate } from "../../support/engine/gate.ts";
import { type Finished, type StartedEngine, startEngine, waitFor } from "../../support/engine/started-engine.ts";

/** Resolves when none of these processes is alive. A zombie is not alive. */
const gone = async (pids: readonly number[]): Promise<void> => {
  await waitFor(() => pids.every((pid) => identify(pid) === null));
};

/** Returns the pids that a task has printed. */
const pidsIn = (output: string): readonly number[] => output.trim().split(/\s+/).map(Number);

const MINUTE_MS = 60_000;

/** A grace period that no process needs, although a fake clock is fast. */
const LONG_MS = 60 * MINUTE_MS;

/** Runs a job until its task has reached the gate, then advances the clock by a minute. Returns the ended run. */
const endedAfterAMinute = async (petit: StartedEngine, clock: FakeClock, door: Gate): Promise<Finished> => {
  const { id } = await petit.trigger("slow");
  await door.reached();
  await clock.pass(MINUTE_MS);
  return await clock.passUntil(petit.ended(id));
};

describe("a task's timeout", () => {
  test("ends its process with all descendants", async () => {
    using door = gate();
    const clock = new FakeClock();
    const tasks = [shell("t", `sleep 60 & echo $$ $!; ${door.wait}`, { timeoutMs: MINUTE_MS })];
    await using petit = await startEngine({ clock, jobs: [job("slow", { killGraceMs: LONG_MS, tasks })] });
    const { run, tasks: ended, attempts, output } = await endedAfterAMinute(petit, clock, door);
    expect(run).toMatchObject({ status: "failed", reason: "timeout", error: "task 't' failed: timed out after 1m" });
    expect(ended.t).toMatchObject({ status: "failed", reason: "timeout", error: "timed out after 1m" });
    expect(attempts).toMatchObject([{ reason: "timeout", signal: "SIGTERM", exitCode: null }]);
    expect(pidsIn(output())).toHaveLength(2);
    await gone(pidsIn(output()));
  });

  test("applies to each attempt", async () => {
    using door = gate();
    const clock = new FakeClock();
    const tasks = [shell("t", door.wait, { timeoutMs: LONG_MS, retry: retry(1) })];
    await using petit = await startEngine({ clock, jobs: [job("slow", { killGraceMs: LONG_MS, tasks })] });
    const { id } = await petit.trigger("slow");
    await door.reached();
    await clock.pass(LONG_MS);
    await clock.passUntil(door.reached());
    door.open();
    const { run, attempts } = await petit.ended(id);
    expect(run.status).toBe("completed");
    expect(attempts.map(({ reason }) => reason)).toEqual(["timeout", null]);
  });

  test("does not affect an attempt that ends in time", async () => {
    await using petit = await startEngine({
      jobs: [job("fast", { tasks: [command("t", "true", { timeoutMs: 20_000 })] })],
    });
    expect((await petit.run("fast")).run.status).toBe("completed");
  });

  test("is the reason even if the process exits with 0 on SIGTERM", async () => {
    using door = gate();
    const clock = new FakeClock();
    const tasks = [shell("t", `trap 'echo tidied; exit 0' TERM; ${door.wait}`, { timeoutMs: MINUTE_MS })];
    await using petit = await startEngine({ clock, jobs: [job("slow", { killGraceMs: LONG_MS, tasks })] });
    const { attempts, output } = await endedAfterAMinute(petit, clock, door);
    expect(attempts).toMatchObject([{ status: "failed", reason: "timeout", exitCode: 0 }]);
    expect(output()).toBe("tidied\n");
  });
});

describe("timeouts and delays", () => {
  test("are measured by the monotonic clock", async () => {
    const clock = new FakeClock();
    const jobs = [
      job("task", { tasks: [shell("t", "sleep 60", { timeoutMs: 60_000 })] }),
      job("run", { timeoutMs: 60_000, tasks: [shell("t", "sleep 60")] }),
    ];
    await using petit = await startEngine({ clock, jobs });
    const ids = [(await petit.trigger("task")).id, (await petit.trigger("run")).id];
    clock.step(7_200_000);
    await clock.pass(30_000);
    clock.step(-14_400_000);
    await clock.pass(29_000);
    expect(ids.map((id) => petit.read(id).run.status)).toEqual(["running", "running"]);
    await clock.pass(1_000);
    for (const id of ids) expect((await clock.passUntil(petit.ended(id))).run.reason).toBe("timeout");
  });
});

const TIMEOUT_MS = 2_000;

/** Blocks the event loop until a timeout is over, as if petit were stopped or the machine suspended. */
const freeze = (startedAt: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, startedAt + TIMEOUT_MS + 100 - Date.now());
};

describe("an exit that petit notices together with a timeout", () => {
  test("wins for a task", async () => {
    using door = gate();
    await using petit = await startEngine({
      jobs: [job("slow", { tasks: [shell("t", door.wait, { timeoutMs: TIMEOUT_MS })] })],
    });
    const { id } = await petit.trigger("slow");
    await door.reached();
    door.open();
    freeze(Date.now());
    expect((await petit.ended(id)).summary).toBe("t completed");
  });

  test("wins for the last task of a run; an earlier task has its followers skipped except clean-up tasks", async () => {
    using door = gate();
    const clean = command("clean", "true", { after: ["b"], condition: "all_done" });
    const jobs = [
      job("last", { timeoutMs: TIMEOUT_MS, tasks: [shell("t", door.wait)] }),
      job("first", {
        timeoutMs: TIMEOUT_MS,
        tasks: [shell("a", door.wait), command("b", "true", { after: ["a"] }), clean],
      }),
    ];
    await using petit = await startEngine({ jobs });
    const [last, first] = [(await petit.trigger("last")).id, (await petit.trigger("first")).id];
    await door.reached();
    await door.reached();
    door.open(2);
    freeze(Date.now());
    expect((await petit.ended(last)).run).toMatchObject({ status: "completed", reason: null });
    const ended = await petit.ended(first);
    expect(ended.run).toMatchObject({ status: "failed", reason: "timeout" });
    expect(ended.summary).toBe("a completed · b skipped(timeout) · clean completed");
    expect(ended.tasks.b?.attempts).toBe(0);
  });
});

describe("the times of a run", () => {
  const times = ({ run, tasks, attempts }: Finished) =>
    [run, ...Object.values(tasks), ...attempts].map(({ startedAt, endedAt }) => [startedAt, endedAt]);

  test.each([3_600_000, -3_600_000])("are measured from its start when the clock is set by %p ms", async (offsetMs) => {
    using door = gate();
    const clock = new FakeClock();
    const tasks = [shell("a", door.wait), shell("b", door.wait, { after: ["a"] })];
    await using petit = await startEngine({ clock, jobs: [job("slow", { tasks })] });
    const { id } = await petit.trigger("slow");
    await door.reached();
    await clock.pass(30_000);
    clock.step(offsetMs);
    door.open();
    await clock.passUntil(door.reached());
    const b = petit.read(id).tasks.b?.startedAt ?? 0;
    expect(b).toBeGreaterThanOrEqual(NOON + 30_000);
    expect(b).toBeLessThan(NOON + 1_800_000);
    await clock.pass(30_000);
    door.open();
    const ended = await clock.passUntil(petit.ended(id));
    const end = ended.run.endedAt ?? 0;
    expect(end).toBeGreaterThanOrEqual(b + 30_000);
    expect(end).toBeLessThan(NOON + 3_500_000);
    // Storing takes time between an exit and the next start.
    const a = ended.tasks.a?.endedAt ?? 0;
    expect(a).toBeWithin(NOON + 30_000, b + 1);
    expect(times(ended)).toEqual([
      [NOON, end],
      [NOON, a],
      [b, end],
      [NOON, a],
      [b, end],
    ]);
  });

  test("include the time for which the machine was suspended; its timeout does not", async () => {
    using door = gate();
    const clock = new FakeClock();
    const tasks = [shell("t", door.wait, { timeoutMs: 600_000 })];
    await using petit = await startEngine({ clock, jobs: [job("slow", { tasks })] });
    const { id } = await petit.trigger("slow");
    await door.reached();
    clock.suspend(3_600_000);
    await clock.pass(1_000);
    door.open();
    const { run } = await clock.passUntil(petit.ended(id));
    expect(run.status).toBe("completed");
    expect(run.endedAt).toBeGreaterThanOrEqual(NOON + 3_601_000);
  });
});

describe("a tree that ignores SIGTERM", () => {
  const stubborn = ({ wait }: Gate): string =>
    `trap '' TERM; (trap '' TERM; sleep 60) & echo $$ $!; sleep 60 & ${wait}; sleep 60`;

  /** Runs a script to the gate, then cancels the run. Returns the run, and how long its end took. */
  const cancelled = async (scriptOf: (door: Gate) => string, { killGraceMs, settings }: Grace) => {
    using door = gate();
    const jobs = [job("slow", { killGraceMs: killGraceMs ?? null, tasks: [shell("t", scriptOf(door))] })];
    await using petit = await startEngine({ jobs, settings });
    const { id } = await petit.trigger("slow");
    await door.reached();
    const begun = performance.now();
    await petit.engine.cancel(id);
    const ended = await petit.ended(id);
    return { ...ended, tookMs: performance.now() - begun };
  };

  type Grace = { readonly killGraceMs?: number; readonly settings: { readonly killGraceMs: number } };

  test("is killed after the grace period, and not before", async () => {
    const settings = { killGraceMs: 60_000 };
    const { tookMs, attempts, output } = await cancelled(stubborn, { killGraceMs: 300, settings });
    expect(tookMs).toBeWithin(300, 20_000);
    expect(attempts).toMatchObject([{ reason: "cancelled", signal: "SIGKILL" }]);
    expect(pidsIn(output())).toHaveLength(2);
    await gone(pidsIn(output()));
  });

  test("has the default grace period if the job sets none", async () => {
    const { tookMs, attempts } = await cancelled(stubborn, { settings: { killGraceMs: 50 } });
    expect(tookMs).toBeWithin(50, 5_000);
    expect(attempts).toMatchObject([{ reason: "cancelled", signal: "SIGKILL" }]);
  });

  test("is killed if only a grandchild is left of it", async () => {
    const script = ({ wait }: Gate): string => `(trap '' TERM; exec sh -c 'echo $$; ${wait}') & exec sleep 60`;
    const { attempts, output } = await cancelled(script, { settings: { killGraceMs: 300 } });
    expect(attempts).toMatchObject([{ reason: "cancelled", signal: "SIGTERM" }]);
    expect(pidsIn(output())).toHaveLength(1);
    await gone(pidsIn(output()));
  });
});

describe("a grandchild that outlives its task", () => {
  test("and keeps the output open does not delay the end of the task", async () => {
    await using petit = await startEngine({ jobs: [job("daemon", { tasks: [shell("t", "sleep 60 & echo $!")] })] });
    const { run, output } = await petit.run("daemon");
    expect(run.status).toBe("completed");
    const [pid = 0] = pidsIn(output());
    expect(identify(pid)).not.toBeNull();
    process.kill(pid, "SIGKILL");
  });
});

describe("a run's timeout", () => {
  test("ends running tasks, skips pending ones, and lets clean-up tasks run", async () => {
    const tasks = [
      shell("a", "sleep 60"),
      command("b", "true", { after: ["a"] }),
      command("c", "true", { after: ["a"], condition: "on_failure" }),
      command("d", "true", { after: ["a", "b"], condition: "all_done" }),
      command("e", "true", { after: ["d"] }),
    ];
    await using petit = await startEngine({ jobs: [job("slow", { timeoutMs: 100, tasks })] });
    const { run, summary, tasks: ended } = await petit.run("slow");
    expect(run).toMatchObject({ status: "failed", reason: "timeout", error: "timed out after 100ms" });
    expect(summary).toBe(
      "a failed(timeout) · b skipped(timeout) · c skipped(timeout) · d completed · e skipped(timeout)",
    );
    expect(ended.a?.error).toBe("the run timed out");
  });

  test("starts no further attempt", async () => {
    const clock = new FakeClock();
    const tasks = [shell("t", "exit 1", { retry: retry(9, { delayMs: LONG_MS }) })];
    await using petit = await startEngine({ clock, jobs: [job("slow", { timeoutMs: MINUTE_MS, tasks })] });
    const { id } = await petit.trigger("slow");
    await waitFor(() => petit.read(id).tasks.t?.retryAt !== null);
    await clock.pass(MINUTE_MS);
    const { run, tasks: ended, attempts } = await clock.passUntil(petit.ended(id));
    expect(run).toMatchObject({ status: "failed", reason: "timeout" });
    expect(ended.t).toMatchObject({ status: "failed", reason: "timeout", error: "exit code 1", exitCode: 1 });
    expect(attempts).toMatchObject([{ reason: "exit_code" }]);
  });

  test("counts from the start of the run, not from its admission", async () => {
    using door = gate();
    const clock = new FakeClock();
    const first = job("first", { tasks: [shell("t", door.wait)] });
    const second = job("second", { schedule: schedule("* * * * *"), timeoutMs: 60_000 });
    await using petit = await startEngine({ clock, jobs: [first, second], settings: { maxJobs: 1 } });
    await petit.trigger("first");
    await clock.pass(5 * MINUTE_MS);
    door.open();
    const { runId } = await petit.event("run.finished", { jobId: jobId("second") });
    expect(petit.store.runs.find(runId as RunId)).toMatchObject({ status: "completed" });
  });
});

describe("cancel", () => {
  const start = async (door: { readonly wait: string }) => {
    const tasks = [
      shell("a", door.wait),
      command("b", "true", { after: ["a"] }),
      command("c", "true", { after: ["a"], condition: "on_failure" }),
      shell("d", `echo cleaning; ${door.wait}`, { after: ["b"], condition: "all_done" }),
    ];
    const petit = await startEngine({ jobs: [job("slow", { tasks })] });
    return { petit, run: await petit.trigger("slow") };
  };

  test("ends running tasks, skips pending ones, lets clean-up tasks run, and is stored immediately", async () => {
    using door = gate();
    const { petit, run } = await start(door);
    await using _ = petit;
    await door.reached();
    expect(await petit.engine.cancel(run.id)).toMatchObject({ status: "running", ending: "cancelled" });
    await door.reached();
    await petit.event("task.finished", { taskId: taskId("a") });
    expect(petit.read(run.id).summary).toBe(
      "a failed(cancelled) · b skipped(cancelled) · c skipped(cancelled) · d running",
    );
    door.open();
    const ended = await petit.ended(run.id);
    expect(ended.run).toMatchObject({ status: "cancelled", reason: "cancelled", error: "cancelled" });
    expect(ended.tasks.d?.status).toBe("completed");
    expect(ended.attempts[0]).toMatchObject({ reason: "cancelled", signal: "SIGTERM" });
  });

  test("a second time ends the clean-up tasks too", async () => {
    using door = gate();
    const { petit, run } = await start(door);
    await using _ = petit;
    await door.reached();
    await petit.engine.cancel(run.id);
    await door.reached();
    await petit.engine.cancel(run.id);
    const ended = await petit.ended(run.id);
    expect(ended.run.status).toBe("cancelled");
    expect(ended.tasks.d).toMatchObject({ status: "failed", reason: "cancelled" });
  });

  test("twice in a row starts no clean-up task", async () => {
    using door = gate();
    const { petit, run } = await start(door);
    await using _ = petit;
    await door.reached();
    await Promise.all([petit.engine.cancel(run.id), petit.engine.cancel(run.id)]);
    expect((await petit.ended(run.id)).tasks.d).toMatchObject({ status: "skipped", reason: "cancelled" });
  });

  test("right after the trigger ends the run", async () => {
    await using petit = await startEngine({ jobs: [job("slow", { tasks: [shell("t", "sleep 60")] })] });
    const run = await petit.trigger("slow");
    await petit.engine.cancel(run.id);
    const begun = performance.now();
    expect((await petit.ended(run.id)).run.status).toBe("cancelled");
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  test("of a finished run changes nothing", async () => {
    await using petit = await startEngine({ jobs: [job("fast")] });
    const { run } = await petit.run("fast");
    expect(await petit.engine.cancel(run.id)).toEqual(run);
    expect(petit.store.runs.find(run.id)).toEqual(run);
  });

  test("of an unknown run is refused", async () => {
    await using petit = await startEngine({ jobs: [job("fast")] });
    const unknown = "01900000-0000-7000-8000-000000000000" as RunId;
    await expect(petit.engine.cancel(unknown)).rejects.toThrow(
      "run '01900000-0000-7000-8000-000000000000' was not found",
    );
  });

  test("of a run that waits for a retry starts no further attempt", async () => {
    const tasks = [shell("t", "exit 1", { retry: retry(9, { delayMs: 3_600_000 }) })];
    await using petit = await startEngine({ jobs: [job("flaky", { tasks })] });
    const { id } = await petit.trigger("flaky");
    await waitFor(() => petit.read(id).tasks.t?.retryAt !== null);
    await petit.engine.cancel(id);
    const { run, tasks: ended, attempts } = await petit.ended(id);
    expect(run.status).toBe("cancelled");
    expect(ended.t).toMatchObject({ status: "failed", reason: "cancelled", retryAt: null });
    expect(attempts).toHaveLength(1);
  });

  test("of a pending run ends it immediately, and the next one takes its turn", async () => {
    using door = gate();
    const clock = new FakeClock();
    const every = schedule("* * * * *");
    const jobs = [
      job("tick", { schedule: every, maxConcurrency: 1, onOverlap: "queue", tasks: [shell("t", door.wait)] }),
    ];
    await using petit = await startEngine({ clock, jobs });
    await clock.pass(180_000);
    const [third, second, first] = petit.store.runs.list({ limit: 3 });
    if (!first || !second || !third) throw new Error("three runs were expected");
    expect(await petit.engine.cancel(second.id)).toMatchObject({
      status: "cancelled",
      reason: "cancelled",
      startedAt: null,
    });
    expect(petit.read(second.id).summary).toBe("t skipped(cancelled)");
    expect(petit.engine.counts).toEqual({ pending: 1, running: 1 });
    expect(await petit.engine.waitForRun(second.id)).toMatchObject({ status: "cancelled" });
    door.open(2);
    expect((await clock.passUntil(petit.ended(third.id))).run.status).toBe("completed");
  });

  test("keeps the success of a task that ended before the signal", async () => {
    using door = gate();
    const tasks = [shell("t", `trap '' TERM; ${door.wait}; exit 0`)];
    await using petit = await startEngine({ jobs: [job("slow", { tasks })] });
    const { id } = await petit.trigger("slow");
    await door.reached();
    await petit.engine.cancel(id);
    door.open();
    const { run, attempts } = await petit.ended(id);
    expect(run.status).toBe("cancelled");
    expect(attempts).toMatchObject([{ status: "failed", reason: "cancelled", exitCode: 0 }]);
  });

  test("emits one event for each task and one for the run", async () => {
    using door = gate();
    const { petit, run } = await start(door);
    await using _ = petit;
    await door.reached();
    await petit.engine.cancel(run.id);
    await petit.engine.cancel(run.id);
    await petit.ended(run.id);
    const emitted = petit.store.events
      .after(0, 100)
      .filter(({ type }) => type === "task.finished" || type === "run.finished");
    expect(emitted.map(({ taskId: id, status }) => `${id ?? "run"} ${status}`).sort()).toEqual([
      "a failed",
      "b skipped",
      "c skipped",
      "d skipped",
      "run cancelled",
    ]);
    expect(emitted.some(({ taskId: id }) => id === taskId("a"))).toBe(true);
  });
});

describe("waitForRun", () => {
  test("resolves immediately for a run that has ended", async () => {
    await using petit = await startEngine({ jobs: [job("fast")] });
    const { run } = await petit.run("fast");
    expect(await petit.engine.waitForRun(run.id, { timeoutMs: 0 })).toEqual(run);
  });

  test("resolves with the current state at the timeout or when the caller aborts", async () => {
    using door = gate();
    await using petit = await startEngine({ jobs: [job("slow", { tasks: [shell("t", door.wait)] })] });
    const { id } = await petit.trigger("slow");
    expect(await petit.engine.waitForRun(id, { timeoutMs: 10 })).toMatchObject({ status: "running" });
    expect(await petit.engine.waitForRun(id, { signal: AbortSignal.abort() })).toMatchObject({ status: "running" });
    const caller = new AbortController();
    const waiting = petit.engine.waitForRun(id, { signal: caller.signal });
    caller.abort();
    expect(await waiting).toMatchObject({ status: "running" });
    const all = Promise.all([petit.engine.waitForRun(id), petit.engine.waitForRun(id, { timeoutMs: 60_000 })]);
    door.open();
    expect((await all).map(({ status }) => status)).toEqual(["completed", "completed"]);
  });

  test("rejects for an unknown run", async () => {
    await using petit = await startEngine();
    await expect(petit.engine.waitForRun("01900000-0000-7000-8000-000000000000" as RunId)).rejects.toThrow("not found");
  });
});
