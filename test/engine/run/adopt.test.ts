import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { parseRunId, type RunId } from "../../../src/domain/ids.ts";
import type { Job, Task } from "../../../src/domain/job.ts";
import type { ProcessIdentity } from "../../../src/domain/task-run.ts";
import { hasMembers, identify } from "../../../src/engine/attempt/identity.ts";
import { readStatus, spoolOf } from "../../../src/engine/output/spool.ts";
import type { SqlParams } from "../../../src/runtime/runtime.ts";
import { startChild } from "../../support/child.ts";
import { command, items, job, jobId, retry, schedule, shell } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { type Gate, gate } from "../../support/engine/gate.ts";
import { type StartedEngine, type StartOptions, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { isDeno, runtimeCommand } from "../../support/runtime-command.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Changes a database that is not in use. */
const change = (path: string, sql: string, params: SqlParams = {}): void => {
  const db = openRuntime().openDatabase(path);
  db.prepare(sql).run(params);
  db.close();
};

/** An engine that detaches during a run, and its successors. */
const lives = (jobs: readonly Job[], options: StartOptions = {}) => {
  const dir = tempDir();
  const start = (given: StartOptions = {}) => startEngine({ jobs, dir: dir.path, ...options, ...given });
  return {
    dir,
    start,
    /** Detaches when the run waits at the gate. */
    leaveAt: async (
      door: Gate,
      before: (id: RunId, petit: Awaited<ReturnType<typeof start>>) => Promise<unknown> = async () => {},
    ) => {
      const petit = await start();
      const { id } = await petit.trigger(jobs[0]?.id ?? "");
      await door.reached();
      await waitFor(() => petit.read(id).attempts.some((attempt) => attempt.process !== null));
      await before(id, petit);
      const pid = petit.read(id).attempts.at(-1)?.process?.pid ?? 0;
      await petit.stop("leave");
      return { id, pid };
    },
    status: () => readFileSync(dir.file("spool/1.status"), "utf8").split("--\n").at(-1) ?? "",
    /** Returns the stored process of the only attempt. */
    rewrite: (identity: ProcessIdentity | null) =>
      change(
        dir.file("petit.db"),
        "UPDATE attempts SET pid = $pid, pid_started = $startTime, boot_id = $bootId WHERE status = 'running'",
        identity ?? { pid: null, startTime: null, bootId: null },
      ),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
};

const killGroup = async (pid: number): Promise<void> => {
  process.kill(-pid, "SIGKILL");
  await waitFor(() => identify(pid) === null);
};

describe("a run that was being ended", () => {
  test.each([
    ["cancelled", "a failed(cancelled) · b completed", "cancelled"],
    // A shutdown ends clean-up tasks too, as in the previous process.
    ["shutdown", "a failed(shutdown) · b skipped(shutdown)", "interrupted"],
  ] as const)("is ended by the next petit: %s", async (ending, summary, status) => {
    using door = gate();
    const tasks = [shell("a", door.wait), command("b", "true", { after: ["a"], condition: "all_done" })];
    using life = lives([job("slow", { tasks })]);
    const { id } = await life.leaveAt(door, async (id, { store }) => store.runs.requestEnd(id, ending));
    await using petit = await life.start();
    const ended = await petit.ended(id);
    expect(ended.run).toMatchObject({ status, reason: ending });
    expect(ended.summary).toBe(summary);
  });
});

describe("a run that was cancelled twice", () => {
  /** Cancels a run, and again when its clean-up task waits at the gate. */
  const cancelTwice = (door: Gate) => async (id: RunId, petit: StartedEngine) => {
    await petit.engine.cancel(id);
    await door.reached();
    await waitFor(() => petit.read(id).attempts.length === 2 && petit.read(id).attempts[1]?.process !== null);
    await petit.engine.cancel(id);
  };

  test.each([
    ["ignore SIGTERM", "trap '' TERM", null],
    ["end on SIGTERM", "true", "SIGTERM"],
  ])("is ended with its clean-up tasks by the next petit: those that %s", async (_, before, signal) => {
    using door = gate();
    const cleanUp = shell("b", `${before}; ${door.wait}; sleep 60`, { after: ["a"], condition: "all_done" });
    using life = lives([job("slow", { tasks: [shell("a", door.wait), cleanUp] })], {
      settings: { killGraceMs: 60_000 },
    });
    const { id, pid } = await life.leaveAt(door, cancelTwice(door));
    await using petit = await life.start({ settings: { killGraceMs: 100 } });
    const { run, attempts } = await petit.ended(id);
    expect(run).toMatchObject({ status: "cancelled", reason: "cancelled" });
    expect(attempts[1]).toMatchObject({ reason: "cancelled", signal });
    expect(hasMembers({ pid, startTime: "", bootId: "" })).toBe(false);
  });
});

describe("the process group of an attempt that was being ended", () => {
  const STUBBORN = "(trap '' TERM; echo there; exec sleep 60) &";

  /** Runs a task, and leaves in the grace period, when only the leader of its group has ended. Returns how the next petit ends it. */
  const endAfterRestart = async (
    only: Task,
    end: (petit: StartedEngine, id: RunId) => Promise<unknown>,
    noteEnd = (_status: string, _startedAt: number): void => {},
  ) => {
    using life = lives([job("slow", { tasks: [only] })]);
    const first = await life.start({ settings: { killGraceMs: 60_000 } });
    const { id } = await first.trigger("slow");
    await end(first, id);
    await waitFor(() => readStatus(spoolOf(life.dir.file("spool"), 1)).exit !== null);
    await waitFor(() => first.read(id).attempts[0]?.process !== null);
    const pid = first.read(id).attempts[0]?.process?.pid ?? 0;
    noteEnd(spoolOf(life.dir.file("spool"), 1).status, first.read(id).attempts[0]?.startedAt ?? 0);
    await first.stop("leave");
    await using petit = await life.start({ settings: { killGraceMs: 100 } });
    const ended = await petit.ended(id);
    const itemRuns = petit.store.runs.listItems({ runId: id, taskId: only.id });
    const isLeft = hasMembers({ pid, startTime: "", bootId: "" });
    return { ...ended, isLeft, reasons: itemRuns.map(({ reason }) => reason) };
  };

  const cancel = async (petit: StartedEngine, id: RunId): Promise<unknown> => {
    await petit.written(id, "there");
    return petit.engine.cancel(id);
  };

  test("is killed after a cancellation", async () => {
    const { isLeft, run, summary } = await endAfterRestart(shell("t", `${STUBBORN} exec sleep 60`), cancel);
    expect([isLeft, run.status, summary]).toEqual([false, "cancelled", "t failed(cancelled)"]);
  });

  test("is killed if its leader obeyed with exit code 0", async () => {
    const script = `trap 'exit 0' TERM; ${STUBBORN} wait`;
    const { isLeft, run } = await endAfterRestart(shell("t", script), cancel);
    expect([isLeft, run.status]).toEqual([false, "cancelled"]);
  });

  // Deno reports no change time, which says when the leader ended.
  for (const { how, leader, expected } of [
    { how: "by a signal", leader: "exec sleep 60", expected: "t failed(timeout)" },
    { how: "with an exit code", leader: "trap 'exit 3' TERM; wait", expected: "t failed(exit_code)" },
  ])
    test.skipIf(isDeno)(`is killed after the timeout of its task, if its leader ended ${how}`, async () => {
      const only = shell("t", `${STUBBORN} ${leader}`, { timeoutMs: 1_000 });
      const { isLeft, summary } = await endAfterRestart(only, async () => {});
      expect([isLeft, summary]).toEqual([false, expected]);
    });

  test.skipIf(isDeno)(
    "is killed after the timeout of its task, if its end was measured a little too early",
    async () => {
      const only = shell("t", `${STUBBORN} exec sleep 60`, { timeoutMs: 1_000 });
      const noteEnd = (status: string, startedAt: number): void => {
        const endedAt = (startedAt + 980) / 1_000;
        utimesSync(status, endedAt, endedAt);
      };
      const { isLeft, summary } = await endAfterRestart(only, async () => {}, noteEnd);
      expect([isLeft, summary]).toEqual([false, "t failed(timeout)"]);
    },
  );

  test("is killed after another item has failed", async () => {
    using door = gate();
    const script = `[ "$PETIT_ITEM" = a ] || { ${door.wait}; exit 3; }; ${STUBBORN} exec sleep 60`;
    const only = shell("t", script, { items: items(["a", "b"], { failFast: true }) });
    const { isLeft, reasons } = await endAfterRestart(only, async (petit, id) => {
      await door.reached();
      await petit.written(id, "there");
      door.open();
    });
    expect([isLeft, ...reasons]).toEqual([false, "cancelled", "exit_code"]);
  });
});

describe("an attempt that is still running", () => {
  test("is adopted: its output continues without a gap, and the run with its next tasks", async () => {
    using door = gate();
    const tasks = [
      shell("a", `echo one; printf tw; ${door.wait}; echo o; echo "k=v" > "$PETIT_OUTPUT"`),
      command("b", "echo", { after: ["a"], args: ["${{ tasks.a.outputs.k }}"] }),
    ];
    using life = lives([job("slow", { tasks })]);
    const { id, pid } = await life.leaveAt(door, (id, petit) => petit.written(id, "one\n"));
    expect(identify(pid)).not.toBeNull();
    await using petit = await life.start();
    expect(petit.engine.counts).toEqual({ pending: 0, running: 1 });
    expect(petit.engine.findJob("slow")?.running).toBe(1);
    door.open();
    const { run, output, attempts, summary } = await petit.ended(id);
    expect(run.status).toBe("completed");
    expect(summary).toBe("a completed · b completed");
    expect(output()).toBe("one\ntwo\nv\n");
    expect(attempts).toHaveLength(2);
    expect(petit.spooled).toEqual([]);
  });

  test("is adopted repeatedly", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", `echo begun; ${door.wait}; exit 3`)] })]);
    const { id } = await life.leaveAt(door);
    for (let start = 0; start < 3; start++) await (await life.start()).stop("leave");
    await using petit = await life.start();
    door.open();
    const { attempts, output } = await petit.ended(id);
    expect(attempts).toMatchObject([{ attempt: 1, status: "failed", reason: "exit_code", exitCode: 3 }]);
    expect(output()).toBe("begun\n");
  });

  test("is adopted if the previous process ended before it stored the attempt's process", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", door.wait)] })]);
    const { id, pid } = await life.leaveAt(door);
    life.rewrite(null);
    await using petit = await life.start();
    await waitFor(() => petit.read(id).attempts[0]?.process?.pid === pid);
    door.open();
    expect((await petit.ended(id)).run.status).toBe("completed");
  });

  test("is adopted without blocking if pipes and links are in place of its files", async () => {
    using door = gate();
    using dir = tempDir();
    writeFileSync(dir.file("other"), "other\n");
    using life = lives([job("slow", { tasks: [shell("a", door.wait)] })]);
    const { id, pid } = await life.leaveAt(door, async (_, { dir: home }) => {
      for (const part of ["status", "stdout", "stderr"]) rmSync(`${home}/spool/1.${part}`);
      for (const part of ["status", "stderr"]) execFileSync("mkfifo", [`${home}/spool/1.${part}`]);
      symlinkSync(dir.file("other"), `${home}/spool/1.stdout`);
    });
    await using petit = await life.start();
    expect(petit.read(id).run.status).toBe("running");
    door.open();
    expect((await petit.ended(id)).attempts).toMatchObject([{ reason: "interrupted" }]);
    expect(identify(pid)).toBeNull();
    expect(readFileSync(dir.file("other"), "utf8")).toBe("other\n");
  });

  const filesIn = (spool: string): readonly string[] => readdirSync(spool).filter((name) => name.startsWith("1."));

  test.each<[string, (spool: string) => void]>([
    [
      "a folder of its own",
      (spool) => {
        rmSync(`${spool}/1`);
        mkdirSync(`${spool}/1/artifacts`, { recursive: true });
        for (const name of filesIn(spool)) renameSync(`${spool}/${name}`, `${spool}/1/${name.slice("1.".length)}`);
      },
    ],
    [
      "the spool folder, with a folder of artifacts",
      (spool) => {
        rmSync(`${spool}/1`);
        mkdirSync(`${spool}/1.artifacts`);
      },
    ],
  ])("is adopted if an older petit has put its files into %s", async (_, move) => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", `echo one; ${door.wait}; echo two`)] })]);
    const { id } = await life.leaveAt(door, async (_id, { dir: home }) => {
      move(`${home}/spool`);
      const [artifacts = ""] = ["1/artifacts", "1.artifacts"].map((name) => `${home}/spool/${name}`).filter(existsSync);
      writeFileSync(`${artifacts}/kept`, "kept");
    });
    await using petit = await life.start();
    door.open();
    const ended = await petit.ended(id);
    expect(ended.run.status).toBe("completed");
    expect(ended.output()).toBe("one\ntwo\n");
    expect(petit.store.artifacts.list(id).map(({ path }) => path)).toEqual(["a/kept"]);
    await waitFor(() => petit.spooled.length === 0);
  });

  test("can be cancelled", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", door.wait)] })]);
    const { id } = await life.leaveAt(door);
    await using petit = await life.start();
    await petit.engine.cancel(id);
    const { run, attempts } = await petit.ended(id);
    expect(run.status).toBe("cancelled");
    expect(attempts).toMatchObject([{ reason: "cancelled", signal: "SIGTERM" }]);
  });

  test("is killed if it ignores SIGTERM", async () => {
    using door = gate();
    using life = lives([job("slow", { killGraceMs: 50, tasks: [shell("a", `trap '' TERM; ${door.wait}`)] })]);
    const { id, pid } = await life.leaveAt(door);
    await using petit = await life.start();
    await petit.engine.cancel(id);
    expect((await petit.ended(id)).attempts).toMatchObject([{ reason: "cancelled" }]);
    await waitFor(() => identify(pid) === null);
  });

  test("keeps its timeout, counted from its start", async () => {
    using door = gate();
    const clock = new FakeClock();
    using life = lives([job("slow", { tasks: [shell("a", door.wait, { timeoutMs: 60_000 })] })], { clock });
    const first = await life.start();
    const { id } = await first.trigger("slow");
    await door.reached();
    await clock.pass(25);
    await clock.pass(30_000);
    await first.stop("leave");
    clock.step(20_000);
    await using petit = await life.start();
    await clock.pass(9_000);
    expect(petit.read(id).run.status).toBe("running");
    await clock.pass(2_000);
    const { attempts } = await clock.passUntil(petit.ended(id));
    expect(attempts).toMatchObject([{ reason: "timeout" }]);
  });

  test.each([
    ["by the wall clock if the machine was rebooted meanwhile", 3_600_000],
    ["at its start if the wall clock is behind it", -3_600_000],
  ])("that is lost ends %s", async (_, offsetMs) => {
    using door = gate();
    const clock = new FakeClock();
    using life = lives([job("slow", { tasks: [shell("a", door.wait)] })], { clock });
    const first = await life.start();
    const { id } = await first.trigger("slow");
    await door.reached();
    const { pid } = readStatus(spoolOf(life.dir.file("spool"), 1));
    await first.stop("leave");
    life.rewrite({ pid: pid ?? 0, startTime: "1", bootId: "another" });
    clock.step(offsetMs);
    await using petit = await life.start();
    const { run, attempts } = await clock.passUntil(petit.ended(id));
    expect(run.status).toBe("interrupted");
    const tookMs = (run.endedAt ?? 0) - (run.startedAt ?? 0);
    expect(tookMs).toBeGreaterThanOrEqual(Math.max(0, offsetMs));
    expect(attempts.map(({ startedAt, endedAt }) => (endedAt ?? 0) - startedAt)).toEqual([tookMs]);
    await killGroup(pid ?? 0);
  });

  test("keeps the timeout of its run", async () => {
    using door = gate();
    const clock = new FakeClock();
    using life = lives([job("slow", { timeoutMs: 60_000, tasks: [shell("a", door.wait)] })], { clock });
    const first = await life.start();
    const { id } = await first.trigger("slow");
    await door.reached();
    await first.stop("leave");
    clock.step(59_000);
    await using petit = await life.start();
    await clock.pass(2_000);
    expect((await clock.passUntil(petit.ended(id))).run).toMatchObject({ status: "failed", reason: "timeout" });
  });

  test("is ended by the next start if the run was cancelled right before", async () => {
    using door = gate();
    const tasks = [
      shell("a", `trap '' TERM; ${door.wait}`),
      command("b", "true", { after: ["a"] }),
      command("c", "true", { after: ["a"], condition: "all_done" }),
    ];
    using life = lives([job("slow", { killGraceMs: 3_600_000, tasks })]);
    const { id } = await life.leaveAt(door, async (id, petit) => petit.engine.cancel(id));
    await using petit = await life.start();
    door.open();
    const { run, summary } = await petit.ended(id);
    expect(run.status).toBe("cancelled");
    expect(summary).toBe("a failed(cancelled) · b skipped(cancelled) · c completed");
  });

  test("counts for the limits", async () => {
    using door = gate();
    using life = lives([job("slow", { maxConcurrency: 1, tasks: [shell("a", door.wait)] }), job("other")], {
      settings: { maxJobs: 1 },
    });
    const { id } = await life.leaveAt(door);
    await using petit = await life.start();
    await expect(petit.trigger("slow")).rejects.toMatchObject({ code: "limit_reached" });
    await expect(petit.trigger("other")).rejects.toMatchObject({ code: "limit_reached" });
    door.open();
    await petit.ended(id);
    expect((await petit.run("other")).run.status).toBe("completed");
  });
});

