import { describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { openRuntime } from "#runtime";
import { hasMembers } from "../../../src/engine/attempt/identity.ts";
import {
  exitCodeOfSignal,
  recordedExit,
  signalGroup,
  startProcess,
  terminate,
} from "../../../src/engine/attempt/process.ts";
import { readStatus } from "../../../src/engine/output/spool.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { gate } from "../../support/engine/gate.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runtime = openRuntime();

const open = () => {
  const dir = tempDir();
  const spool = makeSpool(dir.path, 1);
  writeFileSync(spool.status, "--\n");
  const [stdout, stderr] = [openSync(spool.stdout, "a+"), openSync(spool.stderr, "a+")];
  const start = (script: string, by: Runtime = runtime, { hasStdin = false, reopensOutput = false } = {}) => {
    const command = {
      argv: ["/bin/sh", "-c", script],
      cwd: "/",
      environment: { PATH: process.env.PATH ?? "" },
      hasStdin,
      reopensOutput,
    };
    return startProcess(by, command, { spool, stdout, stderr });
  };
  // The test must not wait for its child.
  const alive = setInterval(() => {}, 100);
  const close = () => {
    clearInterval(alive);
    for (const fd of [stdout, stderr]) closeSync(fd);
    dir[Symbol.dispose]();
  };
  return { dir, spool, start, [Symbol.dispose]: close };
};

/** Counts how often a file is open in this process. */
const openCount = (path: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
    } catch {
      return false;
    }
  }).length;

describe("the end of a program", () => {
  test.each([
    [1, "SIGHUP"],
    [6, "SIGABRT"],
    [7, "SIGBUS"],
    [9, "SIGKILL"],
    [10, "SIGUSR1"],
    [12, "SIGUSR2"],
    [16, "SIGSTKFLT"],
    [24, "SIGXCPU"],
    [25, "SIGXFSZ"],
    [26, "SIGVTALRM"],
    [27, "SIGPROF"],
    [29, "SIGIO"],
    [30, "SIGPWR"],
    [31, "SIGSYS"],
  ])("by signal %d has the name %s", async (number, signal) => {
    using it = open();
    const { exited } = it.start(`ulimit -c 0; kill -${number} $$`);
    expect(await exited).toMatchObject({ exitCode: null, signal });
    expect(recordedExit(it.spool)).toMatchObject({ exitCode: null, signal });
    expect(exitCodeOfSignal(signal)).toBe(128 + number);
  });

  // Signals that end no program, real-time signals, and numbers that are no signals.
  test.each([128, 145, 146, 147, 148, 149, 150, 151, 156, 160, 161, 162, 170, 192, 193, 255])(
    "with %d is an exit code",
    async (exitCode) => {
      using it = open();
      expect(await it.start(`exit ${exitCode}`).exited).toMatchObject({ exitCode, signal: null });
    },
  );
});

describe("a program that reopens its own output", () => {
  const relayed = { reopensOutput: true };
  const written = ({ spool }: ReturnType<typeof open>): readonly string[] =>
    [spool.stdout, spool.stderr].map((path) => readFileSync(path, "utf8"));

  test.each([
    ["echo a >&2; echo b > /dev/stderr; echo c >&2; echo d | tee /dev/stderr", "d\n", "a\nb\nc\nd\n", 0],
    ["for i in 1 2 3; do echo $i > /dev/stdout; done; exit 5", "1\n2\n3\n", "", 5],
    ["echo x > /proc/self/fd/1; echo y > /dev/fd/1; printf z", "x\ny\nz", "", 0],
    ["head -c 300000 /dev/zero | tr '\\0' x > /dev/stdout", "x".repeat(300_000), "", 0],
  ])("does not truncate it: %s", async (script, stdout, stderr, exitCode) => {
    using it = open();
    const child = it.start(script, runtime, relayed);
    expect(await child.exited).toMatchObject({ exitCode, signal: null });
    expect(written(it)).toEqual([stdout, stderr]);
    expect(readStatus(it.spool)).toMatchObject({ pid: child.pid, exit: exitCode });
    expect(readdirSync(it.dir.path).sort()).toEqual(["1", "1.status", "1.stderr", "1.stdout"]);
  });

  test("keeps its exit status while another process holds its output, which is still copied", async () => {
    using it = open();
    using door = gate();
    const { pid, exited } = it.start(`(${door.wait}; echo late) & echo now > /dev/stdout`, runtime, relayed);
    expect(await exited).toMatchObject({ exitCode: 0, signal: null });
    expect(written(it)).toEqual(["now\n", ""]);
    door.open();
    await waitFor(() => written(it)[0] === "now\nlate\n");
    await waitFor(() => !signalGroup(pid, 0));
  });

  test("is ended by signals, and its last output is stored", async () => {
    using it = open();
    using door = gate();
    const script = `trap 'echo bye > /dev/stdout; exit 9' TERM; ${door.wait}`;
    const { pid, exited } = it.start(script, runtime, relayed);
    await door.reached();
    await terminate(pid, { clock: systemClock, graceMs: 10_000, forceKill: new AbortController().signal });
    expect(await exited).toMatchObject({ exitCode: 9, signal: null });
    expect(written(it)).toEqual(["bye\n", ""]);
  });

  test("leaves nothing behind if it is ended at any moment of its start", async () => {
    for (let round = 0; round < 20; round++) {
      using it = open();
      const { pid, exited } = it.start("sleep 60", runtime, relayed);
      await new Promise((resolve) => setTimeout(resolve, round));
      await terminate(pid, { clock: systemClock, graceMs: 10_000, forceKill: new AbortController().signal });
      expect(await exited).toMatchObject({ exitCode: null, signal: "SIGTERM" });
      expect(hasMembers({ pid, startTime: "0", bootId: "" })).toBe(false);
    }
  });

  test("writes to the files if no pipes can be created", async () => {
    using it = open();
    writeFileSync(it.spool.out, "");
    expect(await it.start("echo hi; exit 3", runtime, relayed).exited).toMatchObject({ exitCode: 3, signal: null });
    expect(written(it)).toEqual(["hi\n", ""]);
  });
});

