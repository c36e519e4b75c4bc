import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { openRuntime } from "#runtime";
import { type Exit, recordedExit, signalGroup, startProcess } from "../../../src/engine/attempt/process.ts";
import { WRAPPER } from "../../../src/engine/attempt/wrapper.ts";
import { readStatus, type Spool } from "../../../src/engine/output/spool.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { gate } from "../../support/engine/gate.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();

const open = () => {
  const dir = tempDir();
  const spool = makeSpool(dir.path, 1);
  const files = [openSync(spool.stdout, "a+"), openSync(spool.stderr, "a+")] as const;
  const start = (argv: readonly string[], by: Runtime = runtime) => {
    const command = { argv, cwd: "/", environment: { PATH: process.env.PATH ?? "" }, hasStdin: false };
    return startProcess(by, command, { spool, stdout: files[0], stderr: files[1] });
  };
  // The test must not wait for its child.
  const alive = setInterval(() => {}, 100);
  const close = () => {
    clearInterval(alive);
    for (const fd of files) closeSync(fd);
    dir[Symbol.dispose]();
  };
  return { spool, start, [Symbol.dispose]: close };
};

/** Uses CPU time, and prints how much. */
const BUSY = ["/bin/sh", "-c", "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; times"];

/** Returns the CPU time that the program itself has seen. */
const seenCpu = ({ stdout }: Spool): number => {
  const [minutes, seconds, ...system] = (readFileSync(stdout, "utf8").split("\n")[0] ?? "").split(/[ms] ?/).map(Number);
  const [systemMinutes, systemSeconds] = system;
  return ((minutes ?? 0) + (systemMinutes ?? 0)) * 60_000 + ((seconds ?? 0) + (systemSeconds ?? 0)) * 1_000;
};

/** Twice the resolution of times(2), for user and system. */
const TICK_MS = 20;

const cpuOf = ({ usage }: Exit): number => (usage?.cpuUserMs ?? Number.NaN) + (usage?.cpuSystemMs ?? Number.NaN);

/** A runtime that does not say what a child used, as Deno. */
const silent: Runtime = {
  ...runtime,
  spawn: (options) => {
    const child = runtime.spawn(options);
    return { ...child, exited: child.exited.then((exit) => ({ ...exit, usage: null })) };
  },
};

describe("the usage of a process", () => {
  test.each([
    ["the wait", runtime],
    ["the status file", silent],
  ])("has its CPU time, by %s", async (_, by) => {
    using it = open();
    const exit = await it.start(BUSY, by).exited;
    expect(exit).toMatchObject({ exitCode: 0, usage: { source: "wait" } });
    const seen = seenCpu(it.spool);
    expect(seen).toBeGreaterThan(50);
    expect(cpuOf(exit)).toBeGreaterThanOrEqual(seen - TICK_MS);
    expect(cpuOf(exit)).toBeLessThan(seen + 100);
  });

  test("is small for a small program", async () => {
    using it = open();
    expect(cpuOf(await it.start(["/bin/true"]).exited)).toBeLessThan(100);
  });

  test.skipIf(runtime.name === "deno")("has the peak of memory only if that exceeds petit's own", async () => {
    const ownBytes = process.resourceUsage().maxRSS * 1_024;
    const program = (bytes: number) => [
      "/bin/sh",
      "-c",
      `head -c ${bytes} /dev/zero | sort -S ${2 * bytes}b > /dev/null`,
    ];
    using small = open();
    expect((await small.start(program(1_000_000)).exited).usage).toMatchObject({ memoryPeakBytes: null });
    using large = open();
    const bytes = ownBytes + 300 * 2 ** 20;
    const { usage } = await large.start(program(bytes)).exited;
    expect(usage?.memoryPeakBytes).toBeGreaterThan(bytes);
    expect(usage?.memoryPeakBytes).toBeLessThan(3 * bytes);
  });

  test("is not known if its wrapper was killed before it could wait for the program", async () => {
    using it = open();
    using door = gate();
    const { pid, exited } = it.start(["/bin/sh", "-c", door.wait]);
    await door.reached();
    signalGroup(pid, "SIGKILL");
    expect(await exited).toEqual({ exitCode: null, signal: "SIGKILL", usage: null });
  });

  test("is recorded for whoever adopts the process", async () => {
    using it = open();
    await it.start(BUSY).exited;
    const exit = recordedExit(it.spool);
    expect(exit).toMatchObject({ exitCode: 0, usage: { memoryPeakBytes: null, source: "wait" } });
    expect(cpuOf(exit as Exit)).toBeGreaterThanOrEqual(seenCpu(it.spool) - TICK_MS);
  });
});

describe("the status file", () => {
  const shells = [["/bin/sh"], ["dash"], ["bash"], ["busybox", "sh"]].filter(([name = ""]) =>
    ["", "/bin/", "/usr/bin/"].some(
      (folder) => name.startsWith("/") === (folder === "") && existsSync(`${folder}${name}`),
    ),
  );

  test.each(shells.map((argv) => [argv.join(" "), argv] as const))("has CPU times by %s", (_, argv) => {
    using it = open();
    const script = `exec 3>>"$0"; ${WRAPPER}`;
    const [shell, ...args] = argv;
    const { status } = spawnSync(shell ?? "", [...args, "-c", script, it.spool.status, "/bin/sh", "-c", "exit 5"]);
    expect(status).toBe(5);
    expect(readStatus(it.spool)).toEqual({
      pid: expect.any(Number),
      exit: 5,
      cpu: { userMs: expect.any(Number), systemMs: expect.any(Number) },
    });
  });

  test.each([
    ["17\n", { pid: 17, exit: null, cpu: null }],
    // By an earlier version of petit.
    ["17\n3\n", { pid: 17, exit: 3, cpu: null }],
    ["17\n0m0.000s 0m0.000s\n", { pid: 17, exit: null, cpu: null }],
    ["17\n0m0.000s 0m0.000s\n0m0.210s 1m1.490s\n", { pid: 17, exit: null, cpu: null }],
    ["17\n0m0.000s 0m0.000s\n0m0.210s 1m1.490s\n0", { pid: 17, exit: null, cpu: null }],
    ["17\n0m0.000s 0m0.000s\n0m0.210s 1m1.490s\n0\n", { pid: 17, exit: 0, cpu: { userMs: 210, systemMs: 61_490 } }],
    [
      "17\n0m0.000000s 0m0.000000s\n10m0.250000s 0m0.000000s\n137\n",
      { pid: 17, exit: 137, cpu: { userMs: 600_250, systemMs: 0 } },
    ],
    ["17\n0m0,000s 0m0,000s\n0m0,004s 0m0,000s\n1\n", { pid: 17, exit: 1, cpu: { userMs: 4, systemMs: 0 } }],
    ["17\nx\ny\n0\n", { pid: 17, exit: null, cpu: null }],
    ["9\n0m0.000s 0m0.000s\n0m9.000s 0m9.000s\n4\n--\n17\n", { pid: 17, exit: null, cpu: null }],
  ])("can be read at any moment: %j", (text, status) => {
    using it = open();
    writeFileSync(it.spool.status, text);
    expect(readStatus(it.spool)).toEqual(status);
  });
});