describe("an attempt that ended while petit was not running", () => {
  test.each([
    ["exit 0", { status: "completed", reason: null, exitCode: 0 }],
    ["exit 7", { status: "failed", reason: "exit_code", exitCode: 7 }],
    ["kill -SEGV $$", { status: "failed", reason: "signal", signal: "SIGSEGV" }],
  ] as const)("is stored with its real end: %s", async (end, expected) => {
    using door = gate();
    const tasks = [
      shell("a", `echo one; ${door.wait}; echo two >&2; printf three; echo "k=v" > "$PETIT_OUTPUT"; ${end}`),
    ];
    using life = lives([job("slow", { tasks })]);
    const { id, pid } = await life.leaveAt(door);
    door.open();
    await waitFor(() => identify(pid) === null);
    const endedBy = Date.now();
    await using petit = await life.start();
    const { attempts, output, tasks: ended } = await petit.ended(id);
    expect(attempts).toMatchObject([{ ...expected, usage: { memoryPeakBytes: null, source: "wait" } }]);
    expect(attempts[0]?.endedAt).toBeLessThanOrEqual(endedBy);
    expect(output({ stream: "stdout" })).toBe("one\nthree");
    expect(output({ stream: "stderr" })).toBe("two\n");
    expect(ended.a?.outputs).toEqual({ k: "v" });
    expect(petit.spooled).toEqual([]);
  });

  test("did not time out, however long petit was not running", async () => {
    using door = gate();
    const clock = new FakeClock();
    using life = lives([job("slow", { tasks: [shell("a", door.wait, { timeoutMs: 60_000 })] })], { clock });
    const first = await life.start();
    const { id } = await first.trigger("slow");
    await door.reached();
    await first.stop("leave");
    door.open();
    await waitFor(() => life.status().endsWith("\n0\n"));
    clock.step(3_600_000);
    await using petit = await life.start();
    expect((await clock.passUntil(petit.ended(id))).run.status).toBe("completed");
  });

  test("is retried as usual", async () => {
    using door = gate();
    const tasks = [shell("a", `[ "$PETIT_ATTEMPT" = 2 ] || { ${door.wait}; exit 1; }`, { retry: retry(1) })];
    using life = lives([job("slow", { tasks })]);
    const { id, pid } = await life.leaveAt(door);
    door.open();
    await waitFor(() => identify(pid) === null);
    await using petit = await life.start();
    expect((await petit.ended(id)).attempts.map(({ status }) => status)).toEqual(["failed", "completed"]);
  });
});