describe("startProcess", () => {
  test("makes the wrapper record its pid and the exit status of the program", async () => {
    using it = open();
    const child = it.start("exit 5");
    expect(await child.exited).toMatchObject({ exitCode: 5, signal: null });
    expect(readStatus(it.spool)).toMatchObject({ pid: child.pid, exit: 5 });
  });

  test("starts no program if the attempt was withdrawn before it began", async () => {
    using it = open();
    const lost: Runtime = {
      ...runtime,
      spawn: (options) => {
        unlinkSync(it.spool.status);
        return runtime.spawn(options);
      },
    };
    expect(await it.start(`touch ${it.dir.file("begun")}`, lost).exited).toMatchObject({ exitCode: 125, signal: null });
    expect(existsSync(it.dir.file("begun"))).toBe(false);
  });

  test("starts no program if the status file now belongs to another attempt", async () => {
    using it = open();
    using door = gate();
    // The process waits before it becomes the wrapper.
    const waiting: Runtime = {
      ...runtime,
      spawn: (options) =>
        runtime.spawn({ ...options, argv: ["/bin/sh", "-c", `${door.wait}; exec "$@"`, "sh", ...options.argv] }),
    };
    const child = it.start(`touch ${it.dir.file("begun")}`, waiting);
    await door.reached();
    rmSync(it.spool.status);
    writeFileSync(it.spool.status, "--\n");
    door.open();
    expect(await child.exited).toMatchObject({ exitCode: 125, signal: null });
    expect(existsSync(it.dir.file("begun"))).toBe(false);
  });

  test("starts no program if its status can't be recorded", async () => {
    using it = open();
    const full: Runtime = {
      ...runtime,
      spawn: (options) => {
        const status = openSync("/dev/full", "w");
        const child = runtime.spawn({ ...options, status });
        closeSync(status);
        return child;
      },
    };
    expect(await it.start(`touch ${it.dir.file("begun")}`, full).exited).toMatchObject({ exitCode: 125, signal: null });
    expect(existsSync(it.dir.file("begun"))).toBe(false);
  });

  test("leaks no file descriptor when it fails", () => {
    using it = open();
    const failing: Runtime = {
      ...runtime,
      spawn: () => {
        throw Object.assign(new Error("no"), { code: "EAGAIN" });
      },
    };
    writeFileSync(it.spool.stdin, "");
    expect(() => it.start("true", failing, { hasStdin: true })).toThrow("no");
    rmSync(it.spool.stdin);
    expect(() => it.start("true", runtime, { hasStdin: true })).toThrow("ENOENT");
    expect([openCount(it.spool.status), openCount(it.spool.stdin)]).toEqual([0, 0]);
  });

  test("passes none of petit's file descriptors to the program", async () => {
    using it = open();
    await it.start(`ls /proc/self/fd > ${it.dir.file("waitFor")}`).exited;
    const seenFds = readFileSync(it.dir.file("waitFor"), "utf8").trim().split("\n");
    // Descriptor 3 was opened by ls itself.
    expect(seenFds).toEqual(["0", "1", "2", "3"]);
  });
});

describe("signalGroup", () => {
  test.each([0, 1, -1])("signals neither petit's own group nor all processes for %p", (pgid) => {
    expect(signalGroup(pgid, 0)).toBe(false);
  });
});

describe("terminate", () => {
  const notAborted = new AbortController().signal;

  test("sends SIGTERM and waits for the whole group", async () => {
    using it = open();
    using door = gate();
    const child = it.start(`trap 'exit 3' TERM; ${door.wait}`);
    await door.reached();
    await terminate(child.pid, { clock: systemClock, graceMs: 10_000, forceKill: notAborted });
    expect(await child.exited).toMatchObject({ exitCode: 3, signal: null });
    expect(signalGroup(child.pid, 0)).toBe(false);
  });

  test.each([
    ["after the grace period", 50, notAborted],
    ["immediately without a grace period", 0, notAborted],
    ["immediately on forceKill", 10_000, AbortSignal.abort()],
  ])("kills %s a group that ignores SIGTERM", async (_, graceMs, forceKill) => {
    using it = open();
    using door = gate();
    const child = it.start(`trap '' TERM; ${door.wait}`);
    await door.reached();
    const begun = performance.now();
    await terminate(child.pid, { clock: systemClock, graceMs, forceKill });
    expect(await child.exited).toMatchObject({ exitCode: null, signal: "SIGKILL" });
    expect(performance.now() - begun).toBeWithin(graceMs === 50 ? 49 : 0, 5_000);
  });

  test("right after the start ends the program long before the grace period is over", async () => {
    for (let round = 0; round < 10; round++) {
      using it = open();
      const child = it.start("sleep 30");
      const begun = performance.now();
      await terminate(child.pid, { clock: systemClock, graceMs: 20_000, forceKill: notAborted });
      expect(await child.exited).toMatchObject({ exitCode: null, signal: "SIGTERM" });
      expect(performance.now() - begun).toBeLessThan(5_000);
    }
  });

  test("does nothing for a group that has ended", async () => {
    using it = open();
    const child = it.start("true");
    await child.exited;
    await waitFor(() => !signalGroup(child.pid, 0));
    await terminate(child.pid, { clock: systemClock, graceMs: 10_000, forceKill: notAborted });
  });
});
