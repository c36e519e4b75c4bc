import { afterEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { openRuntime } from "#runtime";
import { OutputCollector } from "../../../src/engine/output/collector.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, retry, shell } from "../../support/engine/factories.ts";
import { memoryStore, startAttempt } from "../../support/engine/factories-store.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { makeSpool } from "../../support/engine/spool.ts";
import { type Finished, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const runScript = async (script: string, logLimitBytes?: number): Promise<Finished> => {
  const settings = logLimitBytes === undefined ? {} : { logLimitBytes };
  await using petit = await startEngine({ jobs: [job("print", { tasks: [shell("t", script)] })], settings });
  const finished = await petit.run("print");
  expect(petit.spooled).toEqual([]);
  return finished;
};

describe("output of a task", () => {
  test.each([
    ["plain lines", "one\ntwo\n"],
    ["no newline at the end", "one\ntwo"],
    ["only newlines", "\n\n\n"],
    ["carriage returns and escapes", "\r10%\r20%\r\n\x1b[31mred\x1b[0m\n"],
    ["zero bytes", "a\0b\n\0"],
    ["characters of every length", "aä€😀\n"],
  ])("is exact: %s", async (_, text) => {
    const escaped = [...Buffer.from(text)].map((byte) => `\\0${byte.toString(8)}`).join("");
    const { bytes, run } = await runScript(`printf '%b' '${escaped}'`);
    expect(run.status).toBe("completed");
    expect(bytes().toString()).toBe(text);
  });

  test("is stored byte by byte, even if it is not text", async () => {
    const every = Array.from({ length: 256 }, (_, byte) => `\\0${byte.toString(8)}`).join("");
    const { bytes } = await runScript(`printf '%b' '${every}'; printf '\\377\\n\\303'`);
    expect([...bytes()]).toEqual([...Array(256).keys(), 255, 10, 195]);
  });

  test.each(["KILL", "TERM", "SEGV"])("is exact: of a program that SIG%s ends", async (signal) => {
    const { bytes, run } = await runScript(`echo last words; kill -${signal} $$`);
    expect(run.reason).toBe("signal");
    expect(bytes().toString()).toBe("last words\n");
  });

  test("of a silent task is empty", async () => {
    expect((await runScript("true")).chunks).toEqual([]);
  });

  test("is stored by stream", async () => {
    const { output } = await runScript("echo out; echo err >&2; echo out again");
    expect(output({ stream: "stdout" })).toBe("out\nout again\n");
    expect(output({ stream: "stderr" })).toBe("err\n");
  });

  test("is stored in order, with line numbers without gaps, across tasks and attempts", async () => {
    const tasks = [
      shell("a", 'echo "a $PETIT_ATTEMPT"; echo more; [ "$PETIT_ATTEMPT" = 3 ]', { retry: retry(5) }),
      shell("b", "seq 1 1000", { after: ["a"] }),
      shell("c", "printf end", { after: ["b"] }),
    ];
    await using petit = await startEngine({ jobs: [job("print", { tasks })] });
    const { chunks, output } = await petit.run("print");
    expect(output({ task: "a" })).toBe("a 1\nmore\na 2\nmore\na 3\nmore\n");
    expect(output({ task: "a", attempt: 2 })).toBe("a 2\nmore\n");
    expect(output({ task: "b" })).toBe(Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`).join(""));
    let next = 1;
    for (const { seq, lines } of chunks) {
      expect(seq).toBe(next);
      next += lines;
    }
    expect(next).toBe(6 + 1_000 + 1 + 1);
  });

  test("appears while the task runs, with the time at which it was read", async () => {
    using door = gate();
    const begun = Date.now();
    await using petit = await startEngine({
      jobs: [job("print", { tasks: [shell("t", `echo first; ${door.wait}; echo second`)] })],
    });
    const { id } = await petit.trigger("print");
    await petit.written(id, "first\n");
    const { run, chunks } = petit.read(id);
    expect(run.status).toBe("running");
    expect(chunks).toHaveLength(1);
    expect(chunks[0]?.at).toBeWithin(begun, Date.now() + 1);
    door.open();
    expect((await petit.ended(id)).output()).toBe("first\nsecond\n");
  });

  test("delays an unfinished line, but not the lines before it", async () => {
    using door = gate();
    await using petit = await startEngine({
      jobs: [job("print", { tasks: [shell("t", `printf 'one\\ntw'; ${door.wait}; echo o`)] })],
    });
    const { id } = await petit.trigger("print");
    await petit.written(id, "one\n");
    expect(petit.read(id).output()).toBe("one\n");
    door.open();
    expect((await petit.ended(id)).output()).toBe("one\ntwo\n");
  });

  test("stores a line of 3 MB", async () => {
    const { bytes, chunks } = await runScript("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo next");
    expect(bytes().length).toBe(3_000_006);
    expect(bytes().subarray(-6).toString()).toBe("\nnext\n");
    expect(chunks.every((chunk) => chunk.bytes.length <= 65_536)).toBe(true);
  });

  test("does not wait for a grandchild that keeps it open, even if it never stops writing", async () => {
    using dir = tempDir();
    const script = `echo begun; yes & echo $! > ${dir.file("pid")}; exit 3`;
    const { attempts, output } = await runScript(script, 4_096);
    process.kill(Number(readFileSync(dir.file("pid"), "utf8")), "SIGKILL");
    expect(attempts).toMatchObject([{ reason: "exit_code", exitCode: 3 }]);
    expect(output()).toContain("begun\n");
  });
});

describe("output of a process that outlives its attempt", () => {
  test("is truncated, although its file is unlinked", async () => {
    using dir = tempDir();
    const script = `yes & echo $! > ${dir.file("pid")}`;
    await using petit = await startEngine({ jobs: [job("daemon", { tasks: [shell("t", script)] })] });
    await petit.run("daemon");
    const pid = Number(readFileSync(dir.file("pid"), "utf8"));
    const size = () => statSync(`/proc/${pid}/fd/1`).size;
    for (let cut = 0; cut < 2; cut++) {
      let largest = 0;
      await waitFor(() => {
        const isCut = size() < largest;
        largest = Math.max(largest, size());
        return isCut;
      });
    }
    process.kill(pid, "SIGKILL");
  });

  test("does not truncate a file that the task has linked in place of its own", async () => {
    using dir = tempDir();
    const size = 2 * 2 ** 20;
    writeFileSync(dir.file("other"), Buffer.alloc(size));
    const script = `${"out=${PETIT_OUTPUT%outputs}stdout"}; rm $out; ln -s ${dir.file("other")} $out
      sleep 60 & echo $! > ${dir.file("pid")}`;
    await using petit = await startEngine({ jobs: [job("daemon", { tasks: [shell("t", script)] })] });
    await petit.run("daemon");
    await waitFor(() => openIn(`${petit.dir}/spool`) > 0 && openIn(dir.path) === 0);
    process.kill(Number(readFileSync(dir.file("pid"), "utf8")), "SIGKILL");
    await waitFor(() => openIn(`${petit.dir}/spool`) === 0);
    expect(statSync(dir.file("other")).size).toBe(size);
  });

  test("keeps no file open if the process writes elsewhere", async () => {
    using dir = tempDir();
    const script = `sleep 60 > /dev/null 2>&1 & echo $! > ${dir.file("pid")}`;
    await using petit = await startEngine({ jobs: [job("daemon", { tasks: [shell("t", script)] })] });
    await petit.run("daemon");
    await waitFor(() => openIn(`${petit.dir}/spool`) === 0);
    process.kill(Number(readFileSync(dir.file("pid"), "utf8")), "SIGKILL");
  });
});

/** How many files of a folder this process has open, those that have no name any more too. */
const openIn = (folder: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;

describe("output beyond the limit", () => {
  test("keeps its first and last halves, and a marker with the dropped bytes", async () => {
    const { bytes, output } = await runScript("seq 1 100000", 65_536);
    const all = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join("");
    const [, head = "", dropped = "", tail = ""] =
      /^([\s\S]*)\[petit: (\d+) bytes dropped here; the first and last 32KiB of an attempt are kept\]\n([\s\S]*)$/.exec(
        output(),
      ) ?? [];
    expect(all.startsWith(head)).toBe(true);
    expect(all.endsWith(tail)).toBe(true);
    expect(head.length + tail.length + Number(dropped)).toBe(all.length);
    expect(head.length).toBeWithin(32_768 - 2_048, 32_768 + 1);
    // Whole chunks are kept, so the last half uses what the first half leaves free.
    expect(tail.length).toBeWithin(32_768 - 2_048, 65_536 - head.length + 1);
    expect(bytes().length).toBeLessThan(65_536 + 200);
  });

  test("keeps both halves for the smallest limit", async () => {
    const { output } = await runScript("seq 1 10000", 1_024);
    expect(output()).toStartWith("1\n2\n3\n");
    expect(output()).toEndWith("\n9999\n10000\n");
    expect(output()).toMatch(/\n\[petit: \d+ bytes dropped here; the first and last 512B of an attempt are kept\]\n/);
  });

  test("is limited per attempt", async () => {
    const tasks = [shell("t", "seq 1 10000; exit 1", { retry: retry(1) })];
    await using petit = await startEngine({ jobs: [job("print", { tasks })], settings: { logLimitBytes: 1_024 } });
    const { output } = await petit.run("print");
    for (const attempt of [1, 2]) expect(output({ attempt })).toEndWith("\n9999\n10000\n");
  });

  test("of 60 MB without a newline uses bounded memory and disk", async () => {
    const before = process.memoryUsage.rss();
    const { bytes, output } = await runScript("head -c 60000000 /dev/zero | tr '\\0' x; printf end", 1_048_576);
    expect(process.memoryUsage.rss() - before).toBeLessThan(50 * 2 ** 20);
    const [, head = "", dropped = "", tail = ""] = /^(x*)\[petit: (\d+) bytes[^\]]*\]\n(x*end)$/.exec(output()) ?? [];
    expect(head.length + Number(dropped) + tail.length).toBe(60_000_003);
    expect(bytes().length).toBeLessThan(1_048_576 + 200);
  });
});

let opened = new DisposableStack();
afterEach(() => {
  opened.dispose();
  opened = new DisposableStack();
});

/** Creates a collector for files that the test writes. What it uses is released after the test. */
const openOutput = (limitBytes: number, wrap: (store: Store) => Store = (store) => store) => {
  const dir = opened.use(tempDir());
  const store = opened.use(memoryStore());
  const attempt = startAttempt(store);
  const spool = makeSpool(dir.path, attempt.id);
  const options = {
    store: wrap(store),
    runtime: openRuntime(),
    clock: new FakeClock(),
    attempt,
    spool,
    limitBytes,
    onStored: () => {},
  };
  const read = () =>
    store.output
      .read({ runId: attempt.runId, fromSeq: 1, limit: 10_000 })
      .map(({ bytes }) => Buffer.from(bytes).toString())
      .join("");
  const write = (text: string) => appendFileSync(spool.stdout, text);
  return { dir, store, attempt, spool, options, read, write, output: new OutputCollector({ ...options, isNew: true }) };
};

/** The things that a task can put in place of a file. */
const REPLACEMENTS: readonly (readonly [string, (path: string, other: string) => void])[] = [
  ["a pipe", (path) => void execFileSync("mkfifo", [path])],
  ["a link", (path, other) => symlinkSync(other, path)],
  ["a dangling link", (path, other) => symlinkSync(`${other}-missing`, path)],
  ["a folder", (path) => mkdirSync(path)],
];

describe("OutputCollector", () => {
  test("returns whether there was new output", () => {
    const { output, write, read } = openOutput(1_024);
    expect(output.collect()).toBe(false);
    write("one\n");
    expect(output.collect()).toBe(true);
    expect(output.collect()).toBe(false);
    expect(read()).toBe("one\n");
  });

  test("continues after the last stored byte of the previous process, also within a line", () => {
    const { output, write, read, options } = openOutput(1_024);
    write("one\ntw");
    output.collect();
    output[Symbol.dispose]();
    write("o\nthree");
    using next = new OutputCollector({ ...options, isNew: false });
    next.finish();
    expect(read()).toBe("one\ntwo\nthree");
  });

  test("does not join lines across skipped output", () => {
    const { output, write, read } = openOutput(1_024);
    write(`${"h".repeat(99)}\n`.repeat(8));
    output.collect();
    write("begun but ");
    output.collect();
    write(`never read\n${"t".repeat(99)}\n`.repeat(30));
    output.finish();
    expect(read()).not.toContain("begun but t");
    const [, dropped = ""] = /\[petit: (\d+) bytes/.exec(read()) ?? [];
    const kept = read().replace(/\[petit: .*\]\n/, "").length;
    expect(kept + Number(dropped)).toBe(800 + 10 + 30 * 111);
  });

  test("restarts at the beginning if a task truncates its own output, as > /dev/stderr does", () => {
    const { output, write, read, spool } = openOutput(1_024);
    write("one\ntwo\nbegun");
    output.collect();
    truncateSync(spool.stdout, 0);
    write("new\n");
    output.collect();
    write("last\n");
    output.finish();
    expect(read()).toBe("one\ntwo\nbegunnew\nlast\n");
  });

  test.each(REPLACEMENTS)("neither blocks on nor follows %s in place of its file", (_, replace) => {
    const { output, write, read, spool, options, dir } = openOutput(1_024);
    write("one\ntwo\n");
    output.collect();
    output[Symbol.dispose]();
    writeFileSync(dir.file("other"), "other\n");
    rmSync(spool.stdout);
    replace(spool.stdout, dir.file("other"));
    using next = new OutputCollector({ ...options, isNew: false });
    write("three\n");
    next.finish();
    expect(read()).toBe("one\ntwo\nthree\n");
    expect(readFileSync(dir.file("other"), "utf8")).toBe("other\n");
  });

  test("releases the disk space of stored output, and loses no later output", () => {
    const { output, write, spool, read } = openOutput(16 * 2 ** 20);
    const line = `${"x".repeat(1_023)}\n`;
    for (let round = 0; round < 4; round++) {
      write(line.repeat(1_500));
      while (output.collect()) {}
    }
    expect(statSync(spool.stdout).size).toBe(4 * 1_500 * 1_024);
    expect(statSync(spool.stdout).blocks * 512).toBeLessThan(2.5 * 2 ** 20);
    write("end\n");
    output.finish();
    expect(read().length).toBe(4 * 1_500 * 1_024 + 4);
  });

  test("is behind if more is unread than one collect reads, or if output was skipped", () => {
    const { output, write } = openOutput(1_024);
    const line = `${"x".repeat(1_023)}\n`;
    write(line.repeat(2_048));
    expect(output.isBehind).toBe(false);
    write(line);
    expect(output.isBehind).toBe(true);
    output.collect();
    write(line.repeat(100));
    output.collect();
    expect(output.isBehind).toBe(true);
    while (output.collect()) {}
    expect(output.isBehind).toBe(false);
  });

  test("reads a bounded amount at a time", () => {
    const { output, write, read } = openOutput(16 * 2 ** 20);
    write(`${"x".repeat(1_023)}\n`.repeat(4_096));
    output.collect();
    expect(read().length).toBe(2 * 2 ** 20);
  });

  test("keeps output that could not be stored, and stores it once", () => {
    let failures = 3;
    const failing = (store: Store): Store => ({
      ...store,
      output: {
        ...store.output,
        append: (...args) => {
          if (failures-- > 0) throw new Error("the disk is full");
          return store.output.append(...args);
        },
      },
    });
    const { output, write, read } = openOutput(1_024, failing);
    write("one\ntwo");
    expect(() => output.collect()).toThrow("full");
    expect(() => output.collect()).toThrow("full");
    write("\nthree");
    expect(() => output.finish()).toThrow("full");
    output.finish();
    expect(read()).toBe("one\ntwo\nthree");
  });

  test("stores exactly the limit in the end, also if that fails at first", () => {
    let failures = 1;
    const failing = (store: Store): Store => ({
      ...store,
      output: {
        ...store.output,
        drop: (...args) => {
          if (failures-- > 0) throw new Error("the disk is full");
          store.output.drop(...args);
        },
      },
    });
    const { output, write, read } = openOutput(1_024, failing);
    for (let round = 0; round < 20; round++) {
      write(`${"x".repeat(99)}\n`);
      output.collect();
    }
    expect(() => output.finish()).toThrow("full");
    output.finish();
    expect(read().length).toBeLessThan(1_124);
  });

  test("leaks no file descriptor if it can't open both files", () => {
    const { dir, options, spool } = openOutput(1_024);
    const before = openIn(dir.path);
    for (let index = 0; index < 3; index++)
      expect(
        () => new OutputCollector({ ...options, isNew: true, spool: { ...spool, stderr: dir.file("missing/stderr") } }),
      ).toThrow();
    expect(openIn(dir.path)).toBe(before);
  });
});

test.each([
  ["stdout", "stderr", 0],
  ["stdout", "stderr", 1],
  ["stdout", "stderr", 2],
  ["stderr", "stdout", 0],
  ["stderr", "stdout", 1],
  ["stderr", "stdout", 2],
] as const)(
  "when %s exceeds the limit, the last line of %s is kept: collected %d times before the end",
  (long, short, times) => {
    using dir = tempDir();
    using store = memoryStore();
    const attempt = startAttempt(store, job("j"));
    const spool = makeSpool(dir.path, attempt.id);
    using output = new OutputCollector({
      store,
      runtime: openRuntime(),
      clock: new FakeClock(),
      attempt,
      spool,
      isNew: true,
      limitBytes: 65_536,
      onStored: () => {},
    });
    writeFileSync(spool[long], "a line of the answer\n".repeat(500_000));
    writeFileSync(spool[short], "what went wrong\n");
    for (let count = 0; count < times; count++) output.collect();
    output.finish();
    const chunks = store.output.read({ runId: attempt.runId, fromSeq: 1, limit: 100_000 });
    expect(Buffer.concat(chunks.flatMap(({ stream, bytes }) => (stream === short ? [bytes] : []))).toString()).toBe(
      "what went wrong\n",
    );
  },
);