describe("a lost attempt", () => {
  const clearing = (door: Gate) => [
    shell("a", `echo one; ${door.wait}`),
    command("b", "true", { after: ["a"] }),
    command("c", "echo", { after: ["a"], condition: "on_failure", args: ["handled"] }),
    command("d", "true", { after: ["b"], condition: "all_done" }),
  ];

  test("fails its task, the graph continues, and the run ends as interrupted", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: clearing(door) })]);
    const { id, pid } = await life.leaveAt(door, (id, petit) => petit.written(id, "one\n"));
    await killGroup(pid);
    await using petit = await life.start();
    const { run, summary, tasks, attempts, output } = await petit.ended(id);
    expect(run).toMatchObject({
      status: "interrupted",
      reason: "interrupted",
      error: "Run was interrupted",
      lost: true,
    });
    expect(summary).toBe("a failed(interrupted) · b skipped(upstream_failed) · c completed · d completed");
    expect(tasks.a?.error).toBe("Run was interrupted");
    expect(attempts[0]).toMatchObject({ status: "failed", reason: "interrupted", exitCode: null, signal: null });
    expect(output()).toBe("one\nhandled\n");
    expect(petit.spooled).toEqual([]);
  });

  test("keeps the run interrupted after another restart", async () => {
    using door = gate();
    using handler = gate();
    const tasks = [shell("a", door.wait), shell("b", handler.wait, { after: ["a"], condition: "on_failure" })];
    using life = lives([job("slow", { tasks })]);
    const { id, pid } = await life.leaveAt(door);
    await killGroup(pid);
    const second = await life.start();
    await handler.reached();
    await second.stop("leave");
    await using petit = await life.start();
    handler.open();
    const { run, summary } = await petit.ended(id);
    expect(summary).toBe("a failed(interrupted) · b completed");
    expect(run.status).toBe("interrupted");
  });

  test("is not retried by its retry policy", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", door.wait, { retry: retry(3) })] })]);
    const { id, pid } = await life.leaveAt(door);
    await killGroup(pid);
    await using petit = await life.start();
    expect((await petit.ended(id)).attempts).toHaveLength(1);
  });

  test.each([
    ["the job", { onInterrupt: "rerun" as const }, {}],
    ["the setting", {}, { onInterrupt: "rerun" as const }],
  ])("is repeated if %s says so, without using up a retry", async (_, given, settings) => {
    using door = gate();
    const tasks = [
      shell("a", `[ "$PETIT_ATTEMPT" = 1 ] && { ${door.wait}; }; [ "$PETIT_ATTEMPT" = 3 ]`, { retry: retry(1) }),
    ];
    using life = lives([job("slow", { tasks, ...given })], { settings });
    const { id, pid } = await life.leaveAt(door);
    await killGroup(pid);
    await using petit = await life.start();
    const { run, attempts } = await petit.ended(id);
    expect(run).toMatchObject({ status: "completed", lost: false });
    expect(attempts.map(({ reason }) => reason)).toEqual(["interrupted", "exit_code", null]);
  });

  test("is not repeated in a cancelled run", async () => {
    using door = gate();
    using life = lives([
      job("slow", { onInterrupt: "rerun", killGraceMs: 3_600_000, tasks: [shell("a", `trap '' TERM; ${door.wait}`)] }),
    ]);
    const { id, pid } = await life.leaveAt(door, async (id, petit) => petit.engine.cancel(id));
    await killGroup(pid);
    await using petit = await life.start();
    const { run, attempts } = await petit.ended(id);
    expect(run.status).toBe("cancelled");
    expect(attempts).toHaveLength(1);
  });

  test("leaves no process of its group alive when the next attempt starts", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", `sleep 60 & echo $!; ${door.wait}`)] })]);
    const { id, pid } = await life.leaveAt(door, (id, petit) => petit.written(id, "\n"));
    process.kill(pid, "SIGKILL");
    await waitFor(() => identify(pid) === null);
    await using petit = await life.start();
    const { run, output } = await petit.ended(id);
    expect(run.status).toBe("interrupted");
    expect(identify(Number(output()))).toBeNull();
  });

  test.each([
    ["after a reboot", (identity: ProcessIdentity) => ({ ...identity, bootId: "another" })],
    ["after the pid was reused", (identity: ProcessIdentity) => ({ ...identity, startTime: "1" })],
  ])("is not confused with another process that has its pid %s, which is left alone", async (_, before) => {
    using door = gate();
    using other = startChild(["sleep", "60"]);
    using life = lives([job("slow", { tasks: [shell("a", door.wait)] })]);
    const { id, pid } = await life.leaveAt(door);
    await killGroup(pid);
    const identity = identify(other.pid);
    if (identity === null) throw new Error("the stranger is gone");
    life.rewrite(before(identity));
    await using petit = await life.start();
    expect((await petit.ended(id)).run.status).toBe("interrupted");
    expect(identify(other.pid)).toEqual(identity);
  });
});

