import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Job } from "../../../../src/domain/job.ts";
import { identify } from "../../../../src/engine/attempt/identity.ts";
import { cgroupBase, cgroupOf, closeCgroups, whyNoCgroups } from "../../../support/cgroups.ts";
import { job, shell } from "../../../support/engine/factories.ts";
import { gate } from "../../../support/engine/gate.ts";
import { type StartOptions, startEngine, waitFor } from "../../../support/engine/started-engine.ts";
import { processDir } from "../../../support/process-dir.ts";
import { recordingLog } from "../../../support/recording-log.ts";

const NAME = /^petit-[0-9a-f]{8}-\d+-[0-9a-z]+$/;

/** Shell code that runs a script in a session of its own, whose parent has ended. The script writes its pid to a file. */
const escaping = (script: string, pidFile: string): string =>
  `setsid setsid sh -c 'echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; ${script}' </dev/null >/dev/null 2>&1 & while [ ! -e ${pidFile} ]; do sleep 0.01; done`;

const pidIn = (file: string): number => Number(readFileSync(file, "utf8"));
const isAlive = (pid: number): boolean => identify(pid) !== null;

const open = () => {
  const base = cgroupBase();
  const dir = processDir();
  const start = (jobs: readonly Job[], options: StartOptions = {}) =>
    startEngine({ dir: dir.path, jobs, cgroups: base.support, ...options });
  return {
    base,
    dir,
    start,
    [Symbol.dispose]: () => {
      base[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
};

const BY_CGROUP = { settings: { usage: "cgroup" } } as const;
const SHORT_GRACE = { killGraceMs: 100 };

describe.skipIf(whyNoCgroups !== null)(`an attempt (${whyNoCgroups ?? "with cgroups"})`, () => {
  test("runs in a cgroup of its own, which is removed after its end", async () => {
    using it = open();
    using door = gate();
    await using petit = await it.start([job("one", { tasks: [shell("t", `echo $$; ${door.wait}`)] })], BY_CGROUP);
    const run = await petit.trigger("one");
    await door.reached();
    await petit.written(run.id, "\n");
    const pid = Number(petit.read(run.id).output());
    expect(it.base.names).toEqual([expect.stringMatching(NAME)]);
    expect(cgroupOf(pid, it.base.path)).toBe(it.base.names[0] ?? "");
    door.open();
    const { attempts, summary } = await petit.ended(run.id);
    expect(summary).toBe("t completed");
    expect(attempts[0]).toMatchObject({
      usage: { source: "cgroup", memoryPeakBytes: null },
      limitsEnforced: null,
      memoryLimitBytes: null,
    });
    expect(it.base.names).toEqual([]);
  });

  test("has the CPU time of all of its processes, also of those that nobody waited for", async () => {
    using it = open();
    const burn = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; touch done";
    const script = `setsid sh -c '${burn}' & while [ ! -e done ]; do sleep 0.01; done`;
    await using petit = await it.start(
      [job("one", { tasks: [shell("t", script, { workingDir: it.dir.path })] })],
      BY_CGROUP,
    );
    const [attempt] = (await petit.run("one")).attempts;
    expect(attempt?.usage?.cpuUserMs).toBeGreaterThan(30);
  });

  test("has none if it needs none", async () => {
    using it = open();
    await using petit = await it.start([job("one", { tasks: [shell("t", "cat /proc/self/cgroup")] })]);
    const { attempts, output } = await petit.run("one");
    expect(output()).not.toContain("petit-test-");
    expect(attempts[0]).toMatchObject({ limitsEnforced: null, memoryLimitBytes: null });
  });

  test("that reopens its output runs in a cgroup, too", async () => {
    using it = open();
    const script = "echo out > /dev/stderr; cat /proc/self/cgroup";
    await using petit = await it.start([job("one", { tasks: [shell("t", script)] })], BY_CGROUP);
    const { output } = await petit.run("one");
    expect(output({ stream: "stderr" })).toBe("out\n");
    expect(output({ stream: "stdout" })).toMatch(/petit-[0-9a-f]{8}-\d+-/);
  });

  test("ends with everything that it has started, when it is cancelled", async () => {
    using it = open();
    const pidFile = it.dir.file("pid");
    const script = `${escaping('trap "" TERM; while :; do sleep 1; done', pidFile)}; trap "" TERM; echo there; while :; do sleep 1; done`;
    await using petit = await it.start([job("one", { ...SHORT_GRACE, tasks: [shell("t", script)] })], BY_CGROUP);
    const run = await petit.trigger("one");
    await petit.written(run.id, "there");
    const pid = pidIn(pidFile);
    expect(isAlive(pid)).toBe(true);
    await petit.engine.cancel(run.id);
    expect((await petit.ended(run.id)).summary).toBe("t failed(cancelled)");
    expect(isAlive(pid)).toBe(false);
    expect(it.base.names).toEqual([]);
  });

  test("gives what has left its process group the grace period, and one SIGTERM to each process", async () => {
    using it = open();
    const [pidFile, log] = [it.dir.file("pid"), it.dir.file("log")];
    const other = `trap "echo other >> ${log}; sleep 0.3; echo over >> ${log}; exit" TERM; while :; do sleep 0.01; done`;
    const script = `${escaping(other, pidFile)}; trap "echo own >> ${log}" TERM; echo there; while [ ! -e ${log} ]; do sleep 0.01; done; sleep 0.1`;
    await using petit = await it.start([job("one", { tasks: [shell("t", script)] })], BY_CGROUP);
    const run = await petit.trigger("one");
    await petit.written(run.id, "there");
    await petit.engine.cancel(run.id);
    await petit.ended(run.id);
    expect(readFileSync(log, "utf8").trim().split("\n").sort()).toEqual(["other", "over", "own"]);
  });

  test("leaves what it has started running after a normal end, in its cgroup", async () => {
    using it = open();
    const pidFile = it.dir.file("pid");
    await using petit = await it.start(
      [job("one", { tasks: [shell("t", escaping("exec sleep 60", pidFile))] })],
      BY_CGROUP,
    );
    expect((await petit.run("one")).summary).toBe("t completed");
    const pid = pidIn(pidFile);
    expect(isAlive(pid)).toBe(true);
    expect(it.base.names).toEqual([expect.stringMatching(NAME)]);
    expect(cgroupOf(pid, it.base.path)).toBe(it.base.names[0] ?? "");
  });

  test("with 'leftovers: kill' leaves nothing running after a normal end", async () => {
    using it = open();
    const pidFile = it.dir.file("pid");
    const tasks = [shell("t", escaping('trap "" TERM; while :; do sleep 1; done', pidFile), { leftovers: "kill" })];
    await using petit = await it.start([job("one", { ...SHORT_GRACE, tasks })]);
    const { summary, attempts } = await petit.run("one");
    expect(summary).toBe("t completed");
    expect(isAlive(pidIn(pidFile))).toBe(false);
    expect(it.base.names).toEqual([]);
    expect(attempts[0]?.exitCode).toBe(0);
  });

  test("does not outlive its wrapper, which only the kernel kills for lack of memory", async () => {
    using it = open();
    const pidFile = it.dir.file("pid");
    const script = `echo $$ > ${pidFile}; kill -KILL $PPID; exec sleep 60`;
    await using petit = await it.start([job("one", { tasks: [shell("t", script)] })], BY_CGROUP);
    expect((await petit.run("one")).summary).toBe("t failed(signal)");
    expect(isAlive(pidIn(pidFile))).toBe(false);
    expect(it.base.names).toEqual([]);
  });

  test("ends with a fork bomb, when it is cancelled", async () => {
    using it = open();
    const bomb =
      "end=$(($(date +%s) + 20)); spawn() { while [ $(date +%s) -lt $end ]; do setsid sleep 20 & sleep 0.005; done; }";
    const script = `${bomb}; spawn & spawn & spawn & echo there; wait`;
    await using petit = await it.start([job("one", { ...SHORT_GRACE, tasks: [shell("t", script)] })], BY_CGROUP);
    const run = await petit.trigger("one");
    await petit.written(run.id, "there");
    const procs = join(it.base.path, it.base.names[0] ?? "", "cgroup.procs");
    await waitFor(() => readFileSync(procs, "utf8").split("\n").length > 60);
    await petit.engine.cancel(run.id);
    await petit.ended(run.id);
    expect(it.base.names).toEqual([]);
  });

  test("does not start if it can't enter its cgroup, unless its limits may be missed", async () => {
    using it = open();
    closeCgroups(it.base.path);
    const touch = (file: string) => `touch ${it.dir.file(file)}`;
    await using petit = await it.start([
      job("strict", { tasks: [shell("t", touch("strict"), { limits: { pids: 5 } })] }),
      job("lenient", { tasks: [shell("t", touch("lenient"), { limits: { pids: 5, enforce: "best_effort" } })] }),
    ]);
    const strict = await petit.run("strict");
    expect(strict.attempts[0]).toMatchObject({
      status: "failed",
      reason: "spawn_failed",
      error: "the process could not enter its cgroup",
    });
    expect(existsSync(it.dir.file("strict"))).toBe(false);
    const lenient = await petit.run("lenient");
    expect(lenient.attempts[0]).toMatchObject({ status: "completed", limitsEnforced: false });
    expect(existsSync(it.dir.file("lenient"))).toBe(true);
    expect(it.base.names).toEqual([]);
  });

  test("does not start if a limit can't be set, unless it may be missed", async () => {
    using it = open();
    const log = recordingLog();
    const cgroups = { ...it.base.support, controllers: new Set(["memory"] as const) };
    const limits = { memoryBytes: 2 ** 26 };
    await using petit = await it.start(
      [
        job("strict", { tasks: [shell("t", "echo no", { limits })] }),
        job("lenient", { tasks: [shell("t", "echo yes", { limits: { ...limits, enforce: "best_effort" } })] }),
      ],
      { cgroups, log },
    );
    const strict = await petit.run("strict");
    expect(strict.output()).toBe("");
    expect(strict.attempts[0]).toMatchObject({
      reason: "spawn_failed",
      error: expect.stringMatching(/^the resources of/),
    });
    const lenient = await petit.run("lenient");
    expect(lenient.output()).toBe("yes\n");
    expect(lenient.attempts[0]).toMatchObject({ limitsEnforced: false, memoryLimitBytes: null });
    await log.holds("warn", "cannot create the cgroup of an attempt");
    expect(it.base.names).toEqual([]);
  });

  test("says that its limits are not enforced where the controllers are missing", async () => {
    using it = open();
    await using petit = await it.start([
      job("one", { tasks: [shell("t", "true", { limits: { memoryBytes: 2 ** 26 } })] }),
    ]);
    const { attempts } = await petit.run("one");
    expect(attempts[0]).toMatchObject({ status: "completed", limitsEnforced: false, memoryLimitBytes: null });
  });
});

describe("an attempt without cgroups", () => {
  test("says that its limits are not enforced", async () => {
    await using petit = await startEngine({
      jobs: [job("one", { tasks: [shell("t", "true", { limits: { cpus: 1 } })] })],
    });
    expect((await petit.run("one")).attempts[0]).toMatchObject({ status: "completed", limitsEnforced: false });
  });

  test("with 'leftovers: kill' ends its process group and what names it after a normal end", async () => {
    using dir = processDir();
    const [group, session] = [dir.file("group"), dir.file("session")];
    const script = `(exec sleep 60) & echo $! > ${group}; ${escaping("exec sleep 60", session)}`;
    const tasks = [shell("t", script, { leftovers: "kill" })];
    await using petit = await startEngine({ dir: dir.path, jobs: [job("one", { tasks })] });
    expect((await petit.run("one")).summary).toBe("t completed");
    expect([group, session].map((file) => isAlive(pidIn(file)))).toEqual([false, false]);
  });
});
