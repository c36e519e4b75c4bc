import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import type { Retry } from "../../../src/domain/retry.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { job, retry, shell } from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { startEngine } from "../../support/engine/started-engine.ts";

const start = (
  script: string,
  given: Retry | null,
  options: { clock?: FakeClock; runtime?: Runtime; timeoutMs?: number } = {},
) =>
  startEngine({
    ...(options.clock && { clock: options.clock }),
    ...(options.runtime && { runtime: options.runtime }),
    jobs: [job("flaky", { tasks: [shell("t", script, { retry: given, timeoutMs: options.timeoutMs ?? null })] })],
  });

/** Starts real processes, but fails to start the first one. */
const failingToSpawn = (code: string, times: number): Runtime => {
  const runtime = openRuntime();
  let left = times;
  return {
    ...runtime,
    spawn: (options) => {
      if (left-- <= 0) return runtime.spawn(options);
      throw Object.assign(new Error(`posix_spawn: ${code}`), { code });
    },
  };
};

describe("retry", () => {
  test.each([
    [null, 1],
    [retry(0), 1],
    [retry(1), 2],
    [retry(3), 4],
    [retry(3, { condition: "never" }), 1],
    [retry(3, { condition: "transient_only" }), 1],
  ] as const)("%j makes of a task that fails %p attempts", async (given, count) => {
    await using petit = await start("exit 1", given);
    const { run, tasks, attempts } = await petit.run("flaky");
    expect(run.status).toBe("failed");
    expect(tasks.t).toMatchObject({ status: "failed", attempts: count, exitCode: 1, error: "exit code 1" });
    expect(attempts.map(({ attempt, status }) => `${attempt} ${status}`)).toEqual(
      Array.from({ length: count }, (_, index) => `${index + 1} failed`),
    );
  });

  test("ends with the first successful attempt, and the run completes", async () => {
    await using petit = await start('[ "$PETIT_ATTEMPT" = 3 ]', retry(5));
    const { run, tasks, attempts } = await petit.run("flaky");
    expect(run).toMatchObject({ status: "completed", reason: null, error: null });
    expect(tasks.t).toMatchObject({ status: "completed", reason: null, error: null, attempts: 3, exitCode: 0 });
    expect(attempts.map(({ status }) => status)).toEqual(["failed", "failed", "completed"]);
  });

  test("is over before a downstream task starts", async () => {
    const tasks = [
      shell("a", '[ "$PETIT_ATTEMPT" = 2 ]', { retry: retry(1) }),
      shell("b", "true", { after: ["a"], condition: "on_failure" }),
      shell("c", "true", { after: ["a"] }),
    ];
    await using petit = await startEngine({ jobs: [job("flaky", { tasks })] });
    expect((await petit.run("flaky")).summary).toBe("a completed · b skipped(condition_not_met) · c completed");
  });

  test.each([
    ["exit 75, EX_TEMPFAIL", "exit 75", {}, 3],
    ["a signal", "kill -KILL $$", {}, 1],
    ["a timeout", "sleep 60", { timeoutMs: 30 }, 3],
    ["EAGAIN", "exit 1", { runtime: failingToSpawn("EAGAIN", 9) }, 3],
    ["EMFILE", "exit 1", { runtime: failingToSpawn("EMFILE", 9) }, 3],
    ["ENOMEM", "exit 1", { runtime: failingToSpawn("ENOMEM", 9) }, 3],
    ["ENOENT", "exit 1", { runtime: failingToSpawn("ENOENT", 9) }, 1],
    ["EACCES", "exit 1", { runtime: failingToSpawn("EACCES", 9) }, 1],
  ] as const)("transient_only after %s makes the right number of attempts", async (_, script, options, count) => {
    await using petit = await start(script, retry(2, { condition: "transient_only" }), options);
    expect((await petit.run("flaky")).attempts).toHaveLength(count);
  });

  test("names the lacking resource, and succeeds when it is available again", async () => {
    await using petit = await start("echo made", retry(2), { runtime: failingToSpawn("EMFILE", 1) });
    const { run, attempts, output } = await petit.run("flaky");
    expect(run.status).toBe("completed");
    expect(attempts[0]).toMatchObject({
      reason: "spawn_failed",
      error: expect.stringContaining("too many open files"),
    });
    expect(output()).toBe("made\n");
  });

  test("waits its fixed delay, and the database stores until when", async () => {
    const clock = new FakeClock();
    using door = gate();
    const script = `[ "$PETIT_ATTEMPT" != 2 ] || { ${door.wait}; }; [ "$PETIT_ATTEMPT" = 3 ]`;
    await using petit = await start(script, retry(5, { delayMs: 60_000 }), { clock });
    const { id } = await petit.trigger("flaky");
    const failed = async () => {
      const count = petit.read(id).attempts.length;
      // The first round of the poller, not the retry.
      while (petit.read(id).attempts.at(count - 1)?.status === "running") await clock.pass(1);
    };
    await failed();
    const [first] = petit.read(id).attempts;
    expect(petit.read(id).tasks.t).toMatchObject({
      status: "running",
      attempts: 1,
      retryAt: Number(first?.endedAt) + 60_000,
    });
    await clock.passTo(Number(first?.endedAt) + 59_999);
    expect(petit.read(id).attempts).toHaveLength(1);
    await clock.pass(1);
    expect(petit.read(id).attempts).toHaveLength(2);
    await door.reached();
    expect(petit.read(id).tasks.t?.retryAt).toBeNull();
    door.open();
    await failed();
    await clock.pass(60_000);
    expect((await petit.ended(id)).tasks.t?.attempts).toBe(3);
  });

  test("with exponential backoff waits part of a doubling delay, up to the maximum", async () => {
    const clock = new FakeClock();
    const given = retry(6, { delayMs: 1_000, backoff: "exponential", maxDelayMs: 4_000 });
    await using petit = await start("exit 1", given, { clock });
    const { id } = await petit.trigger("flaky");
    const { attempts } = await clock.passUntil(petit.ended(id));
    const delays = attempts.slice(1).map(({ startedAt }, index) => startedAt - Number(attempts[index]?.endedAt));
    expect(delays).toHaveLength(6);
    // A delay takes effect at the next step of the fake clock.
    for (const [index, most] of [1_000, 2_000, 4_000, 4_000, 4_000, 4_000].entries())
      expect(delays[index]).toBeWithin(0, most + 20);
    expect(new Set(delays).size).toBeGreaterThan(2);
  });

  test("that waits does not count for the limit of tasks", async () => {
    const clock = new FakeClock();
    const tasks = [shell("a", "exit 1", { retry: retry(1, { delayMs: 3_600_000 }) }), shell("b", "true")];
    await using petit = await startEngine({ clock, jobs: [job("flaky", { tasks })], settings: { maxTasks: 1 } });
    const { id } = await petit.trigger("flaky");
    await clock.passUntil(petit.event("task.finished", { runId: id }));
    expect(petit.read(id).summary).toBe("a running · b completed");
    await clock.pass(3_600_000);
    expect((await clock.passUntil(petit.ended(id))).summary).toBe("a failed(exit_code) · b completed");
  });
});