describe("an attempt of an earlier boot", () => {
  /** Lets the next petit find that the machine was restarted. `isStored`: the attempt's process was on the disk. */
  const reboot = ({ dir, rewrite }: ReturnType<typeof lives>, pid: number, { isStored = true } = {}): void => {
    rewrite(isStored ? { pid, startTime: "1", bootId: "earlier" } : null);
    change(dir.file("petit.db"), "UPDATE identity SET boot = 'earlier'");
  };

  const ended = async (life: ReturnType<typeof lives>, id: RunId) => {
    await using petit = await life.start();
    const { run, attempts, output } = await petit.ended(id);
    return { status: run.status, reasons: attempts.map(({ reason }) => reason), output: output() };
  };

  const LOST = { status: "interrupted", reasons: ["interrupted"] };

  test("is lost if a power failure left nothing of its start", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", `echo begun; ${door.wait}`)] })]);
    const { id, pid } = await life.leaveAt(door, (id, petit) => petit.written(id, "begun\n"));
    await killGroup(pid);
    reboot(life, pid, { isStored: false });
    rmSync(life.dir.file("spool"), { recursive: true });
    door.open();
    expect(await ended(life, id)).toMatchObject({ ...LOST, output: "begun\n" });
  });

  test("is lost if the shutdown ended it, although its wrapper recorded that", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", door.wait)] })]);
    const { id, pid } = await life.leaveAt(door);
    process.kill(-pid, "SIGTERM");
    await waitFor(() => identify(pid) === null);
    expect(life.status()).toMatch(/\n143\n$/);
    reboot(life, pid);
    expect(await ended(life, id)).toMatchObject(LOST);
  });

  test("has the exit status that it recorded before", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", door.wait)] })]);
    const { id, pid } = await life.leaveAt(door);
    door.open();
    await waitFor(() => identify(pid) === null);
    reboot(life, pid);
    expect(await ended(life, id)).toMatchObject({ status: "completed" });
  });

  test("is lost if a power failure left zeros in its files", async () => {
    using door = gate();
    const task = shell("a", `echo begun; ${door.wait}`, { artifacts: ["*.csv"] });
    using life = lives([job("slow", { tasks: [task] })]);
    const { id, pid } = await life.leaveAt(door, (id, petit) => petit.written(id, "begun\n"));
    await killGroup(pid);
    reboot(life, pid);
    const paths = ["status", "given", "workdir"].map((name) => life.dir.file(`spool/1.${name}`)).filter(existsSync);
    for (const path of paths) writeFileSync(path, Buffer.alloc(readFileSync(path).length));
    expect(paths).toContain(life.dir.file("spool/1.workdir"));
    expect(await ended(life, id)).toMatchObject({ ...LOST, output: "begun\n" });
  });

  test("does not have the exit status of the attempt that used its files before", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", door.wait)] })]);
    const { id, pid } = await life.leaveAt(door);
    await killGroup(pid);
    reboot(life, pid);
    // What was appended since is not on the disk.
    writeFileSync(life.dir.file("spool/1.status"), `--\n${pid + 1}\n0\n`);
    expect(await ended(life, id)).toMatchObject(LOST);
  });
});

