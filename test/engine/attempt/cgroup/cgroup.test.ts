import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { Cgroup } from "../../../../src/engine/attempt/cgroup/cgroup.ts";
import { afterMemory } from "../../../../src/engine/attempt/cgroup/out-of-memory.ts";
import { judgeExit } from "../../../../src/engine/attempt/exit-status.ts";
import { identify, statOf } from "../../../../src/engine/attempt/identity.ts";
import { startChild } from "../../../support/child.ts";
import { tempDir } from "../../../support/temp-dir.ts";

const MIB = 2 ** 20;
const ALL = new Set(["memory", "cpu", "pids"] as const);

/** A cgroup that is an ordinary folder with these files. */
const folder = (files: Readonly<Record<string, string>>) => {
  const dir = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(dir.file(name), text);
  const read = (name: string): string => readFileSync(dir.file(name), "utf8");
  return { cgroup: new Cgroup(dir.path), read, [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

const LIMIT_FILES = { "memory.max": "", "memory.swap.max": "", "cpu.max": "", "pids.max": "" };

describe("limits of a cgroup", () => {
  test("are written in the units of the kernel, with the processes of the wrapper", () => {
    using it = folder(LIMIT_FILES);
    const limits = { memoryBytes: 64 * MIB + 1, cpus: 1.5, pids: 50 };
    it.cgroup.create({ limits, controllers: ALL, wrapperPids: 5 });
    expect(Object.keys(LIMIT_FILES).map(it.read)).toEqual(["67108864", "0", "150000 100000", "55"]);
  });

  test("are left out where the controller or the limit is missing", () => {
    using it = folder(LIMIT_FILES);
    it.cgroup.create({ limits: { memoryBytes: MIB, pids: 5 }, controllers: new Set(["pids", "cpu"]), wrapperPids: 1 });
    expect(Object.keys(LIMIT_FILES).map(it.read)).toEqual(["", "", "", "6"]);
  });

  test("that can't be set are named", () => {
    using it = folder({});
    const create = () => it.cgroup.create({ limits: { cpus: 1 }, controllers: ALL, wrapperPids: 1 });
    expect(create).toThrow(/^its limit 'cpus' could not be set: .*cpu\.max: ENOENT$/);
  });

  test("are set again if they do not have their value", () => {
    using it = folder({
      "memory.max": "max\n",
      "memory.swap.max": "0\n",
      "cpu.max": "max 100000\n",
      "pids.max": "55\n",
    });
    it.cgroup.restore({ memoryBytes: 64 * MIB, cpus: 0.01, pids: 50 }, ALL);
    expect(Object.keys(LIMIT_FILES).map(it.read)).toEqual(["67108864", "0\n", "1000 100000", "55\n"]);
    it.cgroup.restore({ pids: 60 }, ALL);
    expect(it.read("pids.max").trim()).toBe("61");
  });
});

describe("the usage of a cgroup", () => {
  const STAT = "usage_usec 2500\nuser_usec 1600\nsystem_usec 900\n";

  test("is in ms and bytes", () => {
    using it = folder({ "cpu.stat": STAT, "memory.peak": "67108864\n" });
    const usage = { cpuUserMs: 2, cpuSystemMs: 1, memoryPeakBytes: 64 * MIB, source: "cgroup" } as const;
    expect(it.cgroup.usage()).toEqual(usage);
  });

  test("has no peak where the kernel has none", () => {
    using it = folder({ "cpu.stat": STAT });
    expect(it.cgroup.usage()?.memoryPeakBytes).toBeNull();
  });

  test("is unknown if no process ever was in it", () => {
    using it = folder({ "cpu.stat": "usage_usec 0\nuser_usec 0\nsystem_usec 0\n" });
    expect(it.cgroup.usage()).toBeNull();
  });
});

describe("the processes of a cgroup", () => {
  test("are killed one by one before Linux 5.14", async () => {
    using one = startChild(["sleep", "60"]);
    using other = startChild(["sleep", "60"]);
    using it = folder({ "cgroup.procs": `0\n${one.pid}\n${other.pid}\n`, "cgroup.freeze": "" });
    it.cgroup.kill();
    expect(await Promise.all([one.exited, other.exited])).toEqual([null, null]);
    expect(it.read("cgroup.freeze")).toBe("1");
  });

  test("that are in the process group get no second SIGTERM", async () => {
    using one = startChild(["sleep", "60"]);
    using other = startChild(["sleep", "60"]);
    using it = folder({ "cgroup.procs": `${one.pid}\n${other.pid}\n` });
    it.cgroup.terminateOthers(statOf(one.pid)?.group ?? 0);
    expect(await other.exited).toBeNull();
    expect(identify(one.pid)).not.toBeNull();
  });
});

const events = (oom: number, kills: number): string =>
  `low 0\nhigh 0\nmax 9\noom ${oom}\noom_kill ${kills}\noom_group_kill 0\n`;

describe("a cgroup ran out of memory", () => {
  test.each<[string, Record<string, string>, boolean]>([
    [
      "if a process was killed at its limit",
      { "memory.events": events(1, 1), "memory.events.local": events(1, 1) },
      true,
    ],
    ["if one of a cgroup in it was", { "memory.events": events(1, 1), "memory.events.local": events(1, 0) }, true],
    ["before Linux 5.2", { "memory.events": events(1, 1) }, true],
    [
      "not if all got what they asked for",
      { "memory.events": events(0, 0), "memory.events.local": events(0, 0) },
      false,
    ],
    ["not if the machine had none left", { "memory.events": events(0, 1), "memory.events.local": events(0, 1) }, false],
    [
      "not if a limit within it was exceeded",
      { "memory.events": events(1, 1), "memory.events.local": events(0, 0) },
      false,
    ],
    ["not without the controller", {}, false],
  ])("%s", (_, files, ranOut) => {
    using it = folder({ ...files, "memory.peak": "67108864\n" });
    expect(it.cgroup.memory()).toEqual({ peakBytes: 64 * MIB, ranOut });
  });
});

describe("an attempt whose cgroup ran out of memory", () => {
  const judge = (
    exitCode: number | null,
    signal: string | null,
    given: Partial<Parameters<typeof judgeExit>[0]> = {},
  ) => {
    const outputs = { outputs: {}, problem: null };
    const judged = judgeExit({ exit: { exitCode, signal }, endedBy: null, timeoutMs: null, outputs, ...given });
    return afterMemory(judged, { peakBytes: 63.5 * MIB, ranOut: true }, 64 * MIB);
  };

  test.each<[string, number | null, string | null]>([
    ["was killed", null, "SIGKILL"],
    ["failed because a process of it was", 1, null],
    ["failed for now", 75, null],
    ["left no exit status", null, null],
  ])("has that as its reason if it %s", (_, exitCode, signal) => {
    expect(judge(exitCode, signal)).toMatchObject({
      transient: false,
      outcome: { reason: "out_of_memory", error: "ran out of memory: it used 63.5 MiB of 64 MiB", exitCode, signal },
    });
  });

  test("keeps its exit code where the task may fail with it", () => {
    const { outcome } = judge(null, "SIGKILL", { allowedExitCodes: [137] });
    expect(outcome).toMatchObject({ reason: "out_of_memory", exitCode: 137 });
  });

  test("completes, or is skipped, if its program says so", () => {
    expect(judge(0, null).outcome).toMatchObject({ status: "completed", reason: null });
    expect(judge(null, "SIGKILL", { skipExitCodes: [137] })).toMatchObject({ skips: true, outcome: { reason: null } });
  });

  test.each(["cancelled", "timeout", "shutdown"] as const)("keeps the reason '%s'", (endedBy) => {
    expect(judge(null, "SIGKILL", { endedBy }).outcome.reason).toBe(endedBy);
  });
});