describe("an attempt whose task has replaced its status file", () => {
  test.each<[string, (path: string) => void]>([
    ["a folder", (path) => mkdirSync(path)],
    ["a folder with files", (path) => mkdirSync(`${path}/a/b`, { recursive: true })],
    ["a link to a file that does not exist", (path) => symlinkSync("missing", path)],
    ["a pipe", (path) => execFileSync("mkfifo", [path])],
  ])("by %s is lost after a restart, and nothing is left of it", async (_, replace) => {
    for (const isKnown of [true, false]) {
      using door = gate();
      using life = lives([job("slow", { tasks: [shell("a", door.wait)] })]);
      const { id, pid } = await life.leaveAt(door, async (_, { dir }) => {
        rmSync(`${dir}/spool/1.status`);
        replace(`${dir}/spool/1.status`);
      });
      // Killed before the process of the attempt was stored.
      if (!isKnown) life.rewrite(null);
      door.open();
      await using petit = await life.start();
      const { run, attempts } = await petit.ended(id);
      expect([run.status, attempts.map(({ reason }) => reason)]).toEqual(["interrupted", ["interrupted"]]);
      await waitFor(() => petit.spooled.length === 0);
      await waitFor(() => identify(pid) === null);
    }
  });
});

describe("an attempt that was stored and never started", () => {
  test("is started, with the same number", async () => {
    using door = gate();
    using life = lives([job("slow", { tasks: [shell("a", `echo begun; ${door.wait}`)] })]);
    const { id, pid } = await life.leaveAt(door, (id, petit) => petit.written(id, "begun\n"));
    await killGroup(pid);
    life.rewrite(null);
    rmSync(life.dir.file("spool"), { recursive: true });
    for (const table of ["output", "output_extents"]) change(life.dir.file("petit.db"), `DELETE FROM ${table}`);
    change(life.dir.file("petit.db"), "UPDATE attempts SET stdout_offset = 0");
    await using petit = await life.start();
    await door.reached();
    door.open();
    const { run, attempts, output } = await petit.ended(id);
    expect(run.status).toBe("completed");
    expect(attempts).toMatchObject([{ attempt: 1, status: "completed" }]);
    expect(output()).toBe("begun\n");
  });
});

describe("a start after a crash", () => {
  test("continues with pending runs, in order", async () => {
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
    using life = lives(jobs, { clock });
    const first = await life.start();
    await clock.pass(180_000);
    await door.reached();
    await first.stop("leave");
    await using petit = await life.start();
    expect(petit.engine.counts).toEqual({ pending: 2, running: 1 });
    const runs = petit.store.runs.list({ limit: 9 }).toReversed();
    for (const run of runs) {
      door.open();
      expect((await clock.passUntil(petit.ended(run.id))).run.status).toBe("completed");
    }
    expect(runs.map(({ scheduledFor }) => Number(scheduledFor) - NOON)).toEqual([60_000, 120_000, 180_000]);
  });

  test("waits for a retry until its stored time", async () => {
    const clock = new FakeClock();
    const tasks = [shell("t", '[ "$PETIT_ATTEMPT" = 2 ]', { retry: retry(1, { delayMs: 600_000 }) })];
    using life = lives([job("flaky", { tasks })], { clock });
    const first = await life.start();
    const { id } = await first.trigger("flaky");
    await waitFor(() => first.read(id).tasks.t?.retryAt !== null);
    await first.stop("leave");
    clock.step(300_000);
    await using petit = await life.start();
    await clock.pass(299_000);
    expect(petit.read(id).attempts).toHaveLength(1);
    await clock.pass(2_000);
    expect((await clock.passUntil(petit.ended(id))).run.status).toBe("completed");
  });

  test("starts the first task of a run that was stored as running without any", async () => {
    using life = lives([job("two", { tasks: [command("a", "true"), command("b", "true", { after: ["a"] })] })]);
    const first = await life.start();
    const { run } = await first.run("two");
    await first.stop("drain");
    const path = life.dir.file("petit.db");
    change(path, "UPDATE runs SET status = 'running', ended_at = NULL");
    change(path, "DELETE FROM attempts");
    change(
      path,
      "UPDATE task_runs SET status = 'pending', attempts = 0, started_at = NULL, ended_at = NULL, exit_code = NULL",
    );
    await using petit = await life.start();
    expect((await petit.ended(run.id)).summary).toBe("a completed · b completed");
  });

  test("deletes unknown files in the spool folder", async () => {
    using life = lives([job("hello")]);
    await (await life.start()).stop("drain");
    for (const folder of ["9", "9.outputs", "free-3/artifacts"])
      mkdirSync(life.dir.file(`spool/${folder}`), { recursive: true });
    for (const name of ["1.status", "7.stdout", "9/status", "free-4", "strange"])
      writeFileSync(life.dir.file(`spool/${name}`), "x");
    await using petit = await life.start();
    await waitFor(() => petit.spooled.length === 0);
    expect((await petit.run("hello")).run.status).toBe("completed");
  });

  test("after kill -9 adopts running processes once, within a moment", async () => {
    using dir = tempDir();
    using door = gate();
    const tasks = [
      shell("a", `echo one; ${door.wait}; echo two`),
      command("b", "echo", { after: ["a"], args: ["three"] }),
    ];
    const jobs = [job("slow", { tasks })];
    writeFileSync(dir.file("jobs.json"), JSON.stringify(jobs));
    const script = join(import.meta.dirname, "../../support/engine/process.ts");
    using child = startChild([...runtimeCommand, script, dir.path, dir.file("jobs.json"), "slow"]);
    const id = parseRunId((await child.nextLine()).trim()) ?? expect.unreachable();
    await door.reached();
    child.kill();
    await child.exited;
    await using petit = await startEngine({ dir: dir.path, jobs });
    door.open();
    const { run, output, attempts } = await petit.ended(id);
    expect(run.status).toBe("completed");
    expect(output()).toBe("one\ntwo\nthree\n");
    expect(attempts).toHaveLength(2);
    expect(petit.store.runs.list({ jobId: jobId("slow"), limit: 9 })).toHaveLength(1);
  });
});
